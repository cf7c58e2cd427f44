//! Low-rank changes to the tables of queries and values (LoRA, Hu et al. 2021, arXiv 2106.09685).
//!
//! A table `W` is used as `W + alpha / rank · up · down`, and the two factors alone are learnt. The network holds the
//! sums: what runs it knows nothing of factors, and what is written is a checkpoint like any other. The gradients at the
//! factors follow from that at the sum.

use std::ops::Range;

use burn::{
    module::{Module, ModuleMapper, Param, ParamId},
    optim::GradientsParams,
    tensor::Tensor,
};
use strandscope_models::{
    checkpoint::{Fill, Weights},
    network::{Network, Projection},
    trainable::learning_classes_and,
};

use crate::recipe::LoraRecipe;

/// What is learnt, in the order of [`Adapters::places`].
#[derive(Module, Debug)]
pub(super) struct Factors {
    layer: Vec<OfLayer>,
}

#[derive(Module, Debug)]
struct OfLayer {
    query: Pair,
    value: Pair,
}

/// The factors of a change of rank `rank`.
#[derive(Module, Debug)]
struct Pair {
    /// `[rank, in]`.
    down: Param<Tensor<2>>,
    /// `[out, rank]`.
    up: Param<Tensor<2>>,
}

/// Low-rank changes to a network.
pub(super) struct Adapters {
    pub(super) factors: Factors,
    /// Where the changes of each layer go: to queries, and to values.
    places: Vec<[Place; 2]>,
    /// The tables without changes, on a device that does not differentiate.
    tables: Vec<(ParamId, Tensor<2>)>,
    recipe: LoraRecipe,
}

/// Rows of a table.
struct Place {
    table: ParamId,
    rows: Range<usize>,
}

impl Adapters {
    /// Changes to a network that change nothing yet; the same `seed` draws the same factors.
    pub(super) fn drawn(network: &Network, recipe: &LoraRecipe, seed: u64) -> Self {
        let of = network.queries_and_values();
        // Not the numbers that layers of classes are drawn from.
        let mut weights = Weights::random(!seed, &network.device());
        let factors = Factors::load(of.len(), recipe.rank, network.hidden_size(), &mut weights);
        let mut tables: Vec<(ParamId, Tensor<2>)> = Vec::new();
        for Projection { table, .. } in of.iter().flatten() {
            // A table of queries, keys and values in one comes twice.
            if !tables.iter().any(|(id, _)| *id == table.id) {
                tables.push((table.id, table.val().inner()));
            }
        }
        let place = |Projection { table, rows }: Projection<'_>| Place { table: table.id, rows };
        let places = of.into_iter().map(|of_layer| of_layer.map(place)).collect();
        Self { factors, places, tables, recipe: recipe.clone() }
    }

    /// The same with factors from `weights`.
    pub(super) fn reloaded(self, network: &Network, weights: &mut Weights) -> Self {
        let factors = Factors::load(self.places.len(), self.recipe.rank, network.hidden_size(), weights);
        Self { factors, ..self }
    }

    /// The network with all fixed but what changes: its tables of queries and values, and its layers of classes.
    pub(super) fn fixing(&self, network: Network) -> Network {
        let ids: Vec<ParamId> = self.tables.iter().map(|(id, _)| *id).collect();
        learning_classes_and(network, &ids)
    }

    /// The network with these changes.
    pub(super) fn applied(&self, network: Network) -> Network {
        let changed = self.tables.iter().map(|(id, table)| (*id, self.changed(*id, table.clone())));
        network.map(&mut Replace(changed.collect()))
    }

    /// Whether a network has these changes, and is otherwise the one they were drawn for.
    pub(super) fn are_of(&self, network: &Network) -> bool {
        /// Far more than two devices differ by.
        const TOLERANCE: f32 = 1e-4;
        let largest = |table: Tensor<2>| table.abs().max().into_scalar::<f32>();
        let known = network.queries_and_values();
        known.iter().flatten().all(|Projection { table, .. }| {
            let Some((id, base)) = self.tables.iter().find(|(id, _)| *id == table.id) else { return false };
            let table = table.val().inner();
            let off = largest(self.changed(*id, base.clone()) - table.clone());
            off <= TOLERANCE * largest(table)
        })
    }

    /// A table with the changes to its rows.
    fn changed(&self, id: ParamId, mut table: Tensor<2>) -> Tensor<2> {
        for (Place { rows, .. }, pair) in self.pairs().filter(|(place, _)| place.table == id) {
            let change = pair.up.val().inner().matmul(pair.down.val().inner()) * self.scale();
            let sum = table.clone().slice_dim(0, rows.clone()) + change;
            let width = table.dims()[1];
            table = table.slice_assign([rows.clone(), 0..width], sum);
        }
        table
    }

    /// The gradients at the factors, of those at the tables of the network, which are taken away.
    ///
    /// With `G` at `W + scale · up · down` they are `scale · upᵀ · G` at `down` and `scale · G · downᵀ` at `up`.
    pub(super) fn gradients(&self, of_network: &mut GradientsParams) -> GradientsParams {
        let mut found = GradientsParams::new();
        for (table, _) in &self.tables {
            let Some(gradient) = of_network.remove::<2>(*table) else { continue };
            for (Place { rows, .. }, pair) in self.pairs().filter(|(place, _)| place.table == *table) {
                let gradient = gradient.clone().slice_dim(0, rows.clone()) * self.scale();
                found.register(pair.down.id, pair.up.val().inner().transpose().matmul(gradient.clone()));
                found.register(pair.up.id, gradient.matmul(pair.down.val().inner().transpose()));
            }
        }
        found
    }

    /// Where each change goes, and its factors.
    fn pairs(&self) -> impl Iterator<Item = (&Place, &Pair)> {
        let factors = self.factors.layer.iter().flat_map(|OfLayer { query, value }| [query, value]);
        self.places.iter().flatten().zip(factors)
    }

    fn scale(&self) -> f64 {
        self.recipe.alpha / self.recipe.rank as f64
    }
}

impl Factors {
    fn load(layers: usize, rank: usize, width: usize, weights: &mut Weights) -> Self {
        Self { layer: (0..layers).map(|layer| OfLayer::load(layer, rank, width, weights)).collect() }
    }
}

impl OfLayer {
    fn load(layer: usize, rank: usize, width: usize, weights: &mut Weights) -> Self {
        // As far spread as the uniform numbers that PEFT draws.
        let spread = Fill::Normal((3.0 * width as f32).sqrt().recip());
        let mut pair = |part: &str| Pair {
            down: weights.param(&format!("layer.{layer}.{part}.down"), [rank, width], spread),
            up: weights.param(&format!("layer.{layer}.{part}.up"), [width, rank], Fill::Zeros),
        };
        Self { query: pair("query"), value: pair("value") }
    }
}

/// Puts other values in the place of tables.
struct Replace(Vec<(ParamId, Tensor<2>)>);

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(at) = self.0.iter().position(|(id, _)| *id == param.id) else { return param };
        let (_, table) = self.0.swap_remove(at);
        let shape = param.dims();
        // A table has two axes: the shape is that which it has.
        param.map(|_| Tensor::from_inner(table.reshape(shape)).require_grad())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn gradients_at_factors_are_those_of_the_sum() {
        let device = Device::flex().autodiff();
        let tensor = |shape: [usize; 2], step: f32| {
            let values: Vec<f32> = (0..shape[0] * shape[1]).map(|at| (at as f32 * step).sin()).collect();
            Tensor::<2>::from_data(TensorData::new(values, shape), &device).require_grad()
        };
        let (table, of_sum) = (tensor([12, 4], 0.3), tensor([12, 4], 0.7).inner());
        let pair = |part: f32| Pair {
            down: Param::from_tensor(tensor([2, 4], 1.1 + part)),
            up: Param::from_tensor(tensor([4, 2], 1.3 + part)),
        };
        let id = ParamId::new();
        let adapters = Adapters {
            factors: Factors { layer: vec![OfLayer { query: pair(0.0), value: pair(0.1) }] },
            // Queries, keys and values in one table.
            places: vec![[0..4, 8..12].map(|rows| Place { table: id, rows })],
            tables: vec![(id, table.clone().inner())],
            recipe: LoraRecipe { rank: 2, alpha: 3.0 },
        };
        let mut of_network = GradientsParams::new();
        of_network.register(id, of_sum.clone());
        let found = adapters.gradients(&mut of_network);
        assert!(of_network.is_empty(), "taken away");
        let OfLayer { query, value } = &adapters.factors.layer[0];
        for (rows, Pair { down, up }) in [(0..4, query), (8..12, value)] {
            let change = up.val().matmul(down.val()) * 1.5;
            let sum = table.clone().slice_dim(0, rows.clone()) + change;
            let gradients = (sum * Tensor::from_inner(of_sum.clone().slice_dim(0, rows))).sum().backward();
            for factor in [down, up] {
                let want = factor.val().grad(&gradients).expect("it counts");
                let got = found.get::<2>(factor.id).expect("it is learnt");
                let off: f32 = (got - want).abs().max().into_scalar();
                assert!(off < 1e-6, "off by {off}");
            }
        }
    }
}
