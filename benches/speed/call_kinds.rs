//! The kinds of calls to the one method: ours and the peers'.
//!
//! A kind of call makes a call for each thread that wants one, so that the same list serves the
//! comparison of calls, that of threads, and the counting of instructions.

use crate::{
    Outcome,
    artifacts::Artifacts,
    ours::Ours,
    peers::Peers,
    rounds::{Contestant, Loop},
};

/// One kind of call.
pub(crate) struct CallKind<'a> {
    pub(crate) name: &'static str,
    /// A loop in which the calls do not depend on each other.
    stream: Box<dyn Fn() -> Loop<'a> + Sync + 'a>,
    /// A loop in which each call takes the last one's result.
    chain: Box<dyn Fn() -> Loop<'a> + Sync + 'a>,
}

/// A kind of call: the macro writes `$call`, with `$x` as its argument, into each loop. The code in
/// braces runs once for each thread, before the loop.
macro_rules! call_kind {
    ($name:expr, |$x:ident| $call:expr) => {
        call_kind!($name, {}, |$x| $call)
    };
    ($name:expr, { $($setup:tt)* }, |$x:ident| $call:expr) => {
        CallKind::new(
            $name,
            move || {
                $($setup)*
                move |layout, calls| contract::stream!(layout, calls, |$x| $call)
            },
            move || {
                $($setup)*
                move |layout, calls| contract::chain!(layout, calls, |$x| $call)
            },
        )
    };
}
pub(crate) use call_kind;

impl<'a> CallKind<'a> {
    /// A kind of call with two kinds of loop, each made once for each thread. A loop is given a
    /// layout and a number of calls.
    pub(crate) fn new<S, C>(
        name: &'static str,
        stream: impl Fn() -> S + Sync + 'a,
        chain: impl Fn() -> C + Sync + 'a,
    ) -> CallKind<'a>
    where
        S: FnMut(usize, u64) -> u64 + 'a,
        C: FnMut(usize, u64) -> u64 + 'a,
    {
        let stream = move || going_round(stream());
        let chain = move || going_round(chain());
        CallKind { name, stream: Box::new(stream), chain: Box::new(chain) }
    }

    /// Calls that can overlap in the processor.
    pub(crate) fn stream(&self) -> Loop<'a> {
        (self.stream)()
    }

    /// The kind of call as a contestant with overlapping calls.
    pub(crate) fn streaming(&self) -> Contestant<'a> {
        Contestant { name: self.name, run: (self.stream)() }
    }

    /// The kind of call as a contestant with calls that wait for each other.
    pub(crate) fn chaining(&self) -> Contestant<'a> {
        Contestant { name: self.name, run: (self.chain)() }
    }
}

/// A loop that takes the next layout each time.
fn going_round<'a>(mut run: impl FnMut(usize, u64) -> u64 + 'a) -> Loop<'a> {
    let mut layout = 0;
    Box::new(move |calls| {
        layout += 1;
        run(layout, calls)
    })
}

/// Everything that can be called.
pub(crate) struct Callees {
    ours: Ours,
    peers: Peers,
}

impl Callees {
    /// Loads all libraries.
    pub(crate) fn load(artifacts: &Artifacts) -> Outcome<Callees> {
        Ok(Callees { ours: Ours::load(artifacts)?, peers: Peers::load(artifacts)? })
    }

    /// All kinds of calls: the baselines, ours, the peers'.
    pub(crate) fn call_kinds(&self) -> Vec<CallKind<'_>> {
        let mut call_kinds = self.peers.baselines();
        call_kinds.extend(self.ours.call_kinds());
        call_kinds.extend(self.peers.call_kinds());
        call_kinds
    }
}
