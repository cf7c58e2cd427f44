//! The attention of a layer, as every architecture has it: what differs are the names of its tables and how places
//! enter.

use std::ops::Range;

use burn::{module::Param, tensor::Tensor};
use strandscope_kernels::{
    AttentionInput, PositionRule, Segments, Watch, add_linear, attention, attention_with_rows, linear,
};

use crate::{
    layers::Linear,
    pass::{Pass, Seen},
    rotary::Rotary,
};

/// Numbers of queries, keys and values that are held at once, where nobody looks on.
pub(crate) const MOST_PROJECTED: usize = 1 << 24;

/// Where queries, keys and values come from.
pub(crate) enum Qkv<'a> {
    /// One table: the rows of all queries, then of all keys, then of all values.
    Fused(&'a Linear),
    /// A table each.
    Apart([&'a Linear; 3]),
}

/// Rows of a table that make the queries, or the values, of a layer.
pub struct Projection<'a> {
    /// The table, `[out, in]`.
    pub table: &'a Param<Tensor<2>>,
    /// The rows.
    pub rows: Range<usize>,
}

impl<'a> Qkv<'a> {
    /// What makes queries, and what makes values.
    pub(crate) fn queries_and_values(self) -> [Projection<'a>; 2] {
        let [query, value] = match self {
            Qkv::Fused(all) => [(all, 0), (all, 2)],
            Qkv::Apart([query, _, value]) => [(query, 0), (value, 0)],
        };
        [query, value].map(|(linear, part)| {
            let table = &linear.weight;
            let width = table.dims()[1];
            Projection { table, rows: part * width..(part + 1) * width }
        })
    }
}

/// The attention of a layer.
pub(crate) struct AttentionLayer<'a> {
    /// Where queries, keys and values come from.
    pub(crate) qkv: Qkv<'a>,
    /// What it gives goes through this.
    pub(crate) output: &'a Linear,
    /// Attention heads.
    pub(crate) heads: usize,
    /// How distance enters, for all heads.
    pub(crate) rule: PositionRule,
    /// What turns queries and keys by their places.
    pub(crate) rotary: Option<&'a Rotary>,
}

impl AttentionLayer<'_> {
    /// What attention is computed from, of some attention heads.
    pub(crate) fn input(
        &self,
        states: Tensor<3>,
        heads: Range<usize>,
        segments: Option<&Segments>,
        watch: &Watch,
    ) -> AttentionInput {
        let [q, k, v] = self.projected(states, heads.clone(), watch);
        let turned = |x: Tensor<4>| match self.rotary {
            Some(rotary) => rotary.turned(x),
            None => x,
        };
        let rule = self.rule.of_heads(heads);
        AttentionInput { q: turned(q), k: turned(k), v, segments: segments.cloned(), rule }
    }

    /// Queries, keys and values of some attention heads, each `[batch, head, seq, d]`.
    fn projected(&self, states: Tensor<3>, heads: Range<usize>, watch: &Watch) -> [Tensor<4>; 3] {
        let [batch, seq, hidden] = states.dims();
        let width = hidden / self.heads;
        let by_head = |x: Tensor<3>, count: usize| x.reshape([batch, seq, count, width]).swap_dims(1, 2);
        let count = heads.len();
        let rows = heads.start * width..heads.end * width;
        match &self.qkv {
            Qkv::Fused(table) => {
                let parts = [0, 1, 2].map(|part| part * hidden + rows.start..part * hidden + rows.end);
                let all = by_head(rows_of(table, &parts, states, watch), 3 * count);
                [0, 1, 2].map(|part| all.clone().slice_dim(1, part * count..(part + 1) * count))
            }
            Qkv::Apart(tables) => {
                tables.map(|table| by_head(rows_of(table, std::slice::from_ref(&rows), states.clone(), watch), count))
            }
        }
    }

    /// Adds what attention gives for `states` to `x`.
    ///
    /// Where nobody looks on it goes group by group of attention heads, so that queries, keys and values of a long
    /// sequence are never in memory all at once.
    pub(crate) fn add(
        &self,
        mut x: Tensor<3>,
        states: &Tensor<3>,
        index: usize,
        segments: Option<&Segments>,
        pass: &mut Pass<'_>,
    ) -> Tensor<3> {
        let [batch, seq, hidden] = states.dims();
        let width = hidden / self.heads;
        let watch = &pass.conduct.watch;
        let fitting = (MOST_PROJECTED / (3 * batch * seq * width).max(1)).clamp(1, self.heads);
        let group = if pass.observe.is_some() { self.heads } else { fitting };
        let mut bias = self.output.bias.as_ref().map(Param::val);
        for first in (0..self.heads).step_by(group) {
            let heads = first..(first + group).min(self.heads);
            let columns = heads.start * width..heads.end * width;
            let input = self.input(states.clone(), heads, segments, watch);
            let (found, rows) = if pass.row_statistics {
                let (found, rows) = attention_with_rows(&input, &pass.conduct);
                (found, Some(rows))
            } else {
                (attention(&input, &pass.conduct), None)
            };
            if let Some(observe) = &mut pass.observe {
                observe(index, &Seen { input: &input, attention: &found, rows: rows.as_ref() });
            }
            drop(input);
            let weight = self.output.weight.val().slice_dim(1, columns);
            x = add_linear(x, gathered(found.out), weight, bias.take(), watch);
        }
        x
    }
}

/// What some rows of a table make of states.
fn rows_of(table: &Linear, rows: &[Range<usize>], states: Tensor<3>, watch: &Watch) -> Tensor<3> {
    let all: usize = rows.iter().map(Range::len).sum();
    if all == table.weight.dims()[0] {
        return table.forward_watched(states, watch);
    }
    let weight = rows.iter().map(|rows| table.weight.val().slice_dim(0, rows.clone())).collect();
    let bias = |bias: &Param<Tensor<1>>| rows.iter().map(|rows| bias.val().slice_dim(0, rows.clone())).collect();
    let bias = table.bias.as_ref().map(|all| Tensor::cat(bias(all), 0));
    linear(states, Tensor::cat(weight, 0), bias, watch)
}

/// `[batch, head, seq, d]` as `[batch, seq, head · d]`.
fn gathered(out: Tensor<4>) -> Tensor<3> {
    let [batch, heads, seq, width] = out.dims();
    out.swap_dims(1, 2).reshape([batch, seq, heads * width])
}
