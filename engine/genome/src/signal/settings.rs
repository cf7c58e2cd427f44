//! `key=value` settings of `track` lines and wig declarations.

/// The settings of a line, in its order; values may stand in quotes.
pub(super) fn settings(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let Some(equals) = rest.find('=').filter(|&at| at < word_end) else {
            rest = rest[word_end..].trim_start();
            continue;
        };
        let (key, value) = (&rest[..equals], &rest[equals + 1..]);
        let quote = value.chars().next().filter(|letter| matches!(letter, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        found.push((key, value));
        rest = after.trim_start();
    }
    found
}

/// The value of `key`.
pub(super) fn setting<'a>(settings: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
}

/// `255,128,0`.
pub(super) fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let parts: Vec<u8> =
        text.trim_end_matches(',').split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Whether `line` begins with the whole word `word`.
pub(super) fn begins_with_word(line: &[u8], word: &str) -> bool {
    let after = line.strip_prefix(word.as_bytes()).map(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
    after == Some(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_line_is_read(line in "\\PC{0,60}", quoted in "[a= \"']{0,20}") {
            settings(&line);
            settings(&quoted);
        }
    }

    #[test]
    fn quotes_hold_blanks() {
        let found = settings("track type=bedGraph  name=\"a = b\" description='x y' color=1,2,3 on");
        let wanted = [("type", "bedGraph"), ("name", "a = b"), ("description", "x y"), ("color", "1,2,3")];
        assert_eq!(found, wanted, "in order");
        assert_eq!(setting(&found, "Name"), Some("a = b"), "whatever its case");
        assert_eq!(settings("a=\"open"), [("a", "open")], "to the end of the line");
    }

    #[test]
    fn colours_have_three_parts() {
        assert_eq!(parse_colour("255,128,0"), Some([255, 128, 0]), "as UCSC writes it");
        assert_eq!((parse_colour("256,0,0"), parse_colour("1,2"), parse_colour("0")), (None, None, None), "no colour");
    }
}
