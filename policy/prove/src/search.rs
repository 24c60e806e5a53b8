//! The search for a request that one set of policies permits and another does not.

use cedar_policy::Schema;

use crate::ground::{Ground, Subject};
use crate::query::{Answers, Query};
use crate::solver::{Session, Stuck};
use crate::witness::{self, Witness};

/// How many permits are put into one question.
const BUNDLE: usize = 64;

/// What is asked about one subject.
pub(crate) struct Search<'a, 's> {
    subject: Subject<'a>,
    schema: &'a Schema,
    answers: &'a Answers,
    session: &'s mut Session,
}

/// Whether a question shows what is sought, as the evaluator sees it.
pub(crate) type IsWitness<'w> = &'w dyn Fn(&Witness) -> bool;

impl<'a, 's> Search<'a, 's> {
    pub(crate) fn new(
        subject: Subject<'a>,
        schema: &'a Schema,
        answers: &'a Answers,
        session: &'s mut Session,
    ) -> Self {
        Self { subject, schema, answers, session }
    }

    /// Whether `right` permits all that `left` permits.
    pub(crate) fn holds(&mut self, left: &Ground, right: Vec<&Ground>) -> Result<bool, Stuck> {
        self.query(vec![left], right).holds(self.session, self.schema, self.answers)
    }

    /// A request that `left` permits and `right` does not. What the solver finds counts only if the evaluator agrees.
    pub(crate) fn find(
        &mut self,
        left: Vec<&Ground>,
        right: Vec<&Ground>,
        is_witness: IsWitness<'_>,
    ) -> Result<Option<Witness>, String> {
        let query = self.query(left, right);
        let found = query.ask(self.session, self.schema, self.answers).map_err(|stuck| stuck.to_string())?;
        let Some(env) = found else { return Ok(None) };
        let witness = witness::question(&env, self.subject.app.name, &self.subject.action.name)?;
        if is_witness(&witness) {
            return Ok(Some(witness::simplify(witness, is_witness)));
        }
        let question = serde_json::to_string(&witness).unwrap_or_default();
        Err(format!("the solver's counterexample is none for the evaluator: {question}"))
    }

    /// As [`Search::find`], where `permits` and `forbids` are on the left: the permits are asked about in bundles, and a
    /// bundle that is too hard is taken apart.
    pub(crate) fn find_among(
        &mut self,
        permits: &[&Ground],
        forbids: &[&Ground],
        right: &[&Ground],
        is_witness: IsWitness<'_>,
    ) -> Result<Option<Witness>, String> {
        for bundle in permits.chunks(BUNDLE) {
            let left = bundle.iter().chain(forbids).copied().collect();
            let found = match self.find(left, right.to_vec(), is_witness) {
                Err(_) if bundle.len() > 1 => {
                    let (some, others) = bundle.split_at(bundle.len() / 2);
                    match self.find_among(some, forbids, right, is_witness)? {
                        None => self.find_among(others, forbids, right, is_witness)?,
                        found => found,
                    }
                }
                found => found?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn query<'q>(&self, left: Vec<&'q Ground>, right: Vec<&'q Ground>) -> Query<'q>
    where
        'a: 'q,
    {
        Query { left, right, principal: self.subject.principal, action: &self.subject.action.name }
    }
}
