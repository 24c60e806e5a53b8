//! One case: a world, policies for it, and questions to ask of them.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use gaccong_policy::{Diagnostic, PolicySet, QuestionBuf, Source, Sources, Vocabulary};

use crate::policy::RandomPolicy;
use crate::question;
use crate::world::{EXTENSION, NAMED_ACTIONS, World};

const SOURCE: &str = "random.cedar";

/// Policies and questions, made from arbitrary bytes.
#[derive(Debug, Clone)]
pub struct Case {
    /// What they speak of.
    pub world: World,
    /// The policies. Those that do not load are dropped by [`Case::load`].
    pub policies: Vec<RandomPolicy>,
    /// The questions.
    pub questions: Vec<QuestionBuf<'static>>,
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let world = World::arbitrary(bytes)?;
        let questions = (0..4).map(|_| question::arbitrary(&world, bytes)).collect::<Result<_>>()?;
        let count = bytes.int_in_range(1..=8)?;
        let policies = (0..count).map(|number| RandomPolicy::arbitrary(number, &world, bytes));
        Ok(Self { policies: policies.collect::<Result<_>>()?, world, questions })
    }
}

impl Case {
    /// Loads the policies. Those that the loader refuses are dropped first; what it says of them is returned too.
    pub fn load(&mut self) -> (PolicySet, Vec<Diagnostic>) {
        let refused = match self.try_load() {
            Ok(set) => return (set, Vec::new()),
            Err(refused) => refused,
        };
        let lines: Vec<_> = refused.iter().filter_map(|error| error.place.as_ref()).map(|place| place.line).collect();
        let mut line = 0;
        self.policies.retain(|_| {
            line += 1;
            !lines.contains(&line)
        });
        match self.try_load() {
            Ok(set) => (set, refused),
            Err(errors) => panic!("what was not refused is refused now: {errors:#?}\n{self}"),
        }
    }

    fn try_load(&self) -> Result<PolicySet, Vec<Diagnostic>> {
        let source = |name: &str, text: String| Source { name: name.to_owned(), text };
        let extension = self.world.is_extended.then(|| source("extension.cedarschema", EXTENSION.to_owned()));
        let sources = Sources {
            policies: vec![source(SOURCE, self.text())],
            schema_extensions: extension.into_iter().collect(),
            ..Sources::default()
        };
        let scopes = self.world.scopes();
        let devices = self.world.has_devices;
        let vocabulary = Vocabulary { apps: &scopes, actions: NAMED_ACTIONS, devices, ..Vocabulary::default() };
        Ok(PolicySet::load_erring(&sources, &vocabulary)?.set)
    }

    /// The policies, one a line.
    pub fn text(&self) -> String {
        self.policies.iter().map(|policy| policy.text.clone() + "\n").collect()
    }

    /// The ids that the policies must have, in their order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        let lines = self.policies.iter().zip(1..);
        lines.map(|(policy, line)| policy.id.clone().unwrap_or_else(|| format!("{SOURCE}:{line}")))
    }
}

/// All that is needed to make the case again by hand.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#?}", self.world)?;
        f.write_str(&self.text())?;
        self.questions.iter().try_for_each(|question| match serde_json::to_string(question) {
            Ok(json) => writeln!(f, "{json}"),
            Err(_) => writeln!(f, "{question:?}"),
        })
    }
}
