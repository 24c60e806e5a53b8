//! Revocation lists in PEM (RFC 7468), decoded as they are read.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;

const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";
const END: &[u8] = b"-----END X509 CRL-----";

/// Longer lines are read in pieces; none of the lines that count is as long.
const MAX_LINE_BYTES: u64 = 256;

/// Goes behind the first line of the next section; `false` where there is none. What stands between sections is
/// passed over.
pub(super) fn find_section(input: &mut impl BufRead) -> io::Result<bool> {
    while let Some(line) = line(input)? {
        if line == BEGIN {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is encoded in the section that was found.
pub(super) fn contents<R: BufRead>(input: &mut R) -> impl Read {
    BufReader::new(DecoderReader::new(Digits { input, at_end: false }, &STANDARD))
}

/// Goes behind the last line of the section whose contents were read.
pub(super) fn end_section(input: &mut impl BufRead) -> io::Result<()> {
    match line(input)? {
        Some(line) if line == END => Ok(()),
        _ => Err(io::Error::from(ErrorKind::UnexpectedEof)),
    }
}

fn line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    line.truncate(line.trim_ascii_end().len());
    Ok((read > 0).then_some(line))
}

/// The characters of a section without white space, up to the hyphens that end it.
struct Digits<'a, R> {
    input: &'a mut R,
    at_end: bool,
}

impl<R: BufRead> Read for Digits<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written == 0 && !self.at_end && !to.is_empty() {
            let from = self.input.fill_buf()?;
            if from.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let mut read = 0;
            for byte in from {
                if *byte == b'-' {
                    self.at_end = true;
                    break;
                }
                if !byte.is_ascii_whitespace() {
                    let Some(place) = to.get_mut(written) else { break };
                    *place = *byte;
                    written += 1;
                }
                read += 1;
            }
            self.input.consume(read);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(mut file: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut sections = Vec::new();
        while find_section(&mut file)? {
            let mut section = Vec::new();
            contents(&mut file).read_to_end(&mut section)?;
            end_section(&mut file)?;
            sections.push(section);
        }
        Ok(sections)
    }

    #[test]
    fn sections_are_found_among_other_text() {
        let long = "x".repeat(1000);
        let file = format!(
            "of CA one\n-----BEGIN X509 CRL-----\nAAEC\r\nAw==\n-----END X509 CRL-----\n{long}\n\
             -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\
             -----BEGIN X509 CRL-----\n-----END X509 CRL-----"
        );
        assert_eq!(sections(file.as_bytes()).unwrap(), [vec![0, 1, 2, 3], vec![]]);
        assert_eq!(sections(b"nothing").unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn broken_sections_are_errors() {
        for file in [
            "-----BEGIN X509 CRL-----\nAAEC",
            "-----BEGIN X509 CRL-----\nAAEC\n-----BEGIN X509 CRL-----\n",
            "-----BEGIN X509 CRL-----\nAA!C\n-----END X509 CRL-----\n",
            "-----BEGIN X509 CRL-----\nAAE\n-----END X509 CRL-----\n",
        ] {
            assert!(sections(file.as_bytes()).is_err(), "{file}");
        }
    }
}
