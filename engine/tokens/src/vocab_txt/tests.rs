use proptest::prelude::*;

use super::*;
use crate::{Tokenizer, TokenizerFiles, TokenizerKind};

/// All words of `k` letters, with the letters in another order than that of the tables.
fn words(k: u32) -> impl Iterator<Item = String> {
    (0..4_usize.pow(k))
        .map(move |number| (0..k).rev().map(|place| ['A', 'T', 'C', 'G'][number / 4_usize.pow(place) % 4]).collect())
}

fn dnabert(k: u32) -> Vec<String> {
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).into_iter().chain(words(k)).collect()
}

fn transformer(k: u32) -> Vec<String> {
    let special = ["<unk>", "<pad>", "<mask>", "<cls>"].map(str::to_owned);
    special.into_iter().chain(words(k)).chain(["A", "T", "C", "G", "N"].map(str::to_owned)).collect()
}

fn tokenizer(bytes: &[u8]) -> Result<Tokenizer, TokenError> {
    let files = TokenizerFiles { vocab_txt: Some(bytes.to_vec()), ..TokenizerFiles::default() };
    Tokenizer::from_files(&files, |name| format!("there/{name}"))
}

fn message(what: &str, bytes: &[u8]) -> String {
    let message = tokenizer(bytes).err().expect(what).to_string();
    assert!(message.contains("there/vocab.txt"), "{what}: {message}");
    message
}

#[test]
fn line_ends_and_the_end_of_the_file_do_not_matter() {
    for lines in [dnabert(2), transformer(2)] {
        let (plain, windows) = (lines.join("\n"), lines.join("\r\n"));
        for text in [&plain, &format!("{plain}\n"), &format!("{plain}\n\n"), &windows, &format!("{windows}\r\n")] {
            let tokenizer = tokenizer(text.as_bytes()).expect("a good vocabulary");
            assert_eq!(tokenizer.vocab_size(), lines.len(), "one id a line");
            for (id, token) in (0..).zip(&lines) {
                assert_eq!(tokenizer.id_of(token), Some(id), "the number of the line");
                assert_eq!(tokenizer.token_text(id), Some(token.as_str()), "and back");
            }
        }
    }
}

#[test]
fn the_order_of_lines_is_the_order_of_ids() {
    let mut lines = dnabert(2);
    lines.reverse();
    let tokenizer = tokenizer(lines.join("\n").as_bytes()).expect("any order");
    assert_eq!(tokenizer.kind(), TokenizerKind::OverlappingKmers { k: 2 }, "k of the file");
    assert_eq!(tokenizer.special().unknown, 19, "the last line but one");
    let ids = tokenizer.encode(b"GGA").expect("bases").ids;
    assert_eq!(ids, [18, 0, 3, 17], "GG is the first line, GA the fourth");
}

#[test]
fn what_is_no_vocabulary_is_refused() {
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = transformer(2);
        change(&mut lines);
        lines.join("\n")
    };
    let cases: [(&str, String, &[&str]); 17] = [
        ("empty", String::new(), &["line 1", "empty"]),
        ("blank", " \r\n\n".to_owned(), &["line 1", "empty"]),
        ("blank line", changed(&|lines| lines[6].clear()), &["line 7", "blank"]),
        ("blanks", changed(&|lines| lines[6] = "  ".to_owned()), &["line 7", "blank"]),
        ("twice", changed(&|lines| lines[9] = lines[6].clone()), &["line 10", "line 7", "twice"]),
        ("special twice", changed(&|lines| lines[2] = "<pad>".to_owned()), &["line 3", "line 2", "twice"]),
        ("one missing", changed(&|lines| drop(lines.remove(4))), &["1 of 16", "'AA'"]),
        ("some missing", changed(&|lines| drop(lines.drain(4..7))), &["3 of 16", "'AA'"]),
        ("mixed k", changed(&|lines| lines[7] = "ACG".to_owned()), &["line 8", "'ACG'", "line 5"]),
        ("lower case", changed(&|lines| lines[7] = "ag".to_owned()), &["line 8", "'ag'"]),
        ("a blank more", changed(&|lines| lines[7].push(' ')), &["line 8", "'AG '"]),
        ("no unknown token", changed(&|lines| drop(lines.remove(0))), &["<unk>", "missing"]),
        ("no letter", changed(&|lines| drop(lines.pop())), &["'N'", "missing"]),
        ("two models", changed(&|lines| lines[1] = "[PAD]".to_owned()), &["line 2", "[PAD]", "<unk>", "line 1"]),
        ("no special token", changed(&|lines| drop(lines.drain(..4))), &["[UNK]", "<unk>"]),
        ("a word", changed(&|lines| lines[0] = "<html>\u{7}".repeat(9)), &["line 1", "<html>\\u{7}", "…"]),
        ("no k-mers", changed(&|lines| drop(lines.drain(4..20))), &["no k-mers"]),
    ];
    for (what, text, words) in cases {
        let message = message(what, text.as_bytes());
        assert!(words.iter().all(|word| message.contains(word)), "{what}: {message}");
    }
}

#[test]
fn a_letter_alone_is_no_kmer_of_dnabert() {
    let mut lines = dnabert(2);
    lines.push("A".to_owned());
    let message = message("a letter", lines.join("\n").as_bytes());
    assert!(message.contains("line 22") && message.contains("'A'"), "{message}");
    lines[21] = "N".to_owned();
    assert!(tokenizer(lines.join("\n").as_bytes()).is_err(), "nor is N");
    lines[21] = "[unused1]".to_owned();
    assert!(tokenizer(lines.join("\n").as_bytes()).is_err(), "nor a token that is not its own");
}

#[test]
fn a_dnabert_vocabulary_without_a_special_token_is_refused() {
    for missing in 0..5 {
        let mut lines = dnabert(2);
        let token = lines.remove(missing);
        let message = message(&token, lines.join("\n").as_bytes());
        assert!(message.contains(&token) && message.contains("missing"), "{message}");
    }
}

#[test]
fn tokens_of_the_second_version_are_taken() {
    let mut lines = transformer(2);
    lines.extend(["<eos>".to_owned(), "<bos>".to_owned()]);
    let tokenizer = tokenizer(lines.join("\n").as_bytes()).expect("two more");
    assert_eq!((tokenizer.id_of("<bos>"), tokenizer.special().sep), (Some(26), None), "known, but not used");
}

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    let mut bytes = dnabert(2).join("\n").into_bytes();
    let line_2 = bytes.iter().position(|&byte| byte == b'\n').expect("lines") + 1;
    bytes[line_2] = 0xff;
    let text = message("no UTF-8", &bytes);
    assert!(text.contains("line 2") && text.contains("UTF-8"), "{text}");
    assert!(message("too large", &vec![b'A'; MAX_BYTES + 1]).contains("bytes"), "its size");
    let long = format!("[UNK]\n{}", "ACGTACGTACG");
    assert!(message("11 bases", long.as_bytes()).contains("line 2"), "k-mers that are too long");
    let marked = format!("\u{feff}{}", dnabert(2).join("\n"));
    assert!(message("a byte order mark", marked.as_bytes()).contains("line 1"), "an invisible letter");
}

/// The longest k-mers that are read fit in the largest file, and take no long time.
#[test]
fn the_longest_kmers_are_read() {
    let text = dnabert(10).join("\r\n");
    assert!(text.len() < MAX_BYTES, "{} bytes", text.len());
    let tokenizer = tokenizer(text.as_bytes()).expect("a million tokens");
    let ids = tokenizer.encode(b"GGGGGGGGGGA").expect("bases").ids;
    assert_eq!(ids, [2, (1 << 20) + 4, (1 << 20) + 1, 3], "G is the last letter there");
}

proptest! {
    /// Bytes that are no vocabulary are refused and never end the process.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(tokenizer(&bytes).is_err());
    }

    /// A good vocabulary in another order is good; with one line changed or gone it is refused.
    #[test]
    fn every_line_counts(
        lines in prop_oneof![Just(dnabert(2)), Just(transformer(2))].prop_shuffle(),
        line in any::<prop::sample::Index>(),
        other in "[ACGTN<\\[a-z]{0,4}",
    ) {
        let read = |lines: &[String]| tokenizer(lines.join("\n").as_bytes());
        prop_assert_eq!(read(&lines).expect("any order").vocab_size(), lines.len());
        let line = line.index(lines.len());
        let mut changed = lines.clone();
        changed[line] = other;
        prop_assert!(changed[line] == lines[line] || read(&changed).is_err());
        changed.remove(line);
        prop_assert!(read(&changed).is_err());
    }
}
