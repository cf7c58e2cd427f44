//! The forward pass.

use super::device::{Allow, Found, How, Lie, Room, attend, compare, forms, gpu, room_of};
use crate::{
    PositionRule,
    tests::{
        Numbers,
        case::{Case, cases},
        plain::Answers,
    },
};

/// Values of order 1 in single precision.
const OUT: Room = Room(3e-6, 0.0);
const LOG_SUMS: Room = Room(2e-6, 2e-6);
const STATISTICS: Room = Room(2e-5, 1e-5);

/// The largest differences of output, log-sum-exp and statistics, in parts of the room there is.
fn check(name: &str, case: &Case, found: &Found, how: How) -> [f64; 3] {
    let want = Answers::of(case);
    let out = compare(&format!("{name}: out"), &found.out, &want.out, room_of(how.form, OUT));
    let sum = compare(&format!("{name}: lse"), &found.log_sums, &want.log_sum_exp, room_of(how.form, LOG_SUMS));
    if !how.statistics {
        return [out, sum, 0.0];
    }
    let room = room_of(how.form, STATISTICS);
    let entropy = compare(&format!("{name}: entropy"), &found.entropy, &want.entropy, room);
    let distance = compare(&format!("{name}: distance"), &found.distance, &want.distance, room);
    [out, sum, entropy.max(distance)]
}

#[test]
fn agrees_with_the_reference() {
    for allow in [Allow::Defaults, Allow::All] {
        let Some(gpu) = gpu(allow) else { return };
        for form in forms(&gpu, allow, 64) {
            let mut worst = [0.0; 3];
            for (index, case) in cases().enumerate() {
                let name = case.name("attention");
                let lie = if index % 2 == 0 { Lie::Apart } else { Lie::Together };
                // Each width compiles once, but for one that does so with and without.
                let statistics = case.shape[3] != 64 || index % 2 == 0;
                let how = How { form, lie, skip: index % 3 != 0, statistics };
                let found = attend(&gpu, &case, how).unwrap_or_else(|error| panic!("{name}, {how:?}: {error:?}"));
                let shares = check(&format!("{name}, {how:?}"), &case, &found, how);
                worst.iter_mut().zip(shares).for_each(|(worst, share): (&mut f64, f64)| *worst = worst.max(share));
            }
            eprintln!("{form:?}: out, lse and statistics within {worst:.3?} of the room");
        }
    }
}

#[test]
fn agrees_with_the_reference_over_4096_positions() {
    for allow in [Allow::Defaults, Allow::All] {
        let Some(gpu) = gpu(allow) else { return };
        let case = Case::new(&mut Numbers(11), [1, 1, 4096, 16], PositionRule::Alibi(vec![0.25]));
        for form in forms(&gpu, allow, 16) {
            for skip in [true, false] {
                let how = How { form, lie: Lie::Apart, skip, statistics: skip };
                let found = attend(&gpu, &case, how).unwrap_or_else(|error| panic!("{how:?}: {error:?}"));
                let shares = check(&format!("{how:?}"), &case, &found, how);
                eprintln!("{how:?}: within {shares:.3?} of the room");
            }
        }
    }
}
