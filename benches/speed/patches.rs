//! The cost of a call of a method that is patched, watched or mocked, and of the others of its instance.
//!
//! Each kind of call has a runtime of its own with the same component in it, and all of them call the same method in
//! the same loops, so that they differ in nothing but what was done to that instance. Beside them a crate that
//! overwrites the code of a function, and a crate of mocks.

use std::{hint::black_box, time::Duration};

use contract::{
    ADDEND,
    interfaces::{Points, Twins},
};
use injectorpp::interface::injector::{FuncPtr, InjectorPP};
use lcr::{
    Handle, Runtime,
    mock::{Mock, Object},
    watch::{Watch, Watching},
};

use crate::{
    Bench, Outcome,
    artifacts::Artifacts,
    call_kinds::{CallKind, call_kind},
    processes::{Task, race_apart},
    rounds::{Contestant, Loop, race},
    sheet::{Row, Section, nanoseconds},
};

/// The name of a call of a method of an instance to which nothing was done.
pub(crate) const PLAIN: &str = "**`lcr` handle**, nothing patched";
const UNPATCHED: &str = "**`lcr` handle**, another method is patched";
const REWRITTEN: &str = "**`lcr` handle**, replaced by a closure";
const AROUND: &str = "**`lcr` handle**, a closure around it that calls `next`";
const LAYERED: &str = "**`lcr` handle**, three of these";
const COUNTED: &str = "**`lcr` handle**, in `stats`";
const FUNCTION: &str = "a function of the program";
const OVERWRITTEN: &str = "`injectorpp`: a function whose code is overwritten";
const MOCKED: &str = "**`lcr` mock**";
const MOCKALL: &str = "`mockall` mock";
const PATCH: &str = "**`lcr` patch**: put in and taken off";
const OVERWRITE: &str = "`injectorpp`: the same, for all threads";
const BARE_TURN: &str = "a turn of a loop";
const PASSING_TURN: &str = "the same turn, past a point";

/// The kinds of calls through handles, each with its bound in calls of which nothing is patched.
const BOUNDS: [(&str, f64); 5] = [(UNPATCHED, 1.1), (REWRITTEN, 1.6), (AROUND, 2.5), (LAYERED, 6.0), (COUNTED, 3.0)];

/// The names of the kinds of calls whose instructions are counted. Under valgrind `injectorpp` finds no room for its
/// code.
pub(crate) const CALL_KINDS: [&str; 9] =
    [PLAIN, UNPATCHED, REWRITTEN, AROUND, LAYERED, COUNTED, FUNCTION, MOCKED, MOCKALL];

/// A method of the program that a test may want to mock.
trait Local {
    fn one(&self, x: u64) -> u64;
}

mockall::mock! {
    Adder {}
    impl Local for Adder {
        fn one(&self, x: u64) -> u64;
    }
}

/// A runtime with the component in it, and what was done to that.
struct Prepared {
    name: &'static str,
    handle: Handle<dyn Twins>,
    _watching: Option<Watching>,
    _runtime: Runtime,
}

impl Prepared {
    fn of(name: &'static str, artifacts: &Artifacts) -> Outcome<Prepared> {
        let runtime = Runtime::new()?;
        runtime.load(artifacts.path("probe")?)?;
        let layer = |number: u32| -> Outcome<()> {
            let patch = runtime.patch::<dyn Twins>(&format!("layer-{number}"));
            patch.methods(|m| m.one(|next, x| next(x))).commit()?.keep();
            Ok(())
        };
        let (addend, patch) = (black_box(ADDEND), || runtime.patch::<dyn Twins>("rewritten"));
        let mut watching = None;
        match name {
            UNPATCHED => _ = patch().methods(|m| m.other(move |_, x| x.wrapping_add(addend))).commit()?.keep(),
            REWRITTEN => _ = patch().methods(|m| m.one(move |_, x| x.wrapping_add(addend))).commit()?.keep(),
            AROUND => layer(1)?,
            LAYERED => (1..=3).try_for_each(layer)?,
            COUNTED => watching = Some(runtime.watch(Watch::stats("bench.twins.one"))?),
            _ => {}
        }
        Ok(Prepared { name, handle: runtime.service()?, _watching: watching, _runtime: runtime })
    }
}

/// Everything that is called.
pub(crate) struct Callees {
    prepared: Vec<Prepared>,
    points: Handle<dyn Points>,
    object: Object<dyn Twins>,
    mockall: MockAdder,
    _mock: Mock<dyn Twins>,
    _runtime: Runtime,
}

impl Callees {
    pub(crate) fn load(artifacts: &Artifacts) -> Outcome<Callees> {
        let names = [PLAIN].into_iter().chain(BOUNDS.map(|(name, _)| name));
        let prepared = names.map(|name| Prepared::of(name, artifacts)).collect::<Outcome<_>>()?;
        let runtime = Runtime::new()?;
        runtime.load(artifacts.path("probe")?)?;
        let addend = black_box(ADDEND);
        let mock = lcr::mock::<dyn Twins>();
        mock.expect().one().times(..).then(move |x| x.wrapping_add(addend));
        let mut mockall = MockAdder::new();
        mockall.expect_one().returning(move |x| x.wrapping_add(addend));
        Ok(Callees {
            prepared,
            points: runtime.service()?,
            object: mock.object(),
            mockall,
            _mock: mock,
            _runtime: runtime,
        })
    }

    pub(crate) fn call_kinds(&self) -> Vec<CallKind<'_>> {
        let mut call_kinds: Vec<_> =
            self.prepared.iter().map(|prepared| by_handle(prepared.name, &prepared.handle)).collect();
        let function: fn(u64) -> u64 = black_box(original);
        let replaced: fn(u64) -> u64 = black_box(overwritten);
        let (object, mockall) = (&self.object, &self.mockall);
        call_kinds.push(call_kind!(FUNCTION, |x| function(x)));
        call_kinds.push(call_kind!(OVERWRITTEN, |x| replaced(x)));
        call_kinds.push(call_kind!(MOCKED, |x| object.one(x)));
        call_kinds.push(call_kind!(MOCKALL, |x| mockall.one(x)));
        call_kinds
    }

    /// The kinds of calls, and loops in the component.
    pub(crate) fn contestants<'a>(&'a self, call_kinds: &[CallKind<'a>]) -> Vec<Contestant<'a>> {
        let mut contestants: Vec<_> = call_kinds.iter().map(CallKind::streaming).collect();
        let turns: [(_, Loop<'a>); 2] = [
            (BARE_TURN, Box::new(|turns| self.points.bare(turns))),
            (PASSING_TURN, Box::new(|turns| self.points.passing(turns))),
        ];
        contestants.extend(turns.map(|(name, run)| Contestant { name, run }));
        contestants
    }
}

/// One function for all of them: what differs are the tables behind the handle, and not where the linker put a loop.
fn by_handle<'a>(name: &'static str, handle: &'a Handle<dyn Twins>) -> CallKind<'a> {
    call_kind!(name, |x| handle.one(x))
}

#[inline(never)]
fn original(x: u64) -> u64 {
    black_box(x).wrapping_add(ADDEND)
}

/// The function whose code is overwritten.
#[inline(never)]
fn overwritten(x: u64) -> u64 {
    black_box(x).wrapping_add(2)
}

#[inline(never)]
fn replacement(x: u64) -> u64 {
    black_box(x).wrapping_add(ADDEND)
}

/// Has calls of [`overwritten`] lead to [`replacement`] until the value is dropped.
pub(crate) fn overwrite() -> InjectorPP {
    let mut injector = InjectorPP::new_global();
    injector
        .when_called(injectorpp::func!(overwritten, fn(u64) -> u64))
        .will_execute_raw(injectorpp::func!(replacement, fn(u64) -> u64));
    injector
}

/// Races the calls, and changes themselves.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let times = race_apart(Task::Patched, bench.rounds, bench.artifacts)?;
    let mut section = Section::new(
        "One call of a patched method",
        "The method of the first table, with independent calls, and with what was done to it or to another method of \
         its instance while the program ran. A mock is called as an object of the program. `stats` counts each call, \
         and times one of 256.",
    );
    section.push(Row::new(PLAIN, nanoseconds(times.median(PLAIN))));
    for (name, most) in BOUNDS {
        let ratio = times.ratio(name, PLAIN);
        let row = Row::new(name, nanoseconds(times.median(name))).ratio(ratio, "nothing patched");
        section.push(row.bound(format!("at most {most}x"), ratio <= most).bounded_by(reason(name)));
    }
    for (name, against) in [(FUNCTION, FUNCTION), (OVERWRITTEN, FUNCTION), (MOCKED, MOCKALL), (MOCKALL, MOCKALL)] {
        section.push(Row::new(name, nanoseconds(times.median(name))).ratio(times.ratio(name, against), against));
    }
    let point = times.across(PASSING_TURN, BARE_TURN, |passing, bare| passing - bare);
    let row = Row::new("a point that nobody looks at, in a loop of a component", nanoseconds(point));
    section.push(row.bound("at most 0.5 ns", point <= 0.5).bounded_by("a load, a test and a branch not taken"));
    changes(bench, &mut section)?;
    Ok(section)
}

fn reason(name: &str) -> &'static str {
    match name {
        UNPATCHED => "nothing differs but the address of the table",
        COUNTED => "a count of the thread's own, two thunks, and the clock for one of 256",
        _ => "two thunks, and for each layer a call through a pointer and a barrier",
    }
}

/// Races putting a patch in and taking it off.
fn changes(bench: &Bench<'_, '_>, section: &mut Section) -> Outcome<()> {
    let runtime = Runtime::new()?;
    runtime.load(bench.artifacts.path("probe")?)?;
    let handle = runtime.service::<dyn Twins>()?;
    let patch = Box::new(|times| {
        (0..times).fold(0, |sum: u64, x| {
            let patch = runtime.patch::<dyn Twins>("bench").methods(|m| m.one(|_, x| x));
            let patched = patch.commit().expect("the patch fits, and no other transaction runs");
            let answer = handle.one(x);
            drop(patched);
            sum.wrapping_add(answer)
        })
    });
    let replaced: fn(u64) -> u64 = black_box(overwritten);
    let overwrite = Box::new(move |times| {
        (0..times).fold(0, |sum: u64, x| {
            let overwriting = overwrite();
            let answer = replaced(x);
            drop(overwriting);
            sum.wrapping_add(answer)
        })
    });
    let mut contestants = [Contestant { name: PATCH, run: patch }, Contestant { name: OVERWRITE, run: overwrite }];
    let times = race(&mut contestants, bench.rounds, Duration::from_millis(2));
    for name in [PATCH, OVERWRITE] {
        section
            .push(Row::new(name, nanoseconds(times.median(name))).ratio(times.ratio(name, OVERWRITE), "`injectorpp`"));
    }
    Ok(())
}
