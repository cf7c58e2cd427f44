//! A file of values, whatever its format.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    bigwig::BigWig,
    bins::{Bin, Cuts, Tally},
    intervals::Intervals,
    kind::SignalKind,
    names::{Reference, match_contigs},
    refused::RefusedRows,
    text::{TextValues, read_text},
};
use crate::{Contig, GenomeError, Hooks, Region, Row, error::Place};

/// Bases whose values are given one by one.
const MOST_VALUES: u64 = 50_000_000;
/// Bins a summary may have.
const MOST_BINS: usize = 10_000_000;

/// Values along a genome, opened from a file of any [`SignalKind`].
///
/// ```
/// use strandscope_genome::Signal;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("coverage.bedgraph");
/// std::fs::write(&path, "chr1\t0\t4\t1.5\nchr1\t6\t8\t3\n")?;
/// let mut signal = Signal::open(&path, None, &mut Default::default())?;
/// let bins = signal.summary("chr1", 0, 8, 2)?;
/// assert_eq!((bins[0].mean, bins[1].max, bins[1].covered_bp), (1.5, 3.0, 2));
/// assert!(signal.values("chr1", 5, 7)?[0].is_nan(), "there is no value");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Signal {
    path: PathBuf,
    kind: SignalKind,
    contigs: Vec<Contig>,
    /// Place of a contig among those of the file.
    places: HashMap<String, (usize, u64)>,
    /// Whether `length_bp` of the contigs is more than where the values end.
    knows_lengths: bool,
    values: Values,
    refused: RefusedRows,
    warnings: Vec<String>,
    name: Option<String>,
    colour: Option<[u8; 3]>,
}

#[derive(Debug)]
enum Values {
    Memory(Vec<Intervals>),
    BigWig(BigWig),
}

impl Signal {
    /// Opens the file at `path`; with a reference, its names and lengths of contigs hold.
    ///
    /// Rows of text that cannot be used are [refused](Self::refused_rows), and the rest is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is of none of the formats, or is damaged.
    pub fn open(path: &Path, reference: Option<Reference<'_>>, hooks: &mut Hooks<'_>) -> Result<Self, GenomeError> {
        let kind = SignalKind::of(path)?.ok_or_else(|| {
            let reason = "it is not known as bedGraph, wig or BigWig";
            let remedy = "give such a file; rows of bedGraph need the ending .bedgraph or a line 'track type=bedGraph'";
            GenomeError::unusable(path, Place::Whole, reason, remedy)
        })?;
        Self::open_as(kind, path, reference, hooks)
    }

    /// Opens the file at `path`, which is of `kind` whatever it is called.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_as(
        kind: SignalKind,
        path: &Path,
        reference: Option<Reference<'_>>,
        hooks: &mut Hooks<'_>,
    ) -> Result<Self, GenomeError> {
        match kind {
            SignalKind::BigWig => Ok(Self::of_bigwig(path, BigWig::open(path)?, reference)),
            SignalKind::BedGraph | SignalKind::Wig => {
                Ok(Self::of_text(kind, path, read_text(path, reference, hooks)?, reference))
            }
        }
    }

    fn of_bigwig(path: &Path, file: BigWig, reference: Option<Reference<'_>>) -> Self {
        let found: Vec<_> =
            file.contigs().iter().map(|contig| (contig.name.as_str(), contig.length_bp.into())).collect();
        let matched = match_contigs(&found, reference);
        let mut signal = Self::empty(SignalKind::BigWig, path);
        signal.knows_lengths = true;
        signal.set_contigs(matched.contigs);
        signal.warnings = matched.warnings;
        signal.values = Values::BigWig(file);
        signal
    }

    fn of_text(kind: SignalKind, path: &Path, text: TextValues, reference: Option<Reference<'_>>) -> Self {
        let (names, values): (Vec<_>, Vec<_>) = text.contigs.into_iter().unzip();
        let values: Vec<_> = values.into_iter().map(Intervals::new).collect();
        let found: Vec<_> = names.iter().zip(&values).map(|(name, values)| (name.as_str(), values.end_bp())).collect();
        let mut signal = Self::empty(kind, path);
        signal.knows_lengths = reference.is_some();
        // Lengths are not in the file: those of the reference hold, without a warning.
        signal.set_contigs(match_contigs(&found, reference).contigs);
        signal.refused = text.refused;
        signal.warnings = text.warnings;
        signal.name = text.name;
        signal.colour = text.colour;
        signal.values = Values::Memory(values);
        signal
    }

    fn empty(kind: SignalKind, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            contigs: Vec::new(),
            places: HashMap::new(),
            knows_lengths: false,
            values: Values::Memory(Vec::new()),
            refused: RefusedRows::default(),
            warnings: Vec::new(),
            name: None,
            colour: None,
        }
    }

    fn set_contigs(&mut self, contigs: Vec<(Contig, usize)>) {
        let place = |(contig, index): &(Contig, usize)| (contig.name.clone(), (*index, contig.length_bp));
        self.places = contigs.iter().map(place).collect();
        self.contigs = contigs.into_iter().map(|(contig, _)| contig).collect();
    }

    /// The format.
    pub fn kind(&self) -> SignalKind {
        self.kind
    }

    /// The contigs that the file knows, under the names of the reference and in its order.
    ///
    /// Without a reference, the length of a contig of a text file is where its last value ends.
    pub fn contigs(&self) -> &[Contig] {
        &self.contigs
    }

    /// What is odd about the file, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Rows of a text file that are left out: at most the first 10,000 of [`Self::refused_count`].
    pub fn refused_rows(&self) -> &[Row] {
        &self.refused.rows
    }

    /// How many rows are left out.
    pub fn refused_count(&self) -> u64 {
        self.refused.count
    }

    /// What the `track` line calls it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Colour the `track` line asks for: red, green, blue.
    pub fn colour(&self) -> Option<[u8; 3]> {
        self.colour
    }

    /// Smallest and largest value of the whole file; `None` where there is no value.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has changed or is damaged.
    pub fn extent(&mut self) -> Result<Option<(f32, f32)>, GenomeError> {
        match &mut self.values {
            Values::BigWig(file) => file.extent(),
            Values::Memory(contigs) => {
                let mut all = Tally::default();
                contigs.iter().for_each(|values| all.add(&values.total()));
                Ok((all.covered_bp > 0.0).then_some((all.min, all.max)))
            }
        }
    }

    /// Smallest value, mean and largest value in each of `bins` parts of `start_bp..end_bp`.
    ///
    /// Text is summed up exactly. BigWig is summed up exactly where a bin is smaller than eight stretches of its finest
    /// zoom level; wider bins are made from [zoom levels](Self::zoom_bp), as other browsers do: a stretch that lies in
    /// two bins is shared out between them by its length, and its extremes count in both.
    ///
    /// # Errors
    ///
    /// When the contig is unknown, the region reaches past its end, there are no bins or more than 10,000,000, or the
    /// file cannot be read, has changed or is damaged.
    pub fn summary(&mut self, contig: &str, start_bp: u64, end_bp: u64, bins: usize) -> Result<Vec<Bin>, GenomeError> {
        let (index, cuts) = self.cuts(contig, start_bp, end_bp, bins)?;
        match &mut self.values {
            Values::Memory(contigs) => Ok(contigs[index].summary(&cuts)),
            Values::BigWig(file) => {
                let contig = file.contigs()[index].clone();
                file.summary(&contig, &cuts)
            }
        }
    }

    /// As [`Self::summary`], from each value however wide the bins are.
    ///
    /// # Errors
    ///
    /// As [`Self::summary`].
    pub fn exact_summary(
        &mut self,
        contig: &str,
        start_bp: u64,
        end_bp: u64,
        bins: usize,
    ) -> Result<Vec<Bin>, GenomeError> {
        let (index, cuts) = self.cuts(contig, start_bp, end_bp, bins)?;
        match &mut self.values {
            Values::Memory(contigs) => Ok(contigs[index].summary(&cuts)),
            Values::BigWig(file) => {
                let contig = file.contigs()[index].clone();
                file.exact_summary(&contig, &cuts)
            }
        }
    }

    /// Bases that one stretch of the zoom level has from which such a [`Self::summary`] is made; `None` where it is exact.
    pub fn zoom_bp(&self, start_bp: u64, end_bp: u64, bins: usize) -> Option<u32> {
        match &self.values {
            Values::BigWig(file) if start_bp < end_bp => file.zoom_for(&Cuts { start_bp, end_bp, count: bins }),
            _ => None,
        }
    }

    /// The value of each base of `start_bp..end_bp`, NaN where there is none.
    ///
    /// # Errors
    ///
    /// When the contig is unknown, the region reaches past its end or has more than 50,000,000 bases, or the file cannot
    /// be read, has changed or is damaged.
    pub fn values(&mut self, contig: &str, start_bp: u64, end_bp: u64) -> Result<Vec<f32>, GenomeError> {
        let (index, cuts) = self.cuts(contig, start_bp, end_bp, 1)?;
        let too_long = || {
            let reason = format!("{} bases are too many to give one by one", crate::grouped(cuts.len_bp()));
            GenomeError::unusable(&self.path, Place::Record(contig.to_owned()), reason, "ask for at most 50,000,000")
        };
        let length = Some(cuts.len_bp()).filter(|length_bp| *length_bp <= MOST_VALUES);
        let length = length.and_then(|length_bp| usize::try_from(length_bp).ok()).ok_or_else(too_long)?;
        let mut values = vec![f32::NAN; length];
        let mut fill = |from_bp: u64, to_bp: u64, value: f32| {
            let place = |position_bp: u64| usize::try_from(position_bp.saturating_sub(start_bp)).unwrap_or(length);
            let (from, to) = (place(from_bp).min(length), place(to_bp).min(length));
            values[from..to.max(from)].fill(value);
        };
        match &mut self.values {
            Values::Memory(contigs) => {
                for interval in contigs[index].within(start_bp, end_bp) {
                    fill(interval.start_bp.into(), interval.end_bp.into(), interval.value);
                }
            }
            Values::BigWig(file) => {
                let contig = file.contigs()[index].clone();
                file.each_value(&contig, start_bp, end_bp, &mut Hooks::default(), |from_bp, to_bp, value| {
                    fill(from_bp.into(), to_bp.into(), value);
                })?;
            }
        }
        Ok(values)
    }

    /// What all values of a contig come to, for reports.
    pub(super) fn tally(&mut self, contig: &str, hooks: &mut Hooks<'_>) -> Result<Tally, GenomeError> {
        let Some(&(index, length_bp)) = self.places.get(contig) else { return Ok(Tally::default()) };
        match &mut self.values {
            Values::Memory(contigs) => Ok(contigs[index].total()),
            Values::BigWig(file) => {
                let contig = file.contigs()[index].clone();
                let mut total = Tally::default();
                file.each_value(&contig, 0, length_bp, hooks, |from_bp, to_bp, value| {
                    total.add(&Tally::of(value, (to_bp - from_bp).into()));
                })?;
                Ok(total)
            }
        }
    }

    /// The place of `contig` in the file, and the bins of a region that is known to lie on it.
    fn cuts(&self, contig: &str, start_bp: u64, end_bp: u64, bins: usize) -> Result<(usize, Cuts), GenomeError> {
        let unknown = || GenomeError::NoSuchContig {
            path: self.path.clone(),
            contig: contig.to_owned(),
            remedy: "choose a contig that the file has values for".to_owned(),
        };
        let &(index, length_bp) = self.places.get(contig).ok_or_else(unknown)?;
        if start_bp >= end_bp || (self.knows_lengths && end_bp > length_bp) {
            let region = Region::new(contig, start_bp, end_bp);
            return Err(GenomeError::OutsideContig { path: self.path.clone(), region, length_bp });
        }
        if !(1..=MOST_BINS).contains(&bins) {
            let place = Place::Record(contig.to_owned());
            let reason = format!("it cannot be shown in {} bins", crate::grouped(bins as u64));
            return Err(GenomeError::unusable(&self.path, place, reason, "ask for 1 to 10,000,000 bins"));
        }
        Ok((index, Cuts { start_bp, end_bp, count: bins }))
    }
}
