//! The same race in several processes.
//!
//! Within one process the loader places caller and callee at one distance, and the branch
//! predictor handles some distances better than others, by a factor of up to two. Each process
//! has addresses of its own; the medians are over the rounds of all processes.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Outcome,
    artifacts::Artifacts,
    async_calls,
    call_kinds::{CallKind, Callees},
    instructions,
    ours::Ours,
    patches,
    rounds::{Times, race},
    threads, values,
};

/// How many processes run each race.
const PROCESSES: usize = 15;
/// How long a kind of call runs in each round.
const SLICE: Duration = Duration::from_millis(2);

/// A job for a process of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Races all kinds of calls with independent calls.
    Stream,
    /// Races all kinds of calls with calls that wait for each other.
    Chain,
    /// Races calls of methods that are patched, watched or mocked.
    Patched,
    /// Times each kind of call on one thread and on two.
    Threads,
    /// Races owned vectors.
    Values,
    /// Makes a number of calls, for callgrind.
    Count,
    /// Makes a number of calls of components on trial, for callgrind.
    CountOnTrial,
    /// Makes a number of calls of methods that are patched, watched or mocked, for callgrind.
    CountPatched,
    /// Makes a number of async calls, for callgrind. The kind of call is a place in [`async_calls::COUNTED`].
    CountAsync,
}

const TASKS: [(&str, Task); 9] = [
    ("stream", Task::Stream),
    ("chain", Task::Chain),
    ("patched", Task::Patched),
    ("threads", Task::Threads),
    ("values", Task::Values),
    ("count", Task::Count),
    ("count-on-trial", Task::CountOnTrial),
    ("count-patched", Task::CountPatched),
    ("count-async", Task::CountAsync),
];

/// A task for another process: `rounds`, or calls for the tasks that count, of all kinds of calls or of one.
pub(crate) struct Job {
    task: Task,
    amount: u64,
    call_kind: Option<String>,
}

impl Job {
    pub(crate) fn new(task: Task, amount: u64, call_kind: Option<&str>) -> Job {
        Job { task, amount, call_kind: call_kind.map(str::to_owned) }
    }

    /// Reads what [`Job::arguments`] wrote.
    pub(crate) fn parse(text: &str) -> Outcome<Job> {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().ok_or("a job is a task, an amount and a kind of call");
        let (task, amount, call_kind) = (word()?, word()?.parse()?, word()?);
        let known = TASKS.iter().find(|(name, _)| *name == task);
        let task = known.ok_or_else(|| format!("there is no task {task}"))?.1;
        Ok(Job { task, amount, call_kind: (call_kind != "all").then(|| call_kind.to_owned()) })
    }

    /// The command line of the process that runs the job.
    pub(crate) fn arguments(&self, artifacts: &Artifacts) -> Vec<String> {
        let task = TASKS.iter().find(|(_, task)| *task == self.task).map_or("", |(name, _)| name);
        let job = format!("{task} {} {}", self.amount, self.call_kind.as_deref().unwrap_or("all"));
        let libraries = artifacts.pairs().flat_map(|pair| ["--library".to_owned(), pair]);
        ["--job".to_owned(), job].into_iter().chain(libraries).collect()
    }

    fn retain_wanted(&self, call_kinds: &mut Vec<CallKind<'_>>) {
        call_kinds.retain(|call_kind| self.call_kind.as_deref().is_none_or(|name| call_kind.name == name));
    }

    /// Runs the job in this process and prints the times.
    pub(crate) fn run(&self, artifacts: &Artifacts) -> Outcome<()> {
        if self.task == Task::CountOnTrial {
            let ours = Ours::on_trial(artifacts)?;
            let mut call_kinds = ours.call_kinds();
            self.retain_wanted(&mut call_kinds);
            println!("{}", instructions::make_calls(&call_kinds, self.amount).to_json());
            return Ok(());
        }
        let rounds = self.amount as usize;
        if matches!(self.task, Task::Patched | Task::CountPatched) {
            let callees = patches::Callees::load(artifacts)?;
            let mut call_kinds = callees.call_kinds();
            self.retain_wanted(&mut call_kinds);
            let times = match self.task {
                Task::Patched => {
                    let _overwriting = patches::overwrite();
                    race(&mut callees.contestants(&call_kinds), rounds, SLICE)
                }
                _ => instructions::make_calls(&call_kinds, self.amount),
            };
            println!("{}", times.to_json());
            return Ok(());
        }
        let callees = Callees::load(artifacts)?;
        let mut call_kinds = callees.call_kinds();
        self.retain_wanted(&mut call_kinds);
        let times = match self.task {
            Task::Stream => race(&mut call_kinds.iter().map(CallKind::streaming).collect::<Vec<_>>(), rounds, SLICE),
            Task::Chain => race(&mut call_kinds.iter().map(CallKind::chaining).collect::<Vec<_>>(), rounds, SLICE),
            Task::Threads => threads::race(&call_kinds, rounds),
            Task::Values => values::race_vectors(artifacts, rounds)?,
            Task::Count | Task::CountOnTrial | Task::Patched | Task::CountPatched => {
                instructions::make_calls(&call_kinds, self.amount)
            }
            Task::CountAsync => {
                let kind = self.call_kind.as_deref().ok_or("there is no kind of async call")?.parse()?;
                async_calls::make_calls(kind, self.amount, artifacts)?
            }
        };
        println!("{}", times.to_json());
        Ok(())
    }
}

/// Runs a race, `rounds` in all, in several processes.
pub(crate) fn race_apart(task: Task, rounds: usize, artifacts: &Artifacts) -> Outcome<Times> {
    let job = Job::new(task, rounds.div_ceil(PROCESSES) as u64, None);
    let mut times = Times::default();
    for _ in 0..PROCESSES {
        let mut command = Command::new(env::current_exe()?);
        let output = command.args(job.arguments(artifacts)).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("a measuring process ended with {}", output.status).into());
        }
        times.append(Times::from_json(serde_json::from_slice(&output.stdout)?)?);
    }
    Ok(times)
}
