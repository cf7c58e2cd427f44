//! Gradients of a loss at the weights of an encoder.

use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams},
    tensor::Tensor,
};
use strandscope_kernels::Conduct;
use strandscope_models::{
    network::Network,
    pass::{Pass, Tokens},
};

/// Numbers of a pass that are kept for the way back.
const MOST_KEPT: usize = 1 << 28;

/// Arrays of states that the way back through a layer needs, about: queries, keys and values, what attention gives, the
/// gate and what it lets through, and what the norms have seen.
const STATES_OF_LAYER: usize = 20;

/// A batch on its way through an encoder.
pub(crate) struct Batch<'a> {
    pub(crate) tokens: &'a Tokens,
    pub(crate) conduct: &'a Conduct,
}

/// What `loss` makes of the last states, `[batch, seq, hidden]`, and its gradients; the network is on a device that
/// differentiates.
///
/// A pass that would keep more than [`MOST_KEPT`] numbers goes layer by layer: whether it does follows from its shape
/// alone.
pub(crate) fn gradients(
    network: &Network,
    batch: &Batch<'_>,
    loss: impl FnOnce(Tensor<3>) -> Tensor<1>,
) -> (Tensor<1>, GradientsParams) {
    let [rows, seq] = batch.tokens.dims();
    if network.reads_at_once() && rows * seq * network.hidden_size() * network.layers() * STATES_OF_LAYER > MOST_KEPT {
        return by_layers(network, batch, loss);
    }
    let mut pass = Pass { conduct: batch.conduct.clone(), ..Pass::default() };
    // The way back takes twice as long and is not counted.
    pass.conduct.watch.stretch(0.0..1.0 / 3.0);
    let loss = loss(network.encode(batch.tokens, &mut pass).last);
    let gradients = loss.backward();
    (loss.inner(), GradientsParams::from_grads(gradients, network))
}

/// The same in less memory and more time: forwards the states between layers alone are kept, and backwards each layer
/// is computed once more (Chen et al. 2016, arXiv 1604.06174).
fn by_layers(
    network: &Network,
    batch: &Batch<'_>,
    loss: impl FnOnce(Tensor<3>) -> Tensor<1>,
) -> (Tensor<1>, GradientsParams) {
    let Batch { tokens, conduct } = batch;
    let segments = tokens.segments();
    let mut pass = Pass { conduct: (*conduct).clone(), ..Pass::default() };
    let mut all = GradientsAccumulator::new();
    let mut between = states_between(&network.valid(), tokens, &mut pass);
    let last = leaf(between.pop().expect("the states after the last layer"));
    let loss = loss(network.finished(last.clone()));
    let gradients = loss.backward();
    let mut at_states = last.grad(&gradients).expect("the loss depends on the states");
    all.accumulate(network, GradientsParams::from_grads(gradients, network));
    // Each layer forwards, and then forwards and backwards: four times as much, of which the first half is counted.
    conduct.watch.stretch(0.25..1.0);
    while let Some(states) = between.pop().filter(|_| !conduct.watch.is_stopped()) {
        let states = leaf(states);
        let done = network.layers() - 1 - between.len();
        conduct.watch.part(done, network.layers(), 2 * network.scores_of_layer(&states));
        let after = network.layer(between.len(), states.clone(), segments, &mut pass);
        // The sum whose gradient at what the layer gives is the one that came back to it.
        let gradients = (after * Tensor::from_inner(at_states)).sum().backward();
        at_states = states.grad(&gradients).expect("a layer depends on what comes in");
        all.accumulate(network, GradientsParams::from_grads(gradients, network));
    }
    // Where they are fixed, nothing is differentiated.
    if network.learns_words() {
        let embedded = network.embedded(network.words(tokens), tokens);
        let gradients = (embedded * Tensor::from_inner(at_states)).sum().backward();
        all.accumulate(network, GradientsParams::from_grads(gradients, network));
    }
    (loss.inner(), all.grads())
}

/// The states that come into each layer, and those after the last; on a device that does not differentiate.
fn states_between(network: &Network, tokens: &Tokens, pass: &mut Pass<'_>) -> Vec<Tensor<3>> {
    let mut between = vec![network.embedded(network.words(tokens), tokens)];
    pass.conduct.watch.stretch(0.0..0.25);
    for index in 0..network.layers() {
        pass.conduct.watch.part(index, network.layers(), network.scores_of_layer(&between[index]));
        let states = network.layer(index, between[index].clone(), tokens.segments(), pass);
        between.push(states);
    }
    between
}

/// States that nothing came before, as far as gradients go.
fn leaf(states: Tensor<3>) -> Tensor<3> {
    Tensor::from_inner(states).require_grad()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use strandscope_kernels::Segments;
    use strandscope_models::{checkpoint::Weights, config::Config, trainable::learning_classes_and};

    use super::*;

    /// An encoder of each family that reads rows at once.
    fn configs() -> Vec<Config> {
        let families = [
            r#""model_type": "dnagrinder", "norm_position": "pre", "attention_bias": true, "ffn_bias": true,
                "tie_word_embeddings": true"#,
            r#""model_type": "dnagrinder", "norm_position": "post", "attention_bias": true, "ffn_bias": true,
                "tie_word_embeddings": true"#,
            r#""model_type": "bert", "architectures": ["BertForMaskedLM"]"#,
            r#""model_type": "bert", "pre_layer_norm": true, "position_embedding_type": "rotary""#,
            r#""model_type": "esm", "token_dropout": true"#,
            r#""model_type": "esm", "position_embedding_type": "rotary", "add_bias_fnn": false"#,
            r#""alibi_starting_size": 16"#,
            r#""model_type": "big_bird", "block_size": 1, "num_random_blocks": 0"#,
        ];
        let sizes = r#""vocab_size": 12, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
            "intermediate_size": 24, "layer_norm_eps": 1e-6, "pad_token_id": 3, "max_position_embeddings": 16"#;
        let parsed = |family| Config::parse(format!("{{{family}, {sizes}}}").as_bytes(), "here").expect(family);
        families.into_iter().map(parsed).collect()
    }

    /// The gradients at all weights, one after the other.
    fn flattened(network: &Network, gradients: &GradientsParams) -> Vec<f32> {
        let mut all = Collected { gradients, values: Vec::new() };
        network.visit(&mut all);
        all.values
    }

    struct Collected<'a> {
        gradients: &'a GradientsParams,
        values: Vec<f32>,
    }

    impl burn::module::ModuleVisitor for Collected<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            assert_eq!(self.gradients.get::<D>(param.id).is_some(), param.is_require_grad(), "what is learnt counts");
            let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
            self.values.extend(gradient.into_data().try_to_vec::<f32>().expect("floats"));
        }
    }

    #[test]
    fn layer_by_layer_gives_the_gradients_of_the_whole() {
        let device = Device::flex().autodiff();
        for (config, fixed) in configs().into_iter().flat_map(|config| [(config.clone(), false), (config, true)]) {
            let mut network = Network::load(&config, &mut Weights::random(7, &device));
            if fixed {
                let tables: Vec<_> = network.queries_and_values().iter().flatten().map(|of| of.table.id).collect();
                network = learning_classes_and(network, &tables);
            }
            let real = [true, true, true, true, true, true, true, true, true, true, false, false];
            let segments = Segments::from_mask(real, 6).expect("two rows");
            let tokens = Tokens::new([2, 5, 6, 7, 8, 1, 2, 9, 10, 4, 3, 3], 6, Some(segments));
            let conduct = Conduct::default();
            let batch = Batch { tokens: &tokens, conduct: &conduct };
            let loss = |states: Tensor<3>| {
                let pooled = network.pooled(&states).map(|pooled| (pooled.clone() * pooled).mean());
                let logits = network.token_logits(states.flatten(0, 1)).expect("it predicts tokens");
                let mean = (logits.clone() * logits).mean();
                pooled.map_or(mean.clone(), |pooled| mean + pooled)
            };
            let [(whole, at_once), (parts, by_layers)] =
                [gradients(&network, &batch, loss), by_layers(&network, &batch, loss)];
            let [whole, parts]: [f32; 2] = [whole, parts].map(|loss| loss.into_scalar());
            // Both ways add the same numbers, though the tiles of products, and so the order of sums, may differ.
            assert!((whole - parts).abs() <= 1e-6 * whole.abs(), "{config:?}: {whole} {parts}");
            let [at_once, by_layers] = [at_once, by_layers].map(|gradients| flattened(&network, &gradients));
            let largest = at_once.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            let fewest = if fixed { 2 * 3 * 16 * 16 } else { 3_000 };
            assert!(at_once.len() >= fewest && largest > 0.0, "{} gradients up to {largest}", at_once.len());
            for (at_once, by_layers) in at_once.iter().zip(&by_layers) {
                assert!((at_once - by_layers).abs() < 1e-6 * largest.max(1.0), "{at_once} {by_layers}");
            }
        }
    }
}
