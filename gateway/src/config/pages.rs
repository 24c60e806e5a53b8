//! `[pages]`: whose gateway this is, and whom people ask.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use roxmltree::Document;

use super::reader::{Table, Text};
use super::source::{read_bytes_bounded, words};

const MAX_NAME_CHARS: usize = 100;
const MAX_HELP_CHARS: usize = 2_000;
const MAX_CONTACT_CHARS: usize = 200;
const MAX_CONTACTS: usize = 4;
const MAX_LOGO_BYTES: u64 = 64 << 10;

/// `[pages]`
#[derive(Debug, Clone)]
pub struct Pages {
    /// `name`: the organisation, at most 100 characters.
    pub name: Option<Arc<str>>,
    /// `logo`: a PNG, or an SVG without anything active, of at most 64 KiB; here as a `data:` URL (RFC 2397).
    pub logo: Option<Arc<str>>,
    /// `contact`: whom to ask, at most four of them.
    pub contact: Vec<Contact>,
    /// `help_vi`: what to add in Vietnamese, at most 2 000 characters.
    pub help_vi: Option<Arc<str>>,
    /// `help_en`: and in English.
    pub help_en: Option<Arc<str>>,
    /// `time_zone`: of times on pages, such as `Asia/Ho_Chi_Minh`. Default that of the machine.
    pub time_zone: TimeZone,
}

/// Whom to ask: an e-mail address, a telephone number, an `https` link, or any other words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// As it was written.
    pub text: Arc<str>,
    /// Where a link leads, for all but other words.
    pub href: Option<Arc<str>>,
}

impl Default for Pages {
    fn default() -> Self {
        let time_zone = TimeZone::system();
        Self { name: None, logo: None, contact: Vec::new(), help_vi: None, help_en: None, time_zone }
    }
}

pub(super) fn read(mut table: Table<'_>) -> Pages {
    let name = table.text("name").and_then(|text| bounded(&text, MAX_NAME_CHARS));
    let logo = table.text("logo").and_then(|text| logo(&text));
    let contact = contacts(&table.texts("contact"));
    let help_vi = table.text("help_vi").and_then(|text| bounded(&text, MAX_HELP_CHARS));
    let help_en = table.text("help_en").and_then(|text| bounded(&text, MAX_HELP_CHARS));
    let time_zone = table.text("time_zone").and_then(|text| time_zone(&text)).unwrap_or_else(TimeZone::system);
    table.finish();
    Pages { name, logo, contact, help_vi, help_en, time_zone }
}

fn bounded(text: &Text<'_>, max_chars: usize) -> Option<Arc<str>> {
    match text.trim() {
        "" => text.refuse("this is empty", "some words, or leave the key out"),
        trimmed if trimmed.chars().count() > max_chars => {
            text.refuse("this is too long", format!("at most {max_chars} characters"))
        }
        trimmed => Some(trimmed.into()),
    }
}

fn time_zone(text: &Text<'_>) -> Option<TimeZone> {
    TimeZone::get(text)
        .ok()
        .or_else(|| text.refuse(format!("unknown time zone `{}`", &**text), "a name such as `Asia/Ho_Chi_Minh`"))
}

fn contacts(texts: &[Text<'_>]) -> Vec<Contact> {
    if let Some(text) = texts.get(MAX_CONTACTS) {
        text.spot.error("too many contacts", format!("at most {MAX_CONTACTS}"));
    }
    texts.iter().filter_map(contact).collect()
}

fn contact(text: &Text<'_>) -> Option<Contact> {
    let words = bounded(text, MAX_CONTACT_CHARS)?;
    if words.starts_with("http://") || words.starts_with("javascript:") {
        return text.refuse(format!("`{words}` is not a safe link"), "an `https://` link");
    }
    Some(Contact { href: href(&words).map(Arc::from), text: words })
}

/// Where a contact leads: `https`, `mailto` (RFC 6068) or `tel` (RFC 3966).
fn href(contact: &str) -> Option<String> {
    let is_word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
    if contact.starts_with("https://") {
        return Some(contact.to_owned());
    }
    if let Some((name, host)) = contact.split_once('@') {
        return (is_word(name) && is_word(host)).then(|| format!("mailto:{contact}"));
    }
    let number: String = contact.chars().filter(|c| !" -.()".contains(*c)).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    let is_number = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("tel:{number}"))
}

/// The logo as a `data:` URL: pages load nothing.
fn logo(text: &Text<'_>) -> Option<Arc<str>> {
    let path = super::reader::file(text)?;
    let bytes = match read_bytes_bounded(&path, MAX_LOGO_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => return text.refuse(format!("cannot read the logo `{}`: {}", &**text, words(&error)), ""),
    };
    match media_type(&bytes) {
        Ok(media_type) => Some(format!("data:{media_type};base64,{}", STANDARD.encode(&bytes)).into()),
        Err(fault) => text.refuse(format!("the logo `{}` {fault}", &**text), "a PNG, or an SVG that only draws"),
    }
}

fn media_type(bytes: &[u8]) -> Result<&'static str, &'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok("image/png");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is neither a PNG nor an SVG")?;
    // Document type declarations are refused, and with them entities that grow.
    let svg = Document::parse(text).map_err(|_| "is neither a PNG nor an SVG")?;
    if svg.root_element().tag_name().name() != "svg" {
        return Err("is neither a PNG nor an SVG");
    }
    let active = svg.descendants().any(|node| {
        let name = node.tag_name().name();
        ["script", "foreignObject", "iframe"].contains(&name)
            || node.attributes().any(|it| is_active(it.name(), it.value()))
    });
    if active { Err("contains a script, or refers to something outside") } else { Ok("image/svg+xml") }
}

/// A handler of events, or a reference to anything but a part of the image itself.
fn is_active(name: &str, value: &str) -> bool {
    name.starts_with("on") || (name == "href" && !value.starts_with('#') && !value.starts_with("data:image/png;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_lead_where_they_say() {
        for (contact, leads) in [
            ("helpdesk@example.gov.vn", Some("mailto:helpdesk@example.gov.vn")),
            ("+84 (24) 1234-5678", Some("tel:+842412345678")),
            ("1080", Some("tel:1080")),
            ("https://help.example.gov.vn/", Some("https://help.example.gov.vn/")),
            ("Room 12, first floor", None),
            ("a@b@c", None),
            ("ask me@home or at work", None),
            ("12", None),
        ] {
            assert_eq!(href(contact).as_deref(), leads, "{contact}");
        }
    }

    #[test]
    fn logos_only_draw() {
        let svg = |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>").into_bytes();
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Ok("image/png"));
        assert_eq!(media_type(&svg("<path d=\"M0 0\"/><use href=\"#a\"/>")), Ok("image/svg+xml"));
        for bad in [
            svg("<script>alert(1)</script>"),
            svg("<path onload=\"alert(1)\"/>"),
            svg("<foreignObject/>"),
            svg("<image href=\"https://example.org/a.png\"/>"),
            svg("<a href=\"javascript:alert(1)\"/>"),
            b"<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>".to_vec(),
            b"<html/>".to_vec(),
            b"GIF89a".to_vec(),
            vec![0xff; 100],
        ] {
            assert!(media_type(&bad).is_err(), "{}", String::from_utf8_lossy(&bad));
        }
    }
}
