//! GFF3 and GTF: rows of nine columns, counted from 1 with the last base included.

use super::{
    Flow, Format, Landmark, Setting,
    assembly::Assembly,
    attributes::{Attributes, Dialect, decoded, dialect_of, gff3_attributes, gtf_attributes, value},
    bed_shape::colour,
    fields::{Refusal, judged, reported_row, score, too_few_columns, whole_number},
    node::{Class, Node},
};
use crate::{GenomeError, Strand, annotation::AnnotationKind, error::shortened};

/// Reads the rows of a GFF3 or GTF file.
pub(super) struct Gff {
    /// How attributes are written, once a row has shown it.
    dialect: Option<Dialect>,
    kind: AnnotationKind,
    assembly: Assembly,
    /// Lengths of contigs that the file tells.
    lengths: Vec<(String, u64)>,
}

impl Gff {
    /// Begins with a file that seems to be of `kind`.
    pub(super) fn new(kind: AnnotationKind) -> Self {
        Self { dialect: None, kind, assembly: Assembly::default(), lengths: Vec::new() }
    }
}

impl Format for Gff {
    fn line(&mut self, number: u64, line: &str, setting: &mut Setting<'_, '_>) -> Result<Flow, GenomeError> {
        if line.starts_with('>') || line.trim_end() == "##FASTA" {
            return Ok(Flow::End);
        }
        if let Some(comment) = line.strip_prefix('#') {
            self.directive(comment);
            return Ok(Flow::More);
        }
        let mut columns: Vec<&str> = line.split('\t').collect();
        while columns.len() > 9 && columns.last().is_some_and(|column| column.trim().is_empty()) {
            columns.pop();
        }
        let mut row = reported_row(number, line, &columns, 3, Some(4));
        row.contig = decoded(&row.contig);
        let judgement = self.node(number, line, &columns, setting).map(|node| match self.dialect {
            Some(Dialect::Gtf) => self.assembly.add_gtf(node),
            _ => self.assembly.add(node),
        });
        (setting.rows)(judged(row, judgement));
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>, setting: &mut Setting<'_, '_>) -> Result<(AnnotationKind, Vec<Landmark>), GenomeError> {
        setting.contigs.compare_lengths(&self.lengths, &mut setting.notices);
        let landmarks = self.assembly.finish(&mut setting.features, &mut setting.notices);
        let kind = match self.dialect {
            Some(Dialect::Gff3) => AnnotationKind::Gff3,
            Some(Dialect::Gtf) => AnnotationKind::Gtf,
            None => self.kind,
        };
        Ok((kind, landmarks))
    }
}

impl Gff {
    /// Takes the length of a contig from `##sequence-region NAME 1 LENGTH`.
    fn directive(&mut self, comment: &str) {
        let mut words = comment.strip_prefix("#sequence-region").unwrap_or_default().split_ascii_whitespace();
        if let (Some(name), Some("1"), Some(Ok(length))) = (words.next(), words.next(), words.next().map(str::parse)) {
            self.lengths.push((decoded(name), length));
        }
    }

    fn node(
        &mut self,
        number: u64,
        line: &str,
        columns: &[&str],
        setting: &mut Setting<'_, '_>,
    ) -> Result<Node, Refusal> {
        let name = if self.dialect == Some(Dialect::Gtf) { "GTF" } else { "GFF3" };
        let &[contig, source, kind, start, end, score_text, strand_text, phase, attributes] = columns else {
            if columns.len() < 9 {
                return Err(too_few_columns(line, columns.len(), name, "9"));
            }
            let reason = format!("it has {} columns, 9 are expected", columns.len());
            return Err(Refusal::columns(reason, "take the tabs out of the attributes"));
        };
        let (start, end) = (whole_number(start, "start")?, whole_number(end, "end")?);
        if start == 0 {
            let reason = format!("its start is 0, and positions of {name} begin at 1");
            return Err(Refusal::coordinates(reason, "add 1 if the file counts from 0"));
        }
        if end < start {
            let reason = format!("its end {end} lies before its start {start}");
            return Err(Refusal::coordinates(
                reason,
                "write the smaller position first; the strand has its own column",
            ));
        }
        let contig = setting.contigs.number(&decoded(contig))?;
        setting.contigs.check_end(contig, end)?;
        let strand = strand(strand_text)?;
        let mut attributes = self.attributes(number, attributes.trim_end(), setting)?;
        if !matches!(phase, "0" | "1" | "2" | "." | "") {
            setting.notices.count("Phases other than 0, 1, 2 are of no use", number, phase);
        }
        let score = score(score_text).unwrap_or_else(|()| {
            setting.notices.count("Scores that are no numbers are left out", number, score_text);
            None
        });
        let kind = decoded(kind);
        if !matches!(source, "." | "") {
            attributes.push(("source".to_owned(), decoded(source)));
        }
        Ok(Node {
            contig,
            class: Class::of(&kind),
            kind,
            start_bp: start - 1,
            end_bp: end,
            strand,
            score,
            colour: value(&attributes, "color").and_then(colour_of),
            attributes,
            line: number,
            ..Node::default()
        })
    }

    /// The attributes of a row; all rows of a file write them in the same way.
    fn attributes(&mut self, number: u64, text: &str, setting: &mut Setting<'_, '_>) -> Result<Attributes, Refusal> {
        const REMEDY: &str = "write all rows in the same format";
        let seen = dialect_of(text);
        match (*self.dialect.get_or_insert_with(|| seen.unwrap_or(Dialect::Gff3)), seen) {
            (Dialect::Gff3, Some(Dialect::Gtf)) if text.contains('"') || !text.contains('=') => {
                let reason =
                    "its attributes are written as in GTF (key \"value\"), those of rows before as in GFF3 (key=value)";
                Err(Refusal::new("attributes", reason, REMEDY))
            }
            (Dialect::Gff3, _) => {
                let (attributes, odd) = gff3_attributes(text);
                if let Some(odd) = odd {
                    setting.notices.count("Attributes without '=' have no value", number, odd);
                }
                Ok(attributes)
            }
            (Dialect::Gtf, Some(Dialect::Gff3)) => {
                let reason =
                    "its attributes are written as in GFF3 (key=value), those of rows before as in GTF (key \"value\")";
                Err(Refusal::new("attributes", reason, REMEDY))
            }
            (Dialect::Gtf, _) => gtf_attributes(text),
        }
    }
}

fn strand(text: &str) -> Result<Option<Strand>, Refusal> {
    match text {
        "+" => Ok(Some(Strand::Forward)),
        "-" => Ok(Some(Strand::Reverse)),
        "." | "?" => Ok(None),
        _ => {
            let reason = format!("strand is '{}', and the column holds +, -, ? or .", shortened(text));
            Err(Refusal::columns(reason, "write +, -, ? or ."))
        }
    }
}

/// The colour that some programs write into the attributes: `#RRGGBB` or `R,G,B`.
fn colour_of(text: &str) -> Option<[u8; 3]> {
    let Some(digits) = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii()) else {
        return colour(text).ok()?;
    };
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}
