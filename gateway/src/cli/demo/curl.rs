//! A request of the tour as a `curl` line to copy.

use std::borrow::Cow;

use http::Method;

use super::StepRequest;

impl StepRequest {
    /// Where it goes.
    pub fn url(&self) -> String {
        format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
    }

    /// The line that makes `curl` send exactly this.
    pub fn curl(&self) -> String {
        let mut words: Vec<Cow<'_, str>> = vec!["curl".into(), "-i".into()];
        if self.path.to_ascii_lowercase().contains("%2e") || self.path.contains("/.") {
            words.push("--path-as-is".into());
        }
        if self.headers.contains(&("Accept", "text/event-stream")) {
            words.push("--no-buffer".into());
        }
        let implied = if self.body.is_some() { Method::POST } else { Method::GET };
        if self.method != implied {
            words.extend(["-X".into(), self.method.as_str().into()]);
        }
        for (name, value) in &self.headers {
            words.extend(["-H".into(), format!("{name}: {value}").into()]);
        }
        if let Some(body) = self.body {
            words.extend(["--data-binary".into(), body.into()]);
        }
        if self.scheme == "https" {
            words.extend(["--cacert".into(), self.ca.to_string_lossy()]);
        }
        if let Some(client) = &self.client {
            words.extend(["--cert".into(), client.certificate.to_string_lossy()]);
            words.extend(["--key".into(), client.key.to_string_lossy()]);
        }
        words.push(self.url().into());
        words.iter().map(|word| shell_quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a POSIX shell reads it back unchanged.
fn shell_quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}
