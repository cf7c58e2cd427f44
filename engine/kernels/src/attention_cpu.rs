//! Attention on the processor: blocks of queries over blocks of keys, with an online softmax (Milakov and Gimelshein
//! 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135).
//!
//! Blocks of queries are shared among the threads; what one block gives depends on nothing else, so that results are
//! the same with any number of threads. The twin is [`crate::attention()`] on any other device.

use burn::tensor::{Tensor, TensorData};
use gemm::{Parallelism, gemm};
use rayon::prelude::*;

use crate::attention::{Attention, AttentionInput, MASKED, PositionRule};

/// Queries of a block.
const ROWS: usize = 64;

/// Keys of a block: its scores stay in the cache between the two products.
const KEYS: usize = 256;

/// Numbers worked on side by side.
const LANES: usize = 8;

/// [`crate::attention()`] on the processor, where nothing is differentiated.
pub(crate) fn attention_on_cpu(input: &AttentionInput) -> Attention {
    let [batch, heads, seq, d] = input.q.dims();
    let device = input.q.device();
    let values =
        |tensor: &Tensor<4>| tensor.clone().into_data().try_into_vec::<f32>().expect("the processor computes in f32");
    let (q, k, v) = (values(&input.q), values(&input.k), values(&input.v));
    let real = input.key_mask.clone().map(|mask| mask.into_data().iter::<bool>().collect::<Vec<_>>());
    let mut out = vec![0.0; q.len()];
    let mut log_sum_exp = vec![0.0; batch * heads * seq];
    let of_heads = out.par_chunks_mut((seq * d).max(1)).zip(log_sum_exp.par_chunks_mut(seq.max(1))).enumerate();
    of_heads.for_each(|(index, (out, log_sum_exp))| {
        let whole = index * seq * d..(index + 1) * seq * d;
        let window = index / heads;
        let head = Head {
            q: &q[whole.clone()],
            k: &k[whole.clone()],
            v: &v[whole],
            real: real.as_ref().map(|real| &real[window * seq..(window + 1) * seq]),
            slope: match &input.rule {
                PositionRule::None => 0.0,
                PositionRule::Alibi(slopes) => slopes[index % heads],
            },
            d,
        };
        let blocks = out.par_chunks_mut(ROWS * d).zip(log_sum_exp.par_chunks_mut(ROWS)).enumerate();
        blocks.for_each(|(block, (out, log_sum_exp))| head.block(block * ROWS, out, log_sum_exp));
    });
    Attention {
        out: Tensor::from_data(TensorData::new(out, [batch, heads, seq, d]), &device),
        log_sum_exp: Tensor::from_data(TensorData::new(log_sum_exp, [batch, heads, seq]), &device),
    }
}

/// One attention head of one window.
struct Head<'a> {
    /// `[seq, d]`, as are `k` and `v`.
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    /// Which keys are real, `[seq]`; `None` means all.
    real: Option<&'a [bool]>,
    slope: f32,
    d: usize,
}

impl Head<'_> {
    /// The queries from `first_row` on: as many as there is room for in `out` `[row, d]` and `log_sum_exp` `[row]`.
    fn block(&self, first_row: usize, out: &mut [f32], log_sum_exp: &mut [f32]) {
        let (rows, d, seq) = (log_sum_exp.len(), self.d, self.k.len() / self.d);
        let scale = 1.0 / (d as f32).sqrt();
        let q: Vec<f32> = self.q[first_row * d..(first_row + rows) * d].iter().map(|value| value * scale).collect();
        let mut scores = vec![0.0; rows * KEYS];
        let (mut max, mut sum) = (vec![MASKED; rows], vec![0.0; rows]);
        for first_key in (0..seq).step_by(KEYS) {
            let keys = KEYS.min(seq - first_key);
            let scores = &mut scores[..rows * keys];
            let of_keys = first_key * d..(first_key + keys) * d;
            let k = Matrix { values: &self.k[of_keys.clone()], row_stride: 1, column_stride: d };
            product(scores, [rows, keys, d], Matrix::of_rows(&q, d), k, false);
            for (row, scores) in scores.chunks_mut(keys).enumerate() {
                self.add_positions(scores, first_row + row, first_key);
                let highest = largest(scores).max(max[row]);
                let kept = exponential((max[row] - highest).max(MASKED));
                max[row] = highest;
                sum[row] = sum[row] * kept + self.weigh(scores, highest, first_key);
                out[row * d..(row + 1) * d].iter_mut().for_each(|value| *value *= kept);
            }
            product(out, [rows, d, keys], Matrix::of_rows(scores, keys), Matrix::of_rows(&self.v[of_keys], d), true);
        }
        for (row, out) in out.chunks_mut(d).enumerate() {
            // A row whose keys are all masked has weights of exactly 0: so is what it gives.
            let total = if sum[row] > 0.0 { sum[row] } else { 1.0 };
            out.iter_mut().for_each(|value| *value /= total);
            log_sum_exp[row] = if sum[row] > 0.0 { max[row] + total.ln() } else { MASKED };
        }
    }

    /// Adds what the distance takes off; masked keys get [`MASKED`].
    fn add_positions(&self, scores: &mut [f32], row: usize, first_key: usize) {
        if self.slope != 0.0 {
            for (score, key) in scores.iter_mut().zip(first_key..) {
                *score -= self.slope * row.abs_diff(key) as f32;
            }
        }
        for (score, &is_real) in scores.iter_mut().zip(self.real.map_or(&[][..], |real| &real[first_key..])) {
            *score = if is_real { *score } else { MASKED };
        }
    }

    /// Turns scores into weights, relative to the highest score so far, and adds them up.
    fn weigh(&self, scores: &mut [f32], highest: f32, first_key: usize) -> f32 {
        let mut sums = [0.0; LANES];
        for scores in scores.chunks_mut(LANES) {
            for (score, sum) in scores.iter_mut().zip(&mut sums) {
                *score = exponential(*score - highest);
                *sum += *score;
            }
        }
        // Where every key so far is masked, the highest score is that of a masked key.
        if highest > MASKED {
            return sums.iter().sum();
        }
        let real = self.real.map_or(&[][..], |real| &real[first_key..]);
        scores.iter_mut().zip(real).filter(|(_, is_real)| !**is_real).for_each(|(weight, _)| *weight = 0.0);
        scores.iter().sum()
    }
}

/// Numbers in rows and columns.
struct Matrix<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    fn of_rows(values: &'a [f32], width: usize) -> Self {
        Self { values, row_stride: width, column_stride: 1 }
    }

    /// Whether it holds so many rows and columns.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows > 0 && columns > 0 && (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.values.len()
    }
}

/// `left · right`, `[m, k] · [k, n] → [m, n]`, in place of what stands in `to` or, with `add`, on top of it.
fn product(to: &mut [f32], [m, n, k]: [usize; 3], left: Matrix<'_>, right: Matrix<'_>, add: bool) {
    assert!(to.len() == m * n && left.holds(m, k) && right.holds(k, n), "the shapes of a product fit its matrices");
    let stride = |size: usize| isize::try_from(size).expect("a size of memory");
    #[expect(unsafe_code, reason = "gemm takes pointers and strides")]
    // SAFETY: by the assertion above every element that the strides reach lies inside its slice, and `to` is borrowed
    // for this call alone.
    unsafe {
        gemm(
            m,
            n,
            k,
            to.as_mut_ptr(),
            1,
            stride(n),
            add,
            left.values.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.values.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// The largest of some numbers.
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [MASKED; LANES];
    for values in values.chunks(LANES) {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes.into_iter().fold(MASKED, f32::max)
}

/// `e^x` for `x ≤ 0`, without a branch, so that the compiler works on several numbers at once.
///
/// Within 2 units in the last place; 0 below −87, where results would leave the range of normal numbers.
fn exponential(x: f32) -> f32 {
    const LOWEST: f32 = -87.0;
    // Adding and taking off 1.5 · 2²³ rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let within = if x < LOWEST { LOWEST } else { x };
    let shifted = within * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, the first one exact in few bits (Cody and Waite 1980).
    let rest = within - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest + 1.0;
    let series = series * rest + 1.0;
    // The low bits of the shifted number are the whole number: they go where the exponent stands.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < LOWEST { 0.0 } else { series * power }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Bool, Device};

    use super::*;
    use crate::{alibi_slopes, attention::attention_in_blocks};

    /// Numbers between −1 and 1 that follow a fixed pattern.
    fn tensor(shape: [usize; 4], seed: u32) -> Tensor<4> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn furthest<const D: usize>(got: Tensor<D>, want: Tensor<D>) -> f32 {
        let values = |tensor: Tensor<D>| tensor.into_data().try_into_vec::<f32>().expect("floats");
        let (got, want) = (values(got), values(want));
        // Relative where numbers are large, as the sentinel of masked rows is.
        let distance = |(got, want): (&f32, &f32)| (got - want).abs() / want.abs().max(1.0);
        got.iter().zip(&want).map(distance).fold(0.0, f32::max)
    }

    #[test]
    fn agrees_with_its_twin() {
        for (batch, heads, seq, d) in
            [(1, 1, 1, 16), (2, 3, 63, 80), (1, 12, 65, 64), (2, 2, 257, 96), (1, 1, 700, 128)]
        {
            for (rule, masked) in [
                (PositionRule::None, false),
                (PositionRule::Alibi(alibi_slopes(heads)), false),
                (PositionRule::Alibi(alibi_slopes(heads)), true),
            ] {
                let shape = [batch, heads, seq, d];
                // The first third of the keys of each window is masked, and the whole of the last window.
                let is_real = |index: usize| index % seq >= seq / 3 && (batch == 1 || index / seq + 1 < batch);
                let real: Vec<bool> = (0..batch * seq).map(is_real).collect();
                let mask = Tensor::<2, Bool>::from_data(TensorData::new(real, [batch, seq]), &Device::flex());
                let input = AttentionInput {
                    q: tensor(shape, 1) * 4.0,
                    k: tensor(shape, 2) * 4.0,
                    v: tensor(shape, 3),
                    key_mask: masked.then_some(mask),
                    rule,
                };
                let (got, want) = (attention_on_cpu(&input), attention_in_blocks(&input));
                let off = furthest(got.out, want.out).max(furthest(got.log_sum_exp, want.log_sum_exp));
                // Sums of up to 700 products in another order.
                assert!(off < 5e-6, "{shape:?}, {:?}, masked {masked}: {off}", input.rule);
            }
        }
    }

    #[test]
    fn the_exponential_is_close_and_never_below_zero() {
        for step in 0..=90_000 {
            let x = -(step as f32) / 1000.0;
            let (got, want) = (exponential(x), f64::from(x).exp());
            let off = (f64::from(got) - want).abs() / want;
            assert!(off < 3e-7 || (x < -87.0 && got == 0.0), "e^{x}: got {got}, want {want}");
        }
        assert_eq!(exponential(MASKED), 0.0, "masked");
        assert_eq!(exponential(0.0), 1.0, "the highest");
    }
}
