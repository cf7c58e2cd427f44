//! Things that are odd but can be read: counted, and told once each.

use crate::error::shortened;

/// Something odd in a FASTA file that changes no base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    ByteOrderMark,
    BlankLine,
    Blanks,
    UnevenLines,
    OldMacLineEnds,
    Gap,
    Star,
    Uracil,
    Ambiguous,
    EmptyRecord,
    NameNotUtf8,
    LongHeader,
}

const ALL: [Oddity; 12] = [
    Oddity::ByteOrderMark,
    Oddity::BlankLine,
    Oddity::Blanks,
    Oddity::UnevenLines,
    Oddity::OldMacLineEnds,
    Oddity::Gap,
    Oddity::Star,
    Oddity::Uracil,
    Oddity::Ambiguous,
    Oddity::EmptyRecord,
    Oddity::NameNotUtf8,
    Oddity::LongHeader,
];

/// How often each oddity was met, and where first.
#[derive(Debug, Default)]
pub(crate) struct Oddities {
    met: [Option<Met>; ALL.len()],
}

#[derive(Debug)]
struct Met {
    count: u64,
    line: u64,
    record: String,
}

impl Oddities {
    /// Notes `count` more of `oddity`.
    pub(crate) fn note(&mut self, oddity: Oddity, count: u64, line: u64, record: &str) {
        if count == 0 {
            return;
        }
        match &mut self.met[oddity as usize] {
            Some(met) => met.count += count,
            slot => *slot = Some(Met { count, line, record: record.to_owned() }),
        }
    }

    /// One sentence for each kind that was met.
    pub(crate) fn sentences(&self) -> Vec<String> {
        ALL.iter().filter_map(|&oddity| self.met[oddity as usize].as_ref().map(|met| sentence(oddity, met))).collect()
    }
}

fn sentence(oddity: Oddity, met: &Met) -> String {
    let Met { count, line, record } = met;
    let record = shortened(record);
    let first = format!("first at line {line}, record '{record}'");
    match oddity {
        Oddity::ByteOrderMark => "A UTF-8 byte-order mark before the first header was skipped.".into(),
        Oddity::BlankLine => format!("Blank lines inside sequences were skipped ({first})."),
        Oddity::Blanks => format!("Blanks or tabs in {count} sequence lines were skipped ({first})."),
        Oddity::UnevenLines => {
            format!(
                "Lines of unequal length in {count} records ({first}): read all the same, but samtools faidx refuses them."
            )
        }
        Oddity::OldMacLineEnds => {
            format!("Line ends are a carriage return alone (old Mac) in {count} lines ({first}).")
        }
        Oddity::Gap => format!("{count} gap characters '-' keep their places as unknown bases ({first})."),
        Oddity::Star => format!("{count} '*' characters keep their places as unknown bases ({first})."),
        Oddity::Uracil => format!("{count} letters 'U' (RNA) are read as T by models ({first})."),
        Oddity::Ambiguous => format!("{count} IUPAC ambiguity codes are unknown bases to models ({first})."),
        Oddity::EmptyRecord => format!("{count} records are empty, with no sequence at all ({first})."),
        Oddity::NameNotUtf8 => {
            format!("{count} record names hold bytes that are not UTF-8, shown as '\u{fffd}' ({first}).")
        }
        Oddity::LongHeader => {
            format!("{count} header lines are longer than 64 KiB; the rest of them was left out ({first}).")
        }
    }
}
