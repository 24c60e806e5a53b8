//! The audit log, read from its segments as a collector reads it.

use std::path::Path;

use serde_json::Value;

/// OCSF class of a request.
pub const HTTP_ACTIVITY: u64 = 4002;

/// OCSF class of a refused connection attempt.
pub const NETWORK_ACTIVITY: u64 = 4001;

/// OCSF class of a load of policies.
pub const ENTITY_MANAGEMENT: u64 = 3004;

/// One record.
#[derive(Debug, Clone)]
pub struct Record(pub Value);

impl Record {
    /// What stands at a JSON pointer (RFC 6901).
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    /// Whether it is of a request or a connection attempt, and not of the gateway itself.
    pub fn is_of_client(&self) -> bool {
        [HTTP_ACTIVITY, NETWORK_ACTIVITY].contains(&self.class())
    }

    /// The OCSF class.
    pub fn class(&self) -> u64 {
        self.at("/class_uid").and_then(Value::as_u64).expect("every record has a class")
    }

    /// The id of the request (what `X-Request-Id` says) or of the connection attempt.
    pub fn id(&self) -> &str {
        self.text("/metadata/uid").expect("every record has an id")
    }

    /// The stable code of the reason, where something was refused.
    pub fn reason(&self) -> Option<&str> {
        self.text("/status_code")
    }

    /// Whether it is the one final record of its request or connection attempt.
    pub fn is_final(&self) -> bool {
        self.text("/unmapped/gaccong/phase") != Some("opening")
    }

    /// What the gateway did: `Allowed`, `Denied`, `Observed`.
    pub fn action(&self) -> &str {
        self.text("/action").expect("every record says what was done")
    }

    /// `completed`, `client_gone`, `upstream_failed`, `cut`, `body_refused`, `panicked`.
    pub fn outcome(&self) -> Option<&str> {
        self.text("/unmapped/gaccong/outcome")
    }

    /// The status that the client got.
    pub fn status(&self) -> Option<u64> {
        self.at("/http_response/code")?.as_u64()
    }

    /// The normal path.
    pub fn path(&self) -> Option<&str> {
        self.text("/http_request/url/path")
    }

    /// The bytes of the request's body.
    pub fn request_bytes(&self) -> Option<u64> {
        self.at("/unmapped/gaccong/request_bytes")?.as_u64()
    }

    /// The bytes of the response's body.
    pub fn response_bytes(&self) -> Option<u64> {
        self.at("/unmapped/gaccong/response_bytes")?.as_u64()
    }

    /// How many attempts the record stands for.
    pub fn count(&self) -> u64 {
        self.at("/count").and_then(Value::as_u64).unwrap_or(1)
    }

    /// The complete question that policy was asked.
    pub fn question(&self) -> Option<&Value> {
        self.at("/unmapped/gaccong/question")
    }
}

/// Every whole line of every segment below `directory`. A whole line that is not JSON, or is larger than a line may be,
/// fails the test.
pub fn read(directory: &Path) -> Vec<Record> {
    segments(directory).iter().flat_map(|(_, text)| parse_lines(text)).collect()
}

/// The segments below `directory`: name and bytes, ordered by name.
pub fn segments(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            let bytes = path.is_file().then(|| std::fs::read(&path).ok())??;
            Some((name, bytes))
        })
        .collect();
    found.sort();
    found
}

/// The records of the whole lines of a segment; what follows the last line end is still being written.
pub fn parse_lines(segment: &[u8]) -> Vec<Record> {
    let whole = segment.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    segment[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Record {
    assert!(line.len() <= 60 * 1024, "a line of {} bytes", line.len());
    let value = serde_json::from_slice(line)
        .unwrap_or_else(|error| panic!("not a record: {error}: {}", String::from_utf8_lossy(line)));
    Record(value)
}
