//! The schema: ours, the operator's extensions, and the actions that the configuration names.

use cedar_policy::{Schema, SchemaFragment};

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Text};
use crate::vocabulary::Vocabulary;

/// The schema of this crate, in Cedar's schema syntax.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// Builds the schema.
pub(crate) fn build(extensions: &[Source], vocabulary: &Vocabulary<'_>) -> Result<Schema, Vec<Diagnostic>> {
    let fragments = parse_all(extensions)?;
    let ours = ours(&fragments, vocabulary);
    let (ours, _) = SchemaFragment::from_cedarschema_str(&ours).map_err(|error| vec![of_the_whole(None, &error)])?;
    let whole = fragments.iter().cloned().chain([ours.clone()]);
    Schema::from_schema_fragments(whole).map_err(|error| {
        let loads_without = |one: usize| {
            let others =
                fragments.iter().enumerate().filter(|(index, _)| *index != one).map(|(_, other)| other.clone());
            Schema::from_schema_fragments(others.chain([ours.clone()])).is_ok()
        };
        let culprit = extensions.iter().enumerate().find(|(index, _)| loads_without(*index));
        vec![of_the_whole(culprit.map(|(_, source)| source), &error)]
    })
}

/// The text that [`build`] builds from, once it is known to be right: ours, then each extension.
pub(crate) fn text(extensions: &[Source], vocabulary: &Vocabulary<'_>) -> Result<String, Vec<Diagnostic>> {
    build(extensions, vocabulary)?;
    let ours = ours(&parse_all(extensions)?, vocabulary);
    let titled = extensions.iter().map(|source| format!("\n// {}\n\n{}", source.name, source.text));
    Ok(ours + &titled.collect::<String>())
}

fn parse_all(extensions: &[Source]) -> Result<Vec<SchemaFragment>, Vec<Diagnostic>> {
    let (mut fragments, mut errors) = (Vec::new(), Vec::new());
    for source in extensions {
        let text = Text::new(source);
        match text.check_schema().and_then(|()| parse(&text)) {
            Ok(fragment) => fragments.push(fragment),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(fragments) } else { Err(errors) }
}

/// The schema of this crate and the actions of the vocabulary. One that an extension declares is not generated again.
fn ours(extensions: &[SchemaFragment], vocabulary: &Vocabulary<'_>) -> String {
    let declared: Vec<_> = extensions.iter().filter_map(|fragment| fragment.clone().to_json_value().ok()).collect();
    let is_declared = |action: &str| {
        declared.iter().any(|json| json.pointer("//actions").is_some_and(|actions| actions.get(action).is_some()))
    };
    let actions = generate(vocabulary.actions.iter().copied().filter(|action| !is_declared(action)), vocabulary);
    match vocabulary.devices {
        true => format!("{SCHEMA}\nentity Device;\n{actions}"),
        false => SCHEMA.to_owned() + &actions,
    }
}

fn parse(text: &Text<'_>) -> Result<SchemaFragment, Diagnostic> {
    let (fragment, _warnings) =
        SchemaFragment::from_cedarschema_str(text.text).map_err(|error| Diagnostic::from_cedar(text, 0, &error))?;
    Ok(fragment)
}

/// An error that shows only when all parts of the schema are put together, and the part without which it would not.
fn of_the_whole(culprit: Option<&Source>, error: &dyn miette::Diagnostic) -> Diagnostic {
    let place = culprit.map(|source| Text::new(source).place(0));
    let diagnostic = Diagnostic::new(place, format!("the schema with its extensions: {error}"));
    match error.help() {
        Some(help) => diagnostic.remedy(help.to_string()),
        None if error.to_string().contains("cycle") => {
            diagnostic.remedy("nothing can be in itself: take one `in` away")
        }
        None => diagnostic,
    }
}

/// Declares actions with the same shape as `read` and `write`, for all who can ask.
fn generate<'a>(actions: impl Iterator<Item = &'a str>, vocabulary: &Vocabulary<'_>) -> String {
    let principals = vocabulary.principal_types().collect::<Vec<_>>().join(", ");
    let mut actions: Vec<_> = actions.filter(|action| !matches!(*action, "read" | "write")).collect();
    actions.sort_unstable();
    actions.dedup();
    actions
        .iter()
        .map(|action| {
            let name = action.escape_default();
            format!("action \"{name}\" appliesTo {{ principal: [{principals}], resource: App, context: Facts }};\n")
        })
        .collect()
}
