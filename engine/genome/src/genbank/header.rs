//! What a record says of itself before its features.

/// The LOCUS line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Locus {
    pub(super) name: String,
    pub(super) length_bp: u64,
    pub(super) is_circular: bool,
}

/// Why a LOCUS line is no use, and what to do.
pub(super) type Complaint = (String, &'static str);

const EXPORT_AGAIN: &str = "export the record again";

impl Locus {
    /// Reads what follows `LOCUS`. Columns differ between programs, so words count.
    pub(super) fn parse(text: &str) -> Result<Self, Complaint> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_unit = |word: &str| word.eq_ignore_ascii_case("bp") || word.eq_ignore_ascii_case("aa");
        // A name may be `bp` or hold one: the number goes before the unit.
        let unit = (1..words.len()).find(|&index| is_unit(words[index]) && words[index - 1].parse::<u64>().is_ok());
        let Some(unit) = unit else {
            let reason = if words.iter().any(|word| is_unit(word)) {
                "the LOCUS line has no length: name and number run together"
            } else {
                "the LOCUS line has no length in bp"
            };
            return Err((reason.to_owned(), "put a blank before the number of bases, and bp behind it"));
        };
        if words[unit].eq_ignore_ascii_case("aa") {
            let reason = format!("the record is a protein of {} amino acids", words[unit - 1]);
            return Err((reason, "export the nucleotide record"));
        }
        let length_bp = words[unit - 1].parse().map_err(|_| ("the length is no number".to_owned(), EXPORT_AGAIN))?;
        let is_circular = words[unit + 1..].iter().any(|word| word.eq_ignore_ascii_case("circular"));
        Ok(Self { name: words[..unit - 1].join(" "), length_bp, is_circular })
    }
}

/// Names and description of a record.
#[derive(Debug, Default)]
pub(super) struct Header {
    definition: String,
    accession: String,
    version: String,
    /// The part of a longer record that this one is, as the file has it.
    pub(super) region: Option<String>,
}

impl Header {
    /// Takes a line that begins with a keyword.
    pub(super) fn keyword(&mut self, keyword: &str, rest: &str) {
        let first = || rest.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        match keyword {
            "DEFINITION" => self.definition = rest.trim().to_owned(),
            "VERSION" => self.version = first(),
            "ACCESSION" => {
                self.accession = first();
                let region = rest.split_once("REGION:").map(|(_, region)| region.trim());
                self.region = region.and_then(|region| region.split_ascii_whitespace().next()).map(str::to_owned);
            }
            _ => {}
        }
    }

    /// Takes a further line of the definition.
    pub(super) fn more_definition(&mut self, text: &str) {
        self.definition.push(' ');
        self.definition.push_str(text.trim());
    }

    /// The name of the record, of which `locus` is the last resort.
    pub(super) fn name<'h>(&'h self, locus: &'h str) -> &'h str {
        let is_name = |name: &&str| !matches!(*name, "" | ".") && !name.eq_ignore_ascii_case("unknown");
        [self.version.as_str(), self.accession.as_str()].into_iter().find(is_name).unwrap_or(locus)
    }

    /// The definition without its full stop.
    pub(super) fn description(&self) -> String {
        self.definition.strip_suffix('.').unwrap_or(&self.definition).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_locus_line() {
        let parse = |text: &str| Locus::parse(text).map(|locus| (locus.name, locus.length_bp, locus.is_circular));
        let known = [
            ("NC_005816               9609 bp    DNA     circular BCT 21-JUL-2008", ("NC_005816", 9609, true)),
            ("SCU49845     5028 bp    DNA             PLN       21-JUN-1999", ("SCU49845", 5028, false)),
            ("New Plasmid   12 BP ds-DNA CIRCULAR", ("New Plasmid", 12, true)),
            ("bp 5 bp", ("bp", 5, false)),
            ("circular 5 bp DNA linear", ("circular", 5, false)),
            ("5 bp", ("", 5, false)),
        ];
        for (text, (name, length_bp, is_circular)) in known {
            assert_eq!(parse(text), Ok((name.to_owned(), length_bp, is_circular)), "{text}");
        }
        for (text, reason) in [
            ("P12345 120 aa linear", "protein"),
            ("NODE_1_length_1234561234 bp DNA", "run together"),
            ("", "no length"),
            ("A 99999999999999999999999 bp", "run together"),
        ] {
            assert!(parse(text).is_err_and(|(why, _)| why.contains(reason)), "{text}");
        }
    }

    #[test]
    fn names_in_order() {
        let mut header = Header::default();
        assert_eq!(header.name("L"), "L");
        header.keyword("ACCESSION", " NT_030059 REGION: 40427659..40532996 GPS_000125284");
        assert_eq!((header.name("L"), header.region.as_deref()), ("NT_030059", Some("40427659..40532996")));
        header.keyword("VERSION", " .");
        assert_eq!(header.name("L"), "NT_030059", "a full stop is no name");
        header.keyword("VERSION", " NT_030059.13  GI:224514917");
        assert_eq!(header.name("L"), "NT_030059.13");
        header.keyword("DEFINITION", " Homo sapiens chromosome 10,");
        header.more_definition("            GRCh37.p2.");
        assert_eq!(header.description(), "Homo sapiens chromosome 10, GRCh37.p2");
    }
}
