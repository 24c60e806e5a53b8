//! A question to the solver: does one set of grounded policies permit everything that another permits?

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use cedar_policy::pst::{Policy as SyntaxPolicy, StaticPolicy};
use cedar_policy::{EntityId, EntityTypeName, EntityUid, Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{CompiledPolicySet, Env};
use gaccong_policy::PrincipalKind;

use crate::facts;
use crate::ground::Ground;
use crate::literals::Literals;
use crate::solver::{self, Session, Stuck};

/// Is everything that `left` permits also permitted by `right`?
#[derive(Debug, Clone)]
pub(crate) struct Query<'a> {
    pub(crate) left: Vec<&'a Ground>,
    pub(crate) right: Vec<&'a Ground>,
    pub(crate) principal: PrincipalKind,
    pub(crate) action: &'a str,
}

/// Answers that were given before. Grounded policies of many apps are the same, and so are the questions.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<HashMap<String, bool>>);

impl Query<'_> {
    /// Whether it is so.
    pub(crate) fn holds(&self, session: &mut Session, schema: &Schema, known: &Answers) -> Result<bool, Stuck> {
        match known.get(&self.key()) {
            Some(answer) => Ok(answer),
            None => Ok(self.ask(session, schema, known)?.is_none()),
        }
    }

    /// `None` if it is so, else a request that the left permits and the right does not.
    pub(crate) fn ask(&self, session: &mut Session, schema: &Schema, known: &Answers) -> Result<Option<Env>, Stuck> {
        let key = self.key();
        if known.get(&key) == Some(true) {
            return Ok(None);
        }
        let answer = self.solve(session, schema)?;
        known.put(key, answer.is_none());
        Ok(answer)
    }

    fn solve(&self, session: &mut Session, schema: &Schema) -> Result<Option<Env>, Stuck> {
        let inexpressible = |error: &dyn std::fmt::Display| Stuck::Inexpressible(error.to_string());
        let env = self.environment().map_err(|error| inexpressible(&error))?;
        let compile = |grounds: &[&Ground], assumption: Option<Policy>| {
            let mut set = PolicySet::new();
            for (number, ground) in grounds.iter().enumerate() {
                let template = ground.template.clone().with_id(format!("p{number}").as_str().into());
                let template = StaticPolicy::try_from(template).map_err(|error| inexpressible(&error))?;
                let policy = Policy::from_pst(SyntaxPolicy::Static(template)).map_err(|error| inexpressible(&error))?;
                set.add(policy).map_err(|error| inexpressible(&error))?;
            }
            if let Some(assumption) = assumption {
                set.add(assumption).map_err(|error| inexpressible(&error))?;
            }
            CompiledPolicySet::compile(&set, &env, schema).map_err(|error| solver::stuck(&error))
        };
        let assumption = facts::assumption(&self.literals()).map_err(|error| inexpressible(&error))?;
        session.implies(&compile(&self.left, Some(assumption))?, &compile(&self.right, None)?)
    }

    /// What is asked, so that it is asked once only.
    fn key(&self) -> String {
        let action = if self.asks_action() { self.action } else { "" };
        let mut key = format!("{:?} {action}", self.principal);
        for side in [&self.left, &self.right] {
            let texts: BTreeSet<&str> = side.iter().map(|ground| &*ground.text).collect();
            key.push_str("\n=>");
            texts.iter().for_each(|text| key.push_str(text));
        }
        key
    }

    fn asks_action(&self) -> bool {
        self.left.iter().chain(&self.right).any(|ground| ground.asks_action)
    }

    fn environment(&self) -> Result<RequestEnv, Box<cedar_policy::ParseErrors>> {
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(Box::new);
        let action = EntityUid::from_type_name_and_id(name("Action")?, EntityId::new(self.action));
        Ok(RequestEnv::new(name(self.principal.entity_type())?, action, name("App")?))
    }

    fn literals(&self) -> Literals {
        Literals::of(self.left.iter().chain(&self.right).copied())
    }
}

impl Answers {
    fn get(&self, key: &str) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn put(&self, key: String, answer: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer);
    }
}
