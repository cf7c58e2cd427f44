//! A checkpoint in training: every weight of it, or low-rank changes and the layers of classes.

use burn::optim::{GradientsParams, ModuleOptimizer};
use strandscope_models::{
    checkpoint::{Storage, Weights, to_safetensors},
    network::Network,
    trainable::Trainable,
};

use super::{LATEST, lora::Adapters};
use crate::{
    TrainError,
    pretrain::optimizer,
    store::{State, Store},
};

/// The factors of low-rank changes, inside the checkpoint.
const FACTORS: &str = "factors.safetensors";

/// A checkpoint in training.
pub(super) struct Learner {
    pub(super) network: Network,
    optimizer: ModuleOptimizer,
    adapters: Option<Adapters>,
}

impl Learner {
    /// Begins with a network: every weight of it is learnt, or where there are `adapters` no more than these change.
    pub(super) fn new(network: Network, weight_decay: f32, adapters: Option<Adapters>) -> Self {
        let network = match &adapters {
            Some(adapters) => adapters.fixing(network),
            None => network,
        };
        Self { network, optimizer: optimizer(weight_decay), adapters }
    }

    /// Goes on from the checkpoint in a folder.
    ///
    /// # Errors
    /// When the checkpoint cannot be used, or was begun by the other method or with another model.
    pub(super) fn resumed(self, start: &Trainable, store: &Store) -> Result<Self, TrainError> {
        let (factors, device) = (store.checkpoint(FACTORS), self.network.device());
        if factors.is_file() != self.adapters.is_some() {
            let begun = if factors.is_file() { "--method lora" } else { "--method full" };
            return Err(TrainError::OtherBeginning { path: store.checkpoint(LATEST), begun });
        }
        let optimizer = store.restore(self.optimizer)?;
        let network = start.load_network(&store.checkpoint(LATEST), &device)?;
        let Some(adapters) = self.adapters else { return Ok(Self { network, optimizer, adapters: None }) };
        let mut weights = Weights::open(&factors, &device)?;
        let adapters = adapters.reloaded(&network, &mut weights);
        weights.finish()?;
        if !adapters.are_of(&network) {
            return Err(TrainError::OtherBeginning {
                path: store.checkpoint(LATEST),
                begun: "another model or another [lora] alpha",
            });
        }
        Ok(Self { network: adapters.applied(adapters.fixing(network)), optimizer, adapters: Some(adapters) })
    }

    /// A step down the gradients at the weights of the network.
    pub(super) fn stepped(self, rate: f64, mut gradients: GradientsParams) -> Self {
        let Self { mut network, mut optimizer, adapters } = self;
        let adapters = adapters.map(|mut adapters| {
            let of_factors = adapters.gradients(&mut gradients);
            adapters.factors = optimizer.step(rate, adapters.factors, of_factors);
            adapters
        });
        network = optimizer.step(rate, network, gradients);
        if let Some(adapters) = &adapters {
            network = adapters.applied(network);
        }
        Self { network, optimizer, adapters }
    }

    /// Writes what is needed to go on from here; `bytes` are those of the network.
    ///
    /// # Errors
    /// When the device fails, or the folder takes no more.
    pub(super) fn save(&self, store: &Store, bytes: &[u8], state: &State) -> Result<(), TrainError> {
        let in_checkpoint = format!("checkpoint/{FACTORS}");
        match &self.adapters {
            Some(adapters) => store.write(&in_checkpoint, &to_safetensors(&adapters.factors, Storage::F32)?)?,
            // What a run by the other method left would be taken for part of this one.
            None => store.remove(&in_checkpoint)?,
        }
        store.save_bytes(LATEST, bytes, &self.optimizer, state)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::{Device, Tensor};
    use safetensors::SafeTensors;
    use strandscope_kernels::Conduct;
    use strandscope_models::{config::Config, pass::Tokens};

    use super::*;
    use crate::{
        gradients::{Batch, gradients},
        recipe::LoraRecipe,
    };

    const WIDTH: usize = 16;

    /// An encoder with classes of each way to name and to store the tables of queries and values.
    fn configs() -> Vec<Config> {
        let families = [
            r#""model_type": "dnagrinder", "norm_position": "pre", "attention_bias": true, "ffn_bias": true,
                "tie_word_embeddings": true"#,
            r#""model_type": "bert""#,
            r#""model_type": "bert", "pre_layer_norm": true, "rmt": {"num_mem_tokens": 2, "input_size": 8}"#,
            r#""model_type": "esm", "position_embedding_type": "rotary", "add_bias_fnn": false"#,
            r#""model_type": "big_bird", "block_size": 1, "num_random_blocks": 0"#,
            r#""alibi_starting_size": 16"#,
        ];
        let sizes = r#""vocab_size": 12, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 24, "layer_norm_eps": 1e-6, "pad_token_id": 3, "max_position_embeddings": 16,
            "num_labels": 2"#;
        let parsed = |family| Config::parse(format!("{{{family}, {sizes}}}").as_bytes(), "here").expect(family);
        families.into_iter().map(parsed).collect()
    }

    /// The weights of a network by name.
    fn weights(network: &Network) -> BTreeMap<String, Vec<f32>> {
        let bytes = to_safetensors(network, Storage::F32).expect("weights");
        let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let numbers = |bytes: &[u8]| {
            let number = |four: &[u8]| f32::from_le_bytes(four.try_into().expect("four bytes"));
            bytes.chunks_exact(4).map(number).collect()
        };
        tensors.iter().map(|(name, view)| (name.to_owned(), numbers(view.data()))).collect()
    }

    /// The rank of a square matrix, as far as single precision tells.
    fn rank(values: &[f32]) -> usize {
        let mut rows: Vec<Vec<f64>> =
            values.chunks(WIDTH).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect();
        let (mut rank, mut first) = (0, 0.0);
        while !rows.is_empty() {
            let places = (0..rows.len()).flat_map(|row| (0..WIDTH).map(move |column| (row, column)));
            let largest = places.max_by(|a, b| rows[a.0][a.1].abs().total_cmp(&rows[b.0][b.1].abs()));
            let (row, column) = largest.expect("a row");
            let pivot = rows.swap_remove(row);
            first = f64::max(first, pivot[column].abs());
            if pivot[column].abs() <= 1e-4 * first {
                return rank;
            }
            rank += 1;
            for other in &mut rows {
                let share = other[column] / pivot[column];
                other.iter_mut().zip(&pivot).for_each(|(value, of_pivot)| *value -= share * of_pivot);
            }
        }
        rank
    }

    /// Square tables of queries, keys and values, however they are stored.
    fn parts<'a>(name: &str, values: &'a [f32]) -> Vec<(char, &'a [f32])> {
        let named = name.to_lowercase();
        if named.ends_with("wqkv.weight") {
            return "qkv".chars().zip(values.chunks(WIDTH * WIDTH)).collect();
        }
        let of = [("query.weight", 'q'), ("value.weight", 'v')];
        of.into_iter().filter(|(ending, _)| named.ends_with(ending)).map(|(_, part)| (part, values)).collect()
    }

    #[test]
    fn low_rank_changes_begin_at_nothing_and_stay_where_they_belong() {
        let device = Device::flex().autodiff();
        let tokens = Tokens::new([2, 5, 6, 7, 8, 1, 2, 9, 10, 4, 11, 1], 6, None);
        let conduct = Conduct::default();
        let batch = Batch { tokens: &tokens, conduct: &conduct };
        for config in configs() {
            let network = Network::load(&config, &mut Weights::random(7, &device));
            let before = weights(&network);
            let adapters = Adapters::drawn(&network, &LoraRecipe { rank: 2, alpha: 4.0 }, 7);
            let mut learner = Learner::new(adapters.applied(network), 0.01, Some(adapters));
            assert!(weights(&learner.network) == before, "{config:?}: nothing is changed yet");
            let mut losses = Vec::new();
            for _ in 0..6 {
                let wanted = Tensor::<3>::from_floats([[[1.0, -1.0]]], &device);
                let loss = |last: Tensor<3>| {
                    let off = learner.network.class_logits(last).expect("classes") - wanted;
                    (off.clone() * off).mean()
                };
                let (loss, gradients) = gradients(&learner.network, &batch, loss);
                losses.push(loss.into_scalar::<f32>());
                learner = learner.stepped(1e-2, gradients);
            }
            assert!(losses[5] < losses[0], "{config:?}: {losses:?}");
            let after = weights(&learner.network);
            let (mut classes, mut tables) = (0, 0);
            for (name, values) in after {
                if values == before[&name] {
                    continue;
                }
                if name.contains("classifier") || name.contains("pooler") {
                    classes += 1;
                    continue;
                }
                let change: Vec<f32> =
                    values.iter().zip(&before[&name]).map(|(after, before)| after - before).collect();
                let parts = parts(&name, &change);
                assert!(!parts.is_empty(), "{config:?}: {name} is changed");
                for (part, change) in parts {
                    let found = rank(change);
                    assert_eq!(found > 0, part != 'k', "{name}, {part}: rank {found}");
                    assert!(found <= 2, "{name}, {part}: rank {found}");
                    tables += usize::from(part != 'k');
                }
            }
            assert!(classes >= 2 && tables == 4, "{config:?}: {classes} tensors of classes, {tables} tables");
        }
    }
}
