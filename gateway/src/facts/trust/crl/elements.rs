//! DER (X.690) read from a stream, one element at a time. What is held is bounded before it is read.

use std::io::{self, ErrorKind, Read};

/// Elements of a stream.
pub(super) struct Elements<R> {
    input: R,
    /// How many bytes were read.
    pub(super) position: u64,
}

/// The tag and the length of an element.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) tag: u8,
    pub(super) length: u64,
}

impl<R: Read> Elements<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, position: 0 }
    }

    /// The header of the next element; its bytes are added to `bytes`.
    pub(super) fn header(&mut self, bytes: &mut Vec<u8>) -> Result<Header, String> {
        const HIGH_TAG_NUMBER: u8 = 0x1f;
        let [tag, first] = self.bytes()?;
        bytes.extend([tag, first]);
        if tag & HIGH_TAG_NUMBER == HIGH_TAG_NUMBER {
            return Err(NOT_DER.to_owned());
        }
        let length = match first {
            ..=0x7f => u64::from(first),
            0x81..=0x84 => self.long_length(first - 0x80, bytes)?,
            _ => return Err(NOT_DER.to_owned()),
        };
        Ok(Header { tag, length })
    }

    /// The length in its own bytes: no more of them than it needs.
    fn long_length(&mut self, count: u8, bytes: &mut Vec<u8>) -> Result<u64, String> {
        let mut length = 0;
        for place in 0..count {
            let [byte] = self.bytes()?;
            if place == 0 && (byte == 0 || (count == 1 && byte < 0x80)) {
                return Err(NOT_DER.to_owned());
            }
            bytes.push(byte);
            length = length << 8 | u64::from(byte);
        }
        Ok(length)
    }

    /// The contents of an element of at most `max` bytes, added to `bytes`.
    pub(super) fn contents(&mut self, header: Header, max: usize, bytes: &mut Vec<u8>) -> Result<(), String> {
        let length = usize::try_from(header.length).ok().filter(|length| *length <= max);
        let length = length.ok_or_else(|| format!("an element of {} bytes, at most {max} are read", header.length))?;
        let start = bytes.len();
        bytes.resize(start + length, 0);
        self.fill(bytes.get_mut(start..).unwrap_or_default())
    }

    /// The next element with contents of at most `max` bytes, added to `bytes`.
    pub(super) fn element(&mut self, max: usize, bytes: &mut Vec<u8>) -> Result<Header, String> {
        let header = self.header(bytes)?;
        self.contents(header, max, bytes)?;
        Ok(header)
    }

    /// Whether the stream has ended.
    pub(super) fn at_end(&mut self) -> Result<bool, String> {
        self.input.read(&mut [0]).map(|read| read == 0).map_err(|error| words(&error))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.position += bytes.len() as u64;
        self.input.read_exact(bytes).map_err(|error| words(&error))
    }
}

const NOT_DER: &str = "not DER";

fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "it breaks off".to_owned(),
        ErrorKind::InvalidData => "its Base64 is broken".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length_of(der: &[u8]) -> Option<u64> {
        Elements::new(der).header(&mut Vec::new()).ok().map(|header| header.length)
    }

    #[test]
    fn lengths_have_one_form() {
        let forms: [(&[u8], _); 8] = [
            (&[0x30, 0x7f], Some(0x7f)),
            (&[0x30, 0x81, 0x80], Some(0x80)),
            (&[0x30, 0x84, 1, 2, 3, 4], Some(0x0102_0304)),
            (&[0x30, 0x81, 0x7f], None),
            (&[0x30, 0x82, 0, 0x80], None),
            (&[0x30, 0x80], None),
            (&[0x30, 0x85, 1, 2, 3, 4, 5], None),
            (&[0x3f, 0x01], None),
        ];
        for (der, length) in forms {
            assert_eq!(length_of(der), length, "{der:x?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let mut list = Elements::new(&[0x04, 0x83, 0x01, 0x00, 0x00][..]);
        let error = list.element(10, &mut Vec::new()).err();
        assert_eq!(error.as_deref(), Some("an element of 65536 bytes, at most 10 are read"));
        let mut short = Elements::new(&[0x04, 0x02, 0x01][..]);
        assert_eq!(short.element(10, &mut Vec::new()).err().as_deref(), Some("it breaks off"));
    }
}
