//! From the parts of a transcript to its blocks.

use super::node::{Class, Node, Part};
use crate::{Block, BlockKind};

type Span = (u64, u64);

/// The blocks of a feature, from left to right; none where it is all one piece and nothing is known of it.
pub(super) fn blocks_of_node(node: &Node) -> Vec<Block> {
    let own = node.as_parts().filter(|_| node.class != Class::Own && node.class != Class::Implied);
    let parts: Vec<Part> = node.parts.iter().copied().chain(own).collect();
    let of = |classes: &[Class]| {
        let chosen = parts.iter().filter(|part| classes.contains(&part.class));
        united(chosen.map(|part| (part.start_bp, part.end_bp)).collect())
    };
    let coding = of(&[Class::Coding]);
    let transcribed = of(&[Class::Exon, Class::Untranslated]);
    let mut blocks = Vec::new();
    let mut push = |spans: Vec<Span>, kind| {
        blocks.extend(spans.into_iter().map(|(start_bp, end_bp)| Block { start_bp, end_bp, kind }));
    };
    push(without(&transcribed, &coding), BlockKind::Untranslated);
    push(coding, BlockKind::Coding);
    push(of(&[Class::Match]), BlockKind::Part);
    if blocks.is_empty() && !node.pieces.is_empty() {
        let pieces = united(node.pieces.clone()).into_iter();
        blocks = pieces.map(|(start_bp, end_bp)| Block { start_bp, end_bp, kind: BlockKind::Part }).collect();
    }
    blocks.sort_unstable_by_key(|block| (block.start_bp, block.end_bp));
    blocks
}

/// The same bases without overlaps, from left to right.
fn united(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut united: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match united.last_mut().filter(|last| span.0 < last.1) {
            Some(last) => last.1 = last.1.max(span.1),
            None => united.push(span),
        }
    }
    united
}

/// `spans` without the bases of `others`; both from left to right without overlaps.
fn without(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut left = Vec::with_capacity(spans.len());
    let mut others = others.iter().peekable();
    for &(mut start, end) in spans {
        while let Some(&&(from, to)) = others.peek().filter(|other| other.0 < end) {
            if start < from {
                left.push((start, from));
            }
            start = start.max(to);
            if to > end {
                // It may take from the next span too.
                break;
            }
            others.next();
        }
        if start < end {
            left.push((start, end));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_lose_what_others_hold() {
        assert_eq!(without(&[(0, 10), (20, 30)], &[(5, 25)]), [(0, 5), (25, 30)]);
        assert_eq!(without(&[(0, 100)], &[(0, 10), (20, 30), (90, 100)]), [(10, 20), (30, 90)]);
        assert_eq!(without(&[(50, 60)], &[(0, 10), (55, 70)]), [(50, 55)]);
        assert_eq!(without(&[(5, 9)], &[]), [(5, 9)]);
    }

    proptest! {
        #[test]
        fn every_base_is_in_one_block_of_the_right_kind(
            exons in prop::collection::vec((0_u64..80, 1_u64..20), 0..6),
            coding in prop::collection::vec((0_u64..80, 1_u64..20), 0..6),
        ) {
            let part = |class| move |&(start_bp, length): &(u64, u64)| Part { class, start_bp, end_bp: start_bp + length };
            let parts: Vec<Part> =
                exons.iter().map(part(Class::Exon)).chain(coding.iter().map(part(Class::Coding))).collect();
            let blocks = blocks_of_node(&Node { parts, end_bp: 100, ..Node::default() });
            for base in 0..100 {
                let within = |spans: &[(u64, u64)]| spans.iter().any(|&(start, length)| (start..start + length).contains(&base));
                let want = match (within(&coding), within(&exons)) {
                    (true, _) => vec![BlockKind::Coding],
                    (false, true) => vec![BlockKind::Untranslated],
                    (false, false) => vec![],
                };
                let here = blocks.iter().filter(|block| (block.start_bp..block.end_bp).contains(&base));
                prop_assert_eq!(here.map(|block| block.kind).collect::<Vec<_>>(), want, "base {}", base);
            }
        }
    }
}
