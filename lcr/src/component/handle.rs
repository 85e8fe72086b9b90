//! Handles: what a caller holds, and how a call enters an instance by the fast or the slow path.

mod async_calls;

use std::{fmt, marker::PhantomData, ptr, ptr::NonNull, sync::atomic::Ordering};

use crate::{
    abi::{
        fault::RawFault,
        frame::{Core, Frame, Place, Record},
        interface::Interface,
        shape::{Kind, Shape},
        tables::{HostTable, RawEntered, RawHandle, RawSlot},
        value::{Abi, Within, sequences::RawSlice},
        world::{Methods, Table, entry},
    },
    error::{Error, ErrorKind},
};

use super::{
    async_call::Held,
    call_path::{Callee, Inside, Unserved, call_inside, refused},
    fault::Fault,
    generated::arguments::Arguments,
    image,
    pinned::Pinned,
};

/// What a program calls a component through. `Handle<dyn Store>` implements `Store`, and stays
/// valid through every replacement of the component.
///
/// [`Runtime::service`](crate::Runtime::service) gives handles on the instance that all callers
/// share, [`Runtime::reference`](crate::Runtime::reference) a handle on an instance of its own.
///
/// **Calls** may be made on any thread, by many threads at once. A call takes no lock and executes no atomic
/// read-modify-write, but for the first call of a thread, calls of a thread that holds a world
/// ([`Runtime::pin`](crate::Runtime::pin)), and calls that wait at a gate. A call that has no result ends in a
/// [`Fault`]: an `Err`, or a panic of the caller. While the state of the component moves to a new version, a call waits
/// at the gate, at most for the plan's [`deadline`](crate::PlanBuilder::deadline). Calls are not async-signal-safe.
///
/// **Cloning and dropping** a handle take one atomic operation each and never wait. When the last
/// handle on an instance is dropped, the runtime destroys the instance on a thread of its own. A
/// handle does not keep its [`Runtime`](crate::Runtime) alive: once the runtime is dropped, calls
/// are faults of the kind [`Revoked`](crate::FaultKind::Revoked).
///
/// What a handle offers beside the trait are associated functions, as with `Arc`
/// (`Handle::pin(&store)`), so they hide no method of an interface.
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

    /// Holds the instance that serves the handle now. Calls through the [`Pinned`] go to this
    /// instance, whatever is committed meanwhile, and cost what a call through a C function pointer
    /// costs.
    ///
    /// A pin counts as a call inside the instance: a replacement of a component with state waits for
    /// the pin, at most for the plan's [`timeout`](crate::PlanBuilder::timeout), and names it when it
    /// gives up. Hold a pin for a request, not for a connection.
    ///
    /// If a gate is shut, this function waits for it, as a call does.
    ///
    /// # Errors
    /// - [`Gate`](crate::FaultKind::Gate) if the gate stays shut until the plan's deadline; at once in
    ///   a constructor, `save` or `restore` that a transaction runs, if the same transaction replaces
    ///   the instance.
    /// - [`Withdrawn`](crate::FaultKind::Withdrawn) if nothing serves the handle any more.
    /// - [`Revoked`](crate::FaultKind::Revoked) if the runtime was dropped.
    pub fn pin(this: &Handle<I>) -> Result<Pinned<I>, Fault> {
        Pinned::new(this)
    }

    /// The number of the commit whose world a call would enter now, as
    /// [`Runtime::generation`](crate::Runtime::generation) counts commits, from 1. `None` if a call
    /// would be refused.
    ///
    /// If a gate is shut, this function waits for it, at most for the plan's
    /// [`deadline`](crate::PlanBuilder::deadline).
    pub fn generation(this: &Handle<I>) -> Option<u64> {
        let entered = this.enter_slowly(u32::MAX);
        if !entered.fault.is_null() {
            // SAFETY: the fault is ours.
            drop(unsafe { RawFault::take(entered.fault) });
            return None;
        }
        // SAFETY: the table is alive until `leave_to`.
        let generation = unsafe { (*entered.table).serial };
        // SAFETY: the slow path entered through this thread's record.
        unsafe { &*entered.record }.leave_to(entered.depth);
        Some(generation)
    }

    /// A handle of the interface `J` on the same instance: on one object, if the component implements both
    /// interfaces by one type and one constructor. A replacement of the component moves both handles in one
    /// commit.
    ///
    /// ```
    /// # #[lcr::interface(name = "query.store", version = 1)]
    /// # pub trait Store {
    /// #     fn put(&self, n: u64);
    /// # }
    /// # #[lcr::interface(name = "query.admin", version = 1)]
    /// # pub trait Admin {
    /// #     fn count(&self) -> u64;
    /// # }
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # #[derive(Default)]
    /// # struct Numbers(AtomicU64);
    /// # #[lcr::component(name = "numbers")]
    /// # impl Store for Numbers {
    /// #     fn put(&self, _: u64) {
    /// #         self.0.fetch_add(1, Ordering::Relaxed);
    /// #     }
    /// # }
    /// # #[lcr::component(name = "numbers")]
    /// # impl Admin for Numbers {
    /// #     fn count(&self) -> u64 {
    /// #         self.0.load(Ordering::Relaxed)
    /// #     }
    /// # }
    /// use lcr::Handle;
    ///
    /// let rt = lcr::Runtime::new()?;
    /// let store = rt.reference::<dyn Store>(&())?;
    /// let admin = Handle::query::<dyn Admin>(&store)?;
    /// store.put(7);
    /// assert_eq!(admin.count(), 1);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// Blocks while a transaction is about to replace the component, at most 60 s.
    ///
    /// # Errors
    /// `NotFound` if the object that serves this handle does not implement `J`; `Mismatch` if it implements
    /// `J` in another version, or with other signatures; `Busy` if the component is in a hand-over for 60 s;
    /// `Closed` if the runtime is gone.
    pub fn query<J: ?Sized + Interface>(this: &Handle<I>) -> Result<Handle<J>, Error> {
        let interface = RawSlice { at: J::ENCODED.as_ptr(), len: J::ENCODED.len() };
        let mut kind = 0;
        // SAFETY: the slot is alive while `this` is, and the host writes a number.
        let found = unsafe { (this.host().query)(this.slot.as_ptr(), interface, &raw mut kind) };
        match image::into_slot_result(found) {
            // SAFETY: the host gives us one reference to a slot linked for `J`.
            Ok(slot) => Ok(unsafe { Handle::from_slot(slot) }),
            Err(message) => Err(Error::new(ErrorKind::from_code(kind).unwrap_or(ErrorKind::Internal), message)),
        }
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
        let mut entered = RawEntered::outside();
        // SAFETY: the slot is alive, and the host fills what `entered` promises.
        unsafe { (self.host().enter)(self.slot.as_ptr(), method, &raw mut entered) };
        if entered.fault.is_null() {
            image::remember(entered.record);
        }
        entered
    }

    /// The methods of what the slot holds, and the frame to leave by.
    #[inline(always)]
    fn enter_fast(&self, record: *const Record, method: u32) -> Option<(*const Frame, Methods)> {
        if self.core.is_null() {
            return None;
        }
        // SAFETY: the record is this thread's own, or the closed one, which admits no call.
        let record = unsafe { &*record };
        // SAFETY: the core lives as long as the slot.
        let core = unsafe { &*self.core };
        let (table, frame) = record.enter(core, Place::new(self.offset, method))?;
        // SAFETY: the current world's table is alive until `leave`, and has every slot
        // that has a handle.
        let methods = unsafe { entry(table, self.offset) }.methods();
        if methods.is_none() {
            record.leave(frame);
        }
        Some((frame, methods?))
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

/// A call that entered through an inline frame of its thread's record.
pub struct InFrame<'a, I: ?Sized + Interface> {
    handle: &'a Handle<I>,
    record: &'static Record,
    frame: *const Frame,
}

impl<I: ?Sized + Interface> fmt::Debug for InFrame<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFrame of {:?}", self.handle)
    }
}

impl<I: ?Sized + Interface> Inside<I> for InFrame<'_, I> {
    fn handle(&self) -> &Handle<I> {
        self.handle
    }

    fn table(&self) -> *const Table {
        // SAFETY: one of this thread's own frames, which is this call's until it leaves.
        unsafe { &*self.frame }.read().0
    }

    #[inline(always)]
    fn leave(&self) {
        self.record.leave(self.frame);
    }

    fn hold(&self, method: u32) -> Held {
        self.handle.detach(self.table(), method)
    }
}

/// A call that the host entered, by the slow path.
struct AtDepth<'a, I: ?Sized + Interface> {
    handle: &'a Handle<I>,
    entered: RawEntered,
}

impl<I: ?Sized + Interface> Inside<I> for AtDepth<'_, I> {
    fn handle(&self) -> &Handle<I> {
        self.handle
    }

    fn table(&self) -> *const Table {
        self.entered.table
    }

    fn leave(&self) {
        // SAFETY: this thread's own record, which lives until the thread ends.
        unsafe { &*self.entered.record }.leave_to(self.entered.depth);
    }

    fn hold(&self, method: u32) -> Held {
        self.handle.detach(self.entered.table, method)
    }
}

// SAFETY: both paths end in `call_inside`, which gives `done` the outcome of the function.
unsafe impl<I: ?Sized + Interface> Callee for Handle<I> {
    type Interface = I;

    #[inline(always)]
    unsafe fn call<A: Arguments, R: Copy, V, T>(
        &self,
        method: u32,
        arguments: A,
        lift: impl FnOnce(A) -> V,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<V>) -> T,
    ) -> T {
        let record = image::record();
        let Some((frame, methods)) = self.enter_fast(record, method) else {
            // SAFETY: the caller vouches for the signature.
            return unsafe { self.call_slowly(method, arguments, lift, done, otherwise) };
        };
        // SAFETY: this thread's own record, which lives until the thread ends.
        let record = unsafe { &*record };
        let inside = InFrame { handle: self, record, frame };
        // SAFETY: the caller vouches for the signature, and the frame for the methods.
        unsafe { call_inside(inside, methods, method, arguments, lift, done, otherwise) }
    }
}

impl<I: ?Sized + Interface> Handle<I> {
    /// The call by the slow path.
    ///
    /// # Safety
    /// As for [`Callee::call`].
    #[cold]
    #[inline(never)]
    unsafe fn call_slowly<A: Arguments, R: Copy, V, T>(
        &self,
        method: u32,
        arguments: A,
        lift: impl FnOnce(A) -> V,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<V>) -> T,
    ) -> T {
        let entered = self.enter_slowly(method);
        if !entered.fault.is_null() {
            let fault = refused::<I>(entered.fault, method);
            drop(lift(arguments));
            return otherwise(Unserved::Fault(fault));
        }
        let methods = Methods::at(entered.methods);
        let inside = AtDepth { handle: self, entered };
        // SAFETY: the caller vouches for the signature, and the host's frame for the methods.
        unsafe { call_inside(inside, methods, method, arguments, lift, done, otherwise) }
    }
}

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
        match image::into_slot_result(adopted) {
            // SAFETY: the host gives us one reference to a slot linked for `I`.
            Ok(slot) => unsafe { Handle::from_slot(slot) },
            Err(message) => panic!("a handle on {} v{} cannot be received: {message}", I::NAME, I::VERSION),
        }
    }
}

// SAFETY: it owns its reference to the slot.
unsafe impl<I: ?Sized + Interface> Within<'_> for Handle<I> {}
