//! Scores of a region: windows through a head, stitched to tracks.

use std::ops::Range;

use strandscope_genome::{MissingRun, Region, Strand, Track, TrackLayout, reverse_complement};
use strandscope_models::{
    ModelError,
    card::{HeadKind, StrandRule},
    memory::EncoderPass,
};
use strandscope_tokens::covering;

use crate::{
    AnalysisError,
    batch::is_base,
    between::Between,
    predict::Predictor,
    stitch::Stitcher,
    windows::{Bins, Tiling, inside},
};

/// Bases of the windows computed at once. A constant, so that results do not depend on the machine.
const BATCH_BP: u64 = 8192;

/// A window with a larger share of unknown letters than one in this many has no answer.
const UNKNOWN_SHARE: usize = 10;

/// Windows of so few bases are not halved, whatever a model says of their tokens.
const SHORTEST_HALVED_BP: usize = 64;

/// What halves of a window read of each other, as a share of a half.
const HALF_FLANK_SHARE: usize = 4;

/// How a region is scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScorePlan {
    /// Where.
    pub region: Region,
    /// Length of the contig.
    pub contig_bp: u64,
    /// Length of the windows.
    pub window_bp: u64,
    /// Step of a sequence head.
    pub stride_bp: u64,
    /// Average a symmetric head over both strands; add the reverse strand of a stranded one.
    pub both_strands: bool,
    /// In how many frames each window is read: with 2 also without its first base, and so on. The answers are averaged.
    pub frames: usize,
}

impl ScorePlan {
    /// Memory that the windows computed at once take, weights apart, in bytes; where the head reads tokens, the bases of
    /// [`Self::sample`] tell how many there are.
    ///
    /// # Errors
    /// When there are bytes in `sample` that stand for no base.
    pub fn pass_bytes(&self, predictor: &Predictor<'_>, sample: &[u8], on_gpu: bool) -> Result<u64, AnalysisError> {
        let window_bp = self.window_bp.min(self.contig_bp).max(1);
        let batch_bp = window_bp * (BATCH_BP / window_bp).max(1);
        // A short region has fewer windows than a batch takes.
        let bases = batch_bp.min(self.region.len_bp() + window_bp);
        let head = predictor.head;
        let mut bytes = head.config().map_or(0, |config| config.pass_bytes(bases));
        if head.reads_tokens() {
            let tokens = predictor.tokenizer.encode(sample)?.ids.len() as u64;
            let mut positions = (bases * tokens).div_ceil((sample.len() as u64).max(1));
            if head.card.context_bp.is_some() {
                positions = positions.min(predictor.between_tokens());
            }
            bytes += predictor.model.sizes().pass_bytes(&EncoderPass { positions, observed: None, on_gpu });
        }
        Ok(bytes)
    }

    /// Bases at the start of the region that tell how many tokens a window has.
    pub fn sample(&self) -> Range<u64> {
        self.region.start_bp..self.region.end_bp.min(self.region.start_bp.saturating_add(self.window_bp))
    }
}

/// What the caller gives and takes while a region is scored.
pub trait ScoreHost {
    /// The bases of a stretch of the contig.
    ///
    /// # Errors
    /// When they cannot be read.
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError>;

    /// Takes the next part of track `track` of the region.
    fn part(&mut self, track: usize, part: Track);

    /// Told after each batch; an error stops the work.
    ///
    /// # Errors
    /// [`AnalysisError::Cancelled`] when the work shall stop.
    fn done(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError>;
}

/// Name and strand of each track that a head gives, in the order of their numbers.
pub fn track_names(predictor: &Predictor<'_>, both_strands: bool) -> Vec<(String, Strand)> {
    let card = &predictor.head.card;
    let labels = || card.labels.iter().map(|label| label.name.clone());
    let mut names: Vec<_> = labels().map(|label| (label, Strand::Forward)).collect();
    if both_strands {
        match card.strand {
            StrandRule::Symmetric => {
                names.extend(labels().map(|label| (format!("{label}.disagreement"), Strand::Forward)))
            }
            StrandRule::Stranded => names.extend(labels().map(|label| (label, Strand::Reverse))),
        }
    }
    names
}

/// Number of windows that a plan takes, each strand counted.
pub fn window_count(predictor: &Predictor<'_>, plan: &ScorePlan) -> u64 {
    let Region { start_bp, end_bp, .. } = plan.region;
    let count = match predictor.head.card.kind {
        HeadKind::Sequence => {
            let bins = bins(plan);
            bins.numbers(start_bp, end_bp).filter(|number| bins.window(*number).is_some()).count() as u64
        }
        HeadKind::Base | HeadKind::Token => tiling(predictor, plan).windows(start_bp, end_bp).len() as u64,
    };
    count * plan.frames.max(1) as u64 * if plan.both_strands { 2 } else { 1 }
}

/// Scores a region; parts of tracks go to `host` in order.
///
/// # Errors
/// When bases cannot be read, the device fails, or the host stops the work.
pub fn score_region(
    predictor: &Predictor<'_>,
    plan: &ScorePlan,
    host: &mut dyn ScoreHost,
) -> Result<(), AnalysisError> {
    let mut run = Run { predictor, plan, host };
    match predictor.head.card.kind {
        HeadKind::Sequence => run.bins(),
        HeadKind::Base | HeadKind::Token => run.tiles(),
    }
}

fn tiling(predictor: &Predictor<'_>, plan: &ScorePlan) -> Tiling {
    match predictor.head.card.context_bp {
        // What is answered for; the context is read besides.
        Some(context_bp) => Tiling::new(plan.contig_bp, plan.window_bp.saturating_sub(2 * context_bp).max(1), 0),
        None => Tiling::new(plan.contig_bp, plan.window_bp, predictor.head.reach_bp() as u64),
    }
}

fn bins(plan: &ScorePlan) -> Bins {
    Bins { contig_bp: plan.contig_bp, window_bp: plan.window_bp, stride_bp: plan.stride_bp }
}

struct Run<'a, 'b> {
    predictor: &'a Predictor<'a>,
    plan: &'a ScorePlan,
    host: &'b mut dyn ScoreHost,
}

/// The answers of one strand for windows of equal length: `[window, base or bin, label]`, in the forward direction.
type Answers = Vec<Vec<Vec<f32>>>;

impl Run<'_, '_> {
    fn strands(&self) -> &'static [Strand] {
        if self.plan.both_strands { &[Strand::Forward, Strand::Reverse] } else { &[Strand::Forward] }
    }

    fn labels(&self) -> usize {
        self.predictor.head.card.labels.len()
    }

    /// A head that answers for bases or tokens: overlapping windows, stitched.
    fn tiles(&mut self) -> Result<(), AnalysisError> {
        let Region { start_bp, end_bp, .. } = self.plan.region;
        let tiling = tiling(self.predictor, self.plan);
        let windows: Vec<_> = tiling.windows(start_bp, end_bp).collect();
        let strands = self.strands();
        let mut stitchers: Vec<_> = strands.iter().map(|_| Stitcher::new(start_bp..end_bp, self.labels())).collect();
        for (group, next) in groups(&windows) {
            let answers = self.answers_of_strands(&windows[group.clone()])?;
            for (answers, stitcher) in answers.into_iter().zip(&mut stitchers) {
                for (window, answers) in windows[group.clone()].iter().zip(answers) {
                    for (position, values) in (window.start..window.end).zip(answers) {
                        stitcher.add(position, tiling.weight(window, position), &values);
                    }
                }
            }
            let settled = next.map_or(end_bp, |next| windows[next].start);
            let parts: Vec<_> = stitchers.iter_mut().map(|stitcher| stitcher.take(settled)).collect();
            if let Some(range) = parts.iter().flatten().map(|(range, _)| range.clone()).next() {
                let bases = self.host.bases(range.clone())?;
                let gaps: Vec<_> = bases.iter().map(|base| (!is_base(*base)).then_some("n_run")).collect();
                let answers = parts.into_iter().flatten().map(|(_, means)| means).collect();
                self.emit(&range, 1, answers, &gaps);
            }
        }
        Ok(())
    }

    /// A head that answers once for a window: one window around the centre of each bin.
    fn bins(&mut self) -> Result<(), AnalysisError> {
        let Region { start_bp, end_bp, .. } = self.plan.region;
        let bins = bins(self.plan);
        let per_batch = (BATCH_BP / self.plan.window_bp.max(1)).max(1);
        let numbers = bins.numbers(start_bp, end_bp);
        let mut first = numbers.start;
        while first < numbers.end {
            let batch = first..(first + per_batch).min(numbers.end);
            first = batch.end;
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
            let mut answers = Vec::new();
            for strand in self.strands() {
                self.host.done((windows.len() - read.len()) as u64, 0)?;
                let found = if read.is_empty() { Vec::new() } else { self.answers(&read, *strand)? };
                let mut found = found.into_iter().flatten();
                let missing = || vec![f32::NAN; self.labels()];
                let rows = gaps.iter().map(|gap| gap.map_or_else(|| found.next(), |_| None).unwrap_or_else(missing));
                answers.push(transposed(&rows.collect::<Vec<_>>(), self.labels()));
            }
            let range = (batch.start * bins.stride_bp).max(start_bp)..(batch.end * bins.stride_bp).min(end_bp);
            self.emit(&range, bins.stride_bp, answers, &gaps);
        }
        Ok(())
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
    fn answers_of_strands(&mut self, windows: &[Range<u64>]) -> Result<Vec<Answers>, AnalysisError> {
        let strands = self.strands().iter();
        if let Some(context_bp) = self.predictor.head.card.context_bp {
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
            self.host.done(1, unknown_bp as u64)?;
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
        self.host.done(slices.len() as u64, unknown_bp as u64)?;
        for frame in 1..self.plan.frames.min(slices[0].len()) {
            let shifted: Vec<&[u8]> = slices.iter().map(|window| &window[frame..]).collect();
            let (more, _) = self.answers_of(&shifted)?;
            self.host.done(slices.len() as u64, 0)?;
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

    /// Hands out the tracks of a stretch; `answers` is `[strand][label][base or bin]`, `gaps` as in [`missing_runs`].
    fn emit(&mut self, range: &Range<u64>, width_bp: u64, answers: Vec<Vec<Vec<f32>>>, gaps: &[Gap]) {
        let names = track_names(self.predictor, self.plan.both_strands);
        let values = match (&self.predictor.head.card.strand, answers.len()) {
            (StrandRule::Symmetric, 2) => averaged(&answers),
            _ => answers.into_iter().flatten().collect(),
        };
        for (number, ((label, strand), values)) in names.into_iter().zip(values).enumerate() {
            let part = self.part(range, width_bp, &label, strand, values, gaps);
            self.host.part(number, part);
        }
    }

    fn part(
        &self,
        range: &Range<u64>,
        width_bp: u64,
        label: &str,
        strand: Strand,
        mut values: Vec<f32>,
        gaps: &[Gap],
    ) -> Track {
        let region = Region::new(self.plan.region.contig.clone(), range.start, range.end);
        let missing = missing_runs(&mut values, gaps, range, width_bp);
        let card = &self.predictor.head.card;
        let unit = match card.activation {
            strandscope_models::card::Activation::Identity => "value",
            _ => "probability",
        };
        let name = format!("{} {label}", card.name);
        let layout = TrackLayout::Bins { width_bp };
        Track { name, label: label.to_owned(), unit: unit.to_owned(), region, strand, layout, values, missing }
    }
}

/// Why a base or bin has no answer, whatever the head says; `None` where the head decides.
type Gap = Option<&'static str>;

/// Takes out the values that are no answers and tells where they were and why; `gaps` has one entry for each value.
fn missing_runs(values: &mut [f32], gaps: &[Gap], range: &Range<u64>, width_bp: u64) -> Vec<MissingRun> {
    let mut missing: Vec<MissingRun> = Vec::new();
    for (index, (value, gap)) in values.iter_mut().zip(gaps).enumerate() {
        let Some(reason) = gap.or((!value.is_finite()).then_some("not_finite")) else { continue };
        *value = f32::NAN;
        // The first bin may begin before the region.
        let start_bp = if index == 0 { range.start } else { (range.start / width_bp + index as u64) * width_bp };
        let end_bp = ((range.start / width_bp + index as u64 + 1) * width_bp).min(range.end);
        match missing.last_mut() {
            Some(last) if last.end_bp == start_bp && last.reason == reason => last.end_bp = end_bp,
            _ => missing.push(MissingRun { start_bp, end_bp, reason: reason.to_owned() }),
        }
    }
    missing
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

/// `[row][label]` as `[label][row]`.
fn transposed(rows: &[Vec<f32>], labels: usize) -> Vec<Vec<f32>> {
    (0..labels).map(|label| rows.iter().map(|row| row[label]).collect()).collect()
}

/// Means of both strands for each label, then how far the strands lie apart.
fn averaged(strands: &[Vec<Vec<f32>>]) -> Vec<Vec<f32>> {
    let joined = |join: fn(f32, f32) -> f32| {
        let labels = strands[0].iter().zip(&strands[1]);
        labels.map(move |(forward, reverse)| forward.iter().zip(reverse).map(|(&a, &b)| join(a, b)).collect())
    };
    joined(|a, b| (a + b) / 2.0).chain(joined(|a, b| (a - b).abs())).collect()
}

/// Groups neighbouring windows of equal length into batches; with each, the number of the window behind it.
fn groups(windows: &[Range<u64>]) -> Vec<(Range<usize>, Option<usize>)> {
    let mut groups = Vec::new();
    let mut start = 0;
    while start < windows.len() {
        let length = windows[start].end - windows[start].start;
        let most = usize::try_from((BATCH_BP / length.max(1)).max(1)).unwrap_or(1);
        let equal = windows[start..].iter().take(most).take_while(|window| window.end - window.start == length).count();
        groups.push((start..start + equal, (start + equal < windows.len()).then_some(start + equal)));
        start += equal;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_windows_of_one_length() {
        let windows = [0..300, 200..600, 500..900, 800..1000];
        let groups = groups(&windows);
        assert_eq!(groups, [(0..1, Some(1)), (1..3, Some(3)), (3..4, None)]);
    }

    #[test]
    fn strands_are_averaged_and_their_disagreement_told() {
        let strands = [vec![vec![0.2, f32::NAN]], vec![vec![0.6, 0.5]]];
        let values = averaged(&strands);
        assert!((values[0][0] - 0.4).abs() < 1e-6, "mean");
        assert!((values[1][0] - 0.4).abs() < 1e-6, "difference");
        assert!(values[0][1].is_nan(), "missing on one strand is missing");
    }

    #[test]
    fn each_missing_value_has_its_own_reason() {
        let mut values = [f32::NAN, f32::NAN, 0.5, f32::INFINITY, 0.25, 0.75];
        let gaps = [Some("contig_end"), Some("n_run"), Some("n_run"), None, None, None];
        let found = missing_runs(&mut values, &gaps, &(15..65), 10);
        let run = |start_bp, end_bp, reason: &str| MissingRun { start_bp, end_bp, reason: reason.to_owned() };
        assert_eq!(found, [run(15, 20, "contig_end"), run(20, 40, "n_run"), run(40, 50, "not_finite")], "reasons");
        assert_eq!(values.map(f32::is_finite), [false, false, false, false, true, true], "what stays");
    }

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
