//! The ninth column of GFF3 and GTF.

use super::fields::Refusal;
use crate::error::shortened;

/// How attributes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::annotation) enum Dialect {
    /// `key=value;key=value`
    Gff3,
    /// `key "value"; key value;`
    Gtf,
}

/// Names and values, in the order of the file.
pub(super) type Attributes = Vec<(String, String)>;

/// How the attributes of a column are written; nothing where there are none that would tell.
pub(in crate::annotation) fn dialect_of(text: &str) -> Option<Dialect> {
    let text = text.trim_start();
    match text.find(['=', ' ', '"', ';'])? {
        at if text[at..].starts_with('=') => Some(Dialect::Gff3),
        at if text[at..].starts_with(' ') && is_word(&text[..at]) => Some(Dialect::Gtf),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Names whose values are lists: the commas between are not part of a value.
const LISTS: [&str; 5] = ["Parent", "Alias", "Dbxref", "dbxref", "Ontology_term"];

/// Attributes of GFF3. The second is a piece that is none, where there is one.
pub(super) fn gff3_attributes(text: &str) -> (Attributes, Option<&str>) {
    let mut attributes = Vec::new();
    let mut odd = None;
    if text == "." {
        return (attributes, odd);
    }
    for piece in text.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
        let Some((key, value)) = piece.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            odd = odd.or(Some(piece));
            attributes.push((decoded(piece), String::new()));
            continue;
        };
        let key = decoded(key.trim());
        if LISTS.contains(&key.as_str()) {
            attributes.extend(value.split(',').map(|value| (key.clone(), decoded(value))));
        } else {
            attributes.push((key, decoded(value)));
        }
    }
    (attributes, odd)
}

/// Attributes of GTF.
pub(super) fn gtf_attributes(text: &str) -> Result<Attributes, Refusal> {
    const REMEDY: &str = "write attributes as key \"value\"; with a semicolon after each";
    let refused = |reason: String| Refusal::new("attributes", reason, REMEDY);
    let mut attributes = Vec::new();
    let mut rest = text.trim_start_matches([' ', ';']).trim_end();
    if rest == "." {
        return Ok(attributes);
    }
    while !rest.is_empty() {
        let (key, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !is_word(key) {
            return Err(refused(format!("its attributes hold '{}' where GTF has key \"value\"", shortened(key))));
        }
        let after = after.trim_start();
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            let unfinished =
                || refused(format!("the value of attribute {} has no quotation mark at its end", shortened(key)));
            quoted.split_once('"').ok_or_else(unfinished)?
        } else {
            let (value, after) = after.split_once(';').unwrap_or((after, ""));
            (value.trim_end(), after)
        };
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start_matches([' ', ';']);
    }
    Ok(attributes)
}

/// Text with `%2C` and the like as the letters they stand for; what is no such escape stays.
pub(super) fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let digit = |byte: Option<&u8>| {
        byte.and_then(|&byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first value of a name.
pub(super) fn value<'a>(attributes: &'a [(String, String)], key: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(attributes: &Attributes) -> Vec<(&str, &str)> {
        attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn gff3_is_split_before_it_is_decoded() {
        let (attributes, odd) = gff3_attributes("ID=a%3Bb;Parent=m1,m%2C2; Note=50%25, or so;flag;Empty=;");
        let want =
            [("ID", "a;b"), ("Parent", "m1"), ("Parent", "m,2"), ("Note", "50%, or so"), ("flag", ""), ("Empty", "")];
        assert_eq!(pairs(&attributes), want);
        assert_eq!(odd, Some("flag"), "it has no value");
        assert_eq!(gff3_attributes("."), (Vec::new(), None));
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (text, want) in
            [("100%", "100%"), ("%zz%41", "%zzA"), ("%4", "%4"), ("%C3%A9", "é"), ("%ff", "\u{fffd}"), ("%é", "%é")]
        {
            assert_eq!(decoded(text), want, "{text}");
        }
    }

    #[test]
    fn gtf_values_may_hold_semicolons_and_need_no_quotation_marks() {
        let attributes = gtf_attributes("gene_id \"g;1\"; exon_number 2; tag \"basic\";tag \"CCDS\" ; note \"\"");
        let want = [("gene_id", "g;1"), ("exon_number", "2"), ("tag", "basic"), ("tag", "CCDS"), ("note", "")];
        assert_eq!(pairs(&attributes.expect("good attributes")), want);
        for odd in ["ID=g1", "gene_id \"g1", "\"g1\"", "gene_id=\"g1\""] {
            assert_eq!(gtf_attributes(odd).map_err(|refusal| refusal.status), Err("attributes"), "{odd}");
        }
    }

    #[test]
    fn the_way_they_are_written_tells_the_formats_apart() {
        for (text, want) in [
            ("ID=g1;Name=a b", Some(Dialect::Gff3)),
            ("gene_id \"g1\"; note \"a=b\"", Some(Dialect::Gtf)),
            ("gene_id g1", Some(Dialect::Gtf)),
            (".", None),
            ("", None),
            ("flag;ID=1", None),
        ] {
            assert_eq!(dialect_of(text), want, "{text}");
        }
    }
}
