//! A list without its entries, small enough to be judged as a whole, and with a few of them at a time.
//!
//! webpki judges lists in memory only. So that every list is judged by it, however long, it is shown the list's own head
//! and extensions without entries, and the entries in short lists made for that.

use webpki::BorrowedCertRevocationList;

const SEQUENCE: u8 = 0x30;

/// The parts of a list (RFC 5280 §5.1) around its entries.
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    /// Version, algorithm, issuer, thisUpdate and nextUpdate.
    pub(super) head: Vec<u8>,
    /// Contents of the algorithm in the head.
    pub(super) algorithm: Vec<u8>,
    /// What follows the entries: extensions.
    pub(super) tail: Vec<u8>,
    /// What follows the signed part: algorithm and signature.
    pub(super) signature: Vec<u8>,
}

impl Skeleton {
    /// The list without entries.
    pub(super) fn der(&self) -> Vec<u8> {
        let body = sequence(&[&self.head, &self.tail]);
        sequence(&[&body, &self.signature])
    }

    /// Calls `serial` with the serial number of each of these entries, which must be whole and in good form.
    pub(super) fn judge_entries(&self, entries: &[u8], mut serial: impl FnMut(&[u8])) -> Result<(), webpki::Error> {
        // A CRL number: webpki takes no list without extensions, and those of this one are not known yet.
        const EXTENSIONS: [u8; 16] =
            [0xa0, 0x0e, 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x14, 0x04, 0x03, 0x02, 0x01, 0x01];
        const NO_SIGNATURE: [u8; 3] = [0x03, 0x01, 0x00];
        let body = sequence(&[&self.head, &sequence(&[entries]), &EXTENSIONS]);
        let der = sequence(&[&body, &sequence(&[&self.algorithm]), &NO_SIGNATURE]);
        for entry in &BorrowedCertRevocationList::from_der(&der)? {
            serial(entry?.serial_number);
        }
        Ok(())
    }
}

/// A SEQUENCE of these contents.
fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let significant = bytes.iter().position(|byte| *byte != 0).and_then(|first| bytes.get(first..)).unwrap_or(&[0]);
    let mut der = Vec::with_capacity(length + bytes.len() + 2);
    der.push(SEQUENCE);
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
            assert_eq!(sequence(&[&vec![0; length]]), [header, &vec![0; length]].concat());
        }
    }
}
