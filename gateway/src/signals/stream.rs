//! The streams that are configured, with what it takes to receive them.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, Digest};
use http::HeaderValue;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bounded, unreadable};
use crate::config::{Delivery, KeyRef, SignalStream};
use crate::jose::source::KeySource;
use crate::outgoing::{Client, Url};

/// The shortest secret that is taken for one, in bytes.
const MIN_SECRET_BYTES: usize = 16;
/// The longest.
const MAX_SECRET_BYTES: u64 = 4096;

/// The streams that are configured.
#[derive(Debug, Default)]
pub struct Streams(Vec<Arc<Stream>>);

/// A stream of signals.
#[derive(Debug)]
pub struct Stream {
    /// Its configuration.
    pub settings: Arc<SignalStream>,
    /// What may sign its tokens.
    pub algorithms: HashSet<Algorithm>,
    /// By what its tokens are verified.
    pub keys: Arc<KeySource>,
    /// Where its tokens are fetched, if they are.
    pub source: Option<Source>,
    /// What outlives a reload.
    pub memory: Arc<Memory>,
    bearer: Option<Secret>,
}

/// Where tokens are fetched (RFC 8936).
#[derive(Debug)]
pub struct Source {
    /// Who asks.
    pub client: Client,
    /// Where.
    pub url: Url,
    /// `Authorization`; its value is never shown.
    pub authorization: Option<HeaderValue>,
}

/// What is known of a stream while the process runs, whatever is reloaded.
#[derive(Debug)]
pub struct Memory {
    /// Held while a token is judged and kept: two of one id must not both be the first.
    pub turn: Mutex<()>,
    heard_at_ms: AtomicI64,
    /// Since when the process has listened, milliseconds since the Unix epoch.
    pub since_ms: i64,
}

/// A secret that others show, kept as its digest only.
struct Secret(Digest);

impl Streams {
    /// Reads the files that `settings` name. What is known of streams of the same name, and fetched from the same place,
    /// is taken over from `previous`.
    ///
    /// # Errors
    /// All that is wrong, in all files.
    pub fn load(settings: &[Arc<SignalStream>], previous: Option<&Self>) -> Result<Self, Vec<Diagnostic>> {
        let (mut streams, mut errors) = (Vec::<Arc<Stream>>::new(), Vec::new());
        for settings in settings {
            let before = previous.and_then(|previous| previous.of_name(&settings.name));
            match Stream::load(settings, before) {
                Ok(stream) if stream.bearer.as_ref().is_some_and(|bearer| known(&streams, bearer)) => {
                    let message = format!("the stream `{}` has the bearer of another stream", settings.name);
                    errors.push(Diagnostic::of_file(bearer_file(settings), message));
                }
                Ok(stream) => streams.push(Arc::new(stream)),
                Err(error) => errors.push(*error),
            }
        }
        if errors.is_empty() { Ok(Self(streams)) } else { Err(errors) }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Stream>> {
        self.0.iter()
    }

    /// The stream of a name.
    pub fn of_name(&self, name: &str) -> Option<&Arc<Stream>> {
        self.0.iter().find(|stream| *stream.settings.name == *name)
    }

    /// Whether some transmitter may come without a certificate.
    pub fn know_bearers(&self) -> bool {
        self.0.iter().any(|stream| stream.bearer.is_some())
    }

    /// The stream whose bearer `authorization` shows (RFC 6750 §2.1).
    pub fn of_bearer(&self, authorization: &HeaderValue) -> Option<&Arc<Stream>> {
        let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let shown = Secret::of(token.trim().as_bytes());
        self.0.iter().find(|stream| stream.bearer.as_ref().is_some_and(|bearer| bearer.is(&shown)))
    }
}

fn known(streams: &[Arc<Stream>], bearer: &Secret) -> bool {
    streams.iter().any(|stream| stream.bearer.as_ref().is_some_and(|other| other.is(bearer)))
}

fn bearer_file(settings: &SignalStream) -> &Path {
    match &settings.delivery {
        Delivery::Push { bearer: Some(KeyRef::File(file)) } => file,
        _ => Path::new(""),
    }
}

impl Stream {
    fn load(settings: &Arc<SignalStream>, before: Option<&Arc<Self>>) -> Result<Self, Box<Diagnostic>> {
        let same_keys = before.filter(|before| before.settings.jwks == settings.jwks).map(|before| &before.keys);
        let keys = KeySource::load(&settings.jwks, same_keys)?;
        let (bearer, source) = match &settings.delivery {
            Delivery::Push { bearer } => {
                (bearer.as_ref().map(read_secret).transpose()?.map(|text| Secret::of(text.as_bytes())), None)
            }
            Delivery::Poll { endpoint, credential, .. } => {
                let authorization = credential.as_ref().map(authorization).transpose()?;
                let client = Client::new(&endpoint.ca)?;
                (None, Some(Source { client, url: endpoint.url.clone(), authorization }))
            }
        };
        Ok(Self {
            algorithms: settings.algorithms.iter().copied().collect(),
            settings: Arc::clone(settings),
            keys,
            source,
            memory: before.map_or_else(|| Arc::new(Memory::new()), |before| Arc::clone(&before.memory)),
            bearer,
        })
    }
}

impl Memory {
    fn new() -> Self {
        Self { turn: Mutex::default(), heard_at_ms: AtomicI64::new(0), since_ms: clock::now_ms() }
    }

    /// The transmitter was heard at `now_ms`.
    pub fn heard(&self, now_ms: i64) {
        self.heard_at_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// When it was last heard by this process, milliseconds since the Unix epoch.
    pub fn heard_at_ms(&self) -> Option<i64> {
        Some(self.heard_at_ms.load(Ordering::Relaxed)).filter(|heard_at_ms| *heard_at_ms > 0)
    }
}

impl Secret {
    fn of(secret: &[u8]) -> Self {
        Self(digest::digest(&digest::SHA256, secret))
    }

    /// In a time that does not depend on where they differ.
    fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_ref(), other.0.as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn read_secret(key: &KeyRef) -> Result<String, Box<Diagnostic>> {
    let KeyRef::File(file) = key;
    let text = read_bounded(file, MAX_SECRET_BYTES).map_err(|error| Box::new(unreadable(file, &error)))?;
    let secret = text.trim();
    let good = secret.len() >= MIN_SECRET_BYTES && secret.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| secret.to_owned()).ok_or_else(|| {
        let found = Diagnostic::of_file(file, "this is no secret that could be a bearer token");
        Box::new(found.expecting(format!("at least {MIN_SECRET_BYTES} visible ASCII characters on one line")))
    })
}

fn authorization(key: &KeyRef) -> Result<HeaderValue, Box<Diagnostic>> {
    let KeyRef::File(file) = key;
    let value = HeaderValue::try_from(format!("Bearer {}", read_secret(key)?));
    let mut value = value.map_err(|error| Box::new(Diagnostic::of_file(file, error.to_string())))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::config::JwksSource;
    use crate::signals::fixtures::{self, Signer};

    const SECRET: &str = "a-secret-of-thirty-two-characters";

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            folder.write("jwks.json", &Signer::new("k").jwks());
            folder.write("bearer", format!("{SECRET}\n").as_bytes());
            folder
        }

        fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        }

        fn stream(&self, name: &str) -> Arc<SignalStream> {
            let path = |name| self.0.path().join(name);
            Arc::new(SignalStream {
                name: name.into(),
                jwks: JwksSource::File(path("jwks.json")),
                delivery: Delivery::Push { bearer: Some(KeyRef::File(path("bearer"))) },
                ..fixtures::stream()
            })
        }

        fn load(&self) -> Result<Streams, Vec<Diagnostic>> {
            Streams::load(&[self.stream("idp")], None)
        }
    }

    #[test]
    fn a_stream_is_known_by_its_bearer_and_by_nothing_else() {
        let streams = Folder::new().load().unwrap();
        let found = |value: &str| streams.of_bearer(&HeaderValue::from_str(value).unwrap()).is_some();
        assert!(streams.know_bearers());
        assert!(found(&format!("Bearer {SECRET}")) && found(&format!("bearer  {SECRET}")));
        for wrong in
            ["", "Bearer", "Bearer ", SECRET, &format!("Basic {SECRET}"), &format!("Bearer {SECRET}x"), "Bearer x"]
        {
            assert!(!found(wrong), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Folder::new().load().unwrap());
        assert!(!shown.contains(SECRET), "{shown}");
    }

    #[test]
    fn files_that_cannot_be_used_are_told() {
        for (name, bytes, words) in [
            ("jwks.json", &b"{}"[..], "not a JSON Web Key Set"),
            ("jwks.json", b"{\"keys\": []}", "no public signing key"),
            ("bearer", b"short", "no secret that could be"),
            ("bearer", b"two words are not one token at all", "no secret that could be"),
        ] {
            let folder = Folder::new();
            let path = folder.write(name, bytes);
            let errors = folder.load().unwrap_err();
            assert!(errors[0].message.contains(words) && errors[0].file == path, "{words}: {errors:?}");
        }
        let folder = Folder::new();
        let errors = Streams::load(&[folder.stream("one"), folder.stream("two")], None).unwrap_err();
        assert!(errors[0].message.contains("the bearer of another stream"), "{errors:?}");
    }

    #[test]
    fn what_is_known_of_a_stream_outlives_a_reload() {
        let folder = Folder::new();
        let first = folder.load().unwrap();
        first.of_name("idp").unwrap().memory.heard(7);
        let second = Streams::load(&[folder.stream("idp"), Arc::new(fixtures_without_bearer(&folder))], Some(&first));
        let second = second.unwrap();
        assert_eq!(second.of_name("idp").unwrap().memory.heard_at_ms(), Some(7));
        assert_eq!(second.of_name("other").unwrap().memory.heard_at_ms(), None);
    }

    fn fixtures_without_bearer(folder: &Folder) -> SignalStream {
        SignalStream { delivery: Delivery::Push { bearer: None }, ..(*folder.stream("other")).clone() }
    }
}
