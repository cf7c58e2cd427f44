//! Locations of features: `join(complement(5..9),<1..3)`.

use crate::Strand;

/// Why a location cannot be used: a word for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) status: &'static str,
    pub(super) reason: String,
}

impl Trouble {
    pub(super) fn new(status: &'static str, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

/// One stretch, as the file counts: from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start: u64,
    end: u64,
    strand: Strand,
    /// It is no base but the place between two.
    is_between: bool,
    starts_before: bool,
    ends_behind: bool,
}

/// A location on its record, 0-based and half-open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) start_bp: u64,
    pub(super) end_bp: u64,
    /// None where parts lie on both strands.
    pub(super) strand: Option<Strand>,
    /// Its parts from left to right; one where it is all one piece.
    pub(super) parts: Vec<(u64, u64)>,
    /// Whether it goes on before its start, and behind its end.
    pub(super) is_partial: (bool, bool),
    /// Whether it goes over the last base of a circular record to its first.
    pub(super) wraps: bool,
    /// Whether its parts are not known to be joined.
    pub(super) is_order: bool,
}

/// Deeper nesting means nothing.
const DEEPEST: usize = 16;

/// Places `text` on a record; with `trans_splicing`, parts may be in any order.
pub(super) fn place(text: &str, length_bp: u64, is_circular: bool, trans_splicing: bool) -> Result<Placed, Trouble> {
    if text.is_empty() {
        return Err(Trouble::new("coordinates", "the feature has no location"));
    }
    let mut parser = Parser { text, at: 0, is_order: false, length_bp, is_circular };
    let stretches = parser.location(0)?;
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    let is_order = parser.is_order;
    for stretch in &stretches {
        stretch.check(length_bp, is_circular)?;
    }
    let strand = stretches[0].strand;
    let is_one_strand = stretches.iter().all(|stretch| stretch.strand == strand);
    let mut parts: Vec<(u64, u64)> = stretches.iter().map(Stretch::range).collect();
    parts.sort_unstable();
    let start_bp = parts.iter().map(|part| part.0).min().unwrap_or(0);
    let end_bp = parts.iter().map(|part| part.1).max().unwrap_or(0);
    Ok(Placed {
        start_bp,
        end_bp,
        strand: is_one_strand.then_some(strand),
        parts,
        is_partial: (
            stretches.iter().any(|stretch| stretch.starts_before),
            stretches.iter().any(|stretch| stretch.ends_behind),
        ),
        wraps: is_circular && is_one_strand && !trans_splicing && steps_back(&stretches) == 1,
        is_order,
    })
}

/// How often the next part lies before the one that goes before it, read along the strand.
fn steps_back(stretches: &[Stretch]) -> usize {
    let is_back = |pair: &&[Stretch]| match pair[0].strand {
        Strand::Forward => pair[1].start < pair[0].start,
        Strand::Reverse => pair[1].start > pair[0].start,
    };
    stretches.windows(2).filter(is_back).count()
}

impl Stretch {
    fn check(&self, length_bp: u64, is_circular: bool) -> Result<(), Trouble> {
        let Self { start, end, .. } = *self;
        if start == 0 || end == 0 {
            return Err(Trouble::new("coordinates", "positions begin at 1"));
        }
        if start > length_bp || end > length_bp {
            let far = start.max(end);
            let reason = format!("position {far} lies beyond the end of the record, which has {length_bp} bases");
            return Err(Trouble::new("beyond_end", reason));
        }
        let is_origin = is_circular && start == length_bp && end == 1;
        if self.is_between && end != start + 1 && !is_origin {
            return Err(Trouble::new("coordinates", format!("{start}^{end} are no neighbours")));
        }
        if !self.is_between && start > end {
            let reason = format!("the end {end} lies before the start {start}, and the record is not circular");
            return Err(Trouble::new("coordinates", reason));
        }
        Ok(())
    }

    fn range(&self) -> (u64, u64) {
        if self.is_between { (self.start, self.start) } else { (self.start - 1, self.end) }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    is_order: bool,
    length_bp: u64,
    is_circular: bool,
}

impl Parser<'_> {
    /// The stretches of a location along its strand.
    fn location(&mut self, depth: usize) -> Result<Vec<Stretch>, Trouble> {
        if depth > DEEPEST {
            return Err(Trouble::new("coordinates", "the location is nested too deep"));
        }
        if self.take("complement(") {
            let mut stretches = self.location(depth + 1)?;
            self.expect(")")?;
            stretches.reverse();
            for stretch in &mut stretches {
                stretch.strand = match stretch.strand {
                    Strand::Forward => Strand::Reverse,
                    Strand::Reverse => Strand::Forward,
                };
            }
            return Ok(stretches);
        }
        let is_order = self.take("order(");
        if is_order || self.take("join(") {
            self.is_order |= is_order;
            let mut stretches = self.location(depth + 1)?;
            while self.take(",") {
                stretches.extend(self.location(depth + 1)?);
            }
            self.expect(")")?;
            return Ok(stretches);
        }
        self.stretch()
    }

    /// `5`, `5..9`, `<5..>9`, `5^6`; two stretches where it goes over the end of a circular record.
    fn stretch(&mut self) -> Result<Vec<Stretch>, Trouble> {
        self.refuse_others()?;
        let (start, before, behind) = self.position()?;
        let mut stretch = Stretch {
            start,
            end: start,
            strand: Strand::Forward,
            is_between: false,
            starts_before: before,
            ends_behind: behind,
        };
        if self.take("..") {
            let (end, before, behind) = self.position()?;
            stretch.end = end;
            stretch.starts_before |= stretch.ends_behind;
            stretch.ends_behind = before || behind;
        } else if self.take("^") {
            stretch.end = self.position()?.0;
            stretch.is_between = true;
        }
        let wraps = self.is_circular && !stretch.is_between && stretch.start > stretch.end;
        if wraps && stretch.end > 0 && stretch.start <= self.length_bp {
            let first = Stretch { end: self.length_bp, ends_behind: false, ..stretch };
            return Ok(vec![first, Stretch { start: 1, starts_before: false, ..stretch }]);
        }
        Ok(vec![stretch])
    }

    /// A number, and whether `<` or `>` stands before it.
    fn position(&mut self) -> Result<(u64, bool, bool), Trouble> {
        let before = self.take("<");
        let behind = !before && self.take(">");
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest()[..digits].parse().map_err(|_| self.unexpected())?;
        self.at += digits;
        Ok((number, before, behind))
    }

    /// What the grammar knows and this program does not place.
    fn refuse_others(&self) -> Result<(), Trouble> {
        let rest = self.rest();
        for known in ["one-of(", "bond(", "gap(", "("] {
            if rest.starts_with(known) {
                let word = known.trim_end_matches('(');
                let what = if word.is_empty() { "a range of positions".to_owned() } else { format!("'{word}'") };
                return Err(Trouble::new(
                    "coordinates",
                    format!("the location holds {what}, which names no exact place"),
                ));
            }
        }
        let token = rest.split([',', ')', '(']).next().unwrap_or_default();
        if let Some((record, _)) = token.split_once(':') {
            return Err(Trouble::new("unknown_contig", format!("the location lies in another record, '{record}'")));
        }
        let is_within = token.split("..").any(|end| end.trim_start_matches(['<', '>']).contains('.'));
        if is_within {
            let reason = "the location holds a range of positions, which names no exact place";
            return Err(Trouble::new("coordinates", reason));
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    fn expect(&mut self, token: &str) -> Result<(), Trouble> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Trouble {
        let reason = match self.rest().chars().next() {
            Some(letter) => format!("the location cannot be read from '{}' on", letter.escape_default()),
            None => "the location ends too early".to_owned(),
        };
        Trouble::new("coordinates", reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn linear(text: &str) -> Result<Placed, Trouble> {
        place(text, 100, false, false)
    }

    fn parts(text: &str, is_circular: bool) -> (Vec<(u64, u64)>, Option<Strand>, bool) {
        let placed = place(text, 100, is_circular, false).unwrap_or_else(|trouble| panic!("{text}: {trouble:?}"));
        (placed.parts, placed.strand, placed.wraps)
    }

    proptest! {
        #[test]
        fn any_location_is_placed_or_refused(text in "[0-9<>.^(),:jointcmpleorde ]{0,40}", circular: bool) {
            if let Ok(placed) = place(&text, 100, circular, false) {
                prop_assert!(placed.start_bp <= placed.end_bp && placed.end_bp <= 100, "{placed:?}");
                prop_assert!(placed.parts.is_sorted(), "{placed:?}");
            }
        }
    }

    #[test]
    fn forms_of_the_grammar() {
        let (forward, reverse) = (Some(Strand::Forward), Some(Strand::Reverse));
        assert_eq!(parts("1..100", false), (vec![(0, 100)], forward, false));
        assert_eq!(parts("7", false), (vec![(6, 7)], forward, false));
        assert_eq!(parts("7^8", false), (vec![(7, 7)], forward, false));
        assert_eq!(parts("100^1", true), (vec![(100, 100)], forward, false));
        assert_eq!(parts("complement(join(1..3,5..9))", false), (vec![(0, 3), (4, 9)], reverse, false));
        assert_eq!(parts("join(complement(5..9),complement(1..3))", false), (vec![(0, 3), (4, 9)], reverse, false));
        assert_eq!(parts("join(1..3,complement(5..9))", false), (vec![(0, 3), (4, 9)], None, false));
        let placed = linear("join(<1..3,5..>9)").expect("placed");
        assert_eq!(placed.is_partial, (true, true));
        assert_eq!(linear("<5").expect("placed").is_partial, (true, false));
        assert_eq!(linear(">5").expect("placed").is_partial, (false, true));
        assert!(linear("order(1..3,5..9)").expect("placed").is_order, "not joined");
    }

    #[test]
    fn over_the_origin_of_a_circle() {
        let forward = Some(Strand::Forward);
        assert_eq!(parts("join(90..100,1..5)", true), (vec![(0, 5), (89, 100)], forward, true));
        assert_eq!(parts("90..5", true), (vec![(0, 5), (89, 100)], forward, true));
        assert_eq!(parts("complement(90..5)", true), (vec![(0, 5), (89, 100)], Some(Strand::Reverse), true));
        assert_eq!(
            parts("complement(join(90..100,1..5))", true),
            (vec![(0, 5), (89, 100)], Some(Strand::Reverse), true)
        );
        assert!(!parts("complement(join(1..5,90..100))", true).2, "along a reverse gene");
        assert!(!place("join(90..100,1..5)", 100, true, true).expect("placed").wraps, "trans-spliced");
    }

    #[test]
    fn what_cannot_be_placed_says_why() {
        for (text, status, reason) in [
            ("J00194.1:100..202", "unknown_contig", "another record, 'J00194.1'"),
            ("join(1..5,J00194.1:1..2)", "unknown_contig", "J00194.1"),
            ("0..5", "coordinates", "begin at 1"),
            ("1..101", "beyond_end", "position 101"),
            ("9..5", "coordinates", "before the start"),
            ("5^9", "coordinates", "no neighbours"),
            ("(1.5)..9", "coordinates", "range of positions"),
            ("1.5..9", "coordinates", "range of positions"),
            ("one-of(1,5)..9", "coordinates", "one-of"),
            ("join(1..5", "coordinates", "ends too early"),
            ("1..5)", "coordinates", "from ')' on"),
            ("", "coordinates", "no location"),
            ("99999999999999999999..5", "coordinates", "cannot be read"),
            ("join()", "coordinates", "cannot be read"),
        ] {
            let trouble = linear(text).expect_err(text);
            assert!(trouble.status == status && trouble.reason.contains(reason), "{text}: {trouble:?}");
        }
        let deep = "complement(".repeat(5_000) + "1" + &")".repeat(5_000);
        assert!(linear(&deep).is_err(), "nested too deep");
    }
}
