//! Attention and dense layers as plain loops in double precision.

use super::check::exact;

/// What attention is computed from.
pub(super) struct Input {
    /// `[batch, head, seq, d]`.
    pub(super) shape: [usize; 4],
    /// Queries, keys and values.
    pub(super) qkv: [Vec<f32>; 3],
    /// Gradient at the output.
    pub(super) grad_out: Vec<f32>,
    /// Of each attention head.
    pub(super) slopes: Vec<f32>,
    /// Which sequence a position belongs to, `[batch, seq]`, 0 for none.
    pub(super) segments: Option<Vec<u32>>,
}

/// What attention gives.
#[derive(Default)]
pub(super) struct Attention {
    /// `[batch, head, seq, d]`.
    pub(super) out: Vec<f64>,
    /// `[batch, head, seq]`; minus infinity where there is nothing to attend to.
    pub(super) log_sum_exp: Vec<f64>,
    /// Sums of probabilities over the queries, `[batch, head, seq]`.
    pub(super) received: Vec<f64>,
    /// Largest probabilities over the queries, `[batch, head, seq]`.
    pub(super) maxima: Vec<f64>,
    /// Of each query in nats, `[batch, head, seq]`.
    pub(super) entropy: Vec<f64>,
    /// From each query in positions, `[batch, head, seq]`.
    pub(super) distance: Vec<f64>,
    /// At queries, keys and values, `[batch, head, seq, d]`.
    pub(super) gradients: [Vec<f64>; 3],
}

/// Attention, its statistics, and the gradients of `Σ out · grad_out`.
pub(super) fn attention(input: &Input) -> Attention {
    let [batch, heads, seq, d] = input.shape;
    let mut all = Attention::default();
    for plane in 0..batch * heads {
        let of_plane = |values: &[f32]| -> Vec<f64> { exact(&values[plane * seq * d..][..seq * d]).collect() };
        let segments = input.segments.as_ref().map(|segments| &segments[plane / heads * seq..][..seq]);
        let plane = Plane {
            q: of_plane(&input.qkv[0]),
            k: of_plane(&input.qkv[1]),
            v: of_plane(&input.qkv[2]),
            grad_out: of_plane(&input.grad_out),
            slope: input.slopes.get(plane % heads).copied().unwrap_or(0.0).into(),
            segments,
            d,
        };
        all.append(plane.attention());
    }
    all
}

impl Attention {
    fn append(&mut self, of_plane: Self) {
        let Self { out, log_sum_exp, received, maxima, entropy, distance, gradients } = of_plane;
        self.out.extend(out);
        self.log_sum_exp.extend(log_sum_exp);
        self.received.extend(received);
        self.maxima.extend(maxima);
        self.entropy.extend(entropy);
        self.distance.extend(distance);
        for (all, gradient) in self.gradients.iter_mut().zip(gradients) {
            all.extend(gradient);
        }
    }
}

/// One attention head of one row of the batch.
struct Plane<'a> {
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
    grad_out: Vec<f64>,
    slope: f64,
    segments: Option<&'a [u32]>,
    d: usize,
}

impl Plane<'_> {
    fn attention(&self) -> Attention {
        let d = self.d;
        let seq = self.q.len() / d;
        let zeros = || vec![0.0; seq];
        let mut found = Attention {
            out: vec![0.0; seq * d],
            log_sum_exp: vec![f64::NEG_INFINITY; seq],
            received: zeros(),
            maxima: zeros(),
            entropy: zeros(),
            distance: zeros(),
            gradients: [(); 3].map(|()| vec![0.0; seq * d]),
        };
        let scale = 1.0 / (d as f64).sqrt();
        for query in 0..seq {
            let keys: Vec<usize> = (0..seq).filter(|&key| self.sees(query, key)).collect();
            let apart = |key: usize| query.abs_diff(key) as f64;
            let score =
                |&key: &usize| dot(row(&self.q, query, d), row(&self.k, key, d)) * scale - self.slope * apart(key);
            let scores: Vec<f64> = keys.iter().map(score).collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp() / sum).collect();
            if keys.is_empty() {
                continue;
            }
            found.log_sum_exp[query] = largest + sum.ln();
            // The gradient at each weight, and what softmax takes off all of them.
            let grad_out = row(&self.grad_out, query, d);
            let at_weights: Vec<f64> = keys.iter().map(|&key| dot(grad_out, row(&self.v, key, d))).collect();
            let common: f64 = weights.iter().zip(&at_weights).map(|(weight, gradient)| weight * gradient).sum();
            let [at_q, at_k, at_v] = &mut found.gradients;
            for ((&key, &weight), at_weight) in keys.iter().zip(&weights).zip(at_weights) {
                add(&mut found.out[query * d..][..d], weight, row(&self.v, key, d));
                found.received[key] += weight;
                found.maxima[key] = found.maxima[key].max(weight);
                found.distance[query] += weight * apart(key);
                if weight > 0.0 {
                    found.entropy[query] -= weight * weight.ln();
                }
                let at_score = weight * (at_weight - common) * scale;
                add(&mut at_q[query * d..][..d], at_score, row(&self.k, key, d));
                add(&mut at_k[key * d..][..d], at_score, row(&self.q, query, d));
                add(&mut at_v[key * d..][..d], weight, grad_out);
            }
        }
        found
    }

    fn sees(&self, query: usize, key: usize) -> bool {
        self.segments.is_none_or(|segments| segments[query] != 0 && segments[query] == segments[key])
    }
}

/// `x·Wᵀ + b` of rows of `inputs` values.
pub(super) fn linear(x: &[f64], weight: &[f32], bias: &[f32], inputs: usize) -> Vec<f64> {
    let weight: Vec<f64> = exact(weight).collect();
    let of_row = |x: &[f64]| -> Vec<f64> {
        let outputs = weight.chunks(inputs).zip(bias);
        outputs.map(|(weight, &bias)| dot(x, weight) + f64::from(bias)).collect()
    };
    x.chunks(inputs).flat_map(of_row).collect()
}

/// `w3(silu(gate) ⊙ up)` of rows of `inputs` values, the gate first in `w12`; a pair is weights and what is added.
pub(super) fn swiglu(x: &[f64], w12: (&[f32], &[f32]), w3: (&[f32], &[f32]), inputs: usize) -> Vec<f64> {
    let wide = w12.1.len() / 2;
    let gated = |both: &[f64]| -> Vec<f64> {
        let (gate, up) = both.split_at(wide);
        gate.iter().zip(up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect()
    };
    let both = linear(x, w12.0, w12.1, inputs);
    let gated: Vec<f64> = both.chunks(2 * wide).flat_map(gated).collect();
    linear(&gated, w3.0, w3.1, wide)
}

/// Rows with mean 0 and variance 1, scaled and shifted.
pub(super) fn layer_norm(x: &[f64], weight: &[f32], bias: &[f32], epsilon: f64) -> Vec<f64> {
    let width = weight.len();
    let of_row = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / width as f64;
        let variance = x.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + epsilon).sqrt();
        let shifted = x.iter().zip(exact(weight)).zip(exact(bias));
        shifted.map(|((value, weight), bias)| (value - mean) * scale * weight + bias).collect()
    };
    x.chunks(width).flat_map(of_row).collect()
}

fn row(values: &[f64], index: usize, width: usize) -> &[f64] {
    &values[index * width..][..width]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, values: &[f64]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(values: &[f64], should_be: &[f64]) {
        assert_eq!(values.len(), should_be.len(), "{values:?}");
        for (is, should_be) in values.iter().zip(should_be) {
            assert!((is - should_be).abs() < 1e-6, "{values:?} and not {should_be}");
        }
    }

    #[test]
    fn two_positions_worked_by_hand() {
        // Equal scores but for the distance: a neighbour weighs half as much, 2/3 and 1/3.
        let input = Input {
            shape: [1, 1, 2, 1],
            qkv: [vec![0.0; 2], vec![3.0, 5.0], vec![1.0, 4.0]],
            grad_out: vec![1.0, 0.0],
            slopes: vec![2f32.ln()],
            segments: None,
        };
        let found = attention(&input);
        assert_close(&found.out, &[2.0, 3.0]);
        assert_close(&found.log_sum_exp, &[1.5f64.ln(); 2]);
        assert_close(&found.received, &[1.0, 1.0]);
        assert_close(&found.maxima, &[2.0 / 3.0; 2]);
        assert_close(&found.distance, &[1.0 / 3.0; 2]);
        let entropy = 3f64.ln() - 2.0 / 3.0 * 2f64.ln();
        assert_close(&found.entropy, &[entropy; 2]);
        // Weights times (gradient at the weight − mean): 2/3·(1 − 2) and 1/3·(4 − 2).
        assert_close(&found.gradients[0], &[-2.0 / 3.0 * 3.0 + 2.0 / 3.0 * 5.0, 0.0]);
        assert_close(&found.gradients[1], &[0.0, 0.0]);
        assert_close(&found.gradients[2], &[2.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn sequences_do_not_see_each_other() {
        let input = Input {
            shape: [1, 1, 3, 1],
            qkv: [vec![1.0; 3], vec![1.0; 3], vec![1.0, 2.0, 4.0]],
            grad_out: vec![1.0; 3],
            slopes: Vec::new(),
            segments: Some(vec![1, 2, 0]),
        };
        let found = attention(&input);
        assert_close(&found.out, &[1.0, 2.0, 0.0]);
        assert_close(&found.received, &[1.0, 1.0, 0.0]);
        assert!(found.log_sum_exp[2] == f64::NEG_INFINITY, "nothing to attend to");
    }

    #[test]
    fn layers_worked_by_hand() {
        assert_close(&linear(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0], &[0.5, 0.0], 2), &[11.5, 17.0]);
        // silu(0) is 0, silu(x) nears x.
        let w12 = [1.0, 0.0, 0.0, 1.0];
        assert_close(&swiglu(&[0.0, 7.0], (&w12, &[0.0; 2]), (&[2.0, 3.0], &[1.0, 1.0]), 2), &[1.0, 1.0]);
        assert_close(&swiglu(&[50.0, 7.0], (&w12, &[0.0; 2]), (&[2.0], &[1.0]), 2), &[701.0]);
        assert_close(&layer_norm(&[1.0, 3.0], &[1.0, 2.0], &[0.0, 5.0], 0.0), &[-1.0, 7.0]);
    }
}
