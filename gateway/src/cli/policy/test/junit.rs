//! The results as JUnit XML, which every CI system reads.
//!
//! There is no standard; the elements and attributes are those of <https://github.com/testmoapp/junitxml>.

use std::fmt::Write;

use super::report::{CaseReport, FileReport, Report};

/// The document: a suite for each file, and one for the coverage where that is required.
pub(super) fn document(report: &Report<'_>) -> String {
    let lacks_coverage = report.coverage_required && !report.coverage.is_complete();
    let (cases, failures) =
        (report.cases + usize::from(report.coverage_required), report.failures + usize::from(lacks_coverage));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml += &format!("<testsuites name=\"gaccong policy test\" tests=\"{cases}\" failures=\"{failures}\">\n");
    report.files.iter().filter(|file| !file.cases.is_empty()).for_each(|file| suite(file, &mut xml));
    if report.coverage_required {
        let failures = usize::from(lacks_coverage);
        xml += &format!("  <testsuite name=\"coverage\" tests=\"1\" failures=\"{failures}\">\n");
        let missing = report.coverage.missing();
        test_case("everything is exercised", "coverage", "", missing, &mut xml);
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

fn suite(file: &FileReport<'_>, xml: &mut String) {
    let (name, tests, failures) = (file.file.display().to_string(), file.cases.len(), file.failures());
    let name = escaped(&name);
    *xml += &format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">\n");
    for CaseReport { name: case, line, differences, .. } in &file.cases {
        test_case(case, &file.file.display().to_string(), &format!(" line=\"{line}\""), differences, xml);
    }
    *xml += "  </testsuite>\n";
}

fn test_case(name: &str, file: &str, line: &str, failures: &[String], xml: &mut String) {
    let (name, file) = (escaped(name), escaped(file));
    *xml += &format!("    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\"{line}");
    if failures.is_empty() {
        *xml += "/>\n";
        return;
    }
    let (first, all) = (escaped(failures.first().map_or("", String::as_str)), escaped(&failures.join("\n")));
    *xml += &format!(">\n      <failure message=\"{first}\" type=\"decision\">{all}</failure>\n    </testcase>\n");
}

/// Text for an attribute or an element. What XML 1.0 cannot hold (§2.2) becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_text_can_end_its_attribute_or_be_ill_formed() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{1b}[2J Lê"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}[2J Lê");
    }
}
