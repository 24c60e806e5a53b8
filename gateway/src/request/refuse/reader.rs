//! For whom a refusal is written: by `Accept`, by the language that was chosen, by `Accept-Language`.

use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::{HeaderMap, HeaderName, Method};

use crate::pages::Language;
use crate::request::list;
use crate::session::cookie;

/// How many items of a list are looked at; browsers send fewer than ten.
const ITEMS_MAX: usize = 32;

/// The cookie of the language that a person chose.
pub const LANGUAGE_COOKIE: &str = "__Host-gaccong-language";

/// What a request is for, as browsers say (Fetch Metadata).
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What a client can read. Taken from the request before it is forwarded, since an upstream may fail later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// A page or a problem.
    pub format: Format,
    /// Vietnamese or English.
    pub language: Language,
    /// Whether the client wants no body (HEAD).
    pub head_only: bool,
}

/// The form of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HTML, for people.
    Page,
    /// `application/problem+json`, for programs.
    Problem,
}

impl Reader {
    /// The reader of a request with this method and these fields.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let format = if prefers_html(headers) && !is_of_a_script(headers) { Format::Page } else { Format::Problem };
        let language = chosen_language(headers).or_else(|| preferred_language(headers));
        let language = language.unwrap_or(format.default_language());
        Self { format, language, head_only: method == Method::HEAD }
    }
}

impl Format {
    /// People are greeted in Vietnamese; programs and their logs speak English.
    fn default_language(self) -> Language {
        match self {
            Self::Page => Language::Vietnamese,
            Self::Problem => Language::English,
        }
    }
}

/// Whether a script asks, and not a person: a page would end up in its data.
fn is_of_a_script(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode != "navigate" && mode != "nested-navigate")
        || headers.get("x-requested-with").is_some_and(|by| by == "XMLHttpRequest")
}

/// The language of the person's own choice.
fn chosen_language(headers: &HeaderMap) -> Option<Language> {
    let chosen = cookie::values(headers, LANGUAGE_COOKIE).next()?;
    Language::ALL.into_iter().find(|language| language.tag().as_bytes() == chosen)
}

/// HTML goes to clients that name it, and do not like JSON better. `*/*` is what programs send.
fn prefers_html(headers: &HeaderMap) -> bool {
    let (mut html, mut json) = (0, 0);
    for (media_type, weight) in list::items(headers, ACCEPT).take(ITEMS_MAX).map(list::weighted) {
        let is = |name: &str| media_type.eq_ignore_ascii_case(name.as_bytes());
        if is("text/html") || is("application/xhtml+xml") {
            html = html.max(weight);
        } else if is("application/json") || is("application/problem+json") {
            json = json.max(weight);
        }
    }
    html > 0 && html >= json
}

/// The language with the highest weight; of several, the first.
fn preferred_language(headers: &HeaderMap) -> Option<Language> {
    let mut best = None;
    for (range, weight) in list::items(headers, ACCEPT_LANGUAGE).take(ITEMS_MAX).map(list::weighted) {
        let Some(language) = Language::of_range(range) else { continue };
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(accept: &str, language: &str) -> Reader {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        headers.insert(ACCEPT_LANGUAGE, language.parse().unwrap());
        Reader::of(&Method::GET, &headers)
    }

    #[test]
    fn browsers_get_a_page_and_programs_a_problem() {
        for (accept, format) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Page),
            ("TEXT/HTML", Format::Page),
            ("application/json;q=0.9, text/html", Format::Page),
            ("*/*", Format::Problem),
            ("", Format::Problem),
            ("application/json, text/plain, */*", Format::Problem),
            ("application/json, text/html;q=0.5", Format::Problem),
            ("text/html;q=0", Format::Problem),
            ("application/grpc", Format::Problem),
        ] {
            assert_eq!(reader(accept, "").format, format, "{accept}");
        }
    }

    #[test]
    fn languages_by_weight() {
        for (header, language) in [
            ("vi", Language::Vietnamese),
            ("en-US,en;q=0.9,vi;q=0.8", Language::English),
            ("en;q=0.5, vi-VN;q=0.9", Language::Vietnamese),
            ("fr, en;q=0.1", Language::English),
            ("fr, de", Language::Vietnamese),
            ("*", Language::Vietnamese),
            ("en;q=0", Language::Vietnamese),
            ("", Language::Vietnamese),
        ] {
            assert_eq!(reader("text/html", header).language, language, "{header}");
        }
        assert_eq!(reader("*/*", "").language, Language::English);
        assert_eq!(reader("*/*", "vi").language, Language::Vietnamese);
    }

    #[test]
    fn a_choice_comes_before_what_the_browser_says() {
        for (cookies, language) in [
            ("__Host-gaccong-language=en", Language::English),
            ("a=b; __Host-gaccong-language=en; c=d", Language::English),
            ("__Host-gaccong-language=fr", Language::Vietnamese),
            ("__Host-gaccong-languages=en", Language::Vietnamese),
        ] {
            let headers = HeaderMap::from_iter([
                (ACCEPT, "text/html".parse().unwrap()),
                (ACCEPT_LANGUAGE, "vi".parse().unwrap()),
                (http::header::COOKIE, cookies.parse().unwrap()),
            ]);
            assert_eq!(Reader::of(&Method::GET, &headers).language, language, "{cookies}");
        }
    }

    #[test]
    fn scripts_get_no_page() {
        for (mode, format) in [("navigate", Format::Page), ("cors", Format::Problem), ("no-cors", Format::Problem)] {
            let headers =
                HeaderMap::from_iter([(ACCEPT, "text/html".parse().unwrap()), (SEC_FETCH_MODE, mode.parse().unwrap())]);
            assert_eq!(Reader::of(&Method::GET, &headers).format, format, "{mode}");
        }
    }

    #[test]
    fn head_has_no_body() {
        assert!(Reader::of(&Method::HEAD, &HeaderMap::new()).head_only);
    }
}
