//! Whether alleles of a VCF row can be used.

use super::fields::Refusal;
use crate::error::shortened;

/// Refused alleles of one kind.
fn unsupported(reason: String, remedy: &'static str) -> Refusal {
    Refusal::new("unsupported_allele", reason, remedy)
}

fn is_bases(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|base| b"ACGTNacgtn".contains(&base))
}

/// Whether REF is bases.
pub(super) fn check_reference(text: &str) -> Result<(), Refusal> {
    if is_bases(text) {
        return Ok(());
    }
    let reason = format!("REF is '{}', and it must be bases A, C, G, T or N", shortened(text));
    Err(unsupported(reason, "write the bases that the reference has there"))
}

/// Whether ALT is bases that differ from REF.
pub(super) fn check_alternate(reference: &str, text: &str) -> Result<(), Refusal> {
    const REWRITE: &str = "write the bases of both alleles if you need it";
    let shown = shortened(text);
    if is_bases(text) {
        if text.eq_ignore_ascii_case(reference) {
            return Err(unsupported(
                "ALT is the same as REF: the allele changes nothing".to_owned(),
                "take the row out",
            ));
        }
        return Ok(());
    }
    Err(match text {
        "." | "" => unsupported(format!("ALT is '{shown}': the row names no other allele"), "nothing needs to be done"),
        "*" => unsupported(
            "the allele '*' stands for a deletion that another row tells of".to_owned(),
            "see the row of the deletion",
        ),
        _ if text.starts_with('<') => {
            unsupported(format!("the symbolic allele {shown} is not supported: it names no bases"), REWRITE)
        }
        _ if text.contains(['[', ']']) || text.starts_with('.') || text.ends_with('.') => {
            unsupported(format!("the breakend {shown} is not supported: it joins distant places"), REWRITE)
        }
        _ => unsupported(
            format!("the allele '{shown}' is not supported: it has letters other than A, C, G, T, N"),
            REWRITE,
        ),
    })
}

/// Whether REF is what the reference has, whatever the case.
pub(super) fn compare(reference: &str, bases: &[u8]) -> Result<(), Refusal> {
    let is_same = reference.len() == bases.len()
        && reference
            .bytes()
            .zip(bases)
            .all(|(ours, &base)| ours.eq_ignore_ascii_case(&base) || ours.eq_ignore_ascii_case(&concrete(base)));
    if is_same {
        return Ok(());
    }
    let found = shortened(&String::from_utf8_lossy(bases));
    let reason = format!("REF is {}, the reference has {found}", shortened(reference));
    Err(Refusal::new("ref_mismatch", reason, "use the reference this file was made for; REF and ALT may be swapped"))
}

/// The base that VCF writes for an ambiguity code of the reference: the first in the alphabet (section 1.6.1 of 4.3).
fn concrete(base: u8) -> u8 {
    match base.to_ascii_uppercase() {
        b'R' | b'W' | b'M' | b'D' | b'H' | b'V' => b'A',
        b'Y' | b'S' | b'B' => b'C',
        b'K' => b'G',
        b'U' => b'T',
        other => other,
    }
}

/// What a change is, in the words of the Sequence Ontology.
pub(super) fn kind_of(reference: &str, alternate: &str) -> &'static str {
    match (reference.len(), alternate.len()) {
        (1, 1) => "SNV",
        (from, to) if from == to => "MNV",
        (1, _) if alternate[..1].eq_ignore_ascii_case(reference) => "insertion",
        (_, 1) if reference[..1].eq_ignore_ascii_case(alternate) => "deletion",
        _ => "delins",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bases_that_change_something_are_used() {
        assert_eq!(check_alternate("A", "AGt"), Ok(()));
        for (text, word) in [
            (".", "no other allele"),
            ("*", "deletion"),
            ("<DEL>", "symbolic"),
            ("<*>", "symbolic"),
            ("T]chr2:5]", "breakend"),
            ("[chr2:5[T", "breakend"),
            (".T", "breakend"),
            ("T.", "breakend"),
            ("R", "letters"),
            ("", "no other allele"),
            ("a", "same as REF"),
        ] {
            let refusal = check_alternate("A", text).expect_err(text);
            assert!(refusal.reason.contains(word), "{text}: {}", refusal.reason);
            assert_eq!(refusal.status, "unsupported_allele", "{text}");
        }
        assert!(check_reference("N").is_ok() && check_reference(".").is_err() && check_reference("").is_err(), "bases");
    }

    #[test]
    fn case_and_ambiguity_codes_are_no_mismatch() {
        for (ours, bases) in [("acG", &b"ACg"[..]), ("A", b"r"), ("T", b"U"), ("N", b"n")] {
            assert_eq!(compare(ours, bases), Ok(()), "{ours}");
        }
        for (ours, bases) in [("G", &b"R"[..]), ("N", b"A"), ("AC", b"A")] {
            assert_eq!(compare(ours, bases).map_err(|refusal| refusal.status), Err("ref_mismatch"), "{ours}");
        }
    }

    #[test]
    fn changes_have_their_names() {
        for (from, to, want) in [
            ("A", "C", "SNV"),
            ("AC", "GT", "MNV"),
            ("A", "AG", "insertion"),
            ("a", "AG", "insertion"),
            ("AG", "A", "deletion"),
            ("AG", "C", "delins"),
            ("A", "CG", "delins"),
            ("ACT", "AG", "delins"),
        ] {
            assert_eq!(kind_of(from, to), want, "{from} to {to}");
        }
    }
}
