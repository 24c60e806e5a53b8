//! Requests and responses of osquery's remote API.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::log::clamp_ms;
use super::{Results, rows};

/// Answers of one distributed write that are looked at. The pack has a few.
const MAX_QUERIES: usize = 64;
/// Rows of one answer that are looked at. A question of ours has one.
pub(super) const MAX_ROWS: usize = 16;

/// Enrolment: the first call of a node.
#[derive(Debug, Deserialize, ToSchema)]
pub struct EnrollRequest {
    /// What `--enroll_secret_path` names, where it is used.
    #[serde(default)]
    pub enroll_secret: Option<String>,
    /// What the node calls itself. Not what we know it by.
    #[serde(default)]
    pub host_identifier: Option<String>,
}

/// The answer to an enrolment.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrollResponse {
    /// The key by which the node's further calls are known to be of this enrolment.
    pub node_key: String,
    /// Always false: a refusal is [`NodeResponse::INVALID`].
    pub node_invalid: bool,
}

/// What every call after enrolment bears.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NodeRequest {
    /// The key that enrolment gave.
    #[serde(default)]
    pub node_key: String,
}

/// The answer to a call that asks nothing back.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeResponse {
    /// Whether the node is to enrol anew.
    pub node_invalid: bool,
}

impl NodeResponse {
    /// The call was taken.
    pub const VALID: Self = Self { node_invalid: false };
    /// The node key, or the enrolment, is not valid.
    pub const INVALID: Self = Self { node_invalid: true };
}

/// The configuration of a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigResponse {
    /// Scheduled queries by name.
    #[schema(value_type = Object)]
    pub schedule: Value,
    /// Always false here.
    pub node_invalid: bool,
}

/// Queries to be answered at once.
#[derive(Debug, Serialize, ToSchema)]
pub struct DistributedReadResponse {
    /// SQL by query id.
    #[schema(value_type = Object)]
    pub queries: Value,
    /// Always false here.
    pub node_invalid: bool,
}

/// Logs of a node.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LogRequest {
    /// `result` or `status`.
    #[serde(default)]
    pub log_type: String,
    /// The lines.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub data: Vec<Value>,
}

/// Answers to distributed queries.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DistributedWriteRequest {
    /// Rows by query id. osquery 2 and older give an empty string in place of no rows.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub queries: Map<String, Value>,
    /// SQLite's result code by query id, as a number or a string; those of old versions have none.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub statuses: Map<String, Value>,
}

impl DistributedWriteRequest {
    /// What the answers say, which were found just now.
    pub fn results(&self, now_ms: i64) -> Results {
        let mut results = Results { ignored: self.queries.len().saturating_sub(MAX_QUERIES), ..Results::default() };
        let answered = self.queries.iter().take(MAX_QUERIES).filter(|(id, _)| self.succeeded(id));
        for (id, rows) in answered {
            results.add_rows(id, rows, clamp_ms(now_ms, now_ms));
        }
        results
    }

    fn succeeded(&self, id: &str) -> bool {
        match self.statuses.get(id) {
            None => true,
            Some(Value::String(code)) => code == "0",
            Some(code) => code.as_i64() == Some(0),
        }
    }
}

impl Results {
    /// Adds a list of rows, whatever else may stand in its place.
    pub(super) fn add_rows(&mut self, query: &str, rows: &Value, observed_at_ms: i64) {
        let list: &[Value] = match rows {
            Value::Array(list) => list,
            Value::String(none) if none.is_empty() => &[],
            _ => return self.ignored += 1,
        };
        self.ignored += list.len().saturating_sub(MAX_ROWS);
        for row in list.iter().take(MAX_ROWS) {
            match row {
                Value::Object(row) => self.add(query, row as &rows::Row, observed_at_ms),
                _ => self.ignored += 1,
            }
        }
    }
}
