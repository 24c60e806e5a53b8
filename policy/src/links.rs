//! Links: each fills the slots of a template, and so makes a policy of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::pst::{self, SlotId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::diagnostic::{Diagnostic, Place, closest};
use crate::parse::{Policy, Template, words};
use crate::source::Text;

const SHAPE: &str = "write `[{\"templateId\": \"…\", \"newId\": \"…\", \"values\": {\"?principal\": {\"type\": \"User\", \"id\": \"…\"}}}]`";

/// One link, in the shape that Cedar gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Link {
    template_id: String,
    new_id: String,
    values: BTreeMap<String, Value>,
}

/// What stands at a place where a link should.
type Placed = (Place, Result<Link, Diagnostic>);

/// What fills a slot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

/// The policies that the links make, and what is wrong with links and templates.
pub(crate) fn link(templates: &[Template], sources: &[Text<'_>]) -> (Vec<Policy>, Vec<Diagnostic>) {
    let (mut policies, mut errors) = (Vec::new(), Vec::new());
    let by_id: HashMap<&str, &Template> = templates.iter().map(|template| (template.id.as_ref(), template)).collect();
    let mut linked = HashSet::new();
    for text in sources {
        let links = read(text).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        for (place, link) in links {
            let made = link.and_then(|link| {
                let template = find(&by_id, &link.template_id)?;
                linked.insert(template.id.clone());
                fill(template, link, &place)
            });
            match made {
                Ok(policy) => policies.push(policy),
                Err(error) => errors.push(Diagnostic { place: Some(place), ..error }),
            }
        }
    }
    errors.extend(templates.iter().filter(|template| !linked.contains(&template.id)).map(unlinked));
    (policies, errors)
}

/// The links of a file, each with its place.
fn read(text: &Text<'_>) -> Result<Vec<Placed>, Diagnostic> {
    text.check_size()?;
    let links: Vec<&RawValue> = serde_json::from_str(text.text).map_err(|error| {
        let place = Place { source: text.name.clone(), line: error.line().max(1), column: error.column().max(1) };
        Diagnostic::new(Some(place), format!("the links cannot be read: {error}")).remedy(SHAPE)
    })?;
    let read = |raw: &RawValue| {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(text.text.as_ptr() as usize);
        let link = serde_json::from_str(raw.get())
            .map_err(|error| Diagnostic::new(None, format!("the link cannot be read: {error}")).remedy(SHAPE));
        (text.place(offset), link)
    };
    Ok(links.into_iter().map(read).collect())
}

fn find<'a>(templates: &HashMap<&str, &'a Template>, id: &str) -> Result<&'a Template, Diagnostic> {
    templates.get(id).copied().ok_or_else(|| {
        let error = Diagnostic::new(None, format!("no template has the id `{id}`"));
        match closest(id, templates.keys().copied()) {
            Some(close) => error.remedy(format!("did you mean `{close}`?")),
            None => error.remedy("give the template this `@id`, or take the link away"),
        }
    })
}

/// The policy that a link makes of its template.
fn fill(template: &Template, link: Link, place: &Place) -> Result<Policy, Diagnostic> {
    let wrong = |message: String| Diagnostic::new(None, message);
    if link.new_id.is_empty() {
        return Err(wrong("the `newId` of the link is empty".to_owned()).remedy("give the policy an id of its own"));
    }
    let expected: BTreeMap<String, SlotId> =
        template.syntax.slots().into_iter().map(|slot| (slot.to_string(), slot)).collect();
    if !expected.keys().eq(link.values.keys()) {
        let listed =
            |names: Vec<&String>| names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("the link fills {} of template `{}`", listed(link.values.keys().collect()), template.id);
        return Err(wrong(message).remedy(format!("fill exactly {}", listed(expected.keys().collect()))));
    }
    let values = expected.values().zip(link.values.values()).map(|(slot, value)| Ok((*slot, entity(value)?)));
    let values = values.collect::<Result<HashMap<_, _>, Diagnostic>>()?;
    let unexpected = |error: &dyn std::fmt::Display| wrong(format!("the link cannot be made: {error}"));
    let syntax = template.syntax.clone().with_id(pst::PolicyID(link.new_id.as_str().into())).link(&values);
    let syntax = pst::Policy::Static(syntax.map_err(|error| unexpected(&error))?);
    let cedar = cedar_policy::Policy::from_pst(syntax.clone()).map_err(|error| unexpected(&error))?;
    let (id, words) = (link.new_id.into(), words(&cedar));
    Ok(Policy { id, place: place.clone(), words, cedar, syntax, written: template.written.clone(), is_linked: true })
}

fn entity(value: &Value) -> Result<pst::EntityUID, Diagnostic> {
    let (namespace, kind) = value.kind.rsplit_once("::").unwrap_or(("", &value.kind));
    let namespace = namespace.split("::").filter(|part| !part.is_empty());
    let name = pst::Name::qualified(namespace, kind).map_err(|_| {
        Diagnostic::new(None, format!("`{}` is not the name of an entity type", value.kind)).remedy(SHAPE)
    })?;
    Ok(pst::EntityUID { ty: pst::EntityType::from_name(name), eid: value.id.as_str().into() })
}

fn unlinked(template: &Template) -> Diagnostic {
    let slots: BTreeMap<_, _> = template.syntax.slots().into_iter().map(|slot| (slot.to_string(), slot)).collect();
    let slots: Vec<_> = slots.keys().map(|slot| format!("`{slot}`")).collect();
    let message = format!("the policy is a template, `{}`, whose {} no link fills", template.id, slots.join(" and "));
    Diagnostic::new(Some(template.place.clone()), message)
        .remedy("link it in a file `*.links.json`, or write the principal or resource in place of the slot")
}
