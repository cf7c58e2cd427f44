use strandscope_tokens::Tokenizer;

use super::*;

fn learn(pieces: &[&[u8]], vocab_size: usize, max_token_bp: usize) -> Result<Tokenizer, BpeError> {
    let pieces = pieces.iter().map(|piece| piece.to_vec());
    let json = train_bpe(pieces, vocab_size, max_token_bp, |_| true)?;
    Ok(Tokenizer::from_json(&json, "learned").expect("the file must load"))
}

fn texts(tokenizer: &Tokenizer, ids: impl Iterator<Item = u32>) -> Vec<String> {
    ids.filter_map(|id| tokenizer.token_text(id).map(str::to_owned)).collect()
}

/// Letters that follow no pattern, the same ones each time.
fn random_bases(length: usize) -> Vec<u8> {
    let mut state = 42_u64;
    let mut base = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ACGT"[usize::try_from(state >> 62).expect("two bits")]
    };
    (0..length).map(|_| base()).collect()
}

#[test]
fn merges_by_hand() {
    // TATATATAG: TA stands 4 times, AT 3 times. TA TA TA TA G: TATA at 3 places, TAG at one.
    // TATA TATA G: TATATATA and TATAG stand once each, and pairs that stand once are not merged.
    // CC in the second piece: once. Four times N breaks it off.
    let pieces: [&[u8]; 2] = [b"TATATATAG", b"CCNNNNgt"];
    let tokenizer = learn(&pieces, 12, 8).expect("two merges are there");
    assert_eq!(texts(&tokenizer, 5..12), ["A", "C", "G", "T", "N", "TA", "TATA"], "vocabulary");
    let encoding = tokenizer.encode(b"TATATATAGNN").expect("bases");
    let tokens = texts(&tokenizer, encoding.ids.into_iter());
    assert_eq!(tokens, ["[CLS]", "TATA", "TATA", "G", "N", "N", "[SEP]"], "N stands alone and is known");
    let error = learn(&pieces, 13, 8).err();
    assert_eq!(error, Some(BpeError::TooLittle { bases: 13, reached: 12, wanted: 13 }), "no third merge");
}

#[test]
fn runs_of_one_letter_are_joined_from_their_start() {
    let run = [b'A'; 33];
    let tokenizer = learn(&[&run, b"CAAAG"], 13, 12).expect("three merges");
    assert_eq!(texts(&tokenizer, 10..13), ["AA", "AAAA", "AAAAAAAA"], "vocabulary");
    let encoding = tokenizer.encode(b"AAAAAAA").expect("bases");
    assert_eq!(texts(&tokenizer, encoding.ids.into_iter()), ["[CLS]", "AAAA", "AA", "A", "[SEP]"], "leftmost first");
}

/// The row the learner keeps is what a tokenizer makes of the same sequence: the counts were those of real tokens.
#[test]
fn the_learner_and_the_tokenizer_agree() {
    let mut bases = random_bases(20_000);
    bases.extend(b"TATA".repeat(50));
    bases.extend([b'C'; 101]);
    let mut learner = Learner::new([bases.clone()].into_iter(), 6).expect("a learner");
    while learner.tokens.len() < 300 {
        assert!(learner.merge_commonest(), "enough pairs for token {}", learner.tokens.len());
    }
    let json = tokenizer_json(&learner.tokens, &learner.merges);
    let tokenizer = Tokenizer::from_json(&json, "learned").expect("the file must load");
    let spans = tokenizer.encode(&bases).expect("bases").spans;
    let starts: Vec<_> = spans.into_iter().flatten().map(|(start, _)| start).collect();
    let row = &learner.begins[1..=bases.len()];
    let learned: Vec<_> = (0..bases.len()).filter(|&start| row[start]).collect();
    assert_eq!(starts, learned, "token starts");
    assert!(learner.tokens[SPECIAL.len()..].iter().all(|token| token.len() <= 6), "no token above 6 bases");
    let standing = |pair: Pair, start: usize| {
        let middle = start + learner.length(pair.0);
        learner.begins[start] && learner.at[start] == pair.0 && learner.at[middle] == pair.1
    };
    let count = |pair: Pair| (1..=bases.len()).filter(|&start| standing(pair, start)).count();
    let wrong: Vec<_> =
        learner.candidates.iter().filter(|(pair, held)| held.count != count(**pair)).map(|(pair, _)| pair).collect();
    assert!(wrong.is_empty(), "pairs whose count is not what stands in the row: {wrong:?}");
}

#[test]
fn same_pieces_same_bytes() {
    let bases = random_bases(5_000);
    let train = || train_bpe(bases.chunks(300).map(<[u8]>::to_vec), 200, 12, |_| true);
    assert_eq!(train(), train(), "two runs");
}

#[test]
fn settings_and_cancelling() {
    let train = |size, bp| train_bpe([random_bases(500)].into_iter(), size, bp, |reached| reached < 20);
    assert_eq!(train(9, 4), Err(BpeError::Size { wanted: 9, min: 10, max: 65_535 }), "too small");
    assert_eq!(train(50, 1), Err(BpeError::Length { max_token_bp: 1 }), "too short");
    assert_eq!(train(50, 4), Err(BpeError::Cancelled { reached: 20 }), "cancelled");
    assert!(train(10, 4).is_ok(), "letters alone");
}
