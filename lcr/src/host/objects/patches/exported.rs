//! Exports that closures add while the program runs.
//!
//! An export is part of a patch, so it has a number, a place in history and a way back, and it is listed, told and
//! ended as patches are. It is no method: no slot leads to it, no frame shows who is inside. So whoever may call it has
//! a count of it, and asks at each call whether its patch [stands](Exported::stands).
//!
//! What the closure has captured is dropped with the last count. The list has one, and every handle another; both give
//! theirs to the reaper ([`LeftHooks`](super::LeftHooks)), so that a thread of the runtime drops it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{Patch, Patches};
use crate::{
    abi::{crossing::Packed, value::Abi as _},
    component::{
        generated::patches::{Layers, around},
        hooks::{Chain, Layer, Next},
        signature::{Implements, Signature},
    },
    error::Result,
    host::image::shape::Shape,
};

/// A closure that is called by its name.
pub(crate) struct Exported {
    pub(crate) name: String,
    /// Its name and signature.
    pub(crate) shape: Shape,
    chain: Chain,
    /// Whether its patch is in the list.
    stands: AtomicBool,
}

impl Exported {
    /// A closure of a patch that faults call `owner`.
    pub(crate) fn new<S: Signature>(owner: &Arc<str>, name: &str, closure: impl Implements<S>) -> Result<Exported> {
        let shape = Shape::of_signature(name, S::PARTS)?;
        let mut layers = Layers::default();
        let answer = move |_: &Next<'_>, reprs: S::Reprs| {
            // SAFETY: the chain has the arguments of the call, which are of this signature, and passes them on once.
            unsafe { closure.call(reprs) }.into_repr()
        };
        // SAFETY: the closure answers by the representation of the signature's result.
        unsafe { around(&mut layers, 0, answer) };
        let [(_, kind)]: [_; 1] = layers.0.try_into().unwrap_or_else(|_| unreachable!("one layer was added"));
        // SAFETY: the layer is of this signature, and does not look at what is below it.
        let chain = unsafe { Chain::alone(S::CROSSING, owner, Layer::new(owner, kind)) };
        Ok(Exported { name: name.to_owned(), shape, chain, stands: AtomicBool::new(false) })
    }

    /// Whether it may be called.
    pub(crate) fn stands(&self) -> bool {
        self.stands.load(Ordering::Acquire)
    }

    /// Its patch came or went. A call that has begun goes on.
    pub(super) fn set_stands(&self, stands: bool) {
        self.stands.store(stands, Ordering::Release);
    }

    /// Calls it.
    ///
    /// # Safety
    /// The arguments and the place are those of its signature.
    pub(crate) unsafe fn call(&self, arguments: Packed, out: *mut ()) {
        // SAFETY: the caller says so.
        unsafe { self.chain.call(arguments, out) };
    }
}

impl Patches {
    /// The export of that name that stands last.
    pub(crate) fn exported(&self, component: &str, name: &str) -> Option<&Arc<Exported>> {
        let exports = self.stack.iter().rev().filter(|patch| patch.component == component);
        exports.filter_map(|patch| patch.export.as_ref()).find(|export| export.name == name)
    }

    /// Has exports know whether they may be called, after `changed` came or went.
    pub(super) fn tell_exports(&self, changed: &[Arc<Patch>]) {
        for patch in changed {
            let stands = self.stack.iter().any(|other| other.number == patch.number);
            patch.export.iter().for_each(|export| export.set_stands(stands));
        }
    }
}
