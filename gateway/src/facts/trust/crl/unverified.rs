//! Lists as they are read: everything that can be told of them before it is known who signed them.

use std::io::{BufRead, Read};

use webpki::{BorrowedCertRevocationList, CertRevocationList};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::elements::{Elements, Header};
use super::pem;
use super::revoked::{Collector, Revoked};
use super::scope::Scope;
use super::skeleton::Skeleton;
use crate::facts::trust::message::{self, Message};

/// The longest field of a list besides its entries, in bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// The longest entry, in bytes.
const MAX_ENTRY_BYTES: usize = 4 * 1024;
/// The most entries of a list.
const MAX_ENTRIES: usize = 16 * 1024 * 1024;
/// How many bytes of entries are judged at a time.
const BATCH_BYTES: usize = 64 * 1024;

const SEQUENCE: u8 = 0x30;
const WRONG_LENGTH: &str = "its parts are not as long as they say";

/// A list of good form that anyone may have made.
pub struct Unverified {
    /// The list without its entries (DER).
    pub(super) skeleton: Vec<u8>,
    pub(super) message: message::Read,
    /// cRLNumber (RFC 5280 §5.2.3), big-endian.
    pub(super) number: Option<Vec<u8>>,
    pub(super) scope: Scope,
    pub(super) revoked: Revoked,
}

impl Unverified {
    /// Reads lists, one in DER or any number in PEM; the error says what is wrong with the first that is.
    pub fn read_all(mut input: impl BufRead) -> Result<Vec<Self>, String> {
        if input.fill_buf().map_err(|error| error.to_string())?.first() == Some(&SEQUENCE) {
            return Ok(vec![Self::read_one(input)?]);
        }
        let unreadable = |_| "neither DER nor PEM".to_owned();
        let mut lists = Vec::new();
        while pem::find_section(&mut input).map_err(unreadable)? {
            lists.push(Self::read_one(pem::contents(&mut input))?);
            pem::end_section(&mut input).map_err(unreadable)?;
        }
        if lists.is_empty() { Err("no `X509 CRL` section in it".to_owned()) } else { Ok(lists) }
    }

    /// How many certificates are on it.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read_one(input: impl Read) -> Result<Self, String> {
        Self::read(input).map_err(|why| format!("cannot be used: {why}"))
    }

    /// Reads one list in DER. webpki refuses delta and indirect lists, those partitioned by reason, and unknown critical
    /// extensions.
    fn read(input: impl Read) -> Result<Self, String> {
        let mut list = Elements::new(input);
        let whole = list.header(&mut Vec::new())?;
        let end = end_of(whole, list.position)?;
        let mut header = Vec::new();
        let body = list.header(&mut header)?;
        let body_end = end_of(body, list.position)?;
        let mut skeleton = read_head(&mut list)?;
        let mut message = Message::signed_by(&skeleton.algorithm);
        message.update(&header)?;
        message.update(&skeleton.head)?;

        let mut revoked = Collector::default();
        let mut before_entries = true;
        while list.position < body_end {
            let start = skeleton.tail.len();
            let field = list.header(&mut skeleton.tail)?;
            if before_entries && field.tag == SEQUENCE {
                message.update(skeleton.tail.get(start..).unwrap_or_default())?;
                skeleton.tail.truncate(start);
                read_entries(&mut list, field, &skeleton, &mut message, &mut revoked)?;
            } else {
                list.contents(field, MAX_FIELD_BYTES.saturating_sub(start), &mut skeleton.tail)?;
                message.update(skeleton.tail.get(start..).unwrap_or_default())?;
            }
            before_entries = false;
        }
        let body_is_whole = list.position == body_end;
        for _ in ["signatureAlgorithm", "signatureValue"] {
            list.element(MAX_FIELD_BYTES, &mut skeleton.signature)?;
        }
        if !body_is_whole || list.position != end || !list.at_end()? {
            return Err(WRONG_LENGTH.to_owned());
        }
        Self::of(&skeleton, message, revoked)
    }

    fn of(skeleton: &Skeleton, message: Message, revoked: Collector) -> Result<Self, String> {
        let der = skeleton.der();
        let list = BorrowedCertRevocationList::from_der(&der).map_err(|error| error.to_string())?;
        let scope = match CertRevocationList::from(list).issuing_distribution_point() {
            Some(extension) => Scope::parse(extension)?,
            None => Scope::default(),
        };
        let number = CertificateRevocationList::from_der(&der)
            .ok()
            .and_then(|(_, list)| list.crl_number().map(|number| number.to_bytes_be()));
        Ok(Self { skeleton: der, message: message.finish(), number, scope, revoked: revoked.finish() })
    }
}

/// Where an element ends that begins here.
fn end_of(header: Header, position: u64) -> Result<u64, String> {
    if header.tag == SEQUENCE { Ok(position + header.length) } else { Err("not a revocation list".to_owned()) }
}

/// The fields that stand before the entries. Whether they are what they should be is webpki's to say.
fn read_head<R: Read>(list: &mut Elements<R>) -> Result<Skeleton, String> {
    let mut skeleton = Skeleton::default();
    for field in ["version", "signature", "issuer", "thisUpdate", "nextUpdate"] {
        let header = list.header(&mut skeleton.head)?;
        let start = skeleton.head.len();
        list.contents(header, MAX_FIELD_BYTES, &mut skeleton.head)?;
        if field == "signature" {
            skeleton.algorithm = skeleton.head.get(start..).unwrap_or_default().to_vec();
        }
    }
    Ok(skeleton)
}

fn read_entries<R: Read>(
    list: &mut Elements<R>,
    entries: Header,
    skeleton: &Skeleton,
    message: &mut Message,
    revoked: &mut Collector,
) -> Result<(), String> {
    let end = end_of(entries, list.position)?;
    let mut batch = Vec::with_capacity(BATCH_BYTES + MAX_ENTRY_BYTES);
    while list.position < end {
        list.element(MAX_ENTRY_BYTES, &mut batch)?;
        if batch.len() < BATCH_BYTES && list.position < end {
            continue;
        }
        message.update(&batch)?;
        let judged = skeleton.judge_entries(&batch, |serial| revoked.add(serial));
        judged.map_err(|error| format!("entry {}: {error}", revoked.len() + 1))?;
        if revoked.len() > MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} entries"));
        }
        batch.clear();
    }
    if list.position == end { Ok(()) } else { Err(WRONG_LENGTH.to_owned()) }
}
