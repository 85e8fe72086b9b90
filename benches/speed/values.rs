//! What values cost on their way across the border.

use std::{hint::black_box, time::Duration};

use contract::interfaces::{PAGE, Pages, Values};
use lcr::{Handle, Runtime};

use crate::{
    Bench, Outcome, allocations,
    rounds::{Contestant, Times, race},
    sheet::{Row, Section, nanoseconds},
};

const SLICE: Duration = Duration::from_millis(1);
const COPY: &str = "an allocation, a copy of 4 KiB, a release";

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

/// A call with a vector, here and there.
struct Crossing {
    what: &'static str,
    here: &'static str,
    there: &'static str,
    call: fn(&dyn Values),
}

const CROSSINGS: [Crossing; 2] = [
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
    let runtime = Runtime::new()?;
    runtime.load(bench.artifacts.path("probe")?)?;
    let handle = runtime.service::<dyn Values>()?;
    let here: Box<dyn Values> = black_box(Box::new(Here(Pages)));
    let mut section = Section::new(
        "Values",
        "An owned vector that crosses is measured against the same call on the same code in the program, and against \
         one copy by itself; allocations are those of the program's own allocator.",
    );
    for (what, arrives) in [("`&str`", texts_arrive(&handle)), ("`&[u8]`", bytes_arrive(&handle))] {
        let figure = if arrives { "the same address" } else { "another address" };
        section.push(Row::new(format!("{what} on the other side"), figure).bound("not copied", arrives));
    }
    let times = race_vectors(&handle, &*here, bench.rounds);
    section.push(Row::new(COPY, nanoseconds(times.median(COPY))));
    for crossing in &CROSSINGS {
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

fn race_vectors(handle: &Handle<dyn Values>, here: &dyn Values, rounds: usize) -> Times {
    let page = black_box(vec![7_u8; PAGE]);
    let mut contestants = vec![Contestant { name: COPY, run: repeat(|| drop(black_box(page.clone()))) }];
    for Crossing { here: name_here, there, call, .. } in &CROSSINGS {
        contestants.push(Contestant { name: name_here, run: repeat(|| call(here)) });
        contestants.push(Contestant { name: there, run: repeat(|| call(handle)) });
    }
    race(&mut contestants, rounds, SLICE)
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
    let more = times.across(there, name_here, |there, here| there - here);
    let copies = more / times.median(COPY);
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
        .bound("at most one copy more", copies <= 1.0)
        .bounded_by("the copy goes between two allocators' memory, and the sender's is freed through its own function")
}
