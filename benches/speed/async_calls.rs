//! The cost of one async call: polled by hand, and spawned on tokio.

use std::{
    future::Future,
    hint::black_box,
    path::Path,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use contract::{ADDEND, interfaces::Walk, peer_async_ffi, peer_stabby, walk::walk};
use lcr::{Handle, Runtime};
use libloading::Library;
use stabby::libloading::StabbyLibrary;
use tokio::runtime::Builder;

use crate::{
    Bench, Outcome,
    artifacts::Artifacts,
    instructions::run_counted,
    rounds::{Contestant, Times, race},
    sheet::{Row, Section, nanoseconds},
};

pub(crate) const OURS: &str = "**`lcr` handle**";
const BOXED: &str = "`Box<dyn Future>` in the program";
pub(crate) const ASYNC_FFI: &str = "`async-ffi`";
const STABBY: &str = "`stabby` future";
/// How long a kind of call runs in each round.
const SLICE: Duration = Duration::from_millis(2);

/// The kinds of calls whose instructions are counted, each with how often it pends.
pub(crate) const COUNTED: [(&str, u32); 12] = [
    (OURS, 0),
    (BOXED, 0),
    (ASYNC_FFI, 0),
    (STABBY, 0),
    (OURS, 10),
    (BOXED, 10),
    (ASYNC_FFI, 10),
    (STABBY, 10),
    (OURS, 1),
    (BOXED, 1),
    (ASYNC_FFI, 1),
    (STABBY, 1),
];

/// Makes a number of calls of one of [`COUNTED`], for callgrind.
pub(crate) fn make_calls(kind: usize, calls: u64, artifacts: &Artifacts) -> Outcome<Times> {
    let runtime = Runtime::new()?;
    runtime.load(artifacts.path("probe")?)?;
    let walker = Walker::load(&runtime, artifacts)?;
    let (name, pends) = COUNTED[kind];
    let found = walker.polled(pends).into_iter().find(|contestant| contestant.name == name);
    run_counted(&mut found.ok_or("there is no such kind of async call")?.run, calls);
    Ok(Times::default())
}

/// Races calls that are ready at once, that give way once, and that pend ten times with a kept waker.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let runtime = Runtime::new()?;
    runtime.load(bench.artifacts.path("probe")?)?;
    let walker = Walker::load(&runtime, bench.artifacts)?;
    let mut section = Section::new(
        "One async call",
        "An `async fn` that adds a number of its instance to its argument, into another image, polled in a loop by \
         the smallest executor, or spawned on a `current_thread` runtime of tokio, each task with a clone of its \
         handle. In the program: the same method behind `Arc<dyn Trait>`, which returns a boxed future.",
    );
    for (pends, what) in [(0, "ready at once"), (1, "gives way once"), (10, "pends ten times")] {
        let times = race(&mut walker.polled(pends), bench.rounds, SLICE);
        let (ffi, stabby) = (times.ratio(OURS, ASYNC_FFI), times.ratio(OURS, STABBY));
        for name in [OURS, BOXED, ASYNC_FFI, STABBY] {
            let row = row(&times, name, what);
            section.push(match (name, pends) {
                (OURS, 0) => row
                    .bound("at most 1.0x `async-ffi`, 0.6x `stabby`", ffi <= 1.0 && stabby <= 0.6)
                    .bounded_by("a frame around the call, beside what `async-ffi` does"),
                (OURS, 10) => row
                    .bound("at most half of either", ffi <= 0.5 && stabby <= 0.5)
                    .bounded_by("a frame around each poll, and the host's note of the call between them"),
                _ => row,
            });
        }
        let text = format!("`lcr` handle against `async-ffi`, {what}");
        section.push(Row::new(text, nanoseconds(times.median(OURS))).ratio(ffi, "`async-ffi`"));
        let text = format!("`lcr` handle against `stabby`, {what}");
        section.push(Row::new(text, nanoseconds(times.median(OURS))).ratio(stabby, "`stabby`"));
    }
    for (pends, what) in [(0, "spawned on tokio, ready at once"), (10, "spawned on tokio, pends ten times")] {
        let times = race(&mut walker.spawned(pends)?, bench.rounds, SLICE);
        for name in [OURS, BOXED] {
            let row = row(&times, name, what);
            section.push(match name {
                OURS => row
                    .bound("at most 1.2x in the program", times.ratio(OURS, BOXED) <= 1.2)
                    .bounded_by("a frame around each poll, and the host's note of the call between them"),
                _ => row,
            });
        }
    }
    Ok(section)
}

fn row(times: &Times, name: &str, what: &str) -> Row {
    let row = Row::new(format!("{name}, {what}"), nanoseconds(times.median(name)));
    row.ratio(times.ratio(name, BOXED), "in the program")
}

/// Everything that walks.
struct Walker {
    ours: Handle<dyn Walk>,
    boxed: Arc<dyn LocalWalk>,
    async_ffi: peer_async_ffi::Walk,
    stabby: peer_stabby::Walk,
}

/// The method as a trait object of the program has it.
trait LocalWalk: Send + Sync {
    fn walk(&self, x: u64, pends: u32) -> Pin<Box<dyn Future<Output = u64> + Send + '_>>;
}

struct Local;

impl LocalWalk for Local {
    fn walk(&self, x: u64, pends: u32) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(walk(ADDEND, x, pends))
    }
}

impl Walker {
    fn load(runtime: &Runtime, artifacts: &Artifacts) -> Outcome<Walker> {
        Ok(Walker {
            ours: runtime.service()?,
            boxed: black_box(Arc::new(Local)),
            async_ffi: load_async_ffi(artifacts.path("peer_async_ffi")?)?,
            stabby: load_stabby(artifacts.path("peer_stabby")?)?,
        })
    }

    /// Each kind of call, polled by hand.
    fn polled(&self, pends: u32) -> Vec<Contestant<'_>> {
        vec![
            polling(OURS, move |x| self.ours.walk(x, pends)),
            polling(BOXED, move |x| self.boxed.walk(x, pends)),
            polling(ASYNC_FFI, move |x| (self.async_ffi)(x, pends)),
            polling(STABBY, move |x| (self.stabby)(x, pends)),
        ]
    }

    /// Ours and the program's own, each call a task of its own.
    fn spawned(&self, pends: u32) -> Outcome<Vec<Contestant<'_>>> {
        let (ours, boxed) = (self.ours.clone(), Arc::clone(&self.boxed));
        Ok(vec![
            spawning(OURS, move |x| {
                let ours = ours.clone();
                async move { ours.walk(x, pends).await }
            })?,
            spawning(BOXED, move |x| {
                let boxed = Arc::clone(&boxed);
                async move { boxed.walk(x, pends).await }
            })?,
        ])
    }
}

/// A task that is polled again whether it was woken or not.
struct Polled;

impl Wake for Polled {
    fn wake(self: Arc<Self>) {}
    fn wake_by_ref(self: &Arc<Self>) {
        black_box(self);
    }
}

fn polling<'a, F: Future<Output = u64>>(name: &'a str, call: impl Fn(u64) -> F + 'a) -> Contestant<'a> {
    let waker = Waker::from(Arc::new(Polled));
    let run = move |calls| {
        let mut context = Context::from_waker(&waker);
        let mut sum = 0_u64;
        for x in 0..calls {
            let mut future = pin!(call(x));
            sum = sum.wrapping_add(loop {
                if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
                    break answer;
                }
            });
        }
        sum
    };
    Contestant { name, run: Box::new(run) }
}

fn spawning<'a, F>(name: &'a str, call: impl Fn(u64) -> F + 'a) -> Outcome<Contestant<'a>>
where
    F: Future<Output = u64> + Send + 'static,
{
    let tokio = Builder::new_current_thread().build()?;
    let run = move |calls| {
        tokio.block_on(async {
            let mut sum = 0_u64;
            for x in 0..calls {
                sum = sum.wrapping_add(tokio::spawn(call(x)).await.expect("no call panics"));
            }
            sum
        })
    };
    Ok(Contestant { name, run: Box::new(run) })
}

/// Maps a library for ever.
fn map(path: &Path) -> Outcome<&'static Library> {
    // SAFETY: the libraries of this package have no constructors that could do harm.
    let library = unsafe { Library::new(path) }?;
    Ok(Box::leak(Box::new(library)))
}

fn load_async_ffi(path: &Path) -> Outcome<peer_async_ffi::Walk> {
    let library = map(path)?;
    // SAFETY: the library defines the symbol with this type.
    let walk = unsafe { library.get::<peer_async_ffi::Walk>(peer_async_ffi::SYMBOL) }?;
    Ok(*walk)
}

fn load_stabby(path: &Path) -> Outcome<peer_stabby::Walk> {
    let library = map(path)?;
    // SAFETY: the library defines the symbol, and stabby checks its type.
    let walk = unsafe { library.get_stabbied::<peer_stabby::Walk>(peer_stabby::WALK.as_bytes()) };
    Ok(*walk.map_err(|error| error.to_string())?)
}
