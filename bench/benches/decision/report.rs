//! The table.

use std::io::{self, Write};

use crate::engines::Kind;
use crate::policies::GLOBAL_POLICIES;

pub(crate) struct Report {
    pub(crate) load_s: f64,
    /// The number of policies of apps, and what each engine took.
    pub(crate) rows: Vec<(usize, Vec<Cell>)>,
}

#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) ns: f64,
    pub(crate) instructions: Option<u64>,
}

impl Report {
    /// Markdown.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "| policies |")?;
        Kind::ALL.iter().try_for_each(|kind| write!(out, " {} |", kind.title()))?;
        writeln!(out, "\n|---:|{}", "---:|".repeat(Kind::ALL.len()))?;
        for (policies, cells) in &self.rows {
            write!(out, "| {GLOBAL_POLICIES} + {policies} |")?;
            let stock_ns = cells.first().map_or(f64::NAN, |cell| cell.ns);
            cells.iter().try_for_each(|cell| write!(out, " {} |", cell.text(stock_ns)))?;
            writeln!(out)?;
        }
        let most = self.rows.last().map_or(0, |(policies, _)| GLOBAL_POLICIES + policies);
        writeln!(out, "\nThe median time of a decision; how many times as fast as stock Cedar; instructions.")?;
        writeln!(out, "Loading {most} policies took {:.2} s.", self.load_s)
    }
}

impl Cell {
    fn text(&self, stock_ns: f64) -> String {
        let ratio = format!("{:.1} ×", stock_ns / self.ns);
        let instructions = self.instructions.map(|count| format!(", {count} instr.")).unwrap_or_default();
        format!("{}, {ratio}{instructions}", time(self.ns))
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 10_000.0 => format!("{ns:.0} ns"),
        ns if ns < 10_000_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}
