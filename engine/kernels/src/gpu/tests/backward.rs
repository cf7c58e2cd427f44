//! The backward pass.

use super::device::{Allow, How, Lie, Room, compare, gpu, gradients};
use crate::tests::{case::cases, plain::Answers};

/// Sums of up to some hundred values of order 1 in single precision.
const GRADIENTS: Room = Room(3e-6, 1e-6);

#[test]
fn agrees_with_the_reference() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    let mut worst: f64 = 0.0;
    for (index, case) in cases().enumerate() {
        let name = case.name("gradients");
        let lie = if index % 2 == 1 { Lie::Apart } else { Lie::Together };
        let how = How { lie, skip: index % 3 != 0, ..How::plain() };
        let (found, _) = gradients(&gpu, &case, how).unwrap_or_else(|error| panic!("{name}, {how:?}: {error:?}"));
        let want = Answers::of(&case).gradients(&case);
        for (tensor, (got, want)) in ["q", "k", "v"].into_iter().zip(found.iter().zip(&want)) {
            let share = compare(&format!("{name}, {how:?}: gradient at {tensor}"), got, want, GRADIENTS);
            worst = worst.max(share);
        }
    }
    eprintln!("gradients within {worst:.3} of the room");
}
