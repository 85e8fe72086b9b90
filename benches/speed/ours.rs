//! Our kinds of calls: by handle, by pin, and from inside a component.

use contract::interfaces::{Relay, Step};
use lcr::{Handle, Pinned, Runtime, Trial};

use crate::{
    Outcome,
    artifacts::Artifacts,
    call_kinds::{CallKind, call_kind},
};

/// The name of a call by handle.
pub(crate) const HANDLE: &str = "**`lcr` handle**";
/// The name of a call by pin.
pub(crate) const PINNED: &str = "**`lcr` pinned handle**";
/// The name of a call by the handle that a component has on its dependency.
pub(crate) const INSIDE: &str = "**`lcr` handle inside a component**";

/// A runtime, and the handles that are called.
pub(crate) struct Ours {
    step: Handle<dyn Step>,
    pinned: Pinned<dyn Step>,
    relay: Handle<dyn Relay>,
    _runtime: Runtime,
}

impl Ours {
    /// Loads the components.
    pub(crate) fn load(artifacts: &Artifacts) -> Outcome<Ours> {
        let runtime = Runtime::new()?;
        runtime.load(artifacts.path("probe")?)?;
        runtime.load(artifacts.path("relay")?)?;
        Ours::of(runtime)
    }

    /// Loads the components in one plan with a trial, which is under way from then on.
    pub(crate) fn on_trial(artifacts: &Artifacts) -> Outcome<Ours> {
        let runtime = Runtime::new()?;
        let plan = runtime.plan().add(artifacts.path("probe")?).add(artifacts.path("relay")?);
        plan.trial(Trial::until_confirmed()).commit()?;
        Ours::of(runtime)
    }

    fn of(runtime: Runtime) -> Outcome<Ours> {
        let step = runtime.service::<dyn Step>()?;
        let pinned = Handle::pin(&step)?;
        Ok(Ours { step, pinned, relay: runtime.service()?, _runtime: runtime })
    }

    /// The kinds of calls.
    pub(crate) fn call_kinds(&self) -> Vec<CallKind<'_>> {
        vec![
            call_kind!(HANDLE, |x| self.step.step(x)),
            call_kind!(PINNED, |x| self.pinned.step(x)),
            CallKind::new(
                INSIDE,
                || |layout, calls| self.relay.stream(layout, calls),
                || |layout, calls| self.relay.chain(layout, calls),
            ),
        ]
    }
}
