//! The C functions by which a host looks at an instance's state while callers use it: those of an
//! [`IncrementalTable`].

use crate::abi::{
    tables::{Export, IncrementalTable, Look, Verdict},
    value::{Abi, sequences::RawSlice},
};

use super::{
    ambient::Ambient,
    export::borrow,
    incremental::{self, LockIncremental},
    panic_barrier::barrier,
};

/// Where the state of a component is, for its looks. Generated code implements it.
pub trait IncrementalState: 'static {
    /// The component.
    type Component;
    /// The version of its state.
    const VERSION: u32;

    /// The lock around its state.
    fn of(component: &Self::Component) -> &impl LockIncremental;
}

impl Export {
    /// Adds looks at the state of `S`, whose component is the export's type and runs inside `A`.
    #[must_use]
    pub const fn with_incremental<S: IncrementalState, A: Ambient>(mut self) -> Export {
        self.incremental = Some(
            &const {
                IncrementalTable {
                    track: track::<S, A>,
                    untrack: untrack::<S, A>,
                    changes: changes::<S, A>,
                    apply: apply::<S, A>,
                }
            },
        );
        self
    }
}

/// Runs `body` with an instance and gives its result to the host.
///
/// # Safety
/// `instance` was constructed as an `S::Component` inside `A` and is alive.
unsafe fn run<S: IncrementalState, A: Ambient>(
    instance: usize,
    body: impl FnOnce(&S::Component) -> Result<(), String>,
) -> Verdict {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed = unsafe { borrow::<S::Component, A>(instance) };
        let _inside = placed.ambient.enter();
        body(&placed.value).map(|()| 0_u8).into_repr()
    })
}

unsafe extern "C" fn track<S: IncrementalState, A: Ambient>(instance: usize, most: u64) -> Verdict {
    // SAFETY: the host tracks live instances of this export.
    unsafe { run::<S, A>(instance, |component| incremental::track(S::of(component), most)) }
}

unsafe extern "C" fn untrack<S: IncrementalState, A: Ambient>(instance: usize) -> Verdict {
    // SAFETY: as in `track`.
    unsafe { run::<S, A>(instance, |component| incremental::untrack(S::of(component))) }
}

unsafe extern "C" fn changes<S: IncrementalState, A: Ambient>(instance: usize, limit: u64) -> Look {
    barrier(|| {
        // SAFETY: the host looks at live instances of this export.
        let placed = unsafe { borrow::<S::Component, A>(instance) };
        let _inside = placed.ambient.enter();
        incremental::changes(S::of(&placed.value), limit).into_repr()
    })
}

unsafe extern "C" fn apply<S: IncrementalState, A: Ambient>(
    instance: usize,
    from: u32,
    state: RawSlice<u8>,
) -> Verdict {
    // SAFETY: the changes' bytes live for the call.
    let bytes: &[u8] = unsafe { Abi::from_repr(state) };
    // SAFETY: the host changes live instances of this export.
    unsafe { run::<S, A>(instance, |component| incremental::apply(S::of(component), from, S::VERSION, bytes)) }
}
