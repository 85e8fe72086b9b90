//! Hooks: what runs in the place of a patched method.
//!
//! A patched method's pair is the *hooked* thunk of its signature and a [`Chain`]
//! ([`crossing`](crate::abi::crossing)). A chain has the layers of all patches of the method, the outermost first, and
//! below them the method itself. It is flat: one chain runs all layers, and only a layer that calls `next` itself
//! ([`Around`]) stands on the stack while the layers below it run.
//!
//! Who makes chains and when they are freed is the host's part (`host/objects/patches`). Typed layers are made by the
//! code that `#[lcr::interface]` generates.
//!
//! # Ownership
//!
//! 1. Entering [`run`], the chain owns every argument's representation, once. Leaving it, all are consumed: by the
//!    method, by a layer that answers itself, or by a layer that panics.
//! 2. Leaving it, `out` is an initialised outcome: a value or a fault, never both.
//! 3. A layer never unwinds out of the chain: each runs within a barrier of its own. Its panic is a fault that began in
//!    the patch, whose name it carries; the component is not blamed.
//! 4. A fault of what is below goes up unchanged through layers that do not look at it. A typed layer gets it as a
//!    handle's caller does: as `Err`, or as a panic, which the barrier turns back into the same fault with the origin
//!    that it had.
//! 5. What an argument borrows, and a lent function, is valid until the call returns; a layer keeps nothing of it.
//! 6. What a result owns is freed by its maker's function. The maker's image stays mapped while a frame shows it, and
//!    the result is read inside the frame.
//! 7. A chain lives as long as a frame or a pin can reach its table: the host frees it like an instance.

use std::{
    fmt,
    mem::{ManuallyDrop, MaybeUninit},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{generated::arguments::Arguments, panic_barrier::contained, passing_fault::PassingFault};
use crate::abi::{
    crossing::{Crossing, Hook, Packed, PackedCall},
    fault::{Beginning, FaultKind, Outcome, RawFault},
    world::Pair,
};

/// A layer that stands around what is below.
///
/// # Safety
/// [`Around::run`] consumes the arguments and writes the outcome, or unwinds with the arguments consumed and nothing
/// written; the signature is that of the methods that it is a layer of.
pub unsafe trait Around: Send + Sync {
    /// Runs the layer.
    ///
    /// # Safety
    /// The arguments and the place are those of the layer's signature, and become the layer's.
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ());
}

/// What a layer does.
pub enum Kind {
    /// Counts calls.
    Count(Arc<AtomicU64>),
    /// Stands around what is below.
    Around(Box<dyn Around>),
}

/// One layer of a patched method.
pub struct Layer {
    /// The patch, as `Beginning` names components.
    owner: Arc<str>,
    kind: Kind,
}

impl Layer {
    /// A layer of the patch `owner`.
    pub fn new(owner: &Arc<str>, kind: Kind) -> Arc<Layer> {
        Arc::new(Layer { owner: Arc::clone(owner), kind })
    }

    fn beginning(&self) -> Beginning {
        Beginning { component: self.owner.to_string(), generation: 0 }
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Count(_) => "count",
            Kind::Around(_) => "around",
        };
        f.debug_struct("Layer").field("owner", &self.owner).field("kind", &kind).finish_non_exhaustive()
    }
}

/// The hook of one patched method of one instance. It stays where it is.
#[repr(C)]
#[derive(Debug)]
pub struct Chain {
    head: Hook,
    /// The method below.
    next: Pair,
    packed: PackedCall,
    /// The component of that method, as `Beginning` names components.
    below: Arc<str>,
    /// The outermost first.
    layers: Box<[Arc<Layer>]>,
}

impl Chain {
    /// A chain of layers over a method of the signature of `crossing`.
    ///
    /// # Safety
    /// The layers, and the method if it is there, are of that signature, and the method's instance outlives every call.
    pub unsafe fn new(next: Pair, crossing: &Crossing, below: Arc<str>, layers: Box<[Arc<Layer>]>) -> Chain {
        Chain { head: Hook { run }, next, packed: crossing.packed, below, layers }
    }

    /// A chain that is no method's: `layer` answers every call.
    ///
    /// # Safety
    /// The layer is of the signature of `crossing`, and calls nothing below it.
    pub unsafe fn alone(crossing: &Crossing, below: Arc<str>, layer: Arc<Layer>) -> Chain {
        let next = Pair { function: ptr::null(), data: ptr::null() };
        // SAFETY: the caller vouches for the layer, and there is no method.
        unsafe { Chain::new(next, crossing, below, Box::new([layer])) }
    }

    /// Runs the chain.
    ///
    /// # Safety
    /// As for [`Hook::run`].
    pub unsafe fn call(&self, arguments: Packed, out: *mut ()) {
        // SAFETY: the caller says so.
        unsafe { Next { chain: self, at: 0 }.run(arguments, out) };
    }
}

/// Runs one layer over a method, or over whatever else has the method's form and serves `component`.
///
/// # Safety
/// As for [`Around::run`] and [`Chain::new`].
pub(super) unsafe fn run_over(
    around: &dyn Around,
    (method, crossing): (Pair, &Crossing),
    component: &Arc<str>,
    arguments: Packed,
    out: *mut (),
) {
    // A count of its own would be one that all threads write to, for each call. The chain is not dropped, so it needs
    // none; without layers it has nothing else to free.
    // SAFETY: the pointer is that of a count that outlives the chain.
    let below = unsafe { Arc::from_raw(Arc::as_ptr(component)) };
    // SAFETY: the caller says so.
    let chain = ManuallyDrop::new(unsafe { Chain::new(method, crossing, below, Box::default()) });
    let next = Next { chain: &chain, at: 0 };
    // SAFETY: the caller says so.
    unsafe { around.run(&next, arguments, out) };
}

/// Runs a chain.
///
/// # Safety
/// As for [`Hook::run`], where the hook is a [`Chain`].
unsafe extern "C" fn run(hook: *const Hook, arguments: Packed, out: *mut ()) {
    // SAFETY: the caller says that this is a chain, which lives for the call.
    let chain = unsafe { &*hook.cast::<Chain>() };
    // SAFETY: the caller says so.
    unsafe { Next { chain, at: 0 }.run(arguments, out) };
}

/// What is below a layer.
pub struct Next<'a> {
    chain: &'a Chain,
    at: usize,
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("layers", &self.chain.layers.get(self.at..)).finish()
    }
}

impl Next<'_> {
    /// Whether nothing is below: the component lacks the method, whose default body serves it elsewhere.
    pub fn is_missing(&self) -> bool {
        let is_last = self.chain.layers[self.at..].iter().all(|layer| matches!(layer.kind, Kind::Count(_)));
        is_last && self.chain.next.function.is_null()
    }

    /// The component of the method, with its version.
    pub(crate) fn component(&self) -> &str {
        &self.chain.below
    }

    /// Calls what is below. The arguments are lowered only if something is there.
    ///
    /// # Errors
    /// The fault of the call.
    ///
    /// # Safety
    /// The signature is that of the layer.
    #[inline]
    pub unsafe fn call<A: Arguments, R: Copy>(&self, arguments: impl FnOnce() -> A) -> Result<R, PassingFault> {
        let below = &self.chain.below;
        if self.is_missing() {
            let text = "the component lacks this method, and its default body cannot be called by a patch".to_owned();
            let raw = RawFault::new(FaultKind::Withdrawn, text);
            return Err(PassingFault { raw, below: Arc::clone(below) });
        }
        let mut out = MaybeUninit::<Outcome<R>>::uninit();
        // SAFETY: the caller vouches for the signature, and there is room for the outcome.
        arguments().pack(|packed| unsafe { self.run(packed, out.as_mut_ptr().cast()) });
        // SAFETY: running it wrote the outcome.
        let outcome = unsafe { out.assume_init() };
        if outcome.fault.is_null() {
            // SAFETY: no fault means a value.
            return Ok(unsafe { outcome.value.assume_init() });
        }
        Err(PassingFault { raw: outcome.fault, below: Arc::clone(below) })
    }

    /// Runs what is below.
    ///
    /// # Safety
    /// As for [`Around::run`]; something is below.
    #[inline]
    pub unsafe fn run(&self, arguments: Packed, out: *mut ()) {
        let chain = self.chain;
        for (at, layer) in chain.layers.iter().enumerate().skip(self.at) {
            let ran = match &layer.kind {
                Kind::Count(count) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Kind::Around(around) => {
                    let next = Next { chain, at: at + 1 };
                    // SAFETY: the caller says so.
                    contained(|| layer.beginning(), || unsafe { around.run(&next, arguments, out) })
                }
            };
            if let Err(fault) = ran {
                // SAFETY: an outcome begins with its fault, and there is room for it.
                unsafe { out.cast::<*mut RawFault>().write(fault) };
            }
            return;
        }
        if chain.next.function.is_null() {
            // Nobody makes such a chain; the arguments are leaked.
            let fault = RawFault::new(FaultKind::Withdrawn, "the component lacks this method".to_owned());
            // SAFETY: as above.
            return unsafe { out.cast::<*mut RawFault>().write(fault) };
        }
        // SAFETY: the maker of the chain says that this is the method's signature, and the caller the same of the rest.
        unsafe { (chain.packed)(chain.next.function, chain.next.data, arguments, out) };
    }
}
