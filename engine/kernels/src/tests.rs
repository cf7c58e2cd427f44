//! The operations against a plain reference in double precision, over many shapes, rules and masks.

pub(crate) mod case;
mod compare;
mod conduct;
mod dense;
mod forward;
mod gradients;
mod not_finite;
mod pairs;
pub(crate) mod plain;
mod skipping;
mod statistics;

use burn::tensor::Tensor;

/// Numbers that only look random, the same in every run (Steele et al. 2014, doi:10.1145/2714064.2660195).
#[derive(Debug)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to less than 1.
    pub(crate) fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Whether something happens that happens this often.
    pub(crate) fn happens(&mut self, share: f32) -> bool {
        self.share() < share
    }

    /// Of mean 0 and variance 1, between −3.5 and 3.5.
    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        let value = |_| ((0..4).map(|_| self.share()).sum::<f32>() - 2.0) * 3f32.sqrt();
        (0..count).map(value).collect()
    }
}

/// The values of a tensor in order.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("single precision")
}
