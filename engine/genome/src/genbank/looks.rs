//! Names and colours of features, as drawing programs put them into qualifiers.

use super::qualifiers::RawFeature;
use crate::Strand;

/// Where a name is looked for.
const NAMES: [&str; 9] = [
    "label",
    "gene",
    "locus_tag",
    "standard_name",
    "product",
    "mobile_element_type",
    "bound_moiety",
    "rpt_family",
    "regulatory_class",
];

/// What people call a feature; empty where the file has no name for it.
pub(super) fn name_of(feature: &RawFeature) -> String {
    let known = NAMES.iter().find_map(|key| feature.qualifier(key).filter(|value| !value.is_empty()));
    known.unwrap_or_default().to_owned()
}

/// The colour that `ApE`, Benchling or `SnapGene` gave a feature.
pub(super) fn colour_of(feature: &RawFeature, strand: Option<Strand>) -> Option<[u8; 3]> {
    let of_ape = match strand {
        Some(Strand::Reverse) => ["ApEinfo_revcolor", "ApEinfo_fwdcolor"],
        _ => ["ApEinfo_fwdcolor", "ApEinfo_revcolor"],
    };
    let own = of_ape.into_iter().chain(["color"]).find_map(|key| parse_colour(feature.qualifier(key)?));
    own.or_else(|| {
        let notes = feature.qualifiers.iter().filter(|(key, _)| key == "note");
        notes.filter_map(|(_, note)| note.split_once("color:")).find_map(|(_, rest)| {
            let word = rest.trim_start().split([' ', ';', ',']).next();
            word.and_then(parse_colour)
        })
    })
}

/// Colours by name that `ApE` offers.
const NAMED: [(&str, [u8; 3]); 12] = [
    ("black", [0, 0, 0]),
    ("blue", [0, 0, 255]),
    ("cyan", [0, 255, 255]),
    ("gray", [190, 190, 190]),
    ("green", [0, 255, 0]),
    ("grey", [190, 190, 190]),
    ("magenta", [255, 0, 255]),
    ("orange", [255, 165, 0]),
    ("pink", [255, 192, 203]),
    ("purple", [160, 32, 240]),
    ("red", [255, 0, 0]),
    ("yellow", [255, 255, 0]),
];

fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let text = text.trim();
    let Some(digits) = text.strip_prefix('#') else {
        return NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|&(_, colour)| colour);
    };
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(key: &str, value: &str) -> Option<[u8; 3]> {
        let qualifiers = vec![(key.to_owned(), value.to_owned())];
        colour_of(&RawFeature { qualifiers, ..RawFeature::default() }, None)
    }

    #[test]
    fn colours_of_drawing_programs() {
        assert_eq!(colour("ApEinfo_fwdcolor", "#84b0dc"), Some([0x84, 0xb0, 0xdc]));
        assert_eq!(colour("ApEinfo_fwdcolor", "pink"), Some([255, 192, 203]));
        assert_eq!(colour("note", "color: #993366; direction: RIGHT"), Some([0x99, 0x33, 0x66]));
        assert_eq!(colour("note", "the color: of money"), None);
        for odd in ["#12345", "#1234567", "#gggggg", "#\u{e9}\u{e9}\u{e9}", "", "#"] {
            assert_eq!(colour("color", odd), None, "{odd}");
        }
    }

    #[test]
    fn each_strand_may_have_its_colour() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let qualifiers = vec![pair("ApEinfo_fwdcolor", "#010203"), pair("ApEinfo_revcolor", "#040506")];
        let feature = RawFeature { qualifiers, ..RawFeature::default() };
        assert_eq!(colour_of(&feature, Some(Strand::Forward)), Some([1, 2, 3]));
        assert_eq!(colour_of(&feature, Some(Strand::Reverse)), Some([4, 5, 6]));
    }
}
