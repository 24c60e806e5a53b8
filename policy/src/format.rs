//! The one way to lay policies out. Comments stay; what the policies mean does not change.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Text};
use crate::{load, parse};

const LAYOUT: Config = Config { line_width: 100, indent_width: 2 };

/// Lays the policies of a source out anew. What is laid out already comes back as it is.
///
/// # Errors
///
/// What does not parse, each with its place.
pub fn format(source: &Source) -> Result<String, Vec<Diagnostic>> {
    load::on_a_large_stack(|| format_here(source))
}

fn format_here(source: &Source) -> Result<String, Vec<Diagnostic>> {
    let text = Text::new(source);
    let errors = parse::parse(std::slice::from_ref(&text)).errors;
    if !errors.is_empty() {
        return Err(errors);
    }
    policies_str_to_pretty(text.text, &LAYOUT).map_err(|report| vec![Diagnostic::from_cedar(&text, 0, &*report)])
}

#[cfg(test)]
mod tests {
    use super::format;
    use crate::tests::source;

    const MESSY: &str = "// why\n@id(\"a\")   permit(principal in Group::\"staff\",action==Action::\"read\",\n\
        resource) // who\nwhen{context has device&&context.device has managed // known\n && context.device.managed};\n\
        permit (principal == ?principal, action, resource); // a template\n// the end\n";

    #[test]
    fn comments_and_templates_stay() {
        let tidy = format(&source(MESSY)).unwrap();
        for part in ["// why\n", "// who\n", "// known\n", "// a template\n", "// the end\n", "?principal"] {
            assert!(tidy.contains(part), "{part}: {tidy}");
        }
    }

    #[test]
    fn what_is_laid_out_stays_as_it_is() {
        let tidy = format(&source(MESSY)).unwrap();
        assert_eq!(format(&source(&tidy)).unwrap(), tidy);
    }

    #[test]
    fn faults_have_their_places() {
        let found = format(&source("permit (principal, action, resource);\nforbid (principal, action, resorce);"));
        assert!(found.unwrap_err()[0].to_string().starts_with("a.cedar:2:28: "));
        assert!(format(&source(&"(".repeat(5000))).unwrap_err()[0].message.contains("nested"));
    }
}
