//! Regions of interest: stretches that the user has marked, named and noted.

use strandscope_worker::genome::Region;

use super::State;

/// A region of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its number; never given twice.
    pub(crate) id: u64,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) note: String,
    /// A word that marks of a kind share.
    pub(crate) tag: String,
    /// Which of the theme's track colours it has.
    pub(crate) colour: usize,
}

/// All regions of interest, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) list: Vec<Mark>,
    next: u64,
}

impl Marks {
    /// Marks a region and gives its number.
    pub(crate) fn add(&mut self, region: Region, name: String, note: String, tag: String) -> u64 {
        const COLOURS: usize = 6;
        self.next += 1;
        let colour = usize::try_from(self.next).unwrap_or(0) % COLOURS;
        self.list.push(Mark { id: self.next, region, name, note, tag, colour });
        self.next
    }

    /// Puts a changed mark in the place of the one of its number.
    pub(crate) fn change(&mut self, changed: Mark) {
        if let Some(mark) = self.list.iter_mut().find(|mark| mark.id == changed.id) {
            *mark = changed;
        }
    }

    /// Takes a mark away.
    pub(crate) fn remove(&mut self, id: u64) {
        self.list.retain(|mark| mark.id != id);
    }

    /// The marks that overlap a region.
    pub(crate) fn overlapping(&self, contig: &str, start_bp: u64, end_bp: u64) -> impl Iterator<Item = &Mark> {
        let here = move |mark: &&Mark| {
            mark.region.contig == contig && mark.region.end_bp > start_bp && mark.region.start_bp < end_bp
        };
        self.list.iter().filter(here)
    }

    /// All of them as a BED file with notes and tags in columns of their own.
    pub(crate) fn bed(&self) -> String {
        let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        let mut marks: Vec<&Mark> = self.list.iter().collect();
        marks.sort_by(|a, b| {
            (&a.region.contig, a.region.start_bp, a.region.end_bp).cmp(&(
                &b.region.contig,
                b.region.start_bp,
                b.region.end_bp,
            ))
        });
        let mut text = String::from("#contig\tstart\tend\tname\tscore\tstrand\tnote\ttag\n");
        for mark in marks {
            let Region { contig, start_bp, end_bp } = &mark.region;
            let (name, note, tag) = (clean(&mark.name), clean(&mark.note), clean(&mark.tag));
            text += &format!("{contig}\t{start_bp}\t{end_bp}\t{name}\t0\t.\t{note}\t{tag}\n");
        }
        text
    }
}

impl State {
    /// Marks what the active locus shows, or the one base in its middle.
    pub(crate) fn mark_view(&mut self, whole: bool) {
        let Some(genome) = &self.genome else { return };
        let mut region = genome.region();
        if !whole {
            let middle_bp = u64::midpoint(region.start_bp, region.end_bp.saturating_sub(1));
            (region.start_bp, region.end_bp) = (middle_bp, middle_bp + 1);
        }
        self.mark(region, String::new());
    }

    /// Marks a region; one without a name gets a number.
    pub(crate) fn mark(&mut self, region: Region, name: String) {
        let name = if name.is_empty() { format!("region {}", self.marks.list.len() + 1) } else { name };
        self.message = Some(format!("Marked {region}"));
        self.marks.add(region, name, String::new(), String::new());
    }

    /// Marks the features of a file that are in view, with their names and, from a file of marks, notes and tags.
    pub(crate) fn mark_features(&mut self, file: u64) {
        const MOST: usize = 1_000;
        let Some((genome, file)) = self.genome.as_ref().zip(self.file(file)) else { return };
        let contig = genome.contig().name.clone();
        let features = file.features_in_view(genome.record(), genome.view().range_bp());
        let message = match features.len() {
            all if all > MOST => format!("Marked the first {MOST} of {all} features in view; zoom in for the others"),
            1 => "Marked 1 feature".to_owned(),
            all => format!("Marked {all} features"),
        };
        let features: Vec<_> = features.into_iter().take(MOST).cloned().collect();
        self.message = Some(message);
        for feature in features {
            let region = Region::new(&contig, feature.start_bp, feature.end_bp);
            let attribute = |key: &str| feature.attribute(key).unwrap_or_default().to_owned();
            self.marks.add(region, feature.name.clone(), attribute("note"), attribute("tag"));
        }
    }

    /// Shows each mark as a locus of its own.
    pub(crate) fn show_marks(&mut self) {
        let Some(genome) = &mut self.genome else { return };
        let place = |mark: &Mark| {
            let margin_bp = (mark.region.len_bp() / 4).max(20);
            let start_bp = mark.region.start_bp.saturating_sub(margin_bp);
            Some((genome.record_named(&mark.region.contig)?, start_bp, mark.region.end_bp + margin_bp))
        };
        let places: Vec<(usize, u64, u64)> = self.marks.list.iter().filter_map(place).collect();
        genome.show_places(&places);
        genome.linked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_written_as_bed_in_order() {
        let mut marks = Marks::default();
        marks.add(Region::new("chr2", 5, 9), "b".into(), "two\twords".into(), "todo".into());
        let first = marks.add(Region::new("chr1", 0, 4), "a".into(), String::new(), String::new());
        let lines: Vec<String> = marks.bed().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(lines, ["chr1\t0\t4\ta\t0\t.\t\t", "chr2\t5\t9\tb\t0\t.\ttwo words\ttodo"], "0-based, sorted");
        assert_eq!(marks.overlapping("chr1", 3, 10).count(), 1, "one overlaps");
        assert_eq!(marks.overlapping("chr1", 4, 10).count(), 0, "its end does not belong to it");
        marks.remove(first);
        assert_eq!(marks.list.len(), 1, "the other stays");
    }
}
