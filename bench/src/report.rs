//! The table: medians over the rounds, their spread, and the ratio to nginx in the same run.

use std::fmt::Write;

use serde::Serialize;

use crate::client::Negotiated;
use crate::measure::{Amounts, Figures, Measure};
use crate::peers::Peer;

/// A column of the table: a proxy, or the gateway without its decision.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Column {
    /// What heads the column.
    pub(crate) name: String,
    /// The figures of each round.
    pub(crate) rounds: Vec<Figures>,
}

/// Median and extremes over the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Summary {
    /// The middle value.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
    /// Median of the ratios to nginx, each within one round.
    pub(crate) ratio: Option<f64>,
}

/// Everything a run found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Where and how it was measured.
    pub(crate) conditions: Conditions,
    /// How much was measured.
    pub(crate) amounts: Amounts,
    /// The columns.
    pub(crate) columns: Vec<Column>,
    /// What the table says, by measure, then in the order of the columns.
    pub(crate) summaries: Vec<(Measure, Vec<Option<Summary>>)>,
}

/// Where and how it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    /// When it began (RFC 3339).
    pub(crate) time: String,
    /// The model of the CPU.
    pub(crate) cpu: String,
    /// The kernel.
    pub(crate) kernel: String,
    /// The core of the proxy, and that of load generator and upstream.
    pub(crate) proxy_core: usize,
    /// See `proxy_core`.
    pub(crate) load_core: usize,
    /// Who was measured.
    pub(crate) peers: Vec<PeerFacts>,
}

/// A proxy that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct PeerFacts {
    /// What heads its column.
    pub(crate) name: String,
    /// What it says of its version.
    pub(crate) version: String,
    /// What it negotiated.
    pub(crate) negotiated: Negotiated,
}

impl Report {
    /// Summarizes the turns of each peer.
    pub(crate) fn new(conditions: Conditions, amounts: Amounts, turns: Vec<(Peer, Vec<Figures>)>) -> Self {
        let mut columns = Vec::new();
        for (peer, rounds) in turns {
            let apart = without_decision(peer, &rounds);
            columns.push(Column { name: peer.name().to_owned(), rounds });
            columns.extend(apart);
        }
        let summarize = |measure| {
            let reference = columns.iter().find(|column| column.name == Peer::Nginx.name());
            (measure, columns.iter().map(|column| column.summary(measure, reference)).collect())
        };
        let summaries = Measure::ALL.into_iter().map(summarize).collect();
        Self { conditions, amounts, columns, summaries }
    }

    /// The table in Markdown, with the conditions above it.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.introduction();
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|{}", "---:|".repeat(names.len()));
        for (measure, summaries) in &self.summaries {
            if summaries.iter().all(Option::is_none) {
                continue;
            }
            let cells: Vec<String> = summaries.iter().map(|summary| summary.map_or_else(String::new, cell)).collect();
            let _ = writeln!(text, "| {} | {} |", measure.title(), cells.join(" | "));
        }
        text
    }

    fn introduction(&self) -> String {
        let Conditions { time, cpu, kernel, proxy_core, load_core, peers } = &self.conditions;
        let mut text = format!(
            "Measured {time} on {cpu}, Linux {kernel}; proxy on core {proxy_core}, load and upstream on core {load_core}; \
             rounds: {}.\n",
            self.amounts.rounds
        );
        text.push_str("Each cell: median (least–greatest) and the ratio to nginx in the same round.\n\n");
        for PeerFacts { name, version, negotiated } in peers {
            let _ = writeln!(text, "- {name} ({version}): {negotiated}");
        }
        text.push('\n');
        text
    }
}

impl Column {
    fn summary(&self, measure: Measure, reference: Option<&Self>) -> Option<Summary> {
        let of = |column: &Self| -> Vec<f64> {
            column.rounds.iter().filter_map(|figures| figures.get(&measure).copied()).collect()
        };
        let values = of(self);
        let ratios = of(reference.unwrap_or(self)).into_iter().zip(&values).map(|(nginx, value)| value / nginx);
        let ratio = reference.and_then(|_| median(ratios.collect()));
        let least = values.iter().copied().reduce(f64::min)?;
        let greatest = values.iter().copied().reduce(f64::max)?;
        Some(Summary { median: median(values)?, least, greatest, ratio })
    }
}

/// The gateway's cost per request less the time of its decisions.
fn without_decision(peer: Peer, rounds: &[Figures]) -> Option<Column> {
    let apart = |figures: &Figures| -> Option<Figures> {
        let decision = figures.get(&Measure::DecisionUsPerRequest)?;
        let with = figures.iter().filter(|(measure, _)| measure.includes_decision());
        Some(with.map(|(measure, value)| (*measure, value - decision)).collect())
    };
    let rounds = rounds.iter().map(apart).collect::<Option<Vec<_>>>().filter(|rounds| !rounds.is_empty())?;
    Some(Column { name: format!("{} without the decision", peer.name()), rounds })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(middle - 1).map(|lower| f64::midpoint(*lower, upper))
}

fn cell(summary: Summary) -> String {
    let Summary { median, least, greatest, ratio } = summary;
    let ratio = ratio.map_or_else(String::new, |ratio| format!(" {ratio:.2}×"));
    format!("{} ({}–{}){ratio}", number(median), number(least), number(greatest))
}

/// Three significant figures or all before the point.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(cpu: f64, decision: Option<f64>) -> Figures {
        let decision = decision.map(|decision| (Measure::DecisionUsPerRequest, decision));
        Figures::from_iter(decision.into_iter().chain([(Measure::H1CpuUsPerRequest, cpu)]))
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let nginx = Column { name: "nginx".into(), rounds: vec![figures(10.0, None), figures(40.0, None)] };
        let other = Column { name: "other".into(), rounds: vec![figures(20.0, None), figures(40.0, None)] };
        let summary = other.summary(Measure::H1CpuUsPerRequest, Some(&nginx)).unwrap();
        assert_eq!((summary.median, summary.least, summary.greatest, summary.ratio), (30.0, 20.0, 40.0, Some(1.5)));
        assert!(other.summary(Measure::UploadCpuSPerGb, Some(&nginx)).is_none());
    }

    #[test]
    fn the_decision_is_shown_apart_only_where_it_is_known() {
        let apart = without_decision(Peer::Gateway, &[figures(50.0, Some(30.0))]).unwrap();
        assert_eq!(apart.rounds, [figures(20.0, None)]);
        assert!(without_decision(Peer::Nginx, &[figures(50.0, None)]).is_none());
    }

    #[test]
    fn numbers_have_three_figures() {
        assert_eq!([1234.5, 12.345, 1.2345, 0.12345].map(number), ["1234", "12.3", "1.23", "0.123"]);
    }
}
