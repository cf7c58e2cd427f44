//! The forward pass.

use super::{
    super::reference::Case,
    device::{Allow, Found, How, Lie, Room, attend, compare, forms, gpu, room_of},
};
use crate::{
    alibi::alibi_slopes,
    blocks::{BlockList, Listed},
};

/// Values of order 1 in single precision.
const OUT: Room = Room(3e-6, 0.0);
const LOG_SUMS: Room = Room(2e-6, 2e-6);
const STATISTICS: Room = Room(2e-5, 1e-5);

/// Lengths about the edges of tiles, and primes.
const LENGTHS: [usize; 12] = [1, 2, 31, 32, 33, 63, 64, 65, 127, 129, 131, 509];
const WIDTHS: [usize; 7] = [16, 32, 48, 64, 80, 96, 128];

/// The largest differences of output, log-sum-exp and statistics, in parts of the room there is.
fn check(name: &str, case: &Case, found: &Found, how: How) -> [f64; 3] {
    let want = case.answers();
    let out = compare(&format!("{name}: out"), &found.out, &want.out, room_of(how.form, OUT));
    let sum = compare(&format!("{name}: lse"), &found.log_sums, &want.log_sums, room_of(how.form, LOG_SUMS));
    if !how.statistics {
        return [out, sum, 0.0];
    }
    let room = room_of(how.form, STATISTICS);
    let entropy = compare(&format!("{name}: entropy"), &found.entropy, &want.entropy, room);
    let distance = compare(&format!("{name}: distance"), &found.distance, &want.distance, room);
    [out, sum, entropy.max(distance)]
}

/// Every length; widths, heads, rules and masks take turns.
pub(super) fn cases() -> impl Iterator<Item = (String, Case)> {
    (0..3 * LENGTHS.len()).map(|index| {
        let seq = LENGTHS[index % LENGTHS.len()];
        let shape = [1 + index % 2, 1 + index % 3, seq, WIDTHS[index % WIDTHS.len()]];
        let mut case = Case::new(shape, 100 + index as u64);
        let rule = index / LENGTHS.len();
        match rule {
            0 => {}
            1 => case.slopes = alibi_slopes(shape[1]),
            _ => case.list = Some(block_list(if index % 2 == 0 { 8 } else { 64 }, shape[1], seq)),
        }
        let mask = (index / 2 + rule) % 3;
        case.segments = match mask {
            0 => None,
            1 => Some((0..shape[0] * seq).map(|position| u32::from(position * 7 % 5 != 2)).collect()),
            _ => Some((0..shape[0] * seq).map(|place| packed(place % seq, seq)).collect()),
        };
        (format!("{shape:?}, rule {rule}, mask {mask}"), case)
    })
}

/// Three sequences with a gap between the second and the third, and a padded tail.
fn packed(position: usize, seq: usize) -> u32 {
    match 10 * position / seq {
        0..3 => 4,
        3..6 => 1,
        6 | 9 => 0,
        _ => 2,
    }
}

/// Lists that differ from head to head, some with offsets, some empty.
fn block_list(size: usize, heads: usize, seq: usize) -> BlockList {
    let blocks = seq.div_ceil(size);
    let lists = (0..heads * blocks).map(|list| {
        let listed = (0..blocks).filter(|block| (list * 5 + block * 3) % 7 < 4 && list % 11 != 10);
        listed.map(|block| Listed { block, offset: if block == 0 { 3f32.ln() } else { 0.0 } }).collect()
    });
    BlockList::new(size, heads, lists.collect()).expect("every block is there")
}

#[test]
fn agrees_with_the_reference() {
    for allow in [Allow::Defaults, Allow::All] {
        let Some(gpu) = gpu(allow) else { return };
        for form in forms(&gpu, allow, 64) {
            let mut worst = [0.0; 3];
            for (index, (name, case)) in cases().enumerate() {
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
