//! Regular expressions over bases.
//!
//! The text is read by `regex-syntax`, each class of letters becomes a mask of bases, and the result is written again
//! as an expression over exactly the letters of a sequence that match.

use regex_syntax::ast::{
    Ast, ClassBracketed, ClassSet, ClassSetItem, GroupKind, Literal, RepetitionKind, RepetitionRange,
    parse::ParserBuilder,
};

use super::{PatternError, letter_scan::matches, mask_of_char, no_code};
use crate::iupac::ANY_BASE;

/// Longest hit of an expression: how much must be looked at again where pieces of a sequence meet.
const LONGEST_BP: usize = 10_000;

/// Memory that a compiled expression may take.
const SIZE_LIMIT_BYTES: usize = 32 << 20;

/// An expression over bases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// One base.
    Base(u8),
    /// One after another.
    Row(Vec<Self>),
    /// The first that matches.
    Choice(Vec<Self>),
    /// So many times, as many as possible if greedy.
    Repeat { of: Box<Self>, least: usize, most: usize, is_greedy: bool },
}

/// Reads an expression between slashes.
pub(super) fn parse_expression(text: &str) -> Result<Node, PatternError> {
    let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).ok_or_else(|| {
        PatternError::new(
            text,
            "there is no '/' at its end",
            "write a regular expression between slashes, as in /GG.{1,7}GG/",
        )
    })?;
    let ast = ParserBuilder::new().nest_limit(50).build().parse(inner).map_err(|error| {
        let reason = format!("{} at place {}", error.kind(), error.span().start.column + 1);
        PatternError::new(text, reason, "see the syntax of regular expressions")
    })?;
    Reader { text }.node(&ast)
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn node(&self, ast: &Ast) -> Result<Node, PatternError> {
        match ast {
            Ast::Empty(_) => Ok(Node::Row(Vec::new())),
            Ast::Literal(literal) => self.letter(literal).map(Node::Base),
            Ast::Dot(_) => Ok(Node::Base(ANY_BASE)),
            Ast::ClassBracketed(class) => self.class(class).map(Node::Base),
            Ast::Concat(row) => row.asts.iter().map(|ast| self.node(ast)).collect::<Result<_, _>>().map(Node::Row),
            Ast::Alternation(choice) => {
                choice.asts.iter().map(|ast| self.node(ast)).collect::<Result<_, _>>().map(Node::Choice)
            }
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(flags) if !flags.items.is_empty() => Err(self.flags()),
                _ => self.node(&group.ast),
            },
            Ast::Repetition(repetition) => {
                let (least, most) = match &repetition.op.kind {
                    RepetitionKind::ZeroOrOne => (0, Some(1)),
                    RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => (0, None),
                    RepetitionKind::Range(RepetitionRange::Exactly(times)) => (*times, Some(*times)),
                    RepetitionKind::Range(RepetitionRange::AtLeast(least)) => (*least, None),
                    RepetitionKind::Range(RepetitionRange::Bounded(least, most)) => (*least, Some(*most)),
                };
                let most = most.ok_or_else(|| {
                    let remedy = "give each repeat an end, as in A{1,50} instead of A+";
                    PatternError::new(self.text, "one of its repeats has no end", remedy)
                })?;
                let [least, most] = [least, most].map(|times| usize::try_from(times).unwrap_or(usize::MAX));
                let of = Box::new(self.node(&repetition.ast)?);
                Ok(Node::Repeat { of, least, most, is_greedy: repetition.greedy })
            }
            Ast::Flags(_) => Err(self.flags()),
            Ast::Assertion(_) => {
                let remedy = "leave out ^, $ and \\b, which have no meaning inside a sequence";
                Err(PatternError::new(self.text, "it asks for an end of the text", remedy))
            }
            Ast::ClassPerl(_) | Ast::ClassUnicode(_) => Err(self.named_class()),
        }
    }

    fn letter(&self, literal: &Literal) -> Result<u8, PatternError> {
        // The opening slash is the first character of the pattern; columns count from 1.
        mask_of_char(literal.c).ok_or_else(|| no_code(self.text, literal.c, literal.span.start.column))
    }

    fn class(&self, class: &ClassBracketed) -> Result<u8, PatternError> {
        let ClassSet::Item(item) = &class.kind else {
            return Err(PatternError::new(self.text, "it combines classes", "write out the letters of each class"));
        };
        let mask = self.item(item)?;
        let mask = if class.negated { ANY_BASE & !mask } else { mask };
        if mask == 0 {
            return Err(PatternError::new(self.text, "one of its classes leaves no base", "name fewer bases after ^"));
        }
        Ok(mask)
    }

    fn item(&self, item: &ClassSetItem) -> Result<u8, PatternError> {
        match item {
            ClassSetItem::Empty(_) => Ok(0),
            ClassSetItem::Literal(literal) => self.letter(literal),
            ClassSetItem::Bracketed(class) => self.class(class),
            ClassSetItem::Union(union) => {
                union.items.iter().try_fold(0, |mask, item| self.item(item).map(|more| mask | more))
            }
            ClassSetItem::Range(_) => Err(PatternError::new(
                self.text,
                "it has a range of letters, which means nothing among bases",
                "write out the letters, as in [ACT]",
            )),
            ClassSetItem::Ascii(_) | ClassSetItem::Unicode(_) | ClassSetItem::Perl(_) => Err(self.named_class()),
        }
    }

    fn flags(&self) -> PatternError {
        PatternError::new(self.text, "it sets flags", "leave them out: case never matters")
    }

    fn named_class(&self) -> PatternError {
        PatternError::new(self.text, "it has a class that is no set of bases", "write out the letters, as in [ACT]")
    }
}

impl Node {
    /// The masks of an expression that is a plain row of bases.
    pub(super) fn fixed_masks(&self) -> Option<Vec<u8>> {
        match self {
            Self::Base(mask) => Some(vec![*mask]),
            Self::Row(row) => row.iter().try_fold(Vec::new(), |mut masks, node| {
                masks.extend(node.fixed_masks()?);
                // Long ones are refused by their length, which needs no masks.
                (masks.len() <= LONGEST_BP).then_some(masks)
            }),
            Self::Choice(_) => None,
            Self::Repeat { of, least, most, .. } => {
                let masks = of.fixed_masks().filter(|_| least == most)?;
                masks.len().checked_mul(*least).filter(|&length| length <= LONGEST_BP)?;
                Some(masks.repeat(*least))
            }
        }
    }

    /// The compiled expression and the length of its longest hit.
    pub(super) fn compile(&self, text: &str) -> Result<(regex::bytes::Regex, usize), PatternError> {
        let (shortest, longest) = self.lengths();
        if shortest == 0 {
            let remedy = "ask for at least one base, as in A{1,9} instead of A{0,9}";
            return Err(PatternError::new(text, "it could match nothing at all", remedy));
        }
        if longest > LONGEST_BP {
            return Err(PatternError::new(text, "a hit could be longer than 10,000 bases", "let it repeat less often"));
        }
        let mut written = String::new();
        self.write(&mut written);
        let regex = regex::bytes::RegexBuilder::new(&written)
            .unicode(false)
            .size_limit(SIZE_LIMIT_BYTES)
            .build()
            .map_err(|_| PatternError::new(text, "it is too large", "let it repeat less often"))?;
        if regex.is_match(&vec![b'N'; longest]) {
            return Err(PatternError::new(text, "it matches everywhere", "ask for at least one base that is not N"));
        }
        Ok((regex, longest))
    }

    /// Bases of its shortest and of its longest hit.
    fn lengths(&self) -> (usize, usize) {
        match self {
            Self::Base(_) => (1, 1),
            Self::Row(row) => row.iter().fold((0_usize, 0_usize), |(shortest, longest), node| {
                let (least, most) = node.lengths();
                (shortest.saturating_add(least), longest.saturating_add(most))
            }),
            Self::Choice(choice) => {
                let lengths = || choice.iter().map(Self::lengths);
                (
                    lengths().map(|(least, _)| least).min().unwrap_or(0),
                    lengths().map(|(_, most)| most).max().unwrap_or(0),
                )
            }
            Self::Repeat { of, least, most, .. } => {
                let (shortest, longest) = of.lengths();
                (shortest.saturating_mul(*least), longest.saturating_mul(*most))
            }
        }
    }

    /// Writes it as an expression over the letters of a sequence.
    fn write(&self, written: &mut String) {
        match self {
            Self::Base(mask) => {
                written.push('[');
                written.extend((b'A'..=b'z').filter(|&byte| matches(byte, *mask)).map(char::from));
                written.push(']');
            }
            Self::Row(row) => row.iter().for_each(|node| node.write(written)),
            Self::Choice(choice) => {
                for (index, node) in choice.iter().enumerate() {
                    written.push_str(if index == 0 { "(?:" } else { "|" });
                    node.write(written);
                }
                written.push(')');
            }
            Self::Repeat { of, least, most, is_greedy } => {
                written.push_str("(?:");
                of.write(written);
                written.push_str(&format!("){{{least},{most}}}"));
                if !is_greedy {
                    written.push('?');
                }
            }
        }
    }
}
