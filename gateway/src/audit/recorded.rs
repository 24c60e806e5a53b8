//! A record as it is read back: a line of the log, parsed into what decisions are replayed and explained from.
//!
//! Text is borrowed from the line wherever that is possible: a replay parses a million of them.

use std::borrow::Cow;

use gaccong_policy::QuestionBuf;
use serde::Deserialize;

use super::event::{Phase, Verdict};
use super::ocsf::{LINE_LIMIT, UNMAPPED_VERSION};

/// A record that was found, with its line.
#[derive(Debug, Clone)]
pub struct Recorded {
    line: Box<[u8]>,
    is_final: bool,
}

impl Recorded {
    /// The record.
    ///
    /// # Errors
    /// The record is not one that this version can read.
    pub fn record(&self) -> Result<Record<'_>, Unreadable> {
        Record::parse(&self.line)
    }

    /// Whether it is the one final record of its request or connection attempt.
    pub fn is_final(&self) -> bool {
        self.is_final
    }
}

/// The record of `line`, if it is one of the request or connection attempt `id`, in whatever version.
pub(super) fn of_id(line: &[u8], id: &str) -> Option<Recorded> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).ok()?;
    let is_final = envelope.unmapped.gaccong.phase != Some("opening");
    (envelope.metadata.uid == id).then(|| Recorded { line: line.into(), is_final })
}

/// Why a line is not a record that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No gateway writes such lines.
    #[error("the line is longer than any record")]
    TooLong,
    /// It is not even text.
    #[error("the line is not UTF-8: {0}")]
    NotText(#[from] std::str::Utf8Error),
    /// Another version of the gateway wrote it.
    #[error("the record is of version {0}, and this is a reader of version {UNMAPPED_VERSION}")]
    Version(u64),
    /// It is about the gateway itself: its policies, or a shadow check.
    #[error("the record is of class {0}: it is not of a request or connection attempt")]
    OtherClass(u32),
    /// It is not a record.
    #[error("the line is not a record: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// One record.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct Record<'a> {
    pub class_uid: u32,
    pub time: i64,
    pub action_id: u8,
    #[serde(borrow)]
    pub metadata: Metadata<'a>,
    #[serde(borrow)]
    pub http_request: Option<HttpRequest<'a>>,
    pub http_response: Option<HttpResponse>,
    #[serde(borrow)]
    pub src_endpoint: Endpoint<'a>,
    #[serde(borrow)]
    pub dst_endpoint: Endpoint<'a>,
    #[serde(borrow)]
    pub actor: Option<Actor<'a>>,
    #[serde(borrow)]
    pub device: Option<Device<'a>>,
    #[serde(borrow)]
    pub unmapped: Unmapped<Gaccong<'a>>,
}

/// `metadata`
#[derive(Debug, Deserialize)]
pub struct Metadata<'a> {
    /// The id of the request or connection attempt.
    pub uid: &'a str,
}

/// `http_request`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct HttpRequest<'a> {
    #[serde(borrow)]
    pub http_method: Cow<'a, str>,
    #[serde(borrow)]
    pub url: Url<'a>,
}

/// `http_request.url`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct Url<'a> {
    pub hostname: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub path: Cow<'a, str>,
}

/// `http_response`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct HttpResponse {
    pub code: u16,
}

/// `src_endpoint`, `dst_endpoint`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct Endpoint<'a> {
    pub ip: &'a str,
    /// The name of the app, of a request for one.
    pub svc_name: Option<Cow<'a, str>>,
}

/// `actor`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct Actor<'a> {
    #[serde(borrow)]
    pub user: User<'a>,
}

/// `actor.user`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct User<'a> {
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
}

/// `device`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as OCSF has them")]
pub struct Device<'a> {
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
}

/// `unmapped`
#[derive(Debug, Deserialize)]
pub struct Unmapped<T> {
    /// What the gateway adds to OCSF.
    pub gaccong: T,
}

/// `unmapped.gaccong`, of a request or of a connection attempt.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "as they are written, see `ocsf::unmapped`")]
pub struct Gaccong<'a> {
    pub version: u64,
    pub phase: &'a str,
    pub outcome: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub cut_reason: Option<&'a str>,
    pub count: Option<u64>,
    pub policy_digest: Option<&'a str>,
    #[serde(borrow, default)]
    pub policies: Vec<Cow<'a, str>>,
    #[serde(default)]
    pub details: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub question: Option<QuestionBuf<'a>>,
    /// False where the question had to be cut: it cannot be asked again.
    #[serde(default)]
    pub question_complete: bool,
    pub duration_us: Option<u64>,
}

const HTTP_ACTIVITY: u32 = 4002;
const NETWORK_ACTIVITY: u32 = 4001;

/// As much of a record as every version and class has.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    class_uid: u32,
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    unmapped: Unmapped<Version<'a>>,
}

#[derive(Debug, Deserialize)]
struct Version<'a> {
    version: u64,
    phase: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn parse(line: &'a [u8]) -> Result<Self, Unreadable> {
        if line.len() > LINE_LIMIT {
            return Err(Unreadable::TooLong);
        }
        // Checked once as a whole, which is a quarter cheaper than string by string.
        let line = std::str::from_utf8(line)?;
        match serde_json::from_str::<Self>(line) {
            Ok(record) if record.unmapped.gaccong.version == UNMAPPED_VERSION => Ok(record),
            Ok(record) => Err(Unreadable::Version(record.unmapped.gaccong.version)),
            // Another version may have another form.
            Err(error) => match serde_json::from_str::<Envelope<'_>>(line) {
                Ok(Envelope { unmapped, .. }) if unmapped.gaccong.version != UNMAPPED_VERSION => {
                    Err(Unreadable::Version(unmapped.gaccong.version))
                }
                Ok(Envelope { class_uid, .. }) if !matches!(class_uid, HTTP_ACTIVITY | NETWORK_ACTIVITY) => {
                    Err(Unreadable::OtherClass(class_uid))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Whether it is of a refused connection attempt, or of several.
    pub fn is_attempt(&self) -> bool {
        self.class_uid == NETWORK_ACTIVITY
    }

    /// Opening or final.
    pub fn phase(&self) -> Phase {
        match self.unmapped.gaccong.phase {
            "opening" => Phase::Opening,
            _ => Phase::Final,
        }
    }

    /// What policy decided when it was asked; `None` where the request was refused before.
    pub fn verdict(&self) -> Option<Verdict> {
        const DENIED: u8 = 2;
        let ours = &self.unmapped.gaccong;
        ours.policy_digest?;
        if !ours.reason.is_some_and(|reason| reason.starts_with("policy.")) {
            return Some(Verdict::Permit);
        }
        // What is refused gets an answer of our own, whole. Whatever ended otherwise was forwarded.
        let refused = self.action_id == DENIED && ours.outcome == Some("completed");
        Some(if refused { Verdict::Deny } else { Verdict::ObservedDeny })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::{DecisionFacts, Event, Outcome, RequestEvent};
    use crate::audit::{fixtures, ocsf};
    use crate::reason::Reason;

    fn line(event: &Event) -> Vec<u8> {
        let mut line = Vec::new();
        ocsf::write_line(event, &mut line).expect("a line");
        line
    }

    fn request(change: impl FnOnce(&mut RequestEvent)) -> Vec<u8> {
        let mut event = fixtures::request();
        change(&mut event);
        line(&Event::Request(Box::new(event)))
    }

    fn decided(verdict: Verdict, reason: Reason, outcome: Outcome) -> Option<Verdict> {
        let line = request(|event| {
            event.decision = DecisionFacts { verdict, reason: Some(reason), ..event.decision.clone() };
            event.outcome = outcome;
        });
        Record::parse(&line).expect("a record").verdict()
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let line = request(|_| {});
        let record = Record::parse(&line).expect("a record");
        assert_eq!((record.phase(), record.verdict()), (Phase::Final, Some(Verdict::Permit)));
        assert_eq!((record.time, record.dst_endpoint.svc_name.as_deref()), (fixtures::TIME_MS, Some("payroll")));
        let question = record.unmapped.gaccong.question.expect("a question");
        let (read, asked) = (format!("{:?}", question.lend()), format!("{:?}", fixtures::asked().question()));
        assert_eq!(read, asked);
        assert!(record.unmapped.gaccong.question_complete);
    }

    #[test]
    fn attempts_and_openings_are_read_back() {
        let attempt = line(&Event::Connection(Box::new(fixtures::attempt())));
        let record = Record::parse(&attempt).expect("a record");
        assert_eq!((record.phase(), record.verdict()), (Phase::Final, None));
        assert!(record.unmapped.gaccong.question.is_none());
        let opening = request(|event| (event.phase, event.outcome) = (Phase::Opening, Outcome::Running));
        assert_eq!(Record::parse(&opening).expect("a record").phase(), Phase::Opening);
    }

    #[test]
    fn verdicts_are_told_apart_however_the_request_ended() {
        let cut = Outcome::Cut(Reason::CertificateRevoked);
        for (verdict, reason, outcome) in [
            (Verdict::Permit, Reason::UpstreamConnect, Outcome::Completed),
            (Verdict::Permit, Reason::UpstreamConnect, cut),
            (Verdict::Deny, Reason::PolicyForbid, Outcome::Completed),
            (Verdict::ObservedDeny, Reason::PolicyNoPermit, Outcome::Completed),
            (Verdict::ObservedDeny, Reason::PolicyNoPermit, Outcome::ClientGone),
            (Verdict::ObservedDeny, Reason::PolicyNoPermit, Outcome::BodyRefused(Reason::RequestBodyTooLarge)),
            (Verdict::ObservedDeny, Reason::PolicyNoPermit, cut),
        ] {
            assert_eq!(decided(verdict, reason, outcome), Some(verdict), "{outcome:?}");
        }
        let before_policy = request(|event| {
            event.decision.verdict = Verdict::Deny;
            event.decision.reason = Some(Reason::PostureStale);
            event.decision.policy_digest = None;
        });
        assert_eq!(Record::parse(&before_policy).expect("a record").verdict(), None);
    }

    #[test]
    fn another_version_is_named_whatever_its_form() {
        let text = String::from_utf8(request(|_| {})).expect("text");
        let newer = text.replace("\"gaccong\":{\"version\":1", "\"gaccong\":{\"version\":7");
        let other_form = newer.replace("\"http_request\":{", "\"http_request\":[],\"unknown\":{");
        for line in [newer, other_form] {
            assert!(matches!(Record::parse(line.as_bytes()), Err(Unreadable::Version(7))), "{line}");
        }
        let unknown_fact = text.replace("\"now_ms\":", "\"moon_phase\":1,\"now_ms\":");
        for line in [unknown_fact.as_bytes(), b"", b"{}", b"[1]"] {
            assert!(matches!(Record::parse(line), Err(Unreadable::Malformed(_))));
        }
        assert!(matches!(Record::parse(b"\xff"), Err(Unreadable::NotText(_))));
        assert!(matches!(Record::parse(&[b' '; LINE_LIMIT + 1]), Err(Unreadable::TooLong)));
    }
}
