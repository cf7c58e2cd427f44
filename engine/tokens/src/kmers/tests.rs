use super::*;
use crate::{SpecialIds, TokenError, TokenizerKind, fixtures::style};

#[test]
fn words_are_numbered_in_the_order_of_their_letters() {
    let table = KmerTable::new(2, (100..116).collect());
    assert_eq!(table.id_of(b"AA"), Some(100), "the first");
    assert_eq!(table.id_of(b"CA"), Some(104), "the first letter counts four");
    assert_eq!(table.id_of(b"TT"), Some(115), "the last");
    assert_eq!((table.id_of(b"AN"), table.id_of(b"aa")), (None, None), "no bases");
}

/// The example of the original program's documentation.
#[test]
fn separate_kmers_begin_anew_behind_n() {
    let tokenizer = style("nucleotide_transformer_v1");
    let encoding = tokenizer.encode(b"ACGTGTACNTGCACGGANCGACTAGTCTGA").expect("bases");
    let texts: Vec<_> = encoding.ids.iter().filter_map(|&id| tokenizer.token_text(id)).collect();
    let expected = ["<cls>", "ACGTGT", "A", "C", "N", "TGCACG", "G", "A", "N", "CGACTA", "GTCTGA"];
    assert_eq!(texts, expected, "k-mers where they fit, letters elsewhere");
    assert_eq!(encoding.ids[..5], [3, 737, 4100, 4102, 4104], "ids are numbers of lines");
    assert_eq!(encoding.unknown_bp, 0, "N is in this vocabulary");
}

#[test]
fn separate_kmers_read_other_letters_as_n() {
    let tokenizer = style("nucleotide_transformer_k3");
    let encoding = tokenizer.encode(b"acgRYnuac-").expect("bases");
    let n = tokenizer.id_of("N").expect("a letter");
    let id = |word: &str| tokenizer.id_of(word).expect(word);
    assert_eq!(encoding.ids, [3, id("ACG"), n, n, n, id("TAC"), n], "upper case, U as T");
    assert_eq!(encoding.unknown_bp, 3, "R, Y and the gap, not the N");
    assert_eq!(encoding.spans[5], Some((6, 9)), "a token covers its bases");
}

#[test]
fn overlapping_kmers_with_other_letters_are_unknown() {
    let tokenizer = style("kmer_dnabert_3");
    let encoding = tokenizer.encode(b"acguNac").expect("bases");
    let id = |word: &str| tokenizer.id_of(word).expect(word);
    assert_eq!(encoding.ids, [2, id("ACG"), id("CGT"), 1, 1, 1, 3], "three k-mers hold the N");
    assert_eq!(encoding.unknown_bp, 1, "the N alone");
    assert_eq!(encoding.spans[3], Some((2, 5)), "an unknown k-mer covers its bases");
}

#[test]
fn overlapping_kmers_need_enough_bases() {
    let tokenizer = style("kmer_dnabert_6");
    assert_eq!(tokenizer.encode(b"ACGTAC").expect("one k-mer").ids.len(), 3, "[CLS] ACGTAC [SEP]");
    let error = tokenizer.encode(b"ACGTA").expect_err("one base too few");
    assert!(matches!(error, TokenError::TooShort { length_bp: 5, token_bp: 6 }), "{error}");
    assert_eq!(error.to_string().matches('6').count(), 2, "length and remedy: {error}");
    assert!(tokenizer.encode(b"").is_err(), "nothing at all");
}

#[test]
fn kinds_and_special_tokens_are_told() {
    let dnabert = style("kmer_dnabert_6");
    let ids = SpecialIds { unknown: 1, cls: Some(2), sep: Some(3), pad: Some(0), mask: Some(4) };
    assert_eq!((dnabert.kind(), dnabert.overlap()), (TokenizerKind::OverlappingKmers { k: 6 }, 6), "DNABERT");
    assert_eq!((dnabert.special(), dnabert.vocab_size()), (ids, 4101), "DNABERT");
    for (name, vocab_size) in [("nucleotide_transformer_v1", 4105), ("nucleotide_transformer_v2", 4107)] {
        let tokenizer = style(name);
        let ids = SpecialIds { unknown: 0, cls: Some(3), sep: None, pad: Some(1), mask: Some(2) };
        assert_eq!((tokenizer.kind(), tokenizer.overlap()), (TokenizerKind::Kmers { k: 6 }, 1), "{name}");
        assert_eq!((tokenizer.special(), tokenizer.vocab_size()), (ids, vocab_size), "{name}");
    }
}

#[test]
fn bases_of_so_many_tokens_are_known() {
    let [dnabert, transformer] = ["kmer_dnabert_6", "nucleotide_transformer_v1"].map(style);
    assert_eq!((dnabert.typical_bp(509), transformer.typical_bp(1000)), (512, 5994), "bases of so many tokens");
}

/// As `EsmTokenizer` does it: blanks split, and what has no token is one unknown word.
#[test]
fn text_is_cut_as_the_original_does() {
    let tokenizer = style("nucleotide_transformer_k3");
    let found = tokenizer.encode_text("acgt\u{1c}xyACG <unk>é🧬<eos>").expect("a text");
    let id = |word: &str| tokenizer.id_of(word).expect(word);
    assert_eq!(found.ids, [3, 0, 0, id("ACG"), 0, 0, id("<eos>")], "ids");
    assert_eq!(found.offsets, [(0, 0), (0, 4), (5, 7), (7, 10), (11, 16), (16, 18), (18, 23)], "code points");
    let found = style("kmer_dnabert_3").encode_text("ACGéacg").expect("a text");
    assert_eq!(found.ids[2..], [1, 1, 1, 1, 3], "nothing is upper-cased");
}
