//! The table of hold against state size.

use std::time::Duration;

use crate::sizes::{Replaced, Row};

use super::{
    changes::{align_right, micros, table as new_table},
    latency::duration,
};

/// A line for each size and kind of replacement.
pub(crate) fn table(rows: &[Row]) -> String {
    let header = [
        "keys",
        "size",
        "replaced by",
        "state",
        "times",
        "held p50",
        "held max",
        "copied",
        "longest request",
        "without",
        "in all",
        "images kept",
    ];
    let mut table = new_table(&header);
    table.set_width(165);
    for row in rows {
        table.add_row([
            row.keys.to_string(),
            mib(row.bytes),
            row.what.to_owned(),
            row.replaced.first().map_or("", |replaced| replaced.way).to_owned(),
            row.replaced.len().to_string(),
            half(row, |replaced| replaced.held),
            most(row, |replaced| replaced.held),
            mib(row.replaced.iter().map(|replaced| replaced.copied).max().unwrap_or(0)),
            most(row, |replaced| replaced.longest),
            most(row, |replaced| replaced.longest_before),
            most(row, |replaced| replaced.took),
            mib(row.retained),
        ]);
    }
    align_right(table, &[0, 1, 4, 5, 6, 7, 8, 9, 10, 11])
}

fn most(row: &Row, of: impl Fn(&Replaced) -> Duration) -> String {
    row.replaced.iter().map(of).max().map_or_else(String::new, |most| duration(micros(most)))
}

fn half(row: &Row, of: impl Fn(&Replaced) -> Duration) -> String {
    let mut all: Vec<Duration> = row.replaced.iter().map(of).collect();
    all.sort_unstable();
    all.get(all.len() / 2).map_or_else(String::new, |half| duration(micros(*half)))
}

fn mib(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
