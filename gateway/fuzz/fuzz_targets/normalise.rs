//! Heads out of arbitrary bytes: the normaliser never panics, and what it accepts has one reading.
//!
//! Input: a line each for version, method, target and `Host`, then fields as `name:value`.

#![no_main]

use gaccong::request::normalise::{legible, normalise};
use http::request::Parts;
use http::{Request, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(head) = head(data) else { return };
    let _ = legible(&head);
    let Ok(normal) = normalise(&head) else { return };

    let path = &*normal.path;
    assert!(path.starts_with('/') && path.is_ascii());
    assert!(!path.contains("//") && !path.contains(['\\', ';']));
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
    assert_eq!(normal.path_and_query.path(), path);
    assert!(normal.host.bytes().all(|byte| !byte.is_ascii_uppercase()));

    let mut again = head;
    again.uri = format!("https://{}{}", normal.authority.to_str().unwrap(), normal.path_and_query).parse().unwrap();
    assert_eq!(normalise(&again), Ok(normal));
});

fn head(data: &[u8]) -> Option<Parts> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let version = if lines.next()? == b"2" { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut builder =
        Request::builder().version(version).method(lines.next()?).uri(lines.next()?).header("host", lines.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        builder = builder.header(&line[..colon], &line[colon + 1..]);
    }
    Some(builder.body(()).ok()?.into_parts().0)
}
