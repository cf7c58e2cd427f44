//! Motifs against a search place by place.

use proptest::prelude::*;

use super::{expression::Node, letter_scan::matches, *};
use crate::reverse_complement;

const ALL: usize = usize::MAX;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn places(found: &MotifHits) -> Vec<(u64, u64, Strand, u8)> {
    found.hits.iter().map(|hit| (hit.start_bp, hit.end_bp, hit.strand, hit.mismatches)).collect()
}

/// The hits of a pattern of letters: each place is compared letter by letter.
fn slowly(letters: &str, most: u8, bases: &[u8], offset_bp: u64, strands: Strands) -> Vec<MotifHit> {
    let mut hits = Vec::new();
    let reverse = reverse_complement(letters.as_bytes());
    let is_same = letters.bytes().map(mask_of).eq(reverse.iter().map(|&letter| mask_of(letter)));
    for (strand, letters) in [(Strand::Forward, letters.as_bytes()), (Strand::Reverse, &reverse)] {
        if !strands.has(strand) || (strand == Strand::Reverse && strands == Strands::Both && is_same) {
            continue;
        }
        for (start_bp, window) in (offset_bp..).zip(bases.windows(letters.len())) {
            let mismatches =
                window.iter().zip(letters).filter(|&(&base, &letter)| !matches(base, mask_of(letter))).count();
            if mismatches <= usize::from(most) {
                let end_bp = start_bp + letters.len() as u64;
                hits.push(MotifHit { start_bp, end_bp, strand, mismatches: u8::try_from(mismatches).unwrap() });
            }
        }
    }
    hits.sort_unstable();
    hits
}

fn any_strands() -> impl Strategy<Value = Strands> {
    prop_oneof![Just(Strands::Both), Just(Strands::Forward), Just(Strands::Reverse)]
}

/// A sequence with parts of the pattern in it, on both strands, some of them changed.
fn with_sites(letters: &str, filler: &[String], changes: &[(usize, u8)]) -> Vec<u8> {
    let plain = letters.bytes().map(|letter| match letter.to_ascii_uppercase() {
        b'R' | b'W' | b'M' | b'D' | b'H' | b'V' | b'N' => b'A',
        b'Y' | b'S' | b'B' => b'C',
        b'K' => b'g',
        other => other,
    });
    let site = plain.collect::<Vec<_>>();
    let mut bases = Vec::new();
    for (index, part) in filler.iter().enumerate() {
        bases.extend_from_slice(part.as_bytes());
        bases.extend(if index % 2 == 0 { site.clone() } else { reverse_complement(&site) });
    }
    for &(at, letter) in changes {
        if !bases.is_empty() {
            let at = at % bases.len();
            bases[at] = letter;
        }
    }
    bases
}

proptest! {
    #[test]
    fn letters_as_place_by_place(
        letters in "[ACGT][ACGTRYNacgu]{0,9}|[ACGT][ACGTRYSWKMBDHVN]{55,75}|A[ACGTN]{120,150}|(GC){1,4}|GAATTC",
        mismatches in 0_u8..=6,
        filler in prop::collection::vec("[ACGTacgtNR-]{0,12}", 0..5),
        changes in prop::collection::vec((any::<usize>(), prop::sample::select(b"ACGTN-".to_vec())), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        offset_bp in 0_u64..5,
        strands in any_strands(),
    ) {
        let bases = with_sites(&letters, &filler, &changes);
        let informative = letters.bytes().filter(|&letter| letter != b'N').count();
        let written = Pattern::parse(&format!("{letters}~{mismatches}"));
        prop_assert_eq!(written.is_ok(), usize::from(mismatches) < informative);
        let Ok(written) = written else { return Ok(()) };

        let expected = slowly(&letters, mismatches, &bases, offset_bp, strands);
        let found = written.scan(&bases, offset_bp, strands, ALL);
        prop_assert_eq!(&found.hits, &expected);
        prop_assert!(!found.is_cut);

        let mut cuts = cuts.iter().map(|cut| cut % (bases.len() + 1)).collect::<Vec<_>>();
        cuts.extend([0, bases.len()]);
        cuts.sort_unstable();
        let most = expected.len() / 2;
        let (mut all, mut some) = (
            MotifScan::new(&written, offset_bp, strands, ALL), MotifScan::new(&written, offset_bp, strands, most),
        );
        for pair in cuts.windows(2) {
            all.feed(&bases[pair[0]..pair[1]]);
            some.feed(&bases[pair[0]..pair[1]]);
        }
        prop_assert_eq!(all.finish().hits, &expected[..]);
        let cut = some.finish();
        prop_assert_eq!(&cut.hits, &expected[..most]);
        prop_assert_eq!(cut.is_cut, most < expected.len());
    }

    #[test]
    fn expressions_as_place_by_place(
        text in "(G{1,3}|[AT]|R|(AC|A|ACG)|(G|T)?|[^A]{2,4}?|.){1,5}(GG|C{2,3}|T(A|CC))",
        bases in "([ACG]{0,20}|[ACGTN-]{0,9}|G{0,9}){0,6}",
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        block_bp in 1_usize..30,
        offset_bp in 0_u64..5,
        strands in any_strands(),
    ) {
        let Ok(written) = Pattern::parse(&format!("/{text}/")) else { return Ok(()) };
        let Kind::Expression { regex, longest_bp } = &written.kind else { return Ok(()) };
        let node = parse_expression(&written.text).unwrap();
        let expected = expression_slowly(&node, bases.as_bytes(), offset_bp, strands);
        prop_assert_eq!(&written.scan(bases.as_bytes(), offset_bp, strands, ALL).hits, &expected);

        let mut scan = ExpressionScan::new(regex.clone(), *longest_bp, offset_bp, strands, ALL);
        scan.block_bp = block_bp;
        let mut cuts = cuts.iter().map(|cut| cut % (bases.len() + 1)).collect::<Vec<_>>();
        cuts.extend([0, bases.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            scan.feed(&bases.as_bytes()[pair[0]..pair[1]]);
        }
        let mut hits = scan.finish();
        hits.sort_unstable();
        prop_assert_eq!(&hits, &expected);
    }

    #[test]
    fn no_text_makes_it_fall_over(text in any::<String>(), letters in "/?[ACGTNRacgtu~{}()|,?+*^0-9\\[\\]]{0,20}/?") {
        for text in [text, letters] {
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.scan(b"ACGTNACGT-ACGT", 0, Strands::Both, 10);
            }
        }
    }
}

/// Where a node that begins at `at` ends, and what comes after it too, in the order of preference.
fn walk(node: &Node, text: &[u8], at: usize, then: &mut dyn FnMut(usize) -> Option<usize>) -> Option<usize> {
    match node {
        Node::Base(mask) => text.get(at).filter(|&&base| matches(base, *mask)).and_then(|_| then(at + 1)),
        Node::Row(row) => match row.split_first() {
            None => then(at),
            Some((first, rest)) => {
                let rest = Node::Row(rest.to_vec());
                walk(first, text, at, &mut |next| walk(&rest, text, next, then))
            }
        },
        Node::Choice(choice) => choice.iter().find_map(|node| walk(node, text, at, then)),
        Node::Repeat { of, least, most, is_greedy } => {
            let fewer = Node::Repeat {
                of: of.clone(),
                least: least.saturating_sub(1),
                most: most.saturating_sub(1),
                is_greedy: *is_greedy,
            };
            if *least == 0
                && !is_greedy
                && let Some(end) = then(at)
            {
                return Some(end);
            }
            if *most > 0
                && let Some(end) = walk(of, text, at, &mut |next| walk(&fewer, text, next, then))
            {
                return Some(end);
            }
            if *least == 0 && *is_greedy { then(at) } else { None }
        }
    }
}

fn expression_slowly(node: &Node, bases: &[u8], offset_bp: u64, strands: Strands) -> Vec<MotifHit> {
    let mut hits = Vec::new();
    let reverse = reverse_complement(bases);
    for (strand, text) in [(Strand::Forward, bases), (Strand::Reverse, &reverse)] {
        let found = (0..text.len()).filter_map(|at| walk(node, text, at, &mut Some).map(|end| (at, end)));
        let found = found.collect::<Vec<_>>();
        let is_inside = |&(start, end): &(usize, usize)| {
            found.iter().any(|&(from, to)| from <= start && end <= to && (from, to) != (start, end))
        };
        let outermost = found.iter().filter(|hit| strands.has(strand) && !is_inside(hit));
        hits.extend(outermost.map(|&(start, end)| {
            let (start, end) = match strand {
                Strand::Forward => (start, end),
                Strand::Reverse => (text.len() - end, text.len() - start),
            };
            let bp = |at: usize| offset_bp + at as u64;
            MotifHit { start_bp: bp(start), end_bp: bp(end), strand, mismatches: 0 }
        }));
    }
    hits.sort_unstable();
    hits
}

#[test]
fn overlapping_hits_and_palindromes() {
    let (forward, reverse) = (Strand::Forward, Strand::Reverse);
    let found = |text: &str, bases: &[u8], strands| places(&pattern(text).scan(bases, 0, strands, ALL));
    assert_eq!(found("AAA", b"AAAAA", Strands::Both), [(0, 3, forward, 0), (1, 4, forward, 0), (2, 5, forward, 0)]);
    assert_eq!(found("GAATTC", b"GAATTC", Strands::Both), [(0, 6, forward, 0)], "once, though on both strands");
    assert_eq!(found("/GAAT{2}C/", b"GAATTC", Strands::Both), [(0, 6, forward, 0)], "the same as an expression");
    assert_eq!(found("GAATTC", b"GAATTC", Strands::Reverse), [(0, 6, reverse, 0)]);
    assert_eq!(found("GANTC~1", b"GATTG", Strands::Both), [(0, 5, forward, 1)]);
    assert_eq!(found("/G{3}A{1,9}/", b"GGGAAA", Strands::Forward), [(0, 6, forward, 0)]);
    assert_eq!(found("/GA{1,9}/", b"GTTTC", Strands::Reverse), [(1, 5, reverse, 0)]);
    assert!(pattern("GANTC").is_palindrome() && !pattern("GANNC").is_palindrome(), "N pairs with N, and G with C");
}

#[test]
fn unknown_letters_of_the_sequence_match_only_unknown_letters() {
    let count = |text: &str, bases: &[u8]| pattern(text).scan(bases, 0, Strands::Forward, ALL).hits.len();
    for (text, bases, hits) in [
        ("CAT", "CNT", 0),
        ("CNT", "CNT", 1),
        ("CNT", "C-T", 0),
        ("CRT", "CRT", 1),
        ("CRT", "CGT", 1),
        ("CAT", "CRT", 0),
        ("CAT~1", "CNT", 1),
        ("CNT~1", "C-T", 1),
        ("CUG", "ctg", 1),
        ("CTG", "cug", 1),
        ("/C[AG]{1,2}T/", "CRAT", 1),
        ("/C[AC]{1,2}T/", "CRT", 0),
        ("/C[^Y]{1,2}T/", "CRAT", 1),
        ("/C.{1,2}T/", "CNNT", 1),
        ("/C.{1,2}T/", "C-T", 0),
        ("/C[^T]{1,2}T/", "CNT", 0),
        ("/(CU|CUC)G/", "ctcG", 1),
    ] {
        assert_eq!(count(text, bases.as_bytes()), hits, "{text} in {bases}");
    }
}

#[test]
fn a_search_ends_when_there_are_enough() {
    for text in ["A", "A~0", "/A{2}C?/"] {
        let found = pattern(text).scan(&[b'A'; 5_000], 0, Strands::Both, 10);
        assert_eq!((found.hits.len(), found.is_cut), (10, true), "{text}");
        assert_eq!(found.hits[9].start_bp, 9, "{text}");
    }
    let found = pattern("A").scan(b"AAC", 0, Strands::Both, 2);
    assert_eq!((found.hits.len(), found.is_cut), (2, false), "exactly enough");
}

#[test]
fn what_cannot_be_searched_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "there is no letter in it"),
        ("//", "there is no letter in it"),
        ("~1", "there is no letter in it"),
        ("TAXA", "'X' in place 3 is no nucleotide code"),
        ("TA TA", "' ' in place 3 is no nucleotide code"),
        ("TAÄ", "'\\u{c4}' in place 3 is no nucleotide code"),
        ("/TAXA{1,2}/", "'X' in place 4 is no nucleotide code"),
        ("NNN", "it matches everywhere, since all of it is N"),
        ("/.N/", "it matches everywhere, since all of it is N"),
        ("/(A|N)N/", "it matches everywhere"),
        ("NAN~1", "it matches everywhere: of its letters 1 are not N, and 1 may mismatch"),
        ("TATA~7", "7 mismatches are more than 6"),
        ("TATA~", "there is no number of 0 to 6 after '~'"),
        ("TATA~+1", "there is no number of 0 to 6 after '~'"),
        ("TATA~999", "there is no number of 0 to 6 after '~'"),
        ("/TATA", "there is no '/' at its end"),
        ("/", "there is no '/' at its end"),
        ("/TA(/", "unclosed group at place 4"),
        ("/A+/", "one of its repeats has no end"),
        ("/CA{2,}/", "one of its repeats has no end"),
        ("/A{0,3}/", "it could match nothing at all"),
        ("/A|/", "it could match nothing at all"),
        ("/CA{1,20000}/", "a hit could be longer than 10,000 bases"),
        ("/^CA?/", "it asks for an end of the text"),
        ("/(?i)CA?/", "it sets flags"),
        ("/[A-T]C/", "it has a range of letters, which means nothing among bases"),
        ("/[^N]C/", "one of its classes leaves no base"),
        ("/\\w/", "it has a class that is no set of bases"),
    ] {
        let error = Pattern::parse(text).unwrap_err();
        assert_eq!(error.reason, reason, "{text}");
    }
    let long = "ACGT".repeat(251);
    assert_eq!(Pattern::parse(&long).unwrap_err().reason, "it has 1004 letters, more than 1,000");
    assert_eq!(
        Pattern::parse("TAXA").unwrap_err().to_string(),
        "pattern 'TAXA' cannot be used: 'X' in place 3 is no nucleotide code; \
         use A, C, G, T, U, N or IUPAC codes, or put a regular expression between slashes"
    );
}

#[test]
fn mismatches_can_be_set_apart_from_the_text() {
    let three = pattern("TATAWR~1").with_mismatches(3).unwrap();
    assert_eq!((three.text(), three.mismatches(), three.longest_bp()), ("TATAWR~3", 3, 6));
    assert_eq!(three.with_mismatches(0).unwrap().text(), "TATAWR");
    assert!(three.with_mismatches(6).is_err(), "as many as letters");
    assert!(pattern("/TATA/").with_mismatches(1).is_err(), "an expression");
    assert_eq!(pattern("/TAC{1,2}/").with_mismatches(0).unwrap().longest_bp(), 4);
}
