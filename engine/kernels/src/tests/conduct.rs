//! That results depend on nothing but what is asked.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use burn::tensor::{Device, Tensor};

use super::{
    Numbers,
    case::{Case, cases},
    gradients::gradients,
    statistics::statistics,
    values,
};
use crate::{
    AttentionInput, Conduct, MeanOf, PositionRule, Statistics, Watch, alibi_slopes, attention, attention_with_rows,
    linear,
};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn strided_tensors_give_the_same_bits() {
    let [batch, heads, seq, d] = [2, 3, 70, 48];
    for device in [Device::flex(), Device::flex().autodiff()] {
        let all = Numbers(1).values(batch * seq * 3 * heads * d);
        let all = Tensor::<1>::from_floats(all.as_slice(), &device).reshape([batch, seq, 3 * heads, d]);
        let tracked = |tensor: Tensor<4>| if device.is_autodiff() { tensor.require_grad() } else { tensor };
        let all = tracked(all.swap_dims(1, 2));
        let parts = [0, 1, 2].map(|part| all.clone().slice_dim(1, part * heads..(part + 1) * heads));
        // Through the host, values stand in order.
        let plain = parts.clone().map(|part| tracked(Tensor::from_data(part.into_data(), &device)));
        let weights = Tensor::<4>::from_data(plain[0].clone().into_data(), &device);
        let input = |[q, k, v]: [Tensor<4>; 3]| AttentionInput {
            q,
            k,
            v,
            segments: None,
            rule: PositionRule::Alibi(alibi_slopes(heads)),
        };
        let found = [input(parts), input(plain.clone())].map(|input| attention_with_rows(&input, &Conduct::default()));
        let told = found.each_ref().map(|(found, rows)| {
            [values(found.out.clone()), values(found.log_sum_exp.clone()), rows.entropy.clone(), rows.distance.clone()]
        });
        assert_eq!(
            told[0].each_ref().map(|values| bits(values)),
            told[1].each_ref().map(|values| bits(values)),
            "what is told"
        );
        if !device.is_autodiff() {
            continue;
        }
        let [strided, in_order] = found.map(|(found, _)| (found.out * weights.clone()).sum().backward());
        let strided = all.grad(&strided).expect("asked for");
        for (part, plain) in plain.iter().enumerate() {
            let strided = values(strided.clone().slice_dim(1, part * heads..(part + 1) * heads));
            assert_eq!(bits(&strided), bits(&values(plain.grad(&in_order).expect("asked for"))), "part {part}");
        }
    }
}

/// Everything that a case gives, as bits.
fn everything(case: &Case) -> Vec<Vec<u32>> {
    let device = Device::flex();
    let (found, rows) = attention_with_rows(&case.input(&device), &Conduct::default());
    let statistics = statistics(case, &device, &Conduct::default());
    let of = MeanOf { row: 0, heads: 0..case.shape[1] };
    let seq = case.shape[2];
    let weights = Numbers(3).values(case.shape[0] * seq);
    let columns = statistics.columns(&[&weights]);
    let map = statistics.map(&of, &[0, seq / 2, seq]);
    let (keys, partners): (Vec<u32>, Vec<f32>) = statistics.partners(&of, 3).into_iter().unzip();
    let mut all = vec![values(found.out), values(found.log_sum_exp), rows.entropy, rows.distance];
    all.extend([columns.sums, columns.max, map.sum, map.max, partners, statistics.cut_out(&of, 0..seq, 0..seq)]);
    all.extend(gradients(case, &Conduct::default()));
    all.iter().map(|values| bits(values)).chain([keys]).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let [x, table] = [(200, 100), (70, 100)].map(|(rows, columns)| {
        let values = Numbers(rows as u64).values(rows * columns);
        Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([rows, columns])
    });
    let on_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let product = bits(&values(linear(x.clone(), table.clone(), None, &Watch::default())));
            let mut all: Vec<_> = cases().skip(40).map(|case| everything(&case)).collect();
            all.push(vec![product]);
            all
        })
    };
    let one = on_threads(1);
    for threads in [2, 3] {
        for (case, (one, more)) in one.iter().zip(on_threads(threads)).enumerate() {
            for (number, (one, more)) in one.iter().zip(more).enumerate() {
                assert!(*one == more, "case {case}, result {number} on {threads} threads");
            }
        }
    }
}

#[test]
fn stopped_work_ends_at_once() {
    let seq = 60_000;
    let case = Case::new(&mut Numbers(6), [1, 4, seq, 16], PositionRule::None);
    let conduct = Conduct { watch: Watch::new(Arc::new(AtomicBool::new(true))), ..Conduct::default() };
    let input = case.input(&Device::flex());
    let ends = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        // To its end it would take ten seconds and more of both threads.
        assert!(start.elapsed() < Duration::from_secs(2), "{what} took {:?}", start.elapsed());
    };
    ends("attention", &mut || {
        attention_with_rows(&input, &conduct);
    });
    assert_eq!(conduct.watch.done(), 0, "nothing was computed");
    let statistics = Statistics::new(&input, &Tensor::zeros([1, 4, seq], &Device::flex()), &conduct);
    let of = MeanOf { row: 0, heads: 0..4 };
    ends("columns", &mut || {
        statistics.columns(&[&vec![1.0; seq]]);
    });
    ends("partners", &mut || {
        statistics.partners(&of, 4);
    });
    ends("a map", &mut || {
        statistics.map(&of, &[0, seq / 2, seq]);
    });
    ends("a cut-out", &mut || {
        statistics.cut_out(&of, 0..1000, 0..1000);
    });
    ends("gradients", &mut || {
        gradients(&case, &conduct);
    });
}

#[test]
fn work_is_counted() {
    let case = Case::new(&mut Numbers(6), [2, 3, 100, 16], PositionRule::None);
    let conduct = Conduct::default();
    let found = attention(&case.input(&Device::flex()), &conduct);
    assert_eq!(conduct.watch.done(), 2 * 3 * 100 * 100, "a forward pass");
    let statistics = Statistics::new(&case.input(&Device::flex()), &found.log_sum_exp, &conduct);
    statistics.columns(&[]);
    assert_eq!(conduct.watch.done(), 2 * 2 * 3 * 100 * 100, "and columns");
    statistics.partners(&MeanOf { row: 0, heads: 0..3 }, 1);
    assert_eq!(conduct.watch.done(), (2 * 2 * 3 + 3) * 100 * 100, "and partners in a row of the batch");
}
