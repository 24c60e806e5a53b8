//! What a responder says (RFC 6960 §4.2): its form, before it is known who said it.

use x509_parser::asn1_rs::{FromDer, Tag};
use x509_parser::time::ASN1Time;

use super::question::NONCE;
use crate::facts::trust::authority::milliseconds;
use crate::facts::trust::der::Fields;
use crate::facts::trust::signature::{Signed, whole_bit_string};

/// The longest response, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The most certificates and the most answers in one.
const MAX_CERTIFICATES: usize = 8;
const MAX_ANSWERS: usize = 64;

/// A response of good form that anyone may have made.
pub struct Response<'a> {
    pub(super) signed: Signed<'a>,
    /// What the responder sent to vouch for its key (DER).
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) answers: Vec<Single<'a>>,
    pub(super) nonce: Option<&'a [u8]>,
}

/// What is said of one certificate.
pub(super) struct Single<'a> {
    pub(super) certificate_id: Fields<'a>,
    pub(super) status: Status,
    pub(super) this_update_ms: i64,
    pub(super) next_update_ms: Option<i64>,
}

/// The status of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is not revoked.
    Good,
    /// It is revoked, or on hold.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

/// Why a response has no answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It is not of the form of a response.
    #[error("it is no OCSP response")]
    Malformed,
    /// The responder refuses to answer (OCSPResponseStatus).
    #[error("the responder refuses to answer, with status {0}")]
    Refused(u8),
}

impl<'a> Response<'a> {
    /// Reads a response.
    pub fn parse(der: &'a [u8]) -> Result<Self, NoAnswer> {
        const SUCCESSFUL: u8 = 0;
        if der.len() > MAX_RESPONSE_BYTES {
            return Err(NoAnswer::Malformed);
        }
        let mut fields = Fields::of_sequence(der).ok_or(NoAnswer::Malformed)?;
        match fields.contents(Tag::Enumerated) {
            Some([SUCCESSFUL]) => {}
            Some([status]) => return Err(NoAnswer::Refused(*status)),
            _ => return Err(NoAnswer::Malformed),
        }
        basic(fields).ok_or(NoAnswer::Malformed)
    }

    /// How many certificates it speaks of.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it speaks of none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

/// responseBytes with a BasicOCSPResponse.
fn basic(mut fields: Fields<'_>) -> Option<Response<'_>> {
    /// id-pkix-ocsp-basic
    const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    let mut bytes = Fields::of_sequence(fields.tagged(0)?)?;
    fields.end()?;
    (bytes.contents(Tag::Oid)? == BASIC).then_some(())?;
    let mut basic = Fields::of_sequence(bytes.contents(Tag::OctetString)?)?;
    bytes.end()?;

    let body = basic.raw()?;
    let algorithm = basic.contents(Tag::Sequence)?;
    let signature = whole_bit_string(basic.raw()?)?;
    let certificates = match basic.tagged(0) {
        Some(certificates) => all(Fields::of_sequence(certificates)?, MAX_CERTIFICATES, |list| list.raw())?,
        None => Vec::new(),
    };
    basic.end()?;
    let (answers, nonce) = response_data(Fields::of_sequence(body)?)?;
    Some(Response { signed: Signed { body, algorithm, signature }, certificates, answers, nonce })
}

/// ResponseData. Who the responder says that it is does not matter: its key tells.
fn response_data(mut data: Fields<'_>) -> Option<(Vec<Single<'_>>, Option<&[u8]>)> {
    // The only version is the default, which DER leaves out; some write it all the same.
    if let Some(version) = data.tagged(0) {
        (version == [0x02, 0x01, 0x00]).then_some(())?;
    }
    data.tagged(1).or_else(|| data.tagged(2))?;
    time(&mut data)?;
    let answers = all(data.sequence()?, MAX_ANSWERS, single)?;
    let nonce = match data.tagged(1) {
        Some(extensions) => nonce_of(Fields::of_sequence(extensions)?)?,
        None => None,
    };
    data.end()?;
    Some((answers, nonce))
}

fn single<'a>(list: &mut Fields<'a>) -> Option<Single<'a>> {
    let mut single = list.sequence()?;
    let certificate_id = single.sequence()?;
    let status = if single.tagged(0).is_some() {
        Status::Good
    } else if single.tagged(1).is_some() {
        Status::Revoked
    } else {
        single.tagged(2).map(|_| Status::Unknown)?
    };
    let this_update_ms = time(&mut single)?;
    let next_update_ms = match single.tagged(0) {
        Some(next_update) => Some(time(&mut Fields::of(next_update))?),
        None => None,
    };
    if let Some(extensions) = single.tagged(1) {
        (!has_critical(Fields::of_sequence(extensions)?)?).then_some(())?;
    }
    single.end()?;
    Some(Single { certificate_id, status, this_update_ms, next_update_ms })
}

/// The nonce among extensions; none of the others may be critical.
fn nonce_of(extensions: Fields<'_>) -> Option<Option<&[u8]>> {
    let mut nonce = None;
    let mut rest = extensions;
    while !rest.is_empty() {
        let (id, critical, value) = extension(&mut rest)?;
        if id == NONCE {
            let mut inner = Fields::of(value);
            // Old responders send the bytes without a type of their own.
            let bytes = inner.contents(Tag::OctetString).filter(|_| inner.is_empty());
            nonce = Some(bytes.unwrap_or(value));
        } else if critical {
            return None;
        }
    }
    Some(nonce)
}

fn has_critical(mut extensions: Fields<'_>) -> Option<bool> {
    let mut found = false;
    while !extensions.is_empty() {
        found |= extension(&mut extensions)?.1;
    }
    Some(found)
}

/// The id of an extension, whether it is critical, and its value.
fn extension<'a>(list: &mut Fields<'a>) -> Option<(&'a [u8], bool, &'a [u8])> {
    let mut extension = list.sequence()?;
    let id = extension.contents(Tag::Oid)?;
    let mut ahead = extension;
    let critical = match ahead.contents(Tag::Boolean) {
        Some(value) => {
            extension = ahead;
            value != [0]
        }
        None => false,
    };
    let value = extension.contents(Tag::OctetString)?;
    extension.end()?;
    Some((id, critical, value))
}

fn time(fields: &mut Fields<'_>) -> Option<i64> {
    let (rest, time) = ASN1Time::from_der(fields.rest()).ok()?;
    *fields = Fields::of(rest);
    Some(milliseconds(time.timestamp()))
}

/// All elements of a list, of which there are at most `max`.
fn all<'a, T>(mut list: Fields<'a>, max: usize, read: impl Fn(&mut Fields<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut elements = Vec::new();
    while !list.is_empty() {
        (elements.len() < max).then_some(())?;
        elements.push(read(&mut list)?);
    }
    Some(elements)
}
