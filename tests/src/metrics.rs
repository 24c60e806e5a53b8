//! The metrics page, read as Prometheus reads it.

use std::collections::BTreeMap;

/// One reading of `/metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The page as it came.
    pub text: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads a page in the Prometheus text format. A line that is not of the format fails the test.
    pub fn parse(text: String) -> Self {
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect();
        Self { text, samples }
    }

    /// The sum of all samples of `name` that bear at least these labels; `None` when there is no such sample.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut matching = self
            .samples
            .iter()
            .filter(|sample| sample.name == name)
            .filter(|sample| labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value)))
            .map(|sample| sample.value)
            .peekable();
        matching.peek()?;
        Some(matching.sum())
    }

    /// As [`Self::sum`], where a sample that is not there counts as nothing.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.sum(name, labels).unwrap_or(0.0)
    }

    /// The names of all samples.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.iter().map(|sample| sample.name.as_str())
    }

    /// All labels of all samples, as (sample, label, value).
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.samples
            .iter()
            .flat_map(|s| s.labels.iter().map(|(key, value)| (s.name.as_str(), key.as_str(), value.as_str())))
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("not a sample: {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
    let Some((name, labels)) = series.split_once('{') else {
        return Sample { name: series.into(), labels: BTreeMap::new(), value };
    };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("labels do not end: {line}"));
    Sample { name: name.into(), labels: parse_labels(labels), value }
}

/// `a="b",c="d"`. Values may hold commas; no value of ours holds a quote.
fn parse_labels(mut rest: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((key, after)) = rest.trim_start_matches(',').split_once("=\"") {
        let (value, next) = after.split_once('"').unwrap_or_else(|| panic!("a label does not end: {rest}"));
        labels.insert(key.to_owned(), value.to_owned());
        rest = next;
    }
    labels
}
