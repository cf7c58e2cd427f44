//! Features of a BigBed file, read by region.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    path::Path,
};

use super::{
    auto_sql::column_names,
    bbi::{Bbi, BbiContig, BbiKind, Fields, Stretch},
    bed_columns::Columns,
    bigwig::within_u32,
    bins::Cuts,
    kind::bbi_kind,
    names::{Reference, match_contigs},
    search::{Found, NameIndex, TooMany},
};
use crate::{Contig, Feature, GenomeError, Hooks, Region, error::Place, grouped};

/// Longest description of columns that is read.
const LONGEST_AUTO_SQL_BYTES: u64 = 1 << 20;
/// Bins a density may have.
const MOST_BINS: usize = 10_000_000;

/// An opened BigBed file.
#[derive(Debug)]
pub struct BigBed {
    bbi: Bbi,
    contigs: Vec<Contig>,
    /// Place of a contig among those of the file, and its length.
    places: HashMap<String, (usize, u64)>,
    columns: Columns,
    warnings: Vec<String>,
    /// Columns that could not be used, and in how many features so far.
    odd: BTreeMap<&'static str, u64>,
    names: Option<NameIndex>,
}

/// A feature as it lies in the file.
struct Record<'a> {
    contig: u32,
    start_bp: u32,
    end_bp: u32,
    rest: &'a [u8],
}

impl BigBed {
    /// Whether the file at `path` begins as BigBed does.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn is_one(path: &Path) -> Result<bool, GenomeError> {
        Ok(bbi_kind(path)? == Some(BbiKind::BigBed))
    }

    /// Opens the file at `path`; with a reference, its names and lengths of contigs hold.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no BigBed file or is damaged.
    pub fn open(path: &Path, reference: Option<Reference<'_>>) -> Result<Self, GenomeError> {
        let mut bbi = Bbi::open(path, BbiKind::BigBed)?;
        let columns = read_columns(&mut bbi)?;
        let found: Vec<_> = bbi.contigs.iter().map(|contig| (contig.name.as_str(), contig.length_bp.into())).collect();
        let matched = match_contigs(&found, reference);
        let place = |(contig, index): &(Contig, usize)| (contig.name.clone(), (*index, contig.length_bp));
        Ok(Self {
            places: matched.contigs.iter().map(place).collect(),
            contigs: matched.contigs.into_iter().map(|(contig, _)| contig).collect(),
            bbi,
            columns,
            warnings: matched.warnings,
            odd: BTreeMap::new(),
            names: None,
        })
    }

    /// The contigs that the file knows, under the names of the reference and in its order.
    pub fn contigs(&self) -> &[Contig] {
        &self.contigs
    }

    /// Names of the columns behind the third, as the file has them.
    pub fn columns(&self) -> &[String] {
        &self.columns.names
    }

    /// What is odd about the file as far as it has been read, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let odd = self.odd.iter().map(|(what, count)| {
            let count = grouped(*count);
            format!("The column '{what}' could not be used {count} times; it is shown as it stands.")
        });
        self.warnings.iter().cloned().chain(odd).collect()
    }

    /// How many features the file says it has.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn count(&mut self) -> Result<u64, GenomeError> {
        let bytes = self.bbi.read_at(self.bbi.header.data_at, 8)?;
        Ok(self.bbi.fields(&bytes).u64().unwrap_or(0))
    }

    /// The features that have a base of `start_bp..end_bp`, or lie empty in it or at its end, by their starts: the first `most` of them.
    ///
    /// # Errors
    ///
    /// When the contig is unknown, the region reaches past its end, or the file cannot be read, has changed or is
    /// damaged.
    pub fn features(
        &mut self,
        contig: &str,
        start_bp: u64,
        end_bp: u64,
        most: usize,
    ) -> Result<Vec<Feature>, GenomeError> {
        let (place, cuts) = self.cuts(contig, start_bp, end_bp, 1)?;
        let mut features = Vec::new();
        let columns = self.columns.clone();
        let mut odd = Vec::new();
        self.each_record(&place, &cuts, &mut Hooks::default(), |record| {
            if features.len() >= most {
                return ControlFlow::Break(());
            }
            let rest = String::from_utf8_lossy(record.rest);
            let (feature, unused) = columns.feature(record.start_bp.into(), record.end_bp.into(), &rest);
            odd.extend(unused);
            features.push(feature);
            ControlFlow::Continue(())
        })?;
        for what in odd {
            *self.odd.entry(what).or_default() += 1;
        }
        Ok(features)
    }

    /// How many features have a base in each of `bins` parts of `start_bp..end_bp`.
    ///
    /// # Errors
    ///
    /// As [`Self::features`], when there are no bins or more than 10,000,000, or when asked to stop.
    pub fn density(
        &mut self,
        contig: &str,
        start_bp: u64,
        end_bp: u64,
        bins: usize,
        hooks: &mut Hooks<'_>,
    ) -> Result<Vec<u32>, GenomeError> {
        let (place, cuts) = self.cuts(contig, start_bp, end_bp, bins)?;
        let mut steps = cuts.steps();
        self.each_record(&place, &cuts, hooks, |record| {
            // An empty feature counts where it lies.
            let touched =
                cuts.bins_of(record.start_bp.into(), u64::from(record.end_bp.max(record.start_bp.saturating_add(1))));
            if !touched.is_empty() {
                steps[touched.start] += 1;
                steps[touched.end] -= 1;
            }
            ControlFlow::Continue(())
        })?;
        Ok(cuts.running_sums(&steps))
    }

    /// The features whose names hold `text`, whatever its case: first those called so, then those that begin so.
    ///
    /// The names of all features are read the first time, which takes a while for large files.
    ///
    /// # Errors
    ///
    /// When the file has more than 2,000,000 features, cannot be read, has changed or is damaged, or when asked to stop.
    pub fn find(&mut self, text: &str, most: usize, hooks: &mut Hooks<'_>) -> Result<Vec<Found>, GenomeError> {
        self.bbi.check_unchanged()?;
        let names = match self.names.take() {
            Some(names) => names,
            None => self.read_names(hooks)?,
        };
        let found = self.names.insert(names).find(text, most, &self.contigs);
        Ok(found)
    }

    /// Features of a contig and the bases that at least one of them covers, for reports.
    pub(super) fn coverage(&mut self, contig: &str, hooks: &mut Hooks<'_>) -> Result<(u64, u64), GenomeError> {
        let Some(&(_, length_bp)) = self.places.get(contig).filter(|(_, length_bp)| *length_bp > 0) else {
            return Ok((0, 0));
        };
        let (place, cuts) = self.cuts(contig, 0, length_bp, 1)?;
        let (mut count, mut covered_bp, mut done_bp) = (0, 0, 0);
        self.each_record(&place, &cuts, hooks, |record| {
            count += 1;
            // The contig of a reference can be shorter than the file has it.
            let end_bp = u64::from(record.end_bp).min(length_bp);
            covered_bp += end_bp.saturating_sub(u64::from(record.start_bp).max(done_bp));
            done_bp = done_bp.max(end_bp);
            ControlFlow::Continue(())
        })?;
        Ok((count, covered_bp))
    }

    fn read_names(&mut self, hooks: &mut Hooks<'_>) -> Result<NameIndex, GenomeError> {
        let mut names = NameIndex::new(&self.columns.names);
        for (index, contig) in self.contigs.clone().iter().enumerate().filter(|(_, contig)| contig.length_bp > 0) {
            let (place, cuts) = self.cuts(&contig.name, 0, contig.length_bp, 1)?;
            let mut result = Ok(());
            self.each_record(&place, &cuts, hooks, |record| {
                result = names.add(index, record.start_bp, record.end_bp, &String::from_utf8_lossy(record.rest));
                if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            result.map_err(|TooMany(reason)| {
                GenomeError::unusable(self.bbi.path(), Place::Whole, reason, "go to a region instead")
            })?;
        }
        Ok(names)
    }

    /// Gives `visit` the features of a region by their starts, until it breaks off.
    fn each_record(
        &mut self,
        contig: &BbiContig,
        cuts: &Cuts,
        hooks: &mut Hooks<'_>,
        mut visit: impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), GenomeError> {
        self.bbi.check_unchanged()?;
        let (start_bp, end_bp) = (within_u32(cuts.start_bp), within_u32(cuts.end_bp));
        let stretch = Stretch { contig: contig.id, start_bp, end_bp };
        let blocks = self.bbi.find_blocks(self.bbi.header.index_at, stretch)?;
        let size_bytes = self.bbi.size_bytes();
        let mut last_start_bp = 0;
        self.bbi.each_block(&blocks, |bbi, place, block| {
            hooks.step(place.offset, size_bytes)?;
            let damaged = |reason: &str| bbi.damaged(place.offset, &format!("{reason} on contig '{}'", contig.name));
            let mut fields = bbi.fields(block);
            while !fields.rest().is_empty() {
                let record = Record::parse(&mut fields).ok_or_else(|| damaged("a feature is cut short"))?;
                if record.contig != contig.id {
                    continue;
                }
                if record.start_bp > record.end_bp || record.end_bp > contig.length_bp {
                    return Err(damaged("a feature ends past the end, or before it begins,"));
                }
                if record.start_bp < last_start_bp {
                    return Err(damaged("features are out of order"));
                }
                last_start_bp = record.start_bp;
                if record.is_in(start_bp, end_bp) && visit(&record).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The contig of the file, and the bins of a region that is known to lie on it.
    fn cuts(&self, contig: &str, start_bp: u64, end_bp: u64, bins: usize) -> Result<(BbiContig, Cuts), GenomeError> {
        let path = self.bbi.path().to_owned();
        let Some(&(index, length_bp)) = self.places.get(contig) else {
            let remedy = "choose a contig that the file has features for".to_owned();
            return Err(GenomeError::NoSuchContig { path, contig: contig.to_owned(), remedy });
        };
        if start_bp >= end_bp || end_bp > length_bp {
            let region = Region::new(contig, start_bp, end_bp);
            return Err(GenomeError::OutsideContig { path, region, length_bp });
        }
        if !(1..=MOST_BINS).contains(&bins) {
            let reason = format!("it cannot be shown in {} bins", grouped(bins as u64));
            let place = Place::Record(contig.to_owned());
            return Err(GenomeError::unusable(&path, place, reason, "ask for 1 to 10,000,000 bins"));
        }
        Ok((self.bbi.contigs[index].clone(), Cuts { start_bp, end_bp, count: bins }))
    }
}

impl<'a> Record<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let (contig, start_bp, end_bp) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let length = memchr::memchr(0, fields.rest())?;
        let rest = fields.bytes(length)?;
        fields.u8()?;
        Some(Self { contig, start_bp, end_bp, rest })
    }

    fn is_in(&self, start_bp: u32, end_bp: u32) -> bool {
        let is_empty_within = self.start_bp == self.end_bp && (start_bp..=end_bp).contains(&self.start_bp);
        is_empty_within || (self.start_bp < end_bp && self.end_bp > start_bp)
    }
}

fn read_columns(bbi: &mut Bbi) -> Result<Columns, GenomeError> {
    let count = usize::from(bbi.header.fields).saturating_sub(3);
    let mut text = String::new();
    if bbi.header.auto_sql_at != 0 {
        let at = bbi.header.auto_sql_at;
        let room = bbi.size_bytes().saturating_sub(at).min(LONGEST_AUTO_SQL_BYTES);
        let bytes = bbi.read_at(at, usize::try_from(room).unwrap_or(0))?;
        let end = memchr::memchr(0, &bytes).ok_or_else(|| bbi.damaged(at, "the names of columns have no end"))?;
        text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    }
    let (names, bed) = column_names(&text, count, bbi.header.defined_fields.into());
    Ok(Columns { names, bed })
}
