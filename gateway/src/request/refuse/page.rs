//! A refusal for people: one page without script and without anything to fetch.

use std::fmt;

use super::{Message, Refusal};
use crate::pages::Language;

const STYLE: &str = include_str!("page.css");

/// Nothing may load, run, or frame; the digest is that of [`STYLE`].
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'sha256-/DwmEfZGv44oJy5OFNH4opD6lkPJdFPZYi2Z6QygNSc='; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn render(refusal: &Refusal, message: &Message<'_>, language: Language) -> String {
    format!(
        include_str!("page.html"),
        language = language.tag(),
        style = STYLE,
        title = Escaped(&message.title),
        why = language.say("refusal-why"),
        detail_language = message.detail.language.tag(),
        detail = Escaped(&message.detail.text),
        what_now = language.say("refusal-what-now"),
        advice_language = message.advice.language.tag(),
        advice = Escaped(&message.advice.text),
        remedies = list(message, language),
        help = language.say("refusal-help"),
        whom_to_ask = language.say("refusal-whom-to-ask"),
        request_id = refusal.request_id,
        code = refusal.reason,
        status = refusal.reason.status().as_u16(),
    )
}

/// The remedies as a list; nothing where there are none.
fn list(message: &Message<'_>, language: Language) -> String {
    if message.remedies.is_empty() {
        return String::new();
    }
    let items: String = message.remedies.iter().map(|(_, text)| format!("<li>{}</li>\n", Escaped(text))).collect();
    format!("<ul lang=\"{}\">\n{items}</ul>\n", language.tag())
}

/// Text that stands in HTML, in an element or a quoted attribute, for nothing but itself.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => fmt::Write::write_char(f, other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_admits_our_style_only() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
        let source = format!("'sha256-{}'", base64(digest.as_ref()));
        assert!(CONTENT_SECURITY_POLICY.contains(&source), "page.css has changed: its digest is now {source}");
    }

    #[test]
    fn escapes() {
        assert_eq!(Escaped("<b a='\"'>&").to_string(), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |three: &[u8]| {
            let bits = three.iter().chain(&[0, 0]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            let digit = |place: usize| char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            (0..4).map(|place| if place <= three.len() { digit(place) } else { '=' }).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }
}
