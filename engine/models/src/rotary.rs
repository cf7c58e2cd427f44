//! Rotary positions (Su et al. 2021, arXiv 2104.09864): queries and keys are turned by angles that grow with their
//! places.

use burn::tensor::{Device, Tensor, TensorData};

/// How queries and keys are turned.
///
/// Channel `j` of the first half of the turned ones and channel `j` of the second are the two sides of a plane, which
/// place `p` turns by `p · base^(−2j / channels)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rotary {
    /// The larger, the slower the last channels turn.
    pub(crate) base: f64,
    /// Channels of an attention head that are turned, the first ones; the others stay.
    pub(crate) channels: usize,
}

impl Rotary {
    /// # Shapes
    /// `[batch, head, seq, d] → [batch, head, seq, d]`
    pub(crate) fn turned(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, seq, width] = x.dims();
        let half = self.channels / 2;
        let [cos, sin] = self.tables(seq, &x.device().inner());
        let (first, second) = (x.clone().slice_dim(3, 0..half), x.clone().slice_dim(3, half..self.channels));
        let mut parts = vec![first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
        if self.channels < width {
            parts.push(x.slice_dim(3, self.channels..width));
        }
        Tensor::cat(parts, 3)
    }

    /// Cosines and sines of the angles, `[1, 1, seq, channels / 2]`; computed in double precision.
    fn tables(&self, seq: usize, device: &Device) -> [Tensor<4>; 2] {
        let half = self.channels / 2;
        let speeds = (0..half).map(|channel| self.base.powf(-2.0 * channel as f64 / self.channels as f64));
        let speeds: Vec<f64> = speeds.collect();
        [f64::cos as fn(f64) -> f64, f64::sin].map(|of| {
            let angles = (0..seq).flat_map(|place| speeds.iter().map(move |speed| place as f64 * speed));
            #[expect(clippy::cast_possible_truncation, reason = "tables are in single precision")]
            let values: Vec<f32> = angles.map(|angle| of(angle) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, 1, seq, half]), device)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_turns_its_planes() {
        let rotary = Rotary { base: 100.0, channels: 4 };
        let values = [[1f32, 2.0, 3.0, 4.0, 5.0]; 2];
        let x = Tensor::<2>::from_floats(values, &Device::flex()).reshape([1, 1, 2, 5]);
        let turned: Vec<f32> = rotary.turned(x).into_data().try_to_vec().expect("floats");
        assert_eq!(turned[..5], values[0], "the first place turns nothing");
        // Planes (1, 3) by 1 radian and (2, 4) by a tenth.
        let plane = |a: f32, b: f32, angle: f32| [a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()];
        let ([a, c], [b, d]) = (plane(1.0, 3.0, 1.0), plane(2.0, 4.0, 0.1));
        for (turned, want) in turned[5..].iter().zip([a, b, c, d, 5.0]) {
            assert!((turned - want).abs() < 1e-6, "{turned}, {want} expected");
        }
    }
}
