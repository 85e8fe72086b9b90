//! Hooks: what runs in the place of a patched method.
//!
//! A patched method's pair is the *hooked* thunk of its signature and the first [`Link`] of a [`Chain`]
//! ([`crossing`](crate::abi::crossing)). A chain is an array of links: one for each layer of all patches of the method,
//! the outermost first, and a last one for the method itself. Each link begins with a [`Hook`], and what is below a
//! link is the next one. So the thunk, and each layer that calls `next`, makes one call through a pointer to reach the
//! link below. A layer's function is made for the layer's own type, and has the barrier and the layer's code in it; the
//! method's is the *packed* thunk. Nothing is chosen or looked up on the way, and what only a fault needs is in
//! functions of its own, away from the path of a call.
//!
//! Who makes chains and when they are freed is the host's part (`host/objects/patches`). Typed layers are made by the
//! code that `#[lcr::interface]` generates.
//!
//! # Ownership
//!
//! 1. Entering [`Hook::run`], a link owns every argument's representation, once. Leaving it, all are consumed: by the
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
    any::Any,
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::Arc,
};

use super::{generated::arguments::Arguments, panic_barrier::fault_of_owner, passing_fault::PassingFault};
use crate::abi::{
    crossing::{Bound, Crossing, Hook, Packed},
    fault::{Beginning, FaultKind, Outcome, RawFault},
    world::Pair,
};

/// A layer that stands around what is below.
///
/// # Safety
/// [`Around::run`] consumes the arguments and writes the outcome, or unwinds with the arguments consumed and nothing
/// written; the signature is that of the methods that it is a layer of.
pub unsafe trait Around: Enter + Send + Sync {
    /// Runs the layer.
    ///
    /// # Safety
    /// The arguments and the place are those of the layer's signature, and become the layer's.
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ());
}

/// What runs a layer as a link.
pub trait Enter {
    /// The function, which is made for this type.
    fn entrance(&self) -> Run;
}

impl<T: Around> Enter for T {
    fn entrance(&self) -> Run {
        enter::<T>
    }
}

/// [`Hook::run`].
type Run = unsafe extern "C" fn(*const Hook, Packed, *mut ());

/// One layer of a patched method.
pub struct Layer {
    /// The patch, as `Beginning` names components.
    owner: Arc<str>,
    /// What stands around what is below.
    around: Box<dyn Around>,
}

impl Layer {
    /// A layer of the patch `owner`.
    pub fn new(owner: &Arc<str>, around: Box<dyn Around>) -> Arc<Layer> {
        Arc::new(Layer { owner: Arc::clone(owner), around })
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// A layer or the method, in its place in a chain.
#[repr(C)]
#[derive(Debug)]
struct Link {
    /// A layer's function is the entrance of its type, and what it is called with the layer, which is behind a `Box`.
    bound: Bound,
    /// `None` if it is the method.
    layer: Option<Arc<Layer>>,
    /// The component of the method, as `Beginning` names components.
    component: Arc<str>,
}

// SAFETY: what the pointers lead to may be used on any thread: layers are `Sync`, and whoever makes a chain says so of
// the method.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

impl Link {
    fn of_layer(layer: Arc<Layer>, component: &Arc<str>) -> Link {
        let around = &*layer.around;
        let method = Pair { function: ptr::null(), data: ptr::from_ref(around).cast() };
        let bound = Bound { hook: Hook { run: around.entrance() }, method };
        Link { bound, layer: Some(layer), component: Arc::clone(component) }
    }

    fn of_method(method: Pair, crossing: &Crossing, component: Arc<str>) -> Link {
        let bound = match method.function.is_null() {
            true => Bound { hook: Hook { run: enter_nothing }, method },
            false => crossing.bind(method),
        };
        Link { bound, layer: None, component }
    }

    /// As the beginning of a fault.
    fn beginning(&self) -> Beginning {
        let name = self.layer.as_ref().map_or(&self.component, |layer| &layer.owner);
        Beginning { component: name.to_string(), generation: 0 }
    }
}

/// The hooks of one patched method of one instance.
#[derive(Debug)]
pub struct Chain {
    /// The outermost layer first, and the method last.
    links: Box<[Link]>,
}

impl Chain {
    /// A chain of layers over a method of the signature of `crossing`.
    ///
    /// # Safety
    /// The layers, and the method if it is there, are of that signature, and the method's instance outlives every call.
    /// If it is not there, no layer calls what is below the last one.
    pub unsafe fn new(
        method: Pair,
        crossing: &Crossing,
        component: &Arc<str>,
        layers: impl IntoIterator<Item = Arc<Layer>>,
    ) -> Chain {
        let layers = layers.into_iter().map(|layer| Link::of_layer(layer, component));
        let links = layers.chain([Link::of_method(method, crossing, Arc::clone(component))]);
        Chain { links: links.collect() }
    }

    /// A chain that is no method's: `layer` answers every call.
    ///
    /// # Safety
    /// The layer is of the signature of `crossing`, and calls nothing below it.
    pub unsafe fn alone(crossing: &Crossing, owner: &Arc<str>, layer: Arc<Layer>) -> Chain {
        let nothing = Pair { function: ptr::null(), data: ptr::null() };
        // SAFETY: the caller vouches for the layer, and there is no method.
        unsafe { Chain::new(nothing, crossing, owner, [layer]) }
    }

    /// What the hooked thunk of the signature is called with. It lives as long as the chain, which must have its place.
    pub fn hook(&self) -> *const Hook {
        self.links.as_ptr().cast()
    }

    /// Runs the chain.
    ///
    /// # Safety
    /// As for [`Hook::run`].
    pub unsafe fn call(&self, arguments: Packed, out: *mut ()) {
        // SAFETY: the links are there as long as the chain.
        let first = unsafe { Next::of(self.links.as_ptr()) };
        // SAFETY: the caller says so.
        unsafe { first.run(arguments, out) };
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
    // A count of its own would be one that all threads write to, for each call. The link is not dropped, so it needs
    // none, and has nothing else to free.
    // SAFETY: the pointer is that of a count that outlives the link.
    let component = unsafe { Arc::from_raw(Arc::as_ptr(component)) };
    let link = ManuallyDrop::new(Link::of_method(method, crossing, component));
    // SAFETY: the link is there until this returns.
    let next = unsafe { Next::of(&raw const *link) };
    // SAFETY: the caller says so.
    unsafe { around.run(&next, arguments, out) };
}

/// Runs a link that is a `T`.
///
/// # Safety
/// As for [`Hook::run`], where the hook is that of a [`Link`] in a chain, whose layer is a `T`.
unsafe extern "C" fn enter<T: Around>(hook: *const Hook, arguments: Packed, out: *mut ()) {
    let link: *const Link = hook.cast();
    // SAFETY: the caller says that this is a link, which lives for the call.
    let layer = unsafe { (*link).bound.method.data };
    // SAFETY: the caller says that this is a `T`. The link holds it.
    let layer = unsafe { &*layer.cast::<T>() };
    // SAFETY: the last link of a chain is no layer's.
    let below = unsafe { link.add(1) };
    // SAFETY: as above.
    let next = unsafe { Next::of(below) };
    // SAFETY: the caller says so.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| unsafe { layer.run(&next, arguments, out) })) {
        // SAFETY: what is below lies behind the layer's own link, and there is room for an outcome.
        unsafe { fail(&next, payload, out) };
    }
}

/// The layer above what is below has unwound: the outcome is a fault.
///
/// # Safety
/// There is a link above, and `out` has room for an outcome.
#[cold]
#[inline(never)]
unsafe fn fail(below: &Next<'_>, payload: Box<dyn Any + Send>, out: *mut ()) {
    // SAFETY: the caller says so.
    let link = unsafe { below.link.sub(1) };
    // SAFETY: as above.
    let fault = fault_of_owner(payload, || unsafe { &*link }.beginning());
    // SAFETY: an outcome begins with its fault, and the caller has room for it.
    unsafe { out.cast::<*mut RawFault>().write(fault) };
}

/// Runs a link that has no method. The arguments are leaked: no layer calls what is not there.
///
/// # Safety
/// `out` has room for an outcome.
#[cold]
unsafe extern "C" fn enter_nothing(_: *const Hook, _: Packed, out: *mut ()) {
    let fault = RawFault::new(FaultKind::Withdrawn, "nothing is below this layer".to_owned());
    // SAFETY: an outcome begins with its fault, and the caller has room for it.
    unsafe { out.cast::<*mut RawFault>().write(fault) };
}

/// What is below a layer.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Next<'a> {
    /// In its chain, of which it may be used to reach what is below.
    link: *const Link,
    chain: PhantomData<&'a [Link]>,
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(self.link()).finish()
    }
}

impl<'a> Next<'a> {
    /// # Safety
    /// The link is there for `'a`, and so are those below it in its chain.
    #[inline(always)]
    unsafe fn of(link: *const Link) -> Next<'a> {
        Next { link, chain: PhantomData }
    }

    #[inline(always)]
    fn link(&self) -> &'a Link {
        // SAFETY: the link is there for `'a`.
        unsafe { &*self.link }
    }

    /// The component of the method, with its version.
    pub(crate) fn component(&self) -> &'a str {
        &self.link().component
    }

    /// Calls what is below.
    ///
    /// # Errors
    /// The fault of the call.
    ///
    /// # Safety
    /// The arguments and the result are those of the layer's signature.
    #[inline]
    pub unsafe fn call<A: Arguments, R: Copy>(&self, arguments: A) -> Result<R, PassingFault> {
        let mut out = MaybeUninit::<Outcome<R>>::uninit();
        // SAFETY: the caller vouches for the signature, and there is room for the outcome.
        arguments.pack(|packed| unsafe { self.run(packed, out.as_mut_ptr().cast()) });
        // SAFETY: running it wrote the outcome.
        let outcome = unsafe { out.assume_init() };
        if outcome.fault.is_null() {
            // SAFETY: no fault means a value.
            return Ok(unsafe { outcome.value.assume_init() });
        }
        Err(self.passing(outcome.fault))
    }

    #[cold]
    #[inline(never)]
    fn passing(&self, raw: *mut RawFault) -> PassingFault {
        PassingFault { raw, below: Arc::clone(&self.link().component) }
    }

    /// Runs what is below.
    ///
    /// # Safety
    /// As for [`Around::run`].
    #[inline(always)]
    pub unsafe fn run(&self, arguments: Packed, out: *mut ()) {
        let run = self.link().bound.hook.run;
        // SAFETY: the link has this function, and the caller says the rest. The pointer is that of the whole chain.
        unsafe { run(self.link.cast(), arguments, out) };
    }
}
