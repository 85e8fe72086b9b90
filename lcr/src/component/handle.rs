//! Handles: what a caller holds, and the call path through the frames.

use std::{fmt, marker::PhantomData, ptr, ptr::NonNull, sync::atomic::Ordering};

use crate::abi::{
    fault::{Beginning, Outcome, RawFault},
    frame::{Core, Frame, Place, Record},
    interface::Interface,
    owned::RawSlice,
    shape::{Kind, Shape},
    tables::{HostTable, RawEntered, RawSlot},
    value::{Abi, Within},
    world::{Table, Target, entry},
};

use super::{
    fault::{Fault, Origin},
    image,
    pinned::Pinned,
};

/// A handle on a service or on an instance of one's own: implements the interface's
/// trait, and survives every replacement of what serves it.
///
/// Cloning and dropping are one atomic operation each; a call takes no lock and no
/// atomic read-modify-write. Dropping the last handle to a slot releases its instance,
/// which is destroyed on the runtime's own thread. Calls are not async-signal-safe.
///
/// Everything that a handle offers beside the trait is an associated function, as with
/// `Arc`, so that no method of an interface is hidden.
pub struct Handle<I: ?Sized + Interface> {
    /// Null if the runtime's readers need fences: every call then goes by the slow path.
    core: *const Core,
    offset: usize,
    slot: NonNull<RawSlot>,
    interface: PhantomData<fn(&I)>,
}

// SAFETY: an interface is `Send + Sync`, the slot's count is atomic, and the core is
// read with atomic loads only.
unsafe impl<I: ?Sized + Interface> Send for Handle<I> {}
// SAFETY: as above.
unsafe impl<I: ?Sized + Interface> Sync for Handle<I> {}

impl<I: ?Sized + Interface> Handle<I> {
    /// Takes over one reference to a slot.
    ///
    /// # Safety
    /// `slot` is alive, its entry's functions are those of `I` as this image knows it,
    /// and the caller owns one of its references.
    pub(crate) unsafe fn from_slot(slot: NonNull<RawSlot>) -> Handle<I> {
        // SAFETY: the slot is alive while a reference is owned.
        let raw = unsafe { slot.as_ref() };
        // SAFETY: the core lives as long as the slot.
        let fenced = unsafe { &*raw.core }.fenced;
        let core = if fenced { ptr::null() } else { raw.core };
        Handle { core, offset: raw.offset, slot, interface: PhantomData }
    }

    /// Holds the instance that serves the handle now: calls through the result go to it
    /// whatever is committed meanwhile, and cost what a plain call through a C function
    /// pointer costs.
    ///
    /// A pin counts as being inside the instance: a stateful replacement waits for it,
    /// up to its deadline. Keep it for a request, not for a connection.
    ///
    /// # Errors
    /// A fault if the slot stays closed until its gate's deadline, or its runtime is gone;
    /// at once in a constructor, `save` or `restore` that a transaction runs, if the same
    /// transaction replaces the instance.
    pub fn pin(this: &Handle<I>) -> Result<Pinned<I>, Fault> {
        Pinned::new(this)
    }

    /// The number of the commit whose world a call would enter now, as
    /// [`Runtime::generation`](crate::Runtime::generation) counts them; 0 if it would be refused.
    pub fn generation(this: &Handle<I>) -> u64 {
        let entered = this.enter_slowly(u32::MAX);
        if !entered.fault.is_null() {
            // SAFETY: the fault is ours.
            drop(unsafe { RawFault::take(entered.fault) });
            return 0;
        }
        // SAFETY: the table is alive until `leave_to`.
        let generation = unsafe { (*entered.table).serial };
        // SAFETY: the slow path entered through this thread's record.
        unsafe { &*entered.record }.leave_to(entered.depth);
        generation
    }

    pub(crate) fn slot(&self) -> NonNull<RawSlot> {
        self.slot
    }

    pub(crate) fn host(&self) -> &'static HostTable {
        // SAFETY: the slot is alive while we hold a reference.
        let slot = unsafe { self.slot.as_ref() };
        // SAFETY: a host's table lives as long as the process.
        unsafe { &*slot.host }
    }

    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, method: u32) -> RawEntered {
        let mut entered = RawEntered {
            fault: ptr::null_mut(),
            record: ptr::null(),
            depth: 0,
            table: ptr::null(),
            data: ptr::null(),
            methods: ptr::null(),
        };
        // SAFETY: the slot is alive, and the host fills what `entered` promises.
        unsafe { (self.host().enter)(self.slot.as_ptr(), method, &raw mut entered) };
        if entered.fault.is_null() {
            image::remember(entered.record);
        }
        entered
    }

    /// What the slot holds, and the frame to leave by.
    #[inline(always)]
    fn enter_fast(&self, record: *const Record, method: u32) -> Option<(*const Frame, Target)> {
        if self.core.is_null() {
            return None;
        }
        // SAFETY: the record is this thread's own, or the one that lets nobody in.
        let record = unsafe { &*record };
        // SAFETY: the core lives as long as the slot.
        let core = unsafe { &*self.core };
        let (table, frame) = record.enter(core, Place::new(self.offset, method))?;
        // SAFETY: the current world's table is alive until `leave`, and has every slot
        // that has a handle.
        let target = unsafe { entry(table, self.offset) }.target();
        if target.is_none() {
            record.leave(frame);
        }
        Some((frame, target?))
    }
}

impl<I: ?Sized + Interface> Clone for Handle<I> {
    fn clone(&self) -> Handle<I> {
        // SAFETY: the slot is alive while we hold a reference.
        unsafe { self.slot.as_ref() }.references.fetch_add(1, Ordering::Relaxed);
        Handle { ..*self }
    }
}

impl<I: ?Sized + Interface> Drop for Handle<I> {
    fn drop(&mut self) {
        let host = self.host();
        // SAFETY: the slot is alive until our reference is given up.
        let references = &unsafe { self.slot.as_ref() }.references;
        if references.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: the host frees a slot only after this call of the last owner.
            unsafe { (host.release)(self.slot.as_ptr()) };
        }
    }
}

impl<I: ?Sized + Interface> fmt::Debug for Handle<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle<{} v{}>", I::NAME, I::VERSION)
    }
}

/// Why a call has no result.
pub enum Unserved<A> {
    /// The component lacks the method; the arguments come back.
    Missing(A),
    /// The call was not made; the arguments come back.
    Refused(Fault, A),
    /// The call was made and faulted; the arguments are gone.
    Faulted(Fault),
}

/// What generated code calls methods on: a [`Handle`] or a [`Pinned`].
pub trait Callee {
    /// Calls method `method` with arguments that are lowered already. `invoke` gets the
    /// instance, the method's function and the arguments; it must not unwind. `done` gets
    /// the result's representation, while the component's image cannot go away: what it
    /// owns is freed there. `otherwise` gets the reason why there is no result, outside
    /// the call.
    fn call<A: Copy, R: Copy, T>(
        &self,
        method: u32,
        args: A,
        invoke: impl Fn(*const (), *const (), A) -> Outcome<R>,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<A>) -> T,
    ) -> T;
}

impl<I: ?Sized + Interface> Callee for Handle<I> {
    #[inline(always)]
    fn call<A: Copy, R: Copy, T>(
        &self,
        method: u32,
        args: A,
        invoke: impl Fn(*const (), *const (), A) -> Outcome<R>,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<A>) -> T,
    ) -> T {
        let record = image::record();
        let Some((frame, target)) = self.enter_fast(record, method) else {
            return self.call_slowly(method, args, invoke, done, otherwise);
        };
        // SAFETY: this thread's own record, which lives until the thread ends.
        let record = unsafe { &*record };
        // SAFETY: the host linked as many functions as `I` has methods.
        let function = unsafe { target.function(method) };
        if may_lack::<I>(method) && function.is_null() {
            record.leave(frame);
            return lacking(args, otherwise);
        }
        let outcome = invoke(target.data, function, args);
        if outcome.fault.is_null() {
            let _inside = Inside(|| record.leave(frame));
            // SAFETY: no fault means a value.
            return done(unsafe { outcome.value.assume_init() });
        }
        // SAFETY: one of this thread's own frames, which is this call's until it leaves.
        let (table, _) = unsafe { &*frame }.read();
        self.fault_inside(|| record.leave(frame), outcome.fault, method, table, otherwise)
    }
}

/// Leaves a call when its result was lifted, also if lifting panics.
struct Inside<F: Fn()>(F);

impl<F: Fn()> Drop for Inside<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Whether a component may lack the method: known at compile time where it is inlined.
#[inline(always)]
pub(super) fn may_lack<I: ?Sized + Interface>(method: u32) -> bool {
    I::METHODS[method as usize].has_default
}

/// Goes on without a method.
#[cold]
#[inline(never)]
pub(super) fn lacking<A, T>(args: A, otherwise: impl FnOnce(Unserved<A>) -> T) -> T {
    otherwise(Unserved::Missing(args))
}

impl<I: ?Sized + Interface> Handle<I> {
    /// The call by the slow path.
    #[cold]
    #[inline(never)]
    fn call_slowly<A: Copy, R: Copy, T>(
        &self,
        method: u32,
        args: A,
        invoke: impl Fn(*const (), *const (), A) -> Outcome<R>,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<A>) -> T,
    ) -> T {
        let entered = self.enter_slowly(method);
        if !entered.fault.is_null() {
            return otherwise(Unserved::Refused(refused::<I>(entered.fault, method), args));
        }
        let target = Target { data: entered.data, methods: entered.methods };
        // SAFETY: this thread's own record, which lives until the thread ends.
        let record = unsafe { &*entered.record };
        // SAFETY: the host linked as many functions as `I` has methods.
        let function = unsafe { target.function(method) };
        if function.is_null() {
            record.leave_to(entered.depth);
            return otherwise(Unserved::Missing(args));
        }
        let outcome = invoke(target.data, function, args);
        if outcome.fault.is_null() {
            let _inside = Inside(|| record.leave_to(entered.depth));
            // SAFETY: no fault means a value.
            return done(unsafe { outcome.value.assume_init() });
        }
        self.fault_inside(|| record.leave_to(entered.depth), outcome.fault, method, entered.table, otherwise)
    }

    /// Leaves a call that faulted, once the host has said who served it.
    #[cold]
    #[inline(never)]
    fn fault_inside<A: Copy, T>(
        &self,
        leave: impl FnOnce(),
        fault: *mut RawFault,
        method: u32,
        table: *const Table,
        otherwise: impl FnOnce(Unserved<A>) -> T,
    ) -> T {
        let fault = faulted(self, fault, method, table);
        leave();
        otherwise(Unserved::Faulted(fault))
    }
}

/// The fault of a call that was not made.
#[cold]
#[inline(never)]
pub(super) fn refused<I: ?Sized + Interface>(fault: *mut RawFault, method: u32) -> Fault {
    // SAFETY: the host gave us the fault.
    let (kind, message, _) = unsafe { RawFault::take(fault) };
    Fault::new(kind, I::NAME, method_name::<I>(method), String::new(), message, None)
}

/// The fault of a call that was made, with the name of who served it.
#[cold]
#[inline(never)]
pub(super) fn faulted<I: ?Sized + Interface>(
    handle: &Handle<I>,
    fault: *mut RawFault,
    method: u32,
    table: *const Table,
) -> Fault {
    // SAFETY: the component gave us the fault.
    let (kind, message, beginning) = unsafe { RawFault::take(fault) };
    // SAFETY: the slot is alive, and so is the world, which this thread has not left.
    let name = unsafe { (handle.host().component_at)(handle.slot.as_ptr(), table) };
    // SAFETY: the host gives us a `String`'s representation.
    let component = unsafe { String::from_repr(name) };
    // SAFETY: this thread has not left the world.
    let generation = unsafe { (*table).serial };
    let beginning = beginning.unwrap_or_else(|| Beginning { component: component.clone(), generation: 0 });
    let origin = Origin::of(beginning, generation);
    Fault::new(kind, I::NAME, method_name::<I>(method), component, message, origin)
}

fn method_name<I: ?Sized + Interface>(method: u32) -> &'static str {
    I::METHODS.get(method as usize).map_or("", |method| method.shape.name)
}

/// A handle as argument or result: the slot, with the reference that it owns.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct RawHandle(NonNull<RawSlot>);

// SAFETY: the slot is of one layout in every image. The shape names interface and
// version only; the receiver asks the host for a view in its own order of methods.
unsafe impl<I: ?Sized + Interface> Abi for Handle<I> {
    type Repr = RawHandle;
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::Handle,
        name: I::NAME,
        size: I::VERSION as usize,
        align: align_of::<RawHandle>(),
        parts: &[],
    };

    fn into_repr(self) -> RawHandle {
        RawHandle(std::mem::ManuallyDrop::new(self).slot)
    }

    unsafe fn from_repr(repr: RawHandle) -> Self {
        // SAFETY: the sender gave up one reference to a live slot.
        let sent: Handle<I> = unsafe { Handle::from_slot(repr.0) };
        let interface = RawSlice { at: I::ENCODED.as_ptr(), len: I::ENCODED.len() };
        // SAFETY: the slot is alive while `sent` is.
        let adopted = unsafe { (sent.host().adopt)(sent.slot.as_ptr(), interface) };
        match image::split(adopted) {
            // SAFETY: the host gives us one reference to a slot linked for `I`.
            Ok(slot) => unsafe { Handle::from_slot(slot) },
            Err(message) => panic!("a handle on {} v{} cannot be received: {message}", I::NAME, I::VERSION),
        }
    }
}

// SAFETY: it owns its reference to the slot.
unsafe impl<I: ?Sized + Interface> Within<'_> for Handle<I> {}
