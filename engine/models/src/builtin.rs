//! The models and heads inside the binary: what lay in `assets/models` and `assets/heads` when it was built.

use crate::folder::Folder;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Built-in encoders, sorted by name.
pub fn models() -> &'static [Folder] {
    MODELS
}

/// Built-in heads, sorted by name.
pub fn heads() -> &'static [Folder] {
    HEADS
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use strandscope_kernels::Conduct;

    use super::*;
    use crate::{
        head::Head,
        model::Model,
        pass::{Pass, Tokens},
    };

    /// Weights that were trained, on a sequence longer than most: what is skipped stays below what is told.
    #[test]
    fn skipping_far_keys_changes_nothing_that_counts() {
        let device = Device::flex();
        let Some(folder) = models().first() else { return };
        let model = Model::load(folder, &device).expect("the built-in model loads");
        let mut state = 1u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"ACGT"[(state >> 62) as usize]
        };
        let bases: Vec<u8> = (0..100_000).map(|_| letter()).collect();
        let encoding = model.tokenizer().expect("its tokenizer").encode(&bases).expect("bases");
        let ids: Vec<i64> = encoding.ids.iter().take(16_384).map(|&id| i64::from(id)).collect();
        assert_eq!(ids.len(), 16_384, "long enough");
        let encode = |skip: bool| {
            let conduct = Conduct { skip, ..Conduct::default() };
            let tokens = Tokens::new(ids.clone(), ids.len(), None);
            let mut pass = Pass { conduct: conduct.clone(), ..Pass::default() };
            let states = model.network.encode(&tokens, &mut pass).last;
            (states.into_data().try_to_vec::<f32>().expect("single precision"), conduct.watch.kept())
        };
        let ((found, kept), (whole, all)) = (encode(true), encode(false));
        let largest = whole.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let apart = found.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        eprintln!("kept {:.3}, norm bound {}, {apart:e} apart of {largest}", kept.fraction(), kept.norm_bound);
        assert!(all.fraction() == 1.0 && kept.fraction() < 0.9, "{} and {}", all.fraction(), kept.fraction());
        // 2⁻²⁴ of each row's sum in each layer, and what six layers of single precision make of it.
        assert!(apart <= 2e-6 * largest.max(1.0) * model.sizes().num_hidden_layers as f32, "{apart} of {largest}");
    }

    #[test]
    fn every_built_in_head_belongs_to_the_built_in_model() {
        let device = Device::flex();
        let Some(folder) = models().first() else {
            assert!(heads().is_empty(), "a head needs its model");
            return;
        };
        let model = Model::load(folder, &device).expect("the built-in model loads");
        model.tokenizer().expect("its tokenizer loads");
        for head in heads() {
            Head::load(head, &model, &device).unwrap_or_else(|error| panic!("{}: {error}", head.name()));
        }
    }
}
