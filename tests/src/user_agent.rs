//! A browser without a browser: cookies and redirects, one step at a time, so that a test can tamper with each.

use std::collections::BTreeMap;

use http::Uri;

use crate::client::{Answer, BoxError, Client, full, request};
use crate::setup::DOMAIN;
use crate::{Certified, Gateway};

/// What browsers say of a navigation.
const NAVIGATION: &[(&str, &str)] = &[("sec-fetch-mode", "navigate")];

/// A client that keeps cookies by host.
#[derive(Clone, Default)]
pub struct UserAgent {
    /// How hosts below a domain are reached; the last that fits holds.
    ways: Vec<(String, Client)>,
    cookies: BTreeMap<(String, String), Kept>,
}

/// A cookie, and the path that it is for.
#[derive(Clone)]
struct Kept {
    value: String,
    path: String,
}

impl Kept {
    /// RFC 6265 §5.1.4.
    fn is_for(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/') || rest.starts_with('?')
        })
    }
}

impl UserAgent {
    /// One that presents a certificate to the gateway.
    pub fn new(gateway: &Gateway, certified: &Certified) -> Self {
        Self::default().reaching(DOMAIN, gateway.client(certified))
    }

    /// The same, with a way to a host, or to all below a domain.
    pub fn reaching(mut self, domain: &str, client: Client) -> Self {
        self.ways.push((domain.to_owned(), client));
        self
    }

    /// The same cookies on other connections: what a thief of cookies has.
    pub fn stolen_by(&self, gateway: &Gateway, certified: &Certified) -> Self {
        self.clone().reaching(DOMAIN, gateway.client(certified))
    }

    /// `GET`, as a navigation; redirects are not followed.
    pub async fn get(&mut self, url: &str) -> Answer {
        self.send("GET", url, NAVIGATION, String::new()).await
    }

    /// The same while access is being taken away: `None` when the answer was on its way at that moment, and was cut.
    pub async fn get_unless_cut(&mut self, url: &str) -> Option<Answer> {
        self.try_send("GET", url, NAVIGATION, String::new()).await.ok()
    }

    /// `GET`, and further while there is a redirect; where that ended, and how.
    pub async fn follow(&mut self, url: &str) -> (String, Answer) {
        let mut url = url.to_owned();
        for _ in 0..20 {
            let answer = self.get(&url).await;
            match answer.header("location") {
                Some(location) => url = resolve(&url, location),
                None => return (url, answer),
            }
        }
        panic!("redirected without end, at last to {url}");
    }

    /// Sends a form; redirects are not followed.
    pub async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("https://{}", host_of(url));
        let headers = [FORM, ("origin", &*origin), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
        self.send("POST", url, &headers, form(fields)).await
    }

    /// Any request with the cookies of its host.
    pub async fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: String) -> Answer {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    async fn try_send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, BoxError> {
        let uri: Uri = url.parse().unwrap();
        let authority = host_of(url);
        let name = uri.host().unwrap().to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = request(method, &authority, path).header("accept", "text/html,*/*;q=0.8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookies) = self.cookies_for(&name, path) {
            request = request.header("cookie", cookies);
        }
        let (_, way) = self.ways.iter().rfind(|(domain, _)| name.ends_with(domain)).expect("a way to every host");
        let answer = way.send(&name, request.body(full(body)).unwrap()).await?;
        self.keep_cookies(&name, &answer);
        Ok(answer)
    }

    fn cookies_for(&self, host: &str, path: &str) -> Option<String> {
        let cookies = self.cookies.iter().filter(|((of, _), kept)| of == host && kept.is_for(path));
        let cookies: Vec<_> = cookies.map(|((_, name), kept)| format!("{name}={}", kept.value)).collect();
        (!cookies.is_empty()).then(|| cookies.join("; "))
    }

    /// RFC 6265 §5.3, as far as the gateway and the provider need it: all cookies are of one host, and none has a name twice.
    fn keep_cookies(&mut self, host: &str, answer: &Answer) {
        for field in answer.headers.get_all("set-cookie") {
            let field = field.to_str().unwrap();
            let (pair, attributes) = field.split_once(';').unwrap_or((field, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let attribute = |name: &str| {
                let of = |part: &str| part.trim().to_ascii_lowercase().starts_with(&format!("{name}="));
                attributes
                    .split(';')
                    .find(|part| of(part))
                    .and_then(|part| part.split_once('='))
                    .map(|(_, value)| value)
            };
            let is_over =
                attribute("max-age") == Some("0") || attribute("expires").is_some_and(|at| at.contains("1970"));
            let key = (host.to_owned(), name.trim().to_owned());
            if is_over {
                self.cookies.remove(&key);
            } else {
                let path = attribute("path").unwrap_or("/").to_owned();
                self.cookies.insert(key, Kept { value: value.to_owned(), path });
            }
        }
    }

    /// A cookie whose name begins so.
    pub fn cookie(&self, host: &str, name: &str) -> Option<(String, String)> {
        self.cookies_of_host(host).into_iter().find(|(full, _)| full.starts_with(name))
    }

    /// The cookies of a host.
    pub fn cookies_of_host(&self, host: &str) -> Vec<(String, String)> {
        let cookies = self.cookies.iter().filter(|((of, _), _)| of == host);
        cookies.map(|((_, name), kept)| (name.clone(), kept.value.clone())).collect()
    }

    /// Sets a cookie for all paths.
    pub fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        let kept = Kept { value: value.to_owned(), path: "/".to_owned() };
        self.cookies.insert((host.to_owned(), name.to_owned()), kept);
    }

    /// Forgets all cookies of a host.
    pub fn forget(&mut self, host: &str) {
        self.cookies.retain(|(of, _), _| of != host);
    }
}

/// The content type of a form.
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The body of a form (WHATWG URL §5.2).
pub fn form(fields: &[(&str, &str)]) -> String {
    let encode = |(name, value): &(&str, &str)| format!("{name}={}", percent_encoded(value));
    fields.iter().map(encode).collect::<Vec<_>>().join("&")
}

/// The host of a URL, with the port where there is one.
pub fn host_of(url: &str) -> String {
    url.parse::<Uri>().unwrap().authority().unwrap().to_string()
}

/// A parameter of a URL's query, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next()?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| percent_decoded(value))
}

/// RFC 3986 §2.1 for a value in a query.
pub fn percent_encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().replace('+', " ").into_bytes();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(part[2..].replace('+', " ").as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// RFC 3986 §5.2 for what servers send: a whole URL, or a path.
pub fn resolve(base: &str, location: &str) -> String {
    if location.starts_with('/') { format!("https://{}{location}", host_of(base)) } else { location.to_owned() }
}
