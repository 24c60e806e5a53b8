//! A list without its entries, small enough to be judged as a whole, and with a few of them at a time.
//!
//! webpki judges lists in memory only. So that every list is judged by it, however long, it is shown the list's own head
//! and extensions without entries, and the entries in short lists made for that.

use webpki::BorrowedCertRevocationList;

use crate::facts::trust::der::{SEQUENCE, element};

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
        let body = element(SEQUENCE, &[&self.head, &self.tail]);
        element(SEQUENCE, &[&body, &self.signature])
    }

    /// Calls `serial` with the serial number of each of these entries, which must be whole and in good form.
    pub(super) fn judge_entries(&self, entries: &[u8], mut serial: impl FnMut(&[u8])) -> Result<(), webpki::Error> {
        // A CRL number: webpki takes no list without extensions, and those of this one are not known yet.
        const EXTENSIONS: [u8; 16] =
            [0xa0, 0x0e, 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x14, 0x04, 0x03, 0x02, 0x01, 0x01];
        const NO_SIGNATURE: [u8; 3] = [0x03, 0x01, 0x00];
        let body = element(SEQUENCE, &[&self.head, &element(SEQUENCE, &[entries]), &EXTENSIONS]);
        let der = element(SEQUENCE, &[&body, &element(SEQUENCE, &[&self.algorithm]), &NO_SIGNATURE]);
        for entry in &BorrowedCertRevocationList::from_der(&der)? {
            serial(entry?.serial_number);
        }
        Ok(())
    }
}
