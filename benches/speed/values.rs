//! The cost of values that cross the border.

use std::{hint::black_box, time::Duration};

use contract::interfaces::{PAGE, Pages, Values};
use lcr::{Handle, Runtime};

use crate::{
    Bench, Outcome, allocations,
    artifacts::Artifacts,
    processes::{Task, race_apart},
    rounds::{Contestant, Times, race},
    sheet::{Row, Section, nanoseconds},
};

const SLICE: Duration = Duration::from_millis(1);
const COPY: &str = "an allocation, a copy of 4 KiB, a release";
const EMPTY_HERE: &str = "no vector, here";
const EMPTY_THERE: &str = "no vector, there";

/// The same component as a part of this program.
struct Here(Pages);

impl Values for Here {
    fn text_at(&self, text: &str) -> usize {
        text.as_ptr().addr()
    }
    fn bytes_at(&self, bytes: &[u8]) -> usize {
        bytes.as_ptr().addr()
    }
    fn give(&self) -> Vec<u8> {
        self.0.give()
    }
    fn take(&self, bytes: Vec<u8>) -> usize {
        self.0.take(bytes)
    }
}

/// The component on both sides of the border.
struct Sides {
    there: Handle<dyn Values>,
    here: Box<dyn Values>,
    _runtime: Runtime,
}

impl Sides {
    fn load(artifacts: &Artifacts) -> Outcome<Sides> {
        let runtime = Runtime::new()?;
        runtime.load(artifacts.path("probe")?)?;
        Ok(Sides { there: runtime.service()?, here: black_box(Box::new(Here(Pages))), _runtime: runtime })
    }
}

/// A call with a vector, here and there.
struct Crossing {
    what: &'static str,
    here: &'static str,
    there: &'static str,
    call: fn(&dyn Values),
}

const CROSSINGS: [Crossing; 3] = [
    Crossing {
        what: "no vector",
        here: EMPTY_HERE,
        there: EMPTY_THERE,
        call: |values| {
            black_box(values.bytes_at(&[]));
        },
    },
    Crossing {
        what: "a 4 KiB `Vec<u8>` as result",
        here: "result, here",
        there: "result, there",
        call: |values| drop(black_box(values.give())),
    },
    Crossing {
        what: "a 4 KiB `Vec<u8>` as argument",
        here: "argument, here",
        there: "argument, there",
        call: |values| {
            black_box(values.take(black_box(vec![7; PAGE])));
        },
    },
];

/// Looks at addresses, and races owned vectors.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let Sides { there: handle, here, _runtime } = Sides::load(bench.artifacts)?;
    let mut section = Section::new(
        "Values",
        "An owned vector that crosses is measured against the same call on the same code in the program, less what a \
         call without a vector costs more, and against one copy by itself; allocations are those of the program's own \
         allocator.",
    );
    for (what, arrives) in [("`&str`", texts_arrive(&handle)), ("`&[u8]`", bytes_arrive(&handle))] {
        let figure = if arrives { "the same address" } else { "another address" };
        section.push(Row::new(format!("{what} on the other side"), figure).bound("not copied", arrives));
    }
    let times = race_apart(Task::Values, bench.rounds, bench.artifacts)?;
    section.push(Row::new(COPY, nanoseconds(times.median(COPY))));
    for crossing in &CROSSINGS[1..] {
        section.push(owned(crossing, &times, &handle, &*here));
    }
    Ok(section)
}

fn texts_arrive(handle: &Handle<dyn Values>) -> bool {
    let long = "x".repeat(PAGE);
    ["", "a static", &long, &long[1..PAGE / 2]].into_iter().all(|text| handle.text_at(text) == text.as_ptr().addr())
}

fn bytes_arrive(handle: &Handle<dyn Values>) -> bool {
    let long = vec![7; PAGE];
    [&[], &b"static"[..], &long, &long[1..]].into_iter().all(|bytes| handle.bytes_at(bytes) == bytes.as_ptr().addr())
}

/// Races owned vectors in this process. Whether a copy's two ends lie at like places of
/// their pages, which makes it several times as slow, differs between processes.
pub(crate) fn race_vectors(artifacts: &Artifacts, rounds: usize) -> Outcome<Times> {
    let Sides { there: handle, here, _runtime } = Sides::load(artifacts)?;
    let page = black_box(vec![7_u8; PAGE]);
    let mut contestants = vec![Contestant { name: COPY, run: repeat(|| drop(black_box(page.clone()))) }];
    for Crossing { here: name_here, there, call, .. } in &CROSSINGS {
        contestants.push(Contestant { name: name_here, run: repeat(|| call(&*here)) });
        contestants.push(Contestant { name: there, run: repeat(|| call(&handle)) });
    }
    Ok(race(&mut contestants, rounds, SLICE))
}

fn repeat<'a>(call: impl Fn() + 'a) -> Box<dyn FnMut(u64) -> u64 + 'a> {
    Box::new(move |calls| {
        for _ in 0..calls {
            call();
        }
        calls
    })
}

fn owned(crossing: &Crossing, times: &Times, handle: &Handle<dyn Values>, here: &dyn Values) -> Row {
    let Crossing { what, here: name_here, there, call } = crossing;
    let beyond = |there: &str, here: &str| times.across(there, here, |there, here| there - here);
    let copies = (beyond(there, name_here) - beyond(EMPTY_THERE, EMPTY_HERE)) / times.median(COPY);
    let allocations = [handle as &dyn Values, here].map(|values| {
        let before = allocations::count();
        call(values);
        allocations::count() - before
    });
    let what = format!(
        "{what}: {copies:.2} copies more than the same call in the program ({}); allocations {} and {}",
        nanoseconds(times.median(name_here)),
        allocations[0],
        allocations[1],
    );
    Row::new(what, nanoseconds(times.median(there)))
        .ratio(times.ratio(there, name_here), "in the program")
        .bound("at most one copy more (by time, within a fifth)", copies <= 1.2)
        .bounded_by("it is one copy, but into memory that the other allocator did not just write")
}
