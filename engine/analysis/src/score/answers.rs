//! What windows give, computed.

use std::ops::Range;

use strandscope_genome::{Strand, reverse_complement};
use strandscope_models::{ModelError, card::HeadKind};
use strandscope_tokens::covering;

use super::{
    parts::Gap,
    run::{BatchAnswers, Run},
};
use crate::{
    AnalysisError,
    batch::is_base,
    between::Between,
    windows::{Bins, inside},
};

/// A window with a larger share of unknown letters than one in this many has no answer.
const UNKNOWN_SHARE: usize = 10;

/// Windows of so few bases are not halved, whatever a model says of their tokens.
const SHORTEST_HALVED_BP: usize = 64;

/// What halves of a window read of each other, as a share of a half.
const HALF_FLANK_SHARE: usize = 4;

/// The answers of one strand for windows of equal length: `[window, base or bin, label]`, in the forward direction.
type Answers = Vec<Vec<Vec<f32>>>;

impl Run<'_, '_> {
    /// A batch of overlapping windows.
    pub(super) fn answers_of_tiles(
        &mut self,
        batch: &Range<u64>,
        context_bp: u64,
    ) -> Result<BatchAnswers, AnalysisError> {
        let windows: Vec<Range<u64>> = batch.clone().filter_map(|number| self.grid().window(number)).collect();
        let strands = self.answers_of_strands(&windows, context_bp)?;
        let flat = |strand: Answers| strand.into_iter().map(|places| places.concat()).collect();
        Ok(BatchAnswers { gaps: vec![None; windows.len()], strands: strands.into_iter().map(flat).collect() })
    }

    /// A batch of windows around the centres of bins.
    pub(super) fn answers_of_bins(&mut self, batch: &Range<u64>, bins: &Bins) -> Result<BatchAnswers, AnalysisError> {
        let places: Vec<_> = batch.clone().map(|number| bins.window(number)).collect();
        let windows: Vec<_> = places.iter().flatten().cloned().collect();
        let mut gaps = Vec::with_capacity(places.len());
        let mut read = Vec::with_capacity(windows.len());
        let mut bases = self.read(&windows)?.into_iter();
        for place in &places {
            let window = place.as_ref().and_then(|_| bases.next());
            let gap = window.as_ref().map_or(Ok(Some("contig_end")), |window| self.gap_of(window))?;
            gaps.push(gap);
            read.extend(window.filter(|_| gap.is_none()));
        }
        let mut strands = Vec::new();
        for strand in self.strands() {
            self.done(windows.len() - read.len(), 0)?;
            let found = if read.is_empty() { Vec::new() } else { self.answers(&read, *strand)? };
            let mut found = found.into_iter().flatten();
            let missing = || vec![f32::NAN; self.labels()];
            let rows = gaps.iter().map(|gap| gap.map_or_else(|| found.next(), |_| None).unwrap_or_else(missing));
            strands.push(rows.collect());
        }
        Ok(BatchAnswers { gaps, strands })
    }
    /// Why a window has no answer, where the head cannot read it.
    fn gap_of(&self, window: &[u8]) -> Result<Gap, AnalysisError> {
        if is_too_unknown(window) {
            return Ok(Some("n_run"));
        }
        let fits = |strand: &Strand| match strand {
            Strand::Forward => self.predictor.fits(window),
            Strand::Reverse => self.predictor.fits(&reverse_complement(window)),
        };
        for strand in self.strands() {
            if !fits(strand)? {
                return Ok(Some("too_many_tokens"));
            }
        }
        Ok(None)
    }

    fn read(&mut self, windows: &[Range<u64>]) -> Result<Vec<Vec<u8>>, AnalysisError> {
        let (Some(first), Some(last)) = (windows.first(), windows.last()) else { return Ok(Vec::new()) };
        let bases = self.host.bases(first.start..last.end)?;
        let at = |position: u64| usize::try_from(position - first.start).unwrap_or(usize::MAX);
        Ok(windows.iter().map(|window| bases[at(window.start)..at(window.end)].to_vec()).collect())
    }

    /// Answers for bases of windows of equal length, for each strand.
    fn answers_of_strands(&mut self, windows: &[Range<u64>], context_bp: u64) -> Result<Vec<Answers>, AnalysisError> {
        let strands = self.strands().iter();
        if self.predictor.head.card.context_bp.is_some() {
            return strands.map(|strand| self.answers_between(windows, context_bp, *strand)).collect();
        }
        let bases = self.read(windows)?;
        strands.map(|strand| self.answers(&bases, *strand)).collect()
    }

    /// Answers for stretches that are read between their contexts.
    fn answers_between(
        &mut self,
        windows: &[Range<u64>],
        context_bp: u64,
        strand: Strand,
    ) -> Result<Answers, AnalysisError> {
        let mut all = Vec::with_capacity(windows.len());
        for window in windows {
            let around = window.start.saturating_sub(context_bp)..(window.end + context_bp).min(self.plan.contig_bp);
            let (mut bases, mut stretch) = (self.host.bases(around.clone())?, inside(&around, window));
            if strand == Strand::Reverse {
                bases = reverse_complement(&bases);
                stretch = bases.len() - stretch.end..bases.len() - stretch.start;
            }
            let context = usize::try_from(context_bp).unwrap_or(usize::MAX);
            let (mut answers, mut unknown_bp) = (Vec::with_capacity(stretch.len()), 0);
            // Where a stretch has more tokens than are read at once, its rest is a stretch of its own.
            while answers.len() < stretch.len() {
                let rest = stretch.start + answers.len()..stretch.end;
                let prediction = self.predictor.predict_between(&Between::new(&bases, rest, context))?;
                unknown_bp = unknown_bp.max(prediction.unknown_bp);
                let found = spread(&prediction.values[0], &prediction.spans[0]);
                assert!(!found.is_empty(), "a stretch between contexts has a token at least");
                answers.extend(found);
            }
            self.done(1, unknown_bp)?;
            if strand == Strand::Reverse {
                answers.reverse();
            }
            all.push(answers);
        }
        Ok(all)
    }

    fn answers(&mut self, windows: &[Vec<u8>], strand: Strand) -> Result<Answers, AnalysisError> {
        let turned: Vec<Vec<u8>>;
        let windows = match strand {
            Strand::Forward => windows,
            Strand::Reverse => {
                turned = windows.iter().map(|window| reverse_complement(window)).collect();
                &turned
            }
        };
        let slices: Vec<&[u8]> = windows.iter().map(Vec::as_slice).collect();
        let (mut values, unknown_bp) = self.answers_of(&slices)?;
        self.done(slices.len(), unknown_bp)?;
        for frame in 1..self.plan.frames.min(slices[0].len()) {
            let shifted: Vec<&[u8]> = slices.iter().map(|window| &window[frame..]).collect();
            let (more, _) = self.answers_of(&shifted)?;
            self.done(slices.len(), 0)?;
            values.iter_mut().zip(more).for_each(|(mean, more)| join(mean, &more, frame));
        }
        if strand == Strand::Reverse {
            values.iter_mut().for_each(|places| places.reverse());
        }
        Ok(values)
    }

    /// Answers for windows of equal length, and how many of their bases the model does not know.
    ///
    /// Windows with more tokens than the model has places for are read in halves that overlap.
    fn answers_of(&self, windows: &[&[u8]]) -> Result<(Answers, usize), AnalysisError> {
        let kind = self.predictor.head.card.kind;
        let prediction = match self.predictor.predict(windows) {
            Err(AnalysisError::Model(ModelError::TooLong { .. }))
                if kind != HeadKind::Sequence && windows[0].len() > SHORTEST_HALVED_BP =>
            {
                return self.answers_of_halves(windows);
            }
            prediction => prediction?,
        };
        let values = match kind {
            HeadKind::Token => {
                prediction.values.iter().zip(&prediction.spans).map(|(rows, spans)| spread(rows, spans)).collect()
            }
            HeadKind::Base | HeadKind::Sequence => prediction.values,
        };
        Ok((values, prediction.unknown_bp))
    }

    fn answers_of_halves(&self, windows: &[&[u8]]) -> Result<(Answers, usize), AnalysisError> {
        let half = windows[0].len() / 2;
        let flank = half / HALF_FLANK_SHARE;
        let first: Vec<&[u8]> = windows.iter().map(|window| &window[..half + flank]).collect();
        let second: Vec<&[u8]> = windows.iter().map(|window| &window[half - flank..]).collect();
        let (mut answers, unknown_bp) = self.answers_of(&first)?;
        let (rest, more_unknown_bp) = self.answers_of(&second)?;
        for (answers, rest) in answers.iter_mut().zip(rest) {
            answers.truncate(half);
            answers.extend(rest.into_iter().skip(flank));
        }
        Ok((answers, unknown_bp + more_unknown_bp))
    }
}

/// Whether too many letters of a window are no bases for a sequence head to answer.
fn is_too_unknown(window: &[u8]) -> bool {
    window.iter().filter(|letter| !is_base(**letter)).count() * UNKNOWN_SHARE > window.len()
}

/// Answers of tokens as answers of the bases they cover: for each base the mean over the tokens that cover it.
fn spread(rows: &[Vec<f32>], spans: &[Option<(usize, usize)>]) -> Vec<Vec<f32>> {
    let of_base = |tokens: Range<usize>| match &rows[tokens] {
        [row] => row.clone(),
        rows => {
            let labels = rows.first().map_or(0, Vec::len);
            (0..labels).map(|label| rows.iter().map(|row| row[label]).sum::<f32>() / rows.len() as f32).collect()
        }
    };
    covering(spans).into_iter().map(of_base).collect()
}

/// Takes the answers of one more frame, which begins so many bases later, into the means of those before it.
fn join(means: &mut [Vec<f32>], more: &[Vec<f32>], frame: usize) {
    for (mean, more) in means[frame..].iter_mut().zip(more) {
        mean.iter_mut().zip(more).for_each(|(mean, more)| *mean += (more - *mean) / (frame + 1) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_hold_a_few_unknown_letters() {
        assert!(!is_too_unknown(b"ACGTACGTAN"), "one in ten");
        assert!(is_too_unknown(b"ACGTACGTNN"), "two in ten");
    }

    #[test]
    fn frames_are_averaged_where_they_reach() {
        let mut means: Vec<Vec<f32>> = [3.0, 3.0, 3.0].map(|value| vec![value]).to_vec();
        join(&mut means, &[vec![5.0], vec![7.0]], 1);
        join(&mut means, &[vec![8.0]], 2);
        assert_eq!(means, [[3.0], [4.0], [6.0]]);
    }

    #[test]
    fn tokens_answer_for_their_bases() {
        let spans = [None, Some((0, 2)), Some((2, 3)), None];
        let rows: Vec<Vec<f32>> = [9.0, 1.0, 2.0, 9.0].map(|value| vec![value]).to_vec();
        assert_eq!(spread(&rows, &spans), [[1.0], [1.0], [2.0]]);
    }
}
