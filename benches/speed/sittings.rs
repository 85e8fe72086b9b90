//! The same race in several processes.
//!
//! Within one process the loader has put caller and callee at some distance once and
//! for all, and the branch predictor likes some distances better than others, by a
//! factor of up to two. Each sitting is a process of its own, with addresses of its
//! own; the medians are over the rounds of all sittings.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Outcome,
    artifacts::Artifacts,
    instructions,
    rounds::{Times, race},
    threads, values,
    ways::{Callees, Way},
};

/// How many processes run each race.
const SITTINGS: usize = 15;
/// How long a way runs in each round.
const SLICE: Duration = Duration::from_millis(2);

/// What a process of its own can be asked to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Races all ways with independent calls.
    Stream,
    /// Races all ways with calls that wait for each other.
    Chain,
    /// Times each way on one thread and on two.
    Threads,
    /// Races owned vectors.
    Values,
    /// Makes a number of calls, for callgrind.
    Count,
}

const TASKS: [(&str, Task); 5] = [
    ("stream", Task::Stream),
    ("chain", Task::Chain),
    ("threads", Task::Threads),
    ("values", Task::Values),
    ("count", Task::Count),
];

/// A task for another process: `rounds`, or calls for [`Task::Count`], of all ways or of one.
pub(crate) struct Errand {
    task: Task,
    amount: u64,
    way: Option<String>,
}

impl Errand {
    pub(crate) fn new(task: Task, amount: u64, way: Option<&str>) -> Errand {
        Errand { task, amount, way: way.map(str::to_owned) }
    }

    /// Reads what [`Errand::arguments`] wrote.
    pub(crate) fn parse(text: &str) -> Outcome<Errand> {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().ok_or("an errand is a task, an amount and a way");
        let (task, amount, way) = (word()?, word()?.parse()?, word()?);
        let known = TASKS.iter().find(|(name, _)| *name == task);
        let task = known.ok_or_else(|| format!("there is no task called {task}"))?.1;
        Ok(Errand { task, amount, way: (way != "all").then(|| way.to_owned()) })
    }

    /// The command line of the process that runs the errand.
    pub(crate) fn arguments(&self, artifacts: &Artifacts) -> Vec<String> {
        let task = TASKS.iter().find(|(_, task)| *task == self.task).map_or("", |(name, _)| name);
        let errand = format!("{task} {} {}", self.amount, self.way.as_deref().unwrap_or("all"));
        let libraries = artifacts.pairs().flat_map(|pair| ["--library".to_owned(), pair]);
        ["--errand".to_owned(), errand].into_iter().chain(libraries).collect()
    }

    /// Runs the errand in this process and prints the times.
    pub(crate) fn run(&self, artifacts: &Artifacts) -> Outcome<()> {
        let callees = Callees::load(artifacts)?;
        let mut ways = callees.ways();
        if let Some(name) = &self.way {
            ways.retain(|way| way.name == name);
        }
        let rounds = self.amount as usize;
        let times = match self.task {
            Task::Stream => race(&mut ways.iter().map(Way::streaming).collect::<Vec<_>>(), rounds, SLICE),
            Task::Chain => race(&mut ways.iter().map(Way::chaining).collect::<Vec<_>>(), rounds, SLICE),
            Task::Threads => threads::race(&ways, rounds),
            Task::Values => values::race_vectors(artifacts, rounds)?,
            Task::Count => instructions::make_calls(&ways, self.amount),
        };
        println!("{}", times.to_json());
        Ok(())
    }
}

/// Runs a race, `rounds` in all, in several processes.
pub(crate) fn race_apart(task: Task, rounds: usize, artifacts: &Artifacts) -> Outcome<Times> {
    let errand = Errand::new(task, rounds.div_ceil(SITTINGS) as u64, None);
    let mut times = Times::default();
    for _ in 0..SITTINGS {
        let mut command = Command::new(env::current_exe()?);
        let output = command.args(errand.arguments(artifacts)).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("a sitting ended with {}", output.status).into());
        }
        times.append(Times::from_json(serde_json::from_slice(&output.stdout)?)?);
    }
    Ok(times)
}
