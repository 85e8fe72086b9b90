//! References in quantity, lookups among many components, and registering many.

use std::{hint::black_box, time::Duration};

use contract::interfaces::Step;
use lcr::{__private::Export, Handle, Runtime};

use crate::{
    Bench, Outcome,
    crowds::{Interfaces, crowd, name},
    rounds::{Times, median, time},
    sheet::{Row, Section, nanoseconds},
};

/// References that are created and released in one go.
const BATCH: usize = 1_000;
/// Components among which one is looked up.
const CROWD: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures all three.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let Bench { artifacts, rounds, .. } = *bench;
    let mut section = Section::new(
        "References, lookup, registering",
        format!(
            "A reference is an instance of one's own, here in batches of {BATCH}; its destruction on the runtime's own \
             thread is not in its release. A lookup gives a new handle on a service that is built. Registering is \
             making a runtime of components that are linked into the program.",
        ),
    );
    let runtime = Runtime::new()?;
    runtime.load(artifacts.path("plain")?)?;
    for live in [0, 10_000, 100_000] {
        references(&runtime, live, rounds.min(15), &mut section)?;
    }
    drop(runtime);
    section.push(lookup_by_component(rounds)?);
    section.push(lookup_by_interface(rounds)?);
    for interfaces in [Interfaces::One, Interfaces::Each] {
        registering(interfaces, rounds.min(15), &mut section)?;
    }
    Ok(section)
}

/// Creates and releases references while `live` others are held.
fn references(runtime: &Runtime, live: usize, rounds: usize, section: &mut Section) -> Outcome<()> {
    let create = |count| (0..count).map(|_| runtime.reference::<dyn Step>(&())).collect::<lcr::Result<Vec<_>>>();
    let held: Vec<Handle<dyn Step>> = create(live)?;
    let (mut created, mut released) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut batch = Vec::new();
        let mut outcome = Ok(());
        created
            .push(time(|| create(BATCH).map_or_else(|error| outcome = Err(error), |made| batch = made), BATCH as u64));
        outcome?;
        released.push(time(|| drop(batch), BATCH as u64));
        runtime.wait_drained(PATIENCE)?;
    }
    drop(held);
    runtime.wait_drained(PATIENCE)?;
    for (verb, times) in [("create", created), ("release", released)] {
        let figure = median(times);
        let row = Row::new(format!("{verb} a reference with {live} live"), nanoseconds(figure));
        section.push(match live {
            100_000 => row
                .bound("at most 2 us", figure <= 2_000.0)
                .bounded_by("constructing, and one lock for the bookkeeping"),
            _ => row,
        });
    }
    Ok(())
}

/// Among components that all implement one interface, by the component's name.
fn lookup_by_component(rounds: usize) -> Outcome<Row> {
    let runtime = runtime_of(&crowd(CROWD, Interfaces::One))?;
    let names: Vec<String> = (0..BATCH).map(|i| name(i * 7_919 % CROWD)).collect();
    let services: Vec<Handle<dyn Step>> =
        names.iter().map(|name| runtime.service_of(name)).collect::<lcr::Result<_>>()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(time(
            || {
                for name in &names {
                    drop(black_box(runtime.service_of::<dyn Step>(name)));
                }
            },
            BATCH as u64,
        ));
    }
    drop(services);
    Ok(lookup("a component by its name, all of one interface", median(times)))
}

/// Among components that each implement an interface of their own, by the interface.
fn lookup_by_interface(rounds: usize) -> Outcome<Row> {
    let mut exports = crowd(CROWD - 1, Interfaces::Each);
    exports.extend(crowd(1, Interfaces::One));
    // The last one takes a name that the others do not have.
    exports.swap_remove(0);
    let runtime = runtime_of(&exports)?;
    let service = runtime.service::<dyn Step>()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(time(
            || {
                for _ in 0..BATCH {
                    drop(black_box(runtime.service::<dyn Step>()));
                }
            },
            BATCH as u64,
        ));
    }
    drop(service);
    Ok(lookup("an interface by its name, each of one component", median(times)))
}

fn lookup(what: &str, figure: f64) -> Row {
    Row::new(format!("lookup among {CROWD}: {what}"), nanoseconds(figure))
        .bound("at most 100 ns", figure <= 100.0)
        .bounded_by("two lock operations, hashing the name, and the new handle's count")
}

fn runtime_of(exports: &[&'static Export]) -> Outcome<Runtime> {
    let builder = exports.iter().fold(Runtime::builder().linked(false), |builder, export| builder.export(export));
    Ok(builder.build()?)
}

/// Registers crowds of growing size; each component should cost the same.
fn registering(interfaces: Interfaces, rounds: usize, section: &mut Section) -> Outcome<()> {
    let of = match interfaces {
        Interfaces::One => "of one interface",
        Interfaces::Each => "with an interface each",
    };
    let sizes = [10, 100, 1_000, 10_000];
    let crowds = sizes.map(|size| crowd(size, interfaces));
    let mut times = Times::default();
    for _ in 0..rounds {
        for crowd in &crowds {
            let mut made = None;
            let ns = time(|| made = Some(runtime_of(crowd)), 1);
            drop(made.transpose()?);
            times.push(&crowd.len().to_string(), ns);
        }
    }
    // The ten pay for the runtime itself, which is taken off the others.
    for pair in sizes.windows(2) {
        let (few, many) = (pair[0].to_string(), pair[1].to_string());
        let more = (pair[1] - pair[0]) as f64;
        let each = times.across(&many, &few, |many, few| (many - few) / more);
        let row = Row::new(format!("registering {many} components {of}, each"), nanoseconds(each));
        section.push(match pair[1] {
            1_000 => {
                let before = times.across("100", "10", |many, few| (many - few) / 90.0);
                let growth = each / before;
                row.ratio(growth, "each of 100").bound("linear (at most 1.5x)", growth <= 1.5).bounded_by("a scan")
            }
            _ => row,
        });
    }
    Ok(())
}
