//! The plot: one panel of horizontal bars a measure, drawn as plain SVG that is readable on any background.

use std::fmt::Write;

use crate::measure::Measure;
use crate::report::{Column, Report, Summary, number};

const PANEL_WIDTH: f64 = 560.0;
const LABEL_WIDTH: f64 = 190.0;
const BAR_WIDTH: f64 = 250.0;
const BAR_HEIGHT: f64 = 16.0;
const ROW_HEIGHT: f64 = 24.0;
const TITLE_HEIGHT: f64 = 34.0;
const MARGIN: f64 = 20.0;
const PANELS_ABREAST: usize = 2;

/// Requests per second and latencies follow from the load, so the plot shows costs only.
const PLOTTED: [Measure; 6] = [
    Measure::H1CpuUsPerRequest,
    Measure::H2CpuUsPerRequest,
    Measure::CpuUsPerConnection,
    Measure::IdleKibPerConnection,
    Measure::DownloadCpuSPerGb,
    Measure::UploadCpuSPerGb,
];

/// Draws the costs of all columns; shorter is better, the thin line is the spread over the rounds.
pub(crate) fn svg(report: &Report) -> String {
    let panel_height = TITLE_HEIGHT + ROW_HEIGHT * report.columns.len() as f64 + MARGIN;
    let rows = PLOTTED.len().div_ceil(PANELS_ABREAST) as f64;
    let width = PANEL_WIDTH * PANELS_ABREAST as f64 + 2.0 * MARGIN;
    let height = panel_height * rows + 2.0 * MARGIN + TITLE_HEIGHT;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2933">
<title>What each proxy costs</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{MARGIN}" y="{y}" font-size="16" font-weight="600">What each proxy costs: shorter is better; the thin line is the spread over {rounds} rounds</text>
"##,
        y = MARGIN + 8.0,
        rounds = report.amounts.rounds,
    );
    let summaries = report.summaries.iter().filter(|(measure, _)| PLOTTED.contains(measure));
    for (index, (measure, summaries)) in summaries.enumerate() {
        let x = MARGIN + PANEL_WIDTH * (index % PANELS_ABREAST) as f64;
        let y = MARGIN + TITLE_HEIGHT + panel_height * (index / PANELS_ABREAST) as f64;
        // Writing to a `String` cannot fail.
        let _ =
            writeln!(svg, r#"<g transform="translate({x} {y})">{}</g>"#, panel(*measure, &report.columns, summaries));
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(measure: Measure, columns: &[Column], summaries: &[Option<Summary>]) -> String {
    let greatest = summaries.iter().flatten().map(|summary| summary.greatest).fold(f64::MIN_POSITIVE, f64::max);
    let mut panel = format!(r#"<text y="14" font-weight="600">{}</text>"#, measure.title());
    let known = columns.iter().zip(summaries).filter_map(|(column, summary)| Some((column, (*summary)?)));
    for (row, (column, summary)) in known.enumerate() {
        let y = TITLE_HEIGHT - 10.0 + ROW_HEIGHT * row as f64;
        panel.push_str(&bar(&column.name, summary, y, BAR_WIDTH / greatest));
    }
    panel
}

fn bar(name: &str, summary: Summary, y: f64, scale: f64) -> String {
    let Summary { median, least, greatest, ratio } = summary;
    let fill = if name.starts_with("gateway") { "#1d6fb8" } else { "#9aa5b1" };
    let (middle, baseline) = (y + BAR_HEIGHT / 2.0, y + BAR_HEIGHT - 4.0);
    let (from, to) = (LABEL_WIDTH + least * scale, LABEL_WIDTH + greatest * scale);
    let ratio = ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.2}×)"));
    format!(
        r##"
<text x="{label}" y="{baseline}" text-anchor="end">{name}</text>
<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1}" height="{BAR_HEIGHT}" fill="{fill}"/>
<path d="M{from:.1} {middle}H{to:.1}" stroke="#1f2933"/>
<text x="{after:.1}" y="{baseline}">{value}{ratio}</text>"##,
        label = LABEL_WIDTH - 8.0,
        length = (median * scale).max(0.0),
        after = to + 8.0,
        value = number(median),
    )
}
