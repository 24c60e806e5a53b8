//! What others say, made fit to be shown.

use std::fmt::Write as _;

/// Whether a character cannot be shown for what it is: control characters, line separators, and the invisible ones that
/// reorder or hide text around them.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with what cannot be shown escaped, in at most `max_bytes` bytes.
pub(crate) fn printable(text: &str, max_bytes: usize) -> String {
    const CUT: &str = "…";
    let mut shown = String::new();
    for c in text.chars() {
        let start = shown.len();
        if is_unprintable(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        if shown.len() > max_bytes.saturating_sub(CUT.len()) {
            shown.truncate(start);
            shown.push_str(CUT);
            break;
        }
    }
    shown
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_escaped() {
        assert_eq!(printable("a\u{202e}b\nc", 64), r"a\u{202e}b\u{a}c");
    }

    #[test]
    fn a_cut_text_keeps_its_bound() {
        for max_bytes in 3..40 {
            let shown = printable("Nguyễn Văn A\u{7}\u{7}\u{7} at example.org", max_bytes);
            assert!(shown.len() <= max_bytes, "{shown}");
        }
    }
}
