//! References in quantity, lookups among many components, and registering many.

use std::{hint::black_box, time::Duration};

use contract::interfaces::{Crowd, Step};
use lcr::{__private::v0_1_0::Export, Handle, Runtime};

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
        registering(interfaces, rounds.min(48), &mut section)?;
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
    let runtime = runtime_of(&crowd(CROWD, Interfaces::One)?)?;
    let names: Vec<String> = (0..BATCH).map(|i| name(i * 7_919 % CROWD)).collect();
    let find = |name: &String| runtime.service_of::<dyn Crowd>(name);
    let services: Vec<Handle<dyn Crowd>> = names.iter().map(find).collect::<lcr::Result<_>>()?;
    let look = || names.iter().for_each(|name| drop(black_box(find(name))));
    let times = (0..rounds).map(|_| time(look, BATCH as u64)).collect();
    drop(services);
    let reason = "the bookkeeping's lock, and the name that is hashed and compared";
    Ok(lookup("a component by its name, all of one interface", reason, median(times)))
}

/// Among components that each implement an interface of their own, by the interface.
fn lookup_by_interface(rounds: usize) -> Outcome<Row> {
    let runtime = runtime_of(&crowd(CROWD, Interfaces::Each)?)?;
    let service = runtime.service::<dyn Crowd>()?;
    let look = || (0..BATCH).for_each(|_| drop(black_box(runtime.service::<dyn Crowd>())));
    let times = (0..rounds).map(|_| time(look, BATCH as u64)).collect();
    drop(service);
    let reason = "the bookkeeping's lock, and the interface's bytes that are compared";
    Ok(lookup("an interface by its name, each of one component", reason, median(times)))
}

fn lookup(what: &str, reason: &str, figure: f64) -> Row {
    Row::new(format!("lookup among {CROWD}: {what}"), nanoseconds(figure))
        .bound("at most 100 ns", figure <= 100.0)
        .bounded_by(reason)
}

fn runtime_of(exports: &[&'static Export]) -> Outcome<Runtime> {
    let builder = exports.iter().fold(Runtime::builder().linked(false), |builder, export| {
        // SAFETY: the export has the functions of its interface, as the macro made them.
        unsafe { builder.export(export) }
    });
    Ok(builder.build()?)
}

/// Registers crowds of growing size; each component should cost the same.
fn registering(interfaces: Interfaces, rounds: usize, section: &mut Section) -> Outcome<()> {
    let (of, reason) = match interfaces {
        Interfaces::One => ("of one interface", "each new component is compared with all that implement its interface"),
        Interfaces::Each => ("with an interface each", "the tables' growth, and memory that was never touched"),
    };
    let sizes = [10, 100, 1_000, 10_000];
    let crowds = sizes.iter().map(|&size| crowd(size, interfaces)).collect::<Outcome<Vec<_>>>()?;
    let mut times = Times::default();
    for round in 0..rounds {
        let small = if round % 16 == 0 { &crowds[..] } else { &crowds[..3] };
        for crowd in small {
            let mut made = None;
            let ns = time(|| made = Some(runtime_of(crowd)), 1);
            drop(made.transpose()?);
            times.push(&crowd.len().to_string(), ns);
        }
    }
    // All of them contain the cost of the runtime itself, so no difference does.
    let each = |few: usize, many: usize| {
        (times.median(&many.to_string()) - times.median(&few.to_string())) / (many - few) as f64
    };
    let growth = each(100, 1_000) / each(10, 100);
    for pair in sizes.windows(2) {
        let figure = nanoseconds(each(pair[0], pair[1]));
        let row = Row::new(format!("registering {} components {of}, each beyond {}", pair[1], pair[0]), figure);
        section.push(match pair[1] {
            1_000 => row.ratio(growth, "each of 100").bound("linear (at most 1.5x)", growth <= 1.5).bounded_by(reason),
            _ => row,
        });
    }
    Ok(())
}
