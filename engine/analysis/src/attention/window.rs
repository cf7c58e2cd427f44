//! The attention of one window.

use std::ops::Range;

use burn::tensor::Tensor;
use strandscope_kernels::{Conduct, MeanOf, NO_PARTNER, PooledMap, RowStatistics, Statistics, partners, pooled_map};
use strandscope_models::{
    model::Model,
    pass::{Encoded, Pass, Seen},
    rmt::Piece,
};

use super::{AttentionMap, AttentionPairs, AttentionStat, MapPool, Partner, Placed};
use crate::{AnalysisError, batch::Batch};

/// A group of layers and a group of attention heads that are averaged.
pub(super) type Groups = (Range<usize>, Range<usize>);

/// What is told of a window, for each group.
pub(super) enum Answers {
    /// One value for each token of the core.
    Values(Vec<Vec<f32>>),
    /// A map, or the partners of the tokens of the core.
    Pairs(Vec<AttentionPairs>),
}

/// A window that is read at once or, by a network with recurrent memory, piece by piece: attention goes nowhere beyond
/// its piece.
pub(super) struct Window<'a> {
    model: &'a Model,
    batch: &'a Batch,
    /// The tokens of its core.
    placed: &'a [Placed],
    /// On the contig.
    core: Range<u64>,
    /// Where it begins, on the contig.
    start_bp: u64,
    conduct: &'a Conduct,
    /// The parts that are read at once.
    pieces: Vec<Piece>,
    /// For each token the piece that reads it and its place there; `None` for those around a sequence read in pieces.
    places: Vec<Option<(usize, usize)>>,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        model: &'a Model,
        batch: &'a Batch,
        placed: &'a [Placed],
        core: Range<u64>,
        start_bp: u64,
        conduct: &'a Conduct,
    ) -> Self {
        let pieces = model.network.pieces(batch.tokens().ids());
        let mut places = vec![None; batch.spans[0].len()];
        for (number, piece) in pieces.iter().enumerate() {
            for (offset, token) in piece.tokens.iter().enumerate() {
                places[*token] = Some((number, piece.first + offset));
            }
        }
        Self { model, batch, placed, core, start_bp, conduct, pieces, places }
    }

    /// What the statistic is, for each group. Once the work was stopped the answer means nothing.
    pub(super) fn answers(&self, stat: AttentionStat, groups: &[Groups]) -> Result<Answers, AnalysisError> {
        Ok(match stat {
            AttentionStat::Received => self.columns(groups, |_, _| true),
            // Each piece has a token before its part of the sequence.
            AttentionStat::Cls => self.columns(groups, |_, place| place == 0),
            AttentionStat::Row { position_bp } => {
                let token = self.places[self.token_at(position_bp)];
                self.columns(groups, |piece, place| token == Some((piece, place)))
            }
            AttentionStat::Entropy => self.rows(groups, |rows| &rows.entropy),
            AttentionStat::Distance => self.rows(groups, |rows| &rows.distance),
            AttentionStat::Rollout { position_bp } => {
                let start = position_bp.map_or(0, |position_bp| self.token_at(position_bp));
                Answers::Values(vec![self.of_core(&self.rollout(start))])
            }
            AttentionStat::Map { bins, pool } => Answers::Pairs(self.maps(bins, pool, groups)?),
            AttentionStat::Top { places } => {
                let places = places as usize;
                let found = self.of_groups(groups, &mut |_, layers, mean| partners(layers, mean, places));
                let lists = found.iter().map(|found| AttentionPairs::Partners(self.partners_of_core(found, places)));
                Answers::Pairs(lists.collect())
            }
        })
    }

    fn tokens(&self) -> usize {
        self.batch.spans[0].len()
    }

    /// All weight on one token.
    fn only(&self, token: usize) -> Vec<f32> {
        (0..self.tokens()).map(|other| if other == token { 1.0 } else { 0.0 }).collect()
    }

    /// The token that covers a position of the core.
    fn token_at(&self, position_bp: u64) -> usize {
        let covers = |placed: &&Placed| (placed.span_bp.0..placed.span_bp.1).contains(&position_bp);
        self.placed.iter().find(covers).map_or(0, |placed| placed.token)
    }

    fn of_core(&self, values: &[f32]) -> Vec<f32> {
        self.placed.iter().map(|placed| values[placed.token]).collect()
    }

    fn encode(&self, pass: &mut Pass<'_>) -> Encoded {
        self.model.network.encode(&self.batch.tokens(), pass)
    }

    /// Sums of probabilities over the queries that count, by piece and place.
    fn columns(&self, groups: &[Groups], counts: impl Fn(usize, usize) -> bool) -> Answers {
        let of_layer = &mut |piece: usize, seen: &Seen<'_>| {
            let [.., seq, _] = seen.input.q.dims();
            let weights: Vec<f32> = (0..seq).map(|place| if counts(piece, place) { 1.0 } else { 0.0 }).collect();
            self.statistics(seen).columns(&[&weights]).sums
        };
        self.means(groups, false, of_layer)
    }

    /// A statistic of each query.
    fn rows(&self, groups: &[Groups], of: fn(&RowStatistics) -> &Vec<f32>) -> Answers {
        let heads = self.model.sizes().num_attention_heads;
        let of_layer = &mut |_: usize, seen: &Seen<'_>| {
            let values = seen.rows.map(of).map_or(&[][..], Vec::as_slice);
            // From [seq, head] to [head, seq].
            (0..heads).flat_map(|head| values.iter().skip(head).step_by(heads).copied()).collect()
        };
        self.means(groups, true, of_layer)
    }

    /// Means over groups of what `of_layer` gives of a piece, `[head, place]`.
    fn means(
        &self,
        groups: &[Groups],
        row_statistics: bool,
        of_layer: &mut dyn FnMut(usize, &Seen<'_>) -> Vec<f32>,
    ) -> Answers {
        let mut pieces: Vec<Vec<Vec<f32>>> = Vec::new();
        let mut observe = |index: usize, seen: &Seen<'_>| {
            if index == 0 {
                pieces.push(Vec::new());
            }
            let asked = groups.iter().any(|(layers, _)| layers.contains(&index));
            let found = if asked { of_layer(pieces.len() - 1, seen) } else { Vec::new() };
            pieces.last_mut().expect("a layer 0 before all others").push(found);
        };
        let conduct = self.conduct.clone();
        self.encode(&mut Pass { conduct, row_statistics, observe: Some(&mut observe), ..Pass::default() });
        if self.conduct.watch.is_stopped() {
            return Answers::Values(Vec::new());
        }
        let attention_heads = self.model.sizes().num_attention_heads;
        let mean = |(of_layers, heads): &Groups| {
            let value = |placed: &Placed| {
                // A token that no piece reads takes part in nothing.
                let Some((piece, place)) = self.places[placed.token] else { return 0.0 };
                let of_layer = |layer: &Vec<f32>| -> f32 {
                    let seq = layer.len() / attention_heads;
                    heads.clone().map(|head| layer[head * seq + place]).sum()
                };
                let layers = &pieces[piece][of_layers.clone()];
                layers.iter().map(of_layer).sum::<f32>() / (of_layers.len() * heads.len()) as f32
            };
            self.placed.iter().map(value).collect()
        };
        Answers::Values(groups.iter().map(mean).collect())
    }

    /// What one token draws on through all layers, of each token.
    fn rollout(&self, start: usize) -> Vec<f32> {
        let watch = &self.conduct.watch;
        watch.stretch(0.0..0.5);
        let mut sums: Vec<Tensor<3>> = Vec::new();
        let mut observe = |_: usize, seen: &Seen<'_>| sums.push(seen.attention.log_sum_exp.clone());
        let conduct = self.conduct.clone();
        let encoded = self.encode(&mut Pass { conduct, hidden: true, observe: Some(&mut observe), ..Pass::default() });
        let tokens = self.batch.tokens();
        let mut found = self.only(start);
        watch.stretch(0.5..1.0);
        // Queries and keys are made again from the states: all layers' at once would take several times their memory.
        for (layer, log_sum_exp) in sums.iter().enumerate().rev() {
            let states = encoded.hidden[layer].clone();
            watch.part(sums.len() - 1 - layer, sums.len(), self.model.network.scores_of_layer(&states));
            let input = self.model.network.attention_input(layer, states, tokens.segments());
            found = Statistics::new(&input, log_sum_exp, self.conduct).rollout_step(&[&found]).remove(0);
        }
        found
    }

    /// What `of` makes of the layers of each group, piece by piece.
    fn of_groups<T>(&self, groups: &[Groups], of: &mut dyn FnMut(usize, &[&Statistics], &MeanOf) -> T) -> Vec<Vec<T>> {
        let mut layers: Vec<Option<Statistics>> = Vec::new();
        let mut found: Vec<Vec<T>> = groups.iter().map(|_| Vec::new()).collect();
        let mut observe = |index: usize, seen: &Seen<'_>| {
            if index == 0 {
                layers.clear();
            }
            let asked = groups.iter().any(|(layers, _)| layers.contains(&index));
            layers.push(asked.then(|| self.statistics(seen)));
            for ((of_layers, heads), found) in groups.iter().zip(&mut found) {
                if of_layers.end == index + 1 && !self.conduct.watch.is_stopped() {
                    let of_group: Vec<_> = layers[of_layers.clone()].iter().flatten().collect();
                    found.push(of(found.len(), &of_group, &MeanOf { row: 0, heads: heads.clone() }));
                }
            }
            // A layer that no later group averages is done with.
            for (layer, statistics) in layers.iter_mut().enumerate() {
                let needed = groups.iter().any(|(layers, _)| layers.contains(&layer) && layers.end > index + 1);
                *statistics = statistics.take().filter(|_| needed);
            }
        };
        let conduct = self.conduct.clone();
        self.encode(&mut Pass { conduct, observe: Some(&mut observe), ..Pass::default() });
        if self.conduct.watch.is_stopped() { Vec::new() } else { found }
    }

    fn statistics(&self, seen: &Seen<'_>) -> Statistics {
        Statistics::new(seen.input, &seen.attention.log_sum_exp, self.conduct)
    }

    /// Attention between bins of equal width.
    fn maps(&self, bins: u32, pool: MapPool, groups: &[Groups]) -> Result<Vec<AttentionPairs>, AnalysisError> {
        let length_bp = self.core.end - self.core.start;
        let bins = u64::from(bins);
        if bins == 0 || bins > length_bp {
            return Err(AnalysisError::Request(format!(
                "a map of {length_bp} bases has 1 to {length_bp} bins, not {bins}"
            )));
        }
        let edges_bp: Vec<u64> = (0..=bins).map(|bin| self.core.start + bin * length_bp / bins).collect();
        // A token belongs to the bin in which it begins.
        let first_token = self.placed.first().map_or(0, |placed| placed.token);
        let edges: Vec<usize> = edges_bp
            .iter()
            .map(|edge| first_token + self.placed.partition_point(|placed| placed.span_bp.0 < *edge))
            .collect();
        // The tokens of a piece follow each other in the row.
        let in_piece = |piece: &Piece| -> Vec<usize> {
            let edge = |edge: &usize| piece.first + piece.tokens.partition_point(|token| token < edge);
            edges.iter().map(edge).collect()
        };
        let of_pieces: Vec<Vec<usize>> = self.pieces.iter().map(in_piece).collect();
        let found = self.of_groups(groups, &mut |piece, layers, mean| pooled_map(layers, mean, &of_pieces[piece]));
        let counts: Vec<usize> = edges.windows(2).map(|edges| edges[1] - edges[0]).collect();
        let map = |found: &Vec<PooledMap>| {
            let values = pooled(&joined(found, counts.len()), &counts, pool);
            AttentionPairs::Map(AttentionMap { edges_bp: edges_bp.clone(), values })
        };
        Ok(found.iter().map(map).collect())
    }

    /// Partners of the tokens of the core, of a list `[place, partner]` for each piece.
    fn partners_of_core(&self, found: &[Vec<(u32, f32)>], places: usize) -> Vec<Partner> {
        let span_bp = |piece: usize, place: u32| {
            let Piece { first, tokens } = &self.pieces[piece];
            let token = tokens.get(usize::try_from(place).ok()?.checked_sub(*first)?)?;
            let (start, end) = self.batch.spans[0][*token]?;
            Some((self.start_bp + start as u64, self.start_bp + end as u64))
        };
        let of_token = |placed: &Placed| {
            let Some((piece, place)) = self.places[placed.token] else { return Vec::new() };
            let list = &found[piece][place * places..][..places];
            let real = list.iter().filter(|(partner, _)| *partner != NO_PARTNER);
            let span = placed.span_bp;
            real.map(|&(partner, weight)| Partner { span_bp: span, partner_bp: span_bp(piece, partner), weight })
                .collect::<Vec<_>>()
        };
        self.placed.iter().flat_map(of_token).collect()
    }
}

/// The maps of pieces as one: no probability leads from one to another.
fn joined(pieces: &[PooledMap], bins: usize) -> PooledMap {
    let mut all = PooledMap { sum: vec![0.0; bins * bins], max: vec![0.0; bins * bins] };
    for piece in pieces {
        all.sum.iter_mut().zip(&piece.sum).for_each(|(all, piece)| *all += piece);
        all.max.iter_mut().zip(&piece.max).for_each(|(all, piece)| *all = all.max(*piece));
    }
    all
}

/// What the cells of a map tell; `counts` are the tokens of each bin.
fn pooled(found: &PooledMap, counts: &[usize], pool: MapPool) -> Vec<f32> {
    let bins = counts.len();
    let cell = |place: usize| {
        let pairs = counts[place / bins] * counts[place % bins];
        match pool {
            _ if pairs == 0 => f32::NAN,
            MapPool::Mean => found.sum[place] / pairs as f32,
            MapPool::Max => found.max[place],
            MapPool::Sum => found.sum[place],
        }
    };
    (0..bins * bins).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_without_tokens_have_no_value() {
        let found = PooledMap { sum: vec![3.0, 0.0, 0.0, 0.0], max: vec![0.5, 0.0, 0.0, 0.0] };
        let values = pooled(&found, &[2, 0], MapPool::Mean);
        assert_eq!(values[0], 0.75, "a mean over four pairs");
        assert!(values[1..].iter().all(|value| value.is_nan()), "{values:?}");
        assert_eq!(pooled(&found, &[2, 0], MapPool::Max)[0], 0.5, "the largest");
        assert_eq!(pooled(&found, &[2, 0], MapPool::Sum)[0], 3.0, "all");
    }
}
