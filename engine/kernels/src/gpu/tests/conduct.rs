//! What attention does with numbers that are not finite, far keys, watchers, and devices that are gone.

use std::ops::ControlFlow;

use super::{
    super::{
        error::KernelError,
        forward::{Form, Forward, forward_with},
        source::{Constant, Kernel},
        view::View,
    },
    device::{Allow, How, Lie, Room, Tensors, attend, bits, compare, gpu, gradients, room_of, with_plan},
};
use crate::{
    PositionRule,
    attention::MASKED,
    reach::Kept,
    tests::{Numbers, case::Case, plain::Answers},
};

fn is_reported(value: f32) -> bool {
    value.to_bits() == 0x7fc0_0000
}

#[test]
fn what_is_not_finite_is_reported() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let shape = [1, 2, 70, 16];
    for form in Form::on(&gpu, 16) {
        for (tensor, value) in [(0, f32::NAN), (1, f32::INFINITY), (2, f32::NAN), (2, f32::NEG_INFINITY), (1, f32::NAN)]
        {
            let mut case = Case::new(&mut Numbers(7), shape, PositionRule::None);
            case.rule = PositionRule::Alibi(vec![0.5, 0.0]);
            let at = case.offset([0, 0, 40]) + 3;
            [&mut case.q, &mut case.k, &mut case.v][tensor][at] = value;
            let found = attend(&gpu, &case, How { form, ..How::plain() }).expect("attention");
            let what = format!("{form:?}, tensor {tensor}, {value}");
            let (first, second) = found.out.split_at(70 * 16);
            let rows: Vec<bool> = first.chunks(16).map(|row| row.iter().all(|value| is_reported(*value))).collect();
            assert!(rows[40], "{what}: the row that sees it says so");
            let expected = if tensor == 0 { 1 } else { 70 };
            assert_eq!(rows.iter().filter(|row| **row).count(), expected, "{what}: rows that say so");
            assert!(is_reported(found.log_sums[40]), "{what}: the log-sum-exp says so");
            assert!(second.iter().all(|value| value.is_finite()), "{what}: the other head is as it was");
            if form != Form::Plain {
                continue;
            }
            let ([of_q, of_k, of_v], _) = gradients(&gpu, &case, How::plain()).expect("gradients");
            for (name, gradient) in [("q", of_q), ("k", of_k), ("v", of_v)] {
                let row = &gradient[case.offset([0, 0, 40])..][..16];
                assert!(row.iter().all(|value| is_reported(*value)), "{what}: gradient at {name}");
                assert!(gradient[70 * 16..].iter().all(|value| value.is_finite()), "{what}: {name} of the other head");
            }
        }
    }
}

#[test]
fn hidden_positions_may_hold_anything() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let mut clean = Case::new(&mut Numbers(8), [1, 1, 70, 16], PositionRule::None);
    clean.segments = Some((0..70).map(|position| u32::from(position % 9 != 4 && position < 60)).collect());
    let mut dirty = clean.clone();
    for position in (0..70).filter(|position| position % 9 == 4 || *position >= 60) {
        let at = dirty.offset([0, 0, position]);
        for tensor in [&mut dirty.q, &mut dirty.k, &mut dirty.v, &mut dirty.grad_out] {
            tensor[at..at + 16].fill(f32::NAN);
        }
    }
    for form in Form::on(&gpu, 16) {
        let how = How { form, ..How::plain() };
        let [clean, dirty] = [&clean, &dirty].map(|case| attend(&gpu, case, how).expect("attention"));
        assert_eq!(bits(&clean.out), bits(&dirty.out), "{form:?}");
        assert_eq!(bits(&clean.log_sums), bits(&dirty.log_sums), "{form:?}");
    }
    let [clean, dirty] = [&clean, &dirty].map(|case| gradients(&gpu, case, How::plain()).expect("gradients").0);
    for (clean, dirty) in clean.iter().zip(&dirty) {
        assert_eq!(bits(clean), bits(dirty), "gradients");
    }
}

#[test]
fn where_all_is_hidden_there_is_nothing() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let mut case = Case::new(&mut Numbers(9), [2, 1, 40, 32], PositionRule::None);
    case.rule = PositionRule::Alibi(vec![0.25]);
    case.segments = Some((0..80).map(|position| u32::from(position < 40)).collect());
    for form in Form::on(&gpu, 32) {
        let found = attend(&gpu, &case, How { form, ..How::plain() }).expect("attention");
        assert!(found.out[40 * 32..].iter().all(|value| *value == 0.0), "{form:?}: nothing comes out");
        assert!(found.log_sums[40..].iter().all(|value| *value == MASKED), "{form:?}: the sentinel");
        assert!(
            found.log_sums[..40].iter().all(|value| value.abs() < 100.0),
            "{form:?}: the other window is as it was"
        );
    }
    let (found, _) = gradients(&gpu, &case, How::plain()).expect("gradients");
    assert!(found.iter().all(|gradient| gradient[40 * 32..].iter().all(|value| *value == 0.0)), "no gradients");
}

#[test]
fn packed_sequences_are_as_if_one_by_one() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let lengths = [64, 32, 96];
    let mut packed = Case::new(&mut Numbers(10), [1, 2, 192, 32], PositionRule::None);
    packed.rule = PositionRule::Alibi(vec![0.25, 0.0]);
    packed.segments = Some(
        (0..192)
            .map(|position| {
                if position < 64 {
                    3
                } else if position < 96 {
                    1
                } else {
                    2
                }
            })
            .collect(),
    );
    for form in Form::on(&gpu, 32) {
        let how = How { form, ..How::plain() };
        let all = attend(&gpu, &packed, how).expect("attention");
        let mut first = 0;
        for length in lengths {
            let mut one = Case::new(&mut Numbers(0), [1, 2, length, 32], PositionRule::None);
            one.rule.clone_from(&packed.rule);
            for (to, from) in [(&mut one.q, &packed.q), (&mut one.k, &packed.k), (&mut one.v, &packed.v)] {
                *to = (0..2).flat_map(|head| from[packed.offset([0, head, first])..][..length * 32].to_vec()).collect();
            }
            let alone = attend(&gpu, &one, how).expect("attention");
            for head in 0..2 {
                let got = &all.out[packed.offset([0, head, first])..][..length * 32];
                let want: Vec<f64> =
                    alone.out[one.offset([0, head, 0])..][..length * 32].iter().map(|x| f64::from(*x)).collect();
                compare(&format!("{form:?}, {length} from {first}"), got, &want, room_of(form, Room(1e-6, 0.0)));
            }
            first += length;
        }
    }
}

#[test]
fn far_keys_are_left_out_and_nobody_sees_it() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let mut case = Case::new(&mut Numbers(11), [1, 2, 3000, 32], PositionRule::None);
    case.rule = PositionRule::Alibi(vec![0.5, 1.0 / 32.0]);
    let same = |name: &str, got: &[f32], want: &[f32], room: Room| {
        let want: Vec<f64> = want.iter().map(|value| f64::from(*value)).collect();
        compare(name, got, &want, room)
    };
    let whole = attend(&gpu, &case, How { skip: false, ..How::plain() }).expect("attention");
    assert_eq!(whole.kept.fraction(), 1.0, "nothing is left out");
    for form in Form::on(&gpu, 32) {
        let found = attend(&gpu, &case, How { form, ..How::plain() }).expect("attention");
        let Kept { norm_bound, .. } = found.kept;
        let kept = found.kept.fraction();
        assert!((0.05..0.4).contains(&kept) && (8.0..40.0).contains(&norm_bound), "{form:?}: {:?}", found.kept);
        same("out", &found.out, &whole.out, room_of(form, Room(5e-7, 5e-7)));
        same("lse", &found.log_sums, &whole.log_sums, room_of(form, Room(5e-7, 5e-7)));
        eprintln!("{form:?} keeps {kept:.3} with a norm bound of {norm_bound}");
    }
    let [(whole, all), (found, kept)] =
        [false, true].map(|skip| gradients(&gpu, &case, How { skip, ..How::plain() }).expect("gradients"));
    assert!(all.iter().all(|kept| kept.fraction() == 1.0), "{all:?}");
    assert!(kept.iter().all(|kept| (0.05..0.4).contains(&kept.fraction())), "{kept:?}");
    for (name, (found, whole)) in ["q", "k", "v"].into_iter().zip(found.iter().zip(&whole)) {
        same(name, found, whole, Room(1e-6, 1e-6));
    }
    eprintln!("backward keeps {:.3} and {:.3}", kept[0].fraction(), kept[1].fraction());
}

#[test]
fn scores_may_lie_far_apart() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let mut case = Case::new(&mut Numbers(12), [1, 1, 131, 64], PositionRule::None);
    case.q.iter_mut().for_each(|value| *value *= 200.0 / 7.0);
    let want = Answers::of(&case);
    // Half precision knows a score of 100 to 0.05.
    for form in Form::on(&gpu, 64).into_iter().filter(|form| form.is_single()) {
        let found = attend(&gpu, &case, How { form, ..How::plain() }).expect("attention");
        // A score of 100 is known to 1e-5, and so is a weight.
        let worst = compare("out", &found.out, &want.out, Room(1e-4, 2e-5));
        compare("lse", &found.log_sums, &want.log_sum_exp, Room(2e-6, 2e-6));
        eprintln!("{form:?}: {worst:.3} of the room");
    }
    let (found, _) = gradients(&gpu, &case, How::plain()).expect("gradients");
    for (got, want) in found.iter().zip(want.gradients(&case)) {
        compare("gradient", got, &want, Room(5e-4, 2e-5));
    }
}

#[test]
fn repetition_changes_no_bit() {
    let Some(gpu) = gpu(Allow::All) else { return };
    let mut case = Case::new(&mut Numbers(13), [1, 2, 257, 64], PositionRule::None);
    case.rule = PositionRule::Alibi(vec![0.5, 0.0]);
    for form in Form::on(&gpu, 64) {
        let how = How { form, ..How::plain() };
        let first = attend(&gpu, &case, how).expect("attention");
        for lie in [Lie::Apart, Lie::Together] {
            let again = attend(&gpu, &case, How { lie, ..how }).expect("attention");
            assert_eq!(bits(&first.out), bits(&again.out), "{form:?}, {lie:?}");
            assert_eq!(bits(&first.log_sums), bits(&again.log_sums), "{form:?}, {lie:?}");
        }
    }
}

#[test]
fn how_work_is_cut_changes_no_bit() {
    let [Some(gpu), Some(slow)] = [gpu(Allow::All), gpu(Allow::All)] else { return };
    slow.slow_down();
    let mut case = Case::new(&mut Numbers(16), [2, 2, 131, 32], PositionRule::None);
    case.rule = PositionRule::Alibi(vec![0.5, 0.0]);
    for form in Form::on(&gpu, 32) {
        let how = How { form, ..How::plain() };
        let [whole, cut] = [&gpu, &slow].map(|gpu| attend(gpu, &case, how).expect("attention"));
        assert_eq!(bits(&whole.out), bits(&cut.out), "{form:?}");
        assert_eq!(bits(&whole.log_sums), bits(&cut.log_sums), "{form:?}");
        assert_eq!(whole.kept, cut.kept, "{form:?}");
    }
    let [whole, cut] = [&gpu, &slow].map(|gpu| gradients(gpu, &case, How::plain()).expect("gradients").0);
    for (whole, cut) in whole.iter().zip(&cut) {
        assert_eq!(bits(whole), bits(cut), "gradients");
    }
}

#[test]
fn a_watcher_is_told_and_may_end_it() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    gpu.slow_down();
    let case = Case::new(&mut Numbers(14), [1, 2, 200, 32], PositionRule::None);
    let tensors = Tensors::new(&gpu, case.shape, Lie::Apart, &[&case.q, &case.k, &case.v], 1);
    let [q, k, v, out] = &tensors.views[..] else { unreachable!("four tensors") };
    let log_sums = gpu.buffer("rows", 4 * 2 * 200).expect("memory");
    let log_sums = &wgpu::BufferBinding { buffer: &log_sums, offset: 0, size: None };
    let inputs = Forward { q, k, v, out, log_sums, statistics: None };
    with_plan(&gpu, &case, How { statistics: false, ..How::plain() }, |plan| {
        let mut told = Vec::new();
        let mut listen = |share| {
            told.push(share);
            ControlFlow::Continue(())
        };
        forward_with(&gpu, plan, Form::Plain, inputs, &mut listen).expect("attention");
        assert!(told.len() > 20, "one submission for each item: {}", told.len());
        assert!(told.is_sorted() && told.iter().all(|share| (0.0..=1.0).contains(share)), "{told:?}");
        let mut left = 18;
        let mut stop = |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error = forward_with(&gpu, plan, Form::Plain, inputs, &mut stop).expect_err("it was ended");
        assert!(matches!(error, KernelError::Cancelled), "{error:?}");
    });
}

#[test]
fn a_lost_device_is_an_error() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    let case = Case::new(&mut Numbers(15), [1, 1, 33, 16], PositionRule::None);
    attend(&gpu, &case, How::plain()).expect("attention");
    gpu.lose();
    let error = gpu.buffer("rows", 16).expect_err("it is gone");
    assert!(matches!(error, KernelError::Lost { .. }), "{error:?}");
}

#[test]
fn what_does_not_compile_is_an_error() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    let broken = Kernel { name: "broken", text: "@compute fn main() {", buffers: 0 };
    let error = gpu.pipeline(&broken, &[]).expect_err("it does not parse");
    assert!(matches!(error, KernelError::Build { kernel: "broken", .. }), "{error:?}");
    let greedy = Kernel { name: "greedy", text: "@compute @workgroup_size(1000000) fn main() {}", buffers: 0 };
    let error = gpu.pipeline(&greedy, &[]).expect_err("there are not so many threads");
    assert!(error.to_string().contains("greedy"), "{error}");
    let error = gpu.pipeline(&greedy, &[("WIDTH", Constant::Count(1))]).expect_err("there is no such constant");
    assert!(matches!(error, KernelError::Constant { name: "WIDTH", .. }), "{error:?}");
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    let buffer = gpu.buffer("a tensor", 4 * 2 * 8 * 16).expect("memory");
    let view = View::contiguous(buffer, [1, 2, 8, 16]);
    view.check("q", &gpu, [1, 2, 8, 16]).expect("it fits");
    let refused = |view: View, shape| match view.check("q", &gpu, shape) {
        Err(KernelError::Tensor { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(view.clone(), [1, 2, 9, 16]), "reaches to number 272 of 256");
    assert_eq!(refused(View { start: 4, ..view.clone() }, [1, 2, 8, 16]), "reaches to number 260 of 256");
    assert!(refused(View { start: 2, ..view.clone() }, [1, 2, 8, 16]).contains("in fours"), "start");
    assert!(refused(View { offset_bytes: 4, ..view.clone() }, [1, 2, 8, 16]).contains("begins at byte 4"), "alignment");
    let behind = View { offset_bytes: 256, ..view };
    assert!(refused(behind, [1, 2, 8, 16]).contains("ends behind its buffer"), "end");
    let error = gpu.buffer("too much", 1 << 50).expect_err("there is not so much");
    assert!(matches!(error, KernelError::OutOfMemory { .. } | KernelError::Refused { .. }), "{error:?}");
}
