//! A little of DER (X.690): what the libraries at hand do not read or write.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};

/// The elements of a constructed value, one after the other. `None` from any function: it is not of the form expected.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Those of these contents.
    pub(super) fn of(contents: &'a [u8]) -> Self {
        Self(contents)
    }

    /// Those of the one SEQUENCE that `der` is.
    pub(super) fn of_sequence(der: &'a [u8]) -> Option<Self> {
        let mut outer = Self(der);
        let fields = outer.sequence()?;
        outer.end()?;
        Some(fields)
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Option<Any<'a>> {
        let (rest, element) = Any::from_der(self.0).ok()?;
        self.0 = rest;
        Some(element)
    }

    /// The next element with its tag and length.
    pub(super) fn raw(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.any()?;
        before.get(..before.len() - self.0.len())
    }

    /// The contents of the next element, which has this universal tag.
    pub(super) fn contents(&mut self, tag: Tag) -> Option<&'a [u8]> {
        let element = self.any()?;
        (element.class() == Class::Universal && element.tag() == tag).then_some(element.data)
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.contents(Tag::Sequence).map(Self)
    }

    /// The contents of the next element if it has this context-specific tag; otherwise nothing is taken.
    pub(super) fn tagged(&mut self, tag: u32) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.any()?;
        let found = element.class() == Class::ContextSpecific && element.tag().0 == tag;
        if found {
            *self = ahead;
        }
        found.then_some(element.data)
    }

    /// What is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.is_empty().then_some(())
    }
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;

/// An element with these contents.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let significant = bytes.iter().position(|byte| *byte != 0).and_then(|first| bytes.get(first..)).unwrap_or(&[0]);
    let mut der = Vec::with_capacity(length + bytes.len() + 2);
    der.push(tag);
    match significant {
        [short @ 0..0x80] => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_as_few_bytes_as_they_need() {
        for (length, header) in [
            (0, &[0x30, 0][..]),
            (0x7f, &[0x30, 0x7f]),
            (0x80, &[0x30, 0x81, 0x80]),
            (0x100, &[0x30, 0x82, 1, 0]),
            (0x1_0000, &[0x30, 0x83, 1, 0, 0]),
        ] {
            assert_eq!(element(SEQUENCE, &[&vec![0; length]]), [header, &vec![0; length]].concat());
        }
    }

    #[test]
    fn fields_are_taken_in_order() {
        let der = [0x30, 0x08, 0x02, 0x01, 0x07, 0xa1, 0x03, 0x02, 0x01, 0x08];
        let mut fields = Fields::of_sequence(&der).unwrap();
        assert_eq!(fields.tagged(1), None);
        assert_eq!(fields.contents(Tag::Integer), Some(&[7][..]));
        assert_eq!(fields.tagged(0), None);
        assert_eq!(fields.tagged(1), Some(&[2, 1, 8][..]));
        assert!(fields.end().is_some() && fields.any().is_none());
        assert!(Fields::of_sequence(&[&der[..], &[0]].concat()).is_none());
    }
}
