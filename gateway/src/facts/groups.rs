//! Groups of principals, from a file: `{"groups": {"finance": ["alice@example.org", "spiffe://prod.example/billing"]}}`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::json;
use crate::config::Diagnostic;

const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_ID_BYTES: usize = 512;
const MAX_GROUPS_PER_PRINCIPAL: usize = 200;

/// Who is in which groups.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    names: Vec<Arc<str>>,
    by_principal: HashMap<Box<str>, Arc<[Arc<str>]>>,
    none: Arc<[Arc<str>]>,
}

impl Groups {
    /// Reads a file of groups.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let text = json::read(path, MAX_FILE_BYTES)?;
        Self::parse(&text).map_err(|error| vec![json::diagnostic(path, &text, &error)])
    }

    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut members = Members::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        json::Only { key: "groups", seed: &mut members }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        let mut names = std::mem::take(&mut members.names);
        names.sort();
        Ok(Self { names, by_principal: members.finish(), none: Arc::default() })
    }

    /// The groups of a principal, sorted; none for one that is unknown. Does not allocate.
    pub fn of(&self, principal_id: &str) -> Arc<[Arc<str>]> {
        self.by_principal.get(principal_id).unwrap_or(&self.none).clone()
    }

    /// The names of all groups, those without members too.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// How many principals are in a group.
    pub fn len(&self) -> usize {
        self.by_principal.len()
    }

    /// Whether no principal is in a group.
    pub fn is_empty(&self) -> bool {
        self.by_principal.is_empty()
    }
}

/// The file is by group, the lookup by principal: turned round while reading.
#[derive(Default)]
struct Members {
    names: Vec<Arc<str>>,
    by_principal: HashMap<Box<str>, Vec<Arc<str>>>,
}

impl Members {
    fn add<E: Error>(&mut self, group: &Arc<str>, principal: &str) -> Result<(), E> {
        let groups = match self.by_principal.get_mut(principal) {
            Some(groups) => groups,
            None => self.by_principal.entry(identifier(principal)?.into()).or_default(),
        };
        // Groups come one after the other: a member listed twice in one is last in its list.
        if groups.last() != Some(group) {
            groups.push(group.clone());
        }
        match groups.len() > MAX_GROUPS_PER_PRINCIPAL {
            true => Err(E::custom(format!("`{principal}` is in more than {MAX_GROUPS_PER_PRINCIPAL} groups"))),
            false => Ok(()),
        }
    }

    fn finish(self) -> HashMap<Box<str>, Arc<[Arc<str>]>> {
        let sorted = |mut groups: Vec<Arc<str>>| {
            groups.sort();
            Arc::from(groups)
        };
        self.by_principal.into_iter().map(|(principal, groups)| (principal, sorted(groups))).collect()
    }
}

fn identifier<E: Error>(id: &str) -> Result<&str, E> {
    match id.len() {
        1..=MAX_ID_BYTES => Ok(id),
        length => Err(E::custom(format!("a name has {length} bytes; expected 1 to {MAX_ID_BYTES}"))),
    }
}

impl<'de> DeserializeSeed<'de> for &mut Members {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of groups, each a list of principals")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let group: Arc<str> = identifier::<A::Error>(&name)?.into();
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("there is already a group `{group}`")));
            }
            map.next_value_seed(Group { group: &group, members: self })?;
            self.names.push(group);
        }
        Ok(())
    }
}

/// The members of one group.
struct Group<'m> {
    group: &'m Arc<str>,
    members: &'m mut Members,
}

impl<'de> DeserializeSeed<'de> for Group<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Group<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of principals")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(principal) = seq.next_element::<String>()? {
            self.members.add::<A::Error>(self.group, &principal)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(groups: &Groups, principal: &str) -> Vec<String> {
        groups.of(principal).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn looks_up_by_principal() {
        let text = r#"{"groups": {"staff": ["alice@example.org", "bob@example.org", "alice@example.org"],
                                   "finance": ["alice@example.org", "spiffe://prod/billing"], "empty": []}}"#;
        let groups = Groups::parse(text).unwrap();
        assert_eq!(names(&groups, "alice@example.org"), ["finance", "staff"]);
        assert_eq!(names(&groups, "spiffe://prod/billing"), ["finance"]);
        assert!(groups.of("mallory@example.org").is_empty());
        assert!(Arc::ptr_eq(&groups.of("mallory@example.org"), &groups.of("nobody")));
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn says_where_the_file_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups.json");
        for (text, line, message) in [
            ("{\"groups\": {\n \"a\": [1]}}", 2, "expected a"),
            ("{\"groups\": {\n \"a\": [],\n \"a\": []}}", 3, "already a group `a`"),
            ("{\"groups\": {\"a\": [\"\"]}}", 1, "expected 1 to 512"),
            ("{\n\"group\": {}}", 2, "did you mean `groups`?"),
            ("{}", 1, "`groups` is missing"),
            ("{\"groups\": {}} x", 1, "trailing characters"),
            ("[]", 1, "an object"),
        ] {
            std::fs::write(&path, text).unwrap();
            let problems = Groups::load(&path).unwrap_err();
            assert_eq!((problems.len(), problems[0].line), (1, line), "{text}: {}", problems[0]);
            assert!(problems[0].message.contains(message), "{text}: {}", problems[0]);
        }
        assert!(Groups::load(folder.path()).unwrap_err()[0].message.contains("not a regular file"));
    }

    #[test]
    fn bounds_the_groups_of_a_principal() {
        let file = |n: usize| {
            let groups: Vec<_> = (0..n).map(|i| format!("\"g{i}\": [\"a\"]")).collect();
            format!("{{\"groups\": {{{}}}}}", groups.join(","))
        };
        assert_eq!(Groups::parse(&file(200)).unwrap().of("a").len(), 200);
        assert!(Groups::parse(&file(201)).unwrap_err().to_string().contains("more than 200 groups"));
    }
}
