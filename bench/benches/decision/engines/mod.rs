//! The engines that are measured.

mod ours;
mod rego;
mod stock;

use clap::ValueEnum;
use gaccong_policy::Question;

/// Something that decides.
pub(crate) trait Engine {
    /// Decides, and lets the answer go: this is what is timed.
    fn spend(&mut self, question: &Question<'_>);

    /// Decides, and says what.
    fn answer(&mut self, question: &Question<'_>) -> Answer;
}

/// An answer with its reasons, in the order of the policies' ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) effect: Effect,
    pub(crate) by: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    Permit,
    Forbid,
    None,
}

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// `cedar_policy::Authorizer` over all policies
    Stock,
    /// Cedar's evaluator over the policies of the app
    Sliced,
    /// The compiled policies of the app
    Ours,
    /// regorus
    Rego,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Stock, Self::Sliced, Self::Ours, Self::Rego];

    /// How the table calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Stock => "stock Cedar",
            Self::Sliced => "Cedar, sliced",
            Self::Ours => "ours",
            Self::Rego => "regorus",
        }
    }

    /// The name by which the command line knows it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The engine with the policies of this many apps.
    pub(crate) fn build(self, apps: usize) -> Box<dyn Engine> {
        match self {
            Self::Stock => Box::new(stock::Stock::new(apps)),
            Self::Sliced => {
                Box::new(ours::Ours { set: ours::load(apps), decide: gaccong_policy::PolicySet::decide_by_cedar })
            }
            Self::Ours => Box::new(ours::Ours { set: ours::load(apps), decide: gaccong_policy::PolicySet::decide }),
            Self::Rego => Box::new(rego::Rego::new(apps)),
        }
    }
}

pub(crate) use ours::load;
