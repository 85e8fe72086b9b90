//! The table of results: sections of rows, each with its bound and whether it holds.

use std::fmt::Write;

/// A group of figures that were measured together.
pub(crate) struct Section {
    title: &'static str,
    prose: String,
    rows: Vec<Row>,
}

/// One figure.
pub(crate) struct Row {
    what: String,
    figure: String,
    ratio: String,
    bound: Option<Bound>,
    bounded_by: String,
}

struct Bound {
    text: String,
    holds: bool,
}

impl Section {
    pub(crate) fn new(title: &'static str, prose: impl Into<String>) -> Section {
        Section { title, prose: prose.into(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Rows with a bound, and how many of these bounds hold.
    pub(crate) fn score(&self) -> (usize, usize) {
        let bounds = self.rows.iter().filter_map(|row| row.bound.as_ref());
        bounds.fold((0, 0), |(all, held), bound| (all + 1, held + usize::from(bound.holds)))
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.prose);
        text.push_str("| measured | median | ratio | bound | result | what bounds it |\n|---|--:|--:|---|---|---|\n");
        for row in &self.rows {
            let Row { what, figure, ratio, bound, bounded_by } = row;
            let (bound, result, reason) = match bound {
                None => ("", "", ""),
                Some(Bound { text, holds: true }) => (text.as_str(), "pass", ""),
                Some(Bound { text, holds: false }) => (text.as_str(), "**miss**", bounded_by.as_str()),
            };
            writeln!(text, "| {what} | {figure} | {ratio} | {bound} | {result} | {reason} |").expect("a string grows");
        }
        text
    }
}

impl Row {
    /// A figure without a bound.
    pub(crate) fn new(what: impl Into<String>, figure: impl Into<String>) -> Row {
        Row { what: what.into(), figure: figure.into(), ratio: String::new(), bound: None, bounded_by: String::new() }
    }

    /// Adds the ratio to another figure.
    pub(crate) fn ratio(mut self, ratio: f64, against: &str) -> Row {
        self.ratio = format!("{ratio:.2}x {against}");
        self
    }

    /// Adds the bound that the figure must keep.
    pub(crate) fn bound(mut self, text: impl Into<String>, holds: bool) -> Row {
        self.bound = Some(Bound { text: text.into(), holds });
        self
    }

    /// Adds the reason why the bound is missed.
    pub(crate) fn bounded_by(mut self, reason: impl Into<String>) -> Row {
        self.bounded_by = reason.into();
        self
    }
}

/// A time in the unit that suits it.
pub(crate) fn nanoseconds(ns: f64) -> String {
    match ns {
        ns if ns < 100.0 => format!("{ns:.2} ns"),
        ns if ns < 10_000.0 => format!("{ns:.0} ns"),
        ns if ns < 10_000_000.0 => format!("{:.1} us", ns / 1e3),
        _ => format!("{:.1} ms", ns / 1e6),
    }
}
