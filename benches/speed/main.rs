//! Measures how fast live component replacement is, side by side with its peers, in one
//! process and in interleaved rounds. `cargo bench -p lcr-benches` runs it.
//!
//! Options, behind `--`: `--write` puts the table into `RESULTS.md`; `--quick` takes a
//! tenth of the rounds. The figures of a shared machine wander; the ratios are what to
//! read, and each is the median of ratios taken within one round.

mod allocations;
mod artifacts;
mod calls;
mod changes;
mod crowds;
mod instructions;
mod machine;
mod memory;
mod ours;
mod peers;
mod rounds;
mod sheet;
mod sittings;
mod slots;
mod stamps;
mod threads;
mod values;
mod ways;

use std::{env, error::Error, fs, path::Path, process::ExitCode, time::Instant};

use artifacts::Artifacts;
use machine::Machine;
use sheet::Section;
use sittings::Errand;
use ways::Callees;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the command line asks for.
struct Options {
    write: bool,
    rounds: usize,
    /// Something to do in this process and nothing else, and the libraries for it.
    errand: Option<Errand>,
    libraries: Vec<String>,
}

impl Options {
    fn parse() -> Outcome<Options> {
        let mut options = Options { write: false, rounds: 90, errand: None, libraries: Vec::new() };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            use lexopt::prelude::*;
            match argument {
                // Cargo says so to every benchmark.
                Long("bench") => {}
                Long("write") => options.write = true,
                Long("quick") => options.rounds = 15,
                Long("errand") => options.errand = Some(Errand::parse(&parser.value()?.string()?)?),
                Long("library") => options.libraries.push(parser.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
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
    if let Some(errand) = &options.errand {
        return errand.run(&Artifacts::known(&options.libraries)?);
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

fn measure(options: &Options, artifacts: &Artifacts, machine: &Machine) -> Outcome<Vec<Section>> {
    let callees = Callees::load(artifacts)?;
    let ways = callees.ways();
    let mut sections = Vec::new();
    eprintln!("calls");
    sections.push(calls::measure(&ways, options.rounds, artifacts)?);
    eprintln!("threads");
    sections.push(threads::measure(&ways, options.rounds, machine.cores(), artifacts)?);
    eprintln!("values");
    sections.push(values::measure(artifacts, options.rounds)?);
    eprintln!("replacing");
    sections.push(changes::measure(artifacts, options.rounds)?);
    eprintln!("references");
    sections.push(slots::measure(artifacts, options.rounds)?);
    eprintln!("memory");
    sections.push(memory::measure(artifacts)?);
    eprintln!("instructions");
    sections.push(instructions::measure(&ways, artifacts)?);
    Ok(sections)
}

fn document(machine: &str, sections: &[Section]) -> String {
    let (all, held) = sections.iter().map(Section::score).fold((0, 0), |sum, score| (sum.0 + score.0, sum.1 + score.1));
    let mut text = format!(
        "# Speed\n\nWritten by `cargo bench -p lcr-benches -- --write`; not edited by hand. {machine}\n{held} of {all} \
         bounds hold. Times are medians over interleaved rounds; a ratio is the median of the ratios within a round.\n",
    );
    for section in sections {
        text.push('\n');
        text.push_str(&section.to_markdown());
    }
    text
}
