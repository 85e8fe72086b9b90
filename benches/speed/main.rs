//! Measures how fast live component replacement is, side by side with its peers, in one
//! process and in interleaved rounds. `cargo bench -p lcr-benches --features peers` runs it.
//!
//! Options, after `--`: `--write` puts the table into `RESULTS.md`; `--quick` takes a
//! sixth of the rounds; `--only calls` (or another of [`PARTS`]) leaves out the rest. The figures
//! of a shared machine wander. Read the ratios: each is the median of ratios within one round.

mod allocations;
mod artifacts;
mod async_calls;
mod call_kinds;
mod calls;
mod changes;
mod crowds;
mod instructions;
mod logs;
mod machine;
mod memory;
mod ours;
mod patches;
mod peers;
mod processes;
mod rollbacks;
mod rounds;
mod serving;
mod sheet;
mod sizes;
mod slots;
mod stamps;
mod threads;
mod values;

use std::{env, error::Error, fs, path::Path, process::ExitCode, time::Instant};

use artifacts::Artifacts;
use call_kinds::{CallKind, Callees};
use machine::Machine;
use processes::Job;
use sheet::Section;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The options of the command line.
struct Options {
    write: bool,
    rounds: usize,
    /// The only job of this process, and the libraries for it.
    job: Option<Job>,
    libraries: Vec<String>,
    /// The parts to run; all if none is named.
    only: Vec<String>,
}

impl Options {
    fn parse() -> Outcome<Options> {
        let mut options = Options { write: false, rounds: 90, job: None, libraries: Vec::new(), only: Vec::new() };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            use lexopt::prelude::*;
            match argument {
                // Cargo passes this to every benchmark.
                Long("bench") => {}
                Long("write") => options.write = true,
                Long("quick") => options.rounds = 15,
                Long("only") => options.only.push(parser.value()?.string()?),
                Long("job") => options.job = Some(Job::parse(&parser.value()?.string()?)?),
                Long("library") => options.libraries.push(parser.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        let unknown = options.only.iter().find(|only| PARTS.iter().all(|(name, _)| name != only));
        if let Some(unknown) = unknown {
            let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no part {unknown}; the parts are {}", names.join(", ")).into());
        }
        if options.write && !options.only.is_empty() {
            return Err("a table of parts is not written; leave out --only or --write".into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    match Options::parse().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Outcome<()> {
    if let Some(job) = &options.job {
        return job.run(&Artifacts::known(&options.libraries)?);
    }
    let artifacts = Artifacts::build()?;
    let machine = Machine::describe();
    let start = Instant::now();
    let sections = measure(options, &artifacts, &machine)?;
    let text = document(&machine.to_markdown(start.elapsed().as_secs_f64()), &sections);
    println!("{text}");
    if options.write {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md"), text)?;
    }
    Ok(())
}

/// The values that each part of the run needs.
struct Bench<'a, 'w> {
    artifacts: &'a Artifacts,
    call_kinds: &'a [CallKind<'w>],
    rounds: usize,
    cores: usize,
}

/// One part of the run: its name on the command line, and what it does.
type Part = (&'static str, fn(&Bench<'_, '_>) -> Outcome<Section>);

const PARTS: [Part; 13] = [
    ("calls", calls::measure),
    ("patches", patches::measure),
    ("async", async_calls::measure),
    ("threads", threads::measure),
    ("values", values::measure),
    ("changes", changes::measure),
    ("rollbacks", rollbacks::measure),
    ("serving", serving::measure),
    ("slots", slots::measure),
    ("memory", memory::measure),
    ("sizes", sizes::measure),
    ("instructions", instructions::measure),
    ("logs", logs::measure),
];

fn measure(options: &Options, artifacts: &Artifacts, machine: &Machine) -> Outcome<Vec<Section>> {
    let callees = Callees::load(artifacts)?;
    let call_kinds = callees.call_kinds();
    let bench = Bench { artifacts, call_kinds: &call_kinds, rounds: options.rounds, cores: machine.cores() };
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let parts = PARTS.iter().filter(|(name, _)| wanted(name));
    parts
        .map(|(name, part)| {
            eprintln!("measuring {name}");
            part(&bench)
        })
        .collect()
}

fn document(machine: &str, sections: &[Section]) -> String {
    let (all, held) = sections.iter().map(Section::score).fold((0, 0), |sum, score| (sum.0 + score.0, sum.1 + score.1));
    let mut text = format!(
        "# Speed\n\nWritten by `cargo bench -p lcr-benches --features peers -- --write`; not edited by hand. \
         {machine}\n{held} of {all} bounds hold. Times are medians over interleaved rounds; a ratio is the median \
         of the ratios within a round.\n",
    );
    for section in sections {
        text.push('\n');
        text.push_str(&section.to_markdown());
    }
    text
}
