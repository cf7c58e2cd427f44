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

    use super::*;
    use crate::folder::{Head, Model};

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
