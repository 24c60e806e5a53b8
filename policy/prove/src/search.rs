//! The search for a request that one set of policies permits and another does not.

use cedar_policy::Schema;
use gaccong_policy::PolicyId;

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

/// Policies of one effect, with their ids.
pub(crate) type Named<'g> = [(&'g str, &'g Ground)];

/// The policies of the left side, and how they judge a question that they do not permit.
#[derive(Clone, Copy)]
pub(crate) struct Left<'l> {
    pub(crate) forbids: &'l Named<'l>,
    /// The `forbid`s that a question meets, by the evaluator.
    pub(crate) refusing: &'l dyn Fn(&Witness) -> Vec<PolicyId>,
}

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
        match self.candidate(left, right)? {
            Some(witness) if is_witness(&witness) => Ok(Some(witness::simplify(witness, is_witness))),
            Some(witness) => Err(disagreement(&witness)),
            None => Ok(None),
        }
    }

    /// As [`Search::find`], with these permits on the left and the `forbid`s beside them. Permits are asked about in bundles;
    /// a bundle that is too hard is taken apart.
    pub(crate) fn find_among(
        &mut self,
        permits: &[&Ground],
        beside: Left<'_>,
        right: &[&Ground],
        is_witness: IsWitness<'_>,
    ) -> Result<Option<Witness>, String> {
        for bundle in permits.chunks(BUNDLE) {
            let found = match self.refine(bundle, beside, right, is_witness) {
                Err(_) if bundle.len() > 1 => {
                    let (some, others) = bundle.split_at(bundle.len() / 2);
                    match self.find_among(some, beside, right, is_witness)? {
                        None => self.find_among(others, beside, right, is_witness)?,
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

    /// Asks without any `forbid` first. What is found is refused by some, perhaps: then these are added, and no others. Most
    /// have nothing to do with what is asked, and would only make it harder.
    fn refine(
        &mut self,
        permits: &[&Ground],
        beside: Left<'_>,
        right: &[&Ground],
        is_witness: IsWitness<'_>,
    ) -> Result<Option<Witness>, String> {
        let (mut left, mut others) = (permits.to_vec(), beside.forbids.to_vec());
        loop {
            let Some(witness) = self.candidate(left.clone(), right.to_vec())? else { return Ok(None) };
            if is_witness(&witness) {
                return Ok(Some(witness::simplify(witness, is_witness)));
            }
            let refusing = (beside.refusing)(&witness);
            let (met, rest): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|(id, _)| refusing.iter().any(|other| **other == **id));
            if met.is_empty() {
                return Err(disagreement(&witness));
            }
            left.extend(met.into_iter().map(|(_, forbid)| forbid));
            others = rest;
        }
    }

    /// What the solver finds.
    fn candidate(&mut self, left: Vec<&Ground>, right: Vec<&Ground>) -> Result<Option<Witness>, String> {
        let query = self.query(left, right);
        let found = query.ask(self.session, self.schema, self.answers).map_err(|stuck| stuck.to_string())?;
        found.map(|env| witness::question(&env, self.subject.app.name, &self.subject.action.name)).transpose()
    }

    fn query<'q>(&self, left: Vec<&'q Ground>, right: Vec<&'q Ground>) -> Query<'q>
    where
        'a: 'q,
    {
        Query { left, right, principal: self.subject.principal, action: &self.subject.action.name }
    }
}

fn disagreement(witness: &Witness) -> String {
    let question = serde_json::to_string(witness).unwrap_or_default();
    format!("the solver's counterexample is none for the evaluator: {question}")
}
