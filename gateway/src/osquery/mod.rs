//! osquery's remote API: the agent that fleets already run asks the gateway what to look at and reports what it saw.
//!
//! The protocol is that of osquery's guide "Remote settings" (`docs/wiki/deployment/remote.md`): enrolment, configuration,
//! logs, distributed queries. This module is pure: requests into types (`protocol`), the questions that are asked (`pack`),
//! and what the answers say about the device (`log`, `rows`).

pub mod log;
pub mod pack;
pub mod protocol;
pub mod rows;

/// How much of a request was understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// What is known now: one entry a fact, the latest.
    pub facts: Vec<Observation>,
    /// Results that were passed over: of other queries, malformed, or beyond the bounds.
    pub ignored: usize,
}

/// A fact as osquery saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which fact.
    pub name: crate::facts::posture::FactName,
    /// Its value.
    pub value: crate::facts::posture::FactValue,
    /// When it was seen, milliseconds since the Unix epoch.
    pub observed_at_ms: i64,
}

impl Results {
    /// Adds what `row`, an answer to the query called `query`, says.
    fn add(&mut self, query: &str, row: &rows::Row, observed_at_ms: i64) {
        let Some(query) = pack::query(query) else {
            self.ignored += 1;
            return;
        };
        for name in query.facts {
            match rows::value(*name, row) {
                Ok(Some(value)) => self.note(Observation { name: *name, value, observed_at_ms }),
                Ok(None) => {}
                Err(rows::Malformed) => self.ignored += 1,
            }
        }
    }

    /// Keeps the later of two observations; of two at one time, the one that came later.
    fn note(&mut self, observed: Observation) {
        match self.facts.iter_mut().find(|known| known.name == observed.name) {
            Some(known) if known.observed_at_ms <= observed.observed_at_ms => *known = observed,
            Some(_) => {}
            None => self.facts.push(observed),
        }
    }
}
