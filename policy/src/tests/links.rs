//! Templates and their links.

use super::*;

const TEMPLATE: &str = "@id(\"reads\") @reason(\"no\") permit (principal == ?principal, action == Action::\"read\", \
    resource == ?resource) when { context.request.method == \"GET\" };";

fn linked(links: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let links = vec![Source { name: "a.links.json".to_owned(), text: links.to_owned() }];
    load_sources(&Sources { links, ..sources(TEMPLATE) })
}

fn link(template: &str, id: &str, values: &str) -> String {
    format!(r#"{{"templateId": "{template}", "newId": "{id}", "values": {{{values}}}}}"#)
}

const ALICE_HR: &str = r#""?principal": {"type": "User", "id": "alice"}, "?resource": {"type": "App", "id": "hr"}"#;

fn fault(links: &str) -> String {
    linked(links).unwrap_err().into_iter().map(|error| error.to_string() + "\n").collect()
}

#[test]
fn a_linked_template_decides() {
    let wiki = ALICE_HR.replace("hr", "wiki");
    let links = format!("[{},\n {}]", link("reads", "alice-hr", ALICE_HR), link("reads", "alice-wiki", &wiki));
    let set = linked(&links).unwrap().set;
    assert_eq!(set.len(), 2);
    assert_eq!(summary(&set.decide(&question(&[]), Mode::Enforce)), "permit alice-hr");
    let other = Question { app: "wiki", ..question(&[]) };
    assert_eq!(summary(&set.decide(&other, Mode::Enforce)), "permit alice-wiki");
    let mallory = Principal { kind: PrincipalKind::User, id: "mallory", groups: &[] };
    let other = Question { principal: mallory, ..question(&[]) };
    assert_eq!(summary(&set.decide(&other, Mode::Enforce)), "NoPermit");
}

#[test]
fn links_change_the_digest() {
    let one = linked(&format!("[{}]", link("reads", "a", ALICE_HR))).unwrap().set;
    let other = linked(&format!("[{}]", link("reads", "b", ALICE_HR))).unwrap().set;
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn a_template_without_a_link_is_refused() {
    let found = errors(TEMPLATE);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("a.cedar:1:1: the policy is a template, `reads`, whose `?principal` and `?resource`"));
    assert!(found[0].contains(".links.json"), "{found:?}");
}

#[test]
fn faulty_links_have_their_places_and_remedies() {
    let good = link("reads", "a", ALICE_HR);
    let second = |link: String| fault(&format!("[{good},\n  {link}]"));
    let found = second(link("raeds", "b", ALICE_HR));
    assert!(found.starts_with("a.links.json:2:3: no template has the id `raeds`; did you mean `reads`?"), "{found}");
    let found = second(link("reads", "a", ALICE_HR));
    assert!(
        found.starts_with("a.links.json:2:3: the id `a` is already that of the policy at a.links.json:1:2"),
        "{found}"
    );
    let found = second(link("reads", "b", r#""?principal": {"type": "User", "id": "alice"}"#));
    assert!(
        found.starts_with("a.links.json:2:3: the link fills `?principal` of template `reads`; fill exactly"),
        "{found}"
    );
    let found = second(link("reads", "b", &ALICE_HR.replace("User", "Usr")));
    assert!(found.starts_with("a.links.json:2:3: ") && found.contains("Usr"), "{found}");
    let found = second(link("reads", "b", &ALICE_HR.replace("User", "a b")));
    assert!(found.starts_with("a.links.json:2:3: `a b` is not the name of an entity type"), "{found}");
    assert!(second(link("reads", "", ALICE_HR)).contains("`newId` of the link is empty"));
    assert!(second("{\"templateId\": 1}".to_owned()).starts_with("a.links.json:2:3: the link cannot be read"));
    assert!(fault("{").contains("a.links.json:1:1: the links cannot be read"), "{}", fault("{"));
    assert!(fault(&" ".repeat(2 << 20)).contains("split it into several files"));
}
