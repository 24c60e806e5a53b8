//! Queries and forms (`application/x-www-form-urlencoded`, WHATWG URL §5.1).

use percent_encoding::percent_decode_str;

/// The value of a key that is there exactly once.
pub fn only(text: &str, key: &str) -> Option<String> {
    let mut values = text.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name).as_deref() == Some(key)).then_some(value)
    });
    let value = values.next()?;
    if values.next().is_some() { None } else { decoded(value) }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_once_has_its_value() {
        for (text, expected) in [
            ("a=1", Some("1")),
            ("b=2&a=1", Some("1")),
            ("%61=x%20y+z", Some("x y z")),
            ("a", Some("")),
            ("a=1&a=2", None),
            ("a=1&%61=2", None),
            ("a=%ff", None),
            ("b=1", None),
            ("", None),
        ] {
            assert_eq!(only(text, "a").as_deref(), expected, "{text}");
        }
    }
}
