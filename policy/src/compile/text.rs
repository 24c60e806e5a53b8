//! Text, and the patterns of `like`.

use cedar_policy::pst::PatternElem;

use super::slot::ReadText;
use super::{Asked, Fault, If};

#[derive(Debug)]
pub(crate) enum Text {
    Constant(Box<str>),
    Slot(ReadText),
    If(Box<If<Text>>),
}

impl Text {
    pub(crate) fn read<'a>(&'a self, asked: &Asked<'a>) -> Result<&'a str, Fault> {
        match self {
            Self::Constant(text) => Ok(text),
            Self::Slot(read) => read(asked.context()).ok_or(Fault::Absent),
            Self::If(branches) => branches.branch(asked)?.read(asked),
        }
    }

    pub(crate) fn may_fail(&self) -> bool {
        !matches!(self, Self::Constant(_))
    }
}

/// A pattern: pieces of text with anything at all between them.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Without a wildcard.
    Exact(Box<str>),
    /// What stands before the first wildcard, between each two, and after the last.
    Pieces { first: Box<str>, between: Box<[Box<str>]>, last: Box<str> },
}

impl Pattern {
    pub(crate) fn new(elements: &[PatternElem]) -> Self {
        let mut pieces = elements.split(|element| matches!(element, PatternElem::Wildcard)).map(literal);
        let first = pieces.next().unwrap_or_default();
        let mut between: Vec<Box<str>> = pieces.collect();
        match between.pop() {
            None => Self::Exact(first),
            Some(last) => {
                between.retain(|piece| !piece.is_empty());
                Self::Pieces { first, between: between.into(), last }
            }
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *text,
            Self::Pieces { first, between, last } => {
                let rest = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last));
                rest.is_some_and(|rest| contains_in_order(rest, between))
            }
        }
    }
}

fn literal(piece: &[PatternElem]) -> Box<str> {
    let characters = piece.iter().filter_map(|element| match element {
        PatternElem::Char(character) => Some(*character),
        PatternElem::Wildcard => None,
    });
    characters.collect::<String>().into()
}

/// Whether the pieces occur one after another. To take each where it first occurs leaves the most room for the others.
fn contains_in_order(text: &str, pieces: &[Box<str>]) -> bool {
    pieces.iter().try_fold(text, |rest, piece| rest.split_once(&**piece).map(|(_, after)| after)).is_some()
}

#[cfg(test)]
mod tests {
    use cedar_policy_core::ast::{Pattern as CedarPattern, PatternElem as CedarElement};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few different characters, so that many patterns nearly match.
        #[test]
        fn patterns_match_what_cedar_says(pattern in "[abé*]{0,8}", text in "[abé\n]{0,10}") {
            let elements: Vec<_> = pattern.chars().map(|character| match character {
                '*' => PatternElem::Wildcard,
                other => PatternElem::Char(other),
            }).collect();
            let cedar: CedarPattern = pattern.chars().map(|character| match character {
                '*' => CedarElement::Wildcard,
                other => CedarElement::Char(other),
            }).collect();
            prop_assert_eq!(Pattern::new(&elements).matches(&text), cedar.wildcard_match(&text));
        }
    }
}
