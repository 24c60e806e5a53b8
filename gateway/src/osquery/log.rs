//! Results of scheduled queries in every form that osquery logs them (its guide "Logging"): snapshots, differences one by
//! one ("event format") and in batches. What was removed is no longer so, and says nothing about what is.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Results;
use super::protocol::LogRequest;

/// Lines of one call that are looked at; osquery sends 1 024 at most unless told otherwise.
const MAX_LINES: usize = 4_096;

/// One line of a result log.
#[derive(Deserialize)]
struct Line {
    name: String,
    #[serde(rename = "unixTime")]
    unix_time: Number,
    #[serde(default)]
    action: String,
    columns: Option<Map<String, Value>>,
    snapshot: Option<Value>,
    #[serde(rename = "diffResults")]
    differences: Option<Differences>,
}

#[derive(Deserialize)]
struct Differences {
    #[serde(default)]
    added: Value,
}

/// A number, or one in quotes, as older versions write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(i64),
    Quoted(String),
}

impl LogRequest {
    /// What the results say about the device. Status lines say nothing.
    pub fn results(&self, now_ms: i64) -> Results {
        let mut results = Results::default();
        if self.log_type != "result" {
            return results;
        }
        results.ignored = self.data.len().saturating_sub(MAX_LINES);
        for line in self.data.iter().take(MAX_LINES) {
            match Line::deserialize(line) {
                Ok(line) => results.add_line(&line, now_ms),
                Err(_) => results.ignored += 1,
            }
        }
        results
    }
}

impl Results {
    fn add_line(&mut self, line: &Line, now_ms: i64) {
        let Some(observed_at_ms) =
            line.unix_time.seconds().map(|seconds| clamp_ms(seconds.saturating_mul(1000), now_ms))
        else {
            return self.ignored += 1;
        };
        match (line.action.as_str(), &line.columns, &line.snapshot, &line.differences) {
            ("removed", ..) => {}
            (_, Some(row), ..) => self.add(&line.name, row, observed_at_ms),
            (_, _, Some(rows), _) => self.add_rows(&line.name, rows, observed_at_ms),
            (_, _, _, Some(differences)) if differences.added.is_null() => {}
            (_, _, _, Some(differences)) => self.add_rows(&line.name, &differences.added, observed_at_ms),
            _ => self.ignored += 1,
        }
    }
}

impl Number {
    fn seconds(&self) -> Option<i64> {
        match self {
            Self::Plain(seconds) => Some(*seconds),
            Self::Quoted(text) => text.parse().ok(),
        }
    }
}

/// When something was seen: not later than it came to us, whatever the clock of the device says.
pub(super) fn clamp_ms(observed_at_ms: i64, now_ms: i64) -> i64 {
    observed_at_ms.clamp(0, now_ms.max(0))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
