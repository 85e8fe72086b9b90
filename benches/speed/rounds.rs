//! Interleaved measuring: every contestant runs once in each round, so that a slow
//! moment of the machine hits all of them, and ratios are taken within a round.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::Outcome;

/// Runs a number of calls and returns something that depends on all of them.
pub(crate) type Loop<'a> = Box<dyn FnMut(u64) -> u64 + 'a>;

/// One of several loops that are compared.
pub(crate) struct Contestant<'a> {
    pub(crate) name: &'a str,
    pub(crate) run: Loop<'a>,
}

/// Nanoseconds per call of each contestant in each round.
#[derive(Default)]
pub(crate) struct Times(Vec<(String, Vec<f64>)>);

/// Races the contestants: `rounds` times a slice of about `slice` each.
pub(crate) fn race(contestants: &mut [Contestant<'_>], rounds: usize, slice: Duration) -> Times {
    let counts: Vec<u64> = contestants.iter_mut().map(|contestant| calls_in(&mut contestant.run, slice)).collect();
    let mut times = Times::default();
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            // The order changes, so that no contestant always runs after the same one.
            let i = (turn + round) % contestants.len();
            let ns = time(|| (contestants[i].run)(black_box(counts[i])), counts[i]);
            times.push(contestants[i].name, ns);
        }
    }
    times
}

/// Nanoseconds for each of the `calls` calls that `run` makes.
pub(crate) fn time<R>(run: impl FnOnce() -> R, calls: u64) -> f64 {
    let start = Instant::now();
    black_box(run());
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// How many calls fill about `slice`, after a first call has set everything up.
pub(crate) fn calls_in(run: &mut Loop<'_>, slice: Duration) -> u64 {
    black_box(run(1));
    let mut calls = 1;
    loop {
        let start = Instant::now();
        black_box(run(black_box(calls)));
        let elapsed = start.elapsed();
        if elapsed * 2 >= slice {
            let wanted = calls as f64 * slice.as_secs_f64() / elapsed.as_secs_f64();
            return wanted.max(1.0) as u64;
        }
        calls *= 2;
    }
}

impl Times {
    /// Adds a contestant's time of its next round.
    pub(crate) fn push(&mut self, name: &str, ns: f64) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, times)) => times.push(ns),
            None => self.0.push((name.to_owned(), vec![ns])),
        }
    }

    /// Adds the rounds of another race of the same contestants.
    pub(crate) fn append(&mut self, other: Times) {
        for (name, times) in other.0 {
            for ns in times {
                self.push(&name, ns);
            }
        }
    }

    /// Median nanoseconds per call.
    pub(crate) fn median(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// Median, over the rounds, of one contestant's time over another's.
    pub(crate) fn ratio(&self, name: &str, base: &str) -> f64 {
        self.across(name, base, |a, b| a / b)
    }

    /// Median, over the rounds, of any figure of two contestants' times.
    pub(crate) fn across(&self, name: &str, base: &str, figure: impl Fn(f64, f64) -> f64) -> f64 {
        median(self.of(name).iter().zip(self.of(base)).map(|(&a, &b)| figure(a, b)).collect())
    }

    /// The times as JSON, for another process.
    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(|(name, times)| json!([name, times])).collect()
    }

    /// The reverse of [`Times::to_json`].
    pub(crate) fn from_json(json: Value) -> Outcome<Times> {
        Ok(Times(serde_json::from_value(json)?))
    }

    fn of(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|(other, _)| other == name);
        &found.unwrap_or_else(|| panic!("no contestant is called {name}")).1
    }
}

/// The value that half of the values do not exceed.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value that the given part of the values does not exceed.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}
