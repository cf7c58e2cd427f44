//! VCF: a feature for each alternate allele, over the bases of REF.

use super::{
    Flow, Format, Landmark, Setting,
    alleles::{check_alternate, check_reference, compare, kind_of},
    fields::{Refusal, judged, reported_row, score, too_few_columns, whole_number},
    unusable_line,
    vcf_header::Header,
};
use crate::{Feature, GenomeError, annotation::AnnotationKind, error::Place};

/// Reads the rows of a VCF file.
#[derive(Default)]
pub(in crate::annotation) struct Vcf {
    header: Header,
}

/// Where the bases of REF lie, 0-based and half-open.
struct Site {
    contig: u32,
    start_bp: u64,
    end_bp: u64,
}

impl Format for Vcf {
    fn line(&mut self, number: u64, line: &str, setting: &mut Setting<'_, '_>) -> Result<Flow, GenomeError> {
        const REMEDY: &str =
            "a VCF file begins with ##fileformat=VCFv4.x and has a line #CHROM POS ID … before its rows";
        if line.starts_with('#') {
            self.header.line(setting.path, number, line, &mut setting.notices)?;
            return Ok(Flow::More);
        }
        if self.header.columns == 0 {
            return Err(unusable_line(setting.path, number, "a row comes before any header line", REMEDY));
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let row = reported_row(number, line, &columns, 1, None);
        let reference = columns.get(3).copied().unwrap_or_default();
        let site = self.site(number, line, &columns, setting)?;
        // Without a fifth column there is still a row to report.
        for alternate in columns.get(4).copied().unwrap_or_default().split(',') {
            let mut row = row.clone();
            row.reference = (!reference.is_empty()).then(|| reference.to_owned());
            row.alternate = (!alternate.is_empty()).then(|| alternate.to_owned());
            let judgement = match &site {
                Ok(_) => check_alternate(reference, alternate),
                Err(refusal) => Err(refusal.clone()),
            };
            if let (Ok(site), Ok(())) = (&site, &judgement) {
                let feature = self.feature(number, &columns, site, alternate);
                setting.features.push((site.contig, feature));
            }
            (setting.rows)(judged(row, judgement));
        }
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>, setting: &mut Setting<'_, '_>) -> Result<(AnnotationKind, Vec<Landmark>), GenomeError> {
        self.check_header(setting)?;
        Ok((AnnotationKind::Vcf, Vec::new()))
    }
}

impl Vcf {
    /// Fails without a header; tells where it is not that of the reference.
    pub(in crate::annotation) fn check_header(&self, setting: &mut Setting<'_, '_>) -> Result<(), GenomeError> {
        if self.header.columns == 0 {
            let reason = "it has no header line #CHROM POS ID …, and no rows";
            return Err(GenomeError::unusable(setting.path, Place::Whole, reason, "export or download it again"));
        }
        setting.contigs.compare_lengths(&self.header.lengths, &mut setting.notices);
        Ok(())
    }

    /// Checks everything but the alternate alleles.
    fn site(
        &self,
        number: u64,
        line: &str,
        columns: &[&str],
        setting: &mut Setting<'_, '_>,
    ) -> Result<Result<Site, Refusal>, GenomeError> {
        let site = match self.place(line, columns, setting) {
            Ok(site) => site,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let bases = setting.contigs.bases(site.contig, site.start_bp, site.end_bp)?;
        if let Some(Err(refusal)) = bases.map(|bases| compare(columns[3], bases)) {
            return Ok(Err(refusal));
        }
        if score(columns[5]).is_err() {
            setting.notices.count("Values of QUAL that are no numbers are left out", number, columns[5]);
        }
        Ok(Ok(site))
    }

    fn place(&self, line: &str, columns: &[&str], setting: &mut Setting<'_, '_>) -> Result<Site, Refusal> {
        if columns.len() < self.header.columns {
            return Err(too_few_columns(line, columns.len(), "VCF", &self.header.columns.to_string()));
        }
        if columns.len() > self.header.columns {
            let reason = format!("it has {} columns, and the header line has {}", columns.len(), self.header.columns);
            return Err(Refusal::columns(reason, "take the tabs out of its values, or mend the header line"));
        }
        let position = whole_number(columns[1], "POS")?;
        if position == 0 {
            let reason = "POS is 0, before the first base: positions begin at 1, and 0 stands for the telomere";
            return Err(Refusal::coordinates(reason, "add 1 if the file counts from 0"));
        }
        let contig = setting.contigs.number(columns[0])?;
        setting.contigs.check_end(contig, position)?;
        check_reference(columns[3])?;
        let end_bp = position - 1 + columns[3].len() as u64;
        setting.contigs.check_end(contig, end_bp)?;
        Ok(Site { contig, start_bp: position - 1, end_bp })
    }

    fn feature(&self, number: u64, columns: &[&str], site: &Site, alternate: &str) -> Feature {
        let mut attributes = vec![("REF".to_owned(), columns[3].to_owned()), ("ALT".to_owned(), alternate.to_owned())];
        for (name, index) in [("ID", 2), ("QUAL", 5), ("FILTER", 6), ("INFO", 7)] {
            if columns[index] != "." {
                attributes.push((name.to_owned(), columns[index].to_owned()));
            }
        }
        if !self.header.samples.is_empty() {
            let genotypes = self.header.samples.iter().map(String::as_str).zip(&columns[9..]);
            let genotypes = std::iter::once(("FORMAT", &columns[8])).chain(genotypes);
            attributes.extend(genotypes.map(|(name, &text)| (name.to_owned(), text.to_owned())));
        }
        Feature {
            name: if columns[2] == "." { String::new() } else { columns[2].to_owned() },
            kind: kind_of(columns[3], alternate).to_owned(),
            start_bp: site.start_bp,
            end_bp: site.end_bp,
            score: score(columns[5]).unwrap_or_default(),
            attributes,
            line: number,
            ..Feature::default()
        }
    }
}
