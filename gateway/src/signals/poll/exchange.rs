//! What is said in a poll (RFC 8936 §2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::signals::error::SetError;

/// A request: what became of the tokens of the last answer, and how many are wanted next (RFC 8936 §2.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PollRequest {
    /// The most tokens that the answer may have.
    pub max_events: usize,
    /// Whether an answer without tokens comes at once; else the server waits for some.
    pub return_immediately: bool,
    /// The ids of tokens that are kept here: the transmitter may forget them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ack: Vec<String>,
    /// The tokens that are not accepted, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set_errs: BTreeMap<String, SetError>,
}

/// An answer (RFC 8936 §2.5).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollAnswer {
    /// Tokens by id.
    #[serde(default)]
    pub sets: BTreeMap<String, String>,
    /// Whether there are others.
    #[serde(default)]
    pub more_available: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_written_as_the_standard_has_it() {
        let request = PollRequest {
            max_events: 2,
            return_immediately: false,
            ack: vec!["a".to_owned()],
            set_errs: BTreeMap::from([("b".to_owned(), SetError::invalid_request("why"))]),
        };
        let expected = json!({
            "maxEvents": 2, "returnImmediately": false, "ack": ["a"],
            "setErrs": {"b": {"err": "invalid_request", "description": "why"}},
        });
        assert_eq!(serde_json::to_value(request).unwrap(), expected);
        let first = PollRequest { max_events: 2, ..PollRequest::default() };
        assert_eq!(serde_json::to_value(first).unwrap(), json!({"maxEvents": 2, "returnImmediately": false}));
    }

    #[test]
    fn an_answer_is_read() {
        let answer: PollAnswer = serde_json::from_str(r#"{"sets": {"a": "x.y.z"}, "moreAvailable": true}"#).unwrap();
        assert_eq!((answer.sets["a"].as_str(), answer.more_available), ("x.y.z", true));
        assert!(serde_json::from_str::<PollAnswer>("{}").unwrap().sets.is_empty());
        for bad in ["", "[", r#"{"sets": []}"#, r#"{"sets": {"a": {}}}"#] {
            assert!(serde_json::from_str::<PollAnswer>(bad).is_err(), "{bad}");
        }
    }
}
