//! The function tables that a host and an image exchange, and the structures that
//! their functions take.
//!
//! A host calls [`ENTRY`] of an image once, right after `dlopen`, and gives it the
//! address of its [`HostTable`], which lives as long as the process. Each function's
//! threads and ownership are noted beside it; none of them unwinds.

use alloc::vec::Vec;
use core::{ptr::NonNull, sync::atomic::AtomicU32};

use super::{
    crossing::Crossing,
    detached::Detached,
    fault::{Outcome, RawFault},
    frame::{Core, Record},
    holds::Holds,
    identity::Identity,
    layout::layout,
    logs::{LogTable, RawPanic, TracingTable},
    point::Point,
    sync::AtomicUsize,
    value::{
        Abi,
        composite::RawResult,
        sequences::{RawSlice, RawVec},
    },
    waker::WakerHead,
    world::{Pair, Table},
};

/// The symbol that a host looks up in an image; it has the type [`Entry`].
pub const ENTRY: &str = "lcr_entry_7";
/// The type of the entry. The host calls it once, before any other function of the image. The image
/// returns null if it refuses, because it has another host or is a host itself.
pub type Entry = unsafe extern "C" fn(*const HostTable) -> *const ImageTable;

/// A fallible operation without a value: `Err` carries a message.
pub type Verdict = Outcome<RawResult<u8, RawVec<u8>>>;
/// A fallible construction: the instance's address, or a message.
pub type Created = Outcome<RawResult<usize, RawVec<u8>>>;
/// A saved state in its wire format, or a message.
pub type Saved = Outcome<RawResult<RawVec<u8>, RawVec<u8>>>;

/// One look at a tracked state: the changes in their wire format, and how many items are left; or a message.
pub type Look = Outcome<RawResult<<(Vec<u8>, u64) as Abi>::Repr, RawVec<u8>>>;

/// What an image offers its host.
#[repr(C)]
pub struct ImageTable {
    /// [`ABI_VERSION`](super::ABI_VERSION) of the image.
    pub abi: u32,
    /// Number of exports.
    pub export_count: usize,
    /// The image's implementations, in no particular order.
    pub exports: *const *const Export,
    /// What still needs the image (any thread); it lives in the image.
    pub holds: *const Holds,
    /// Writes what the image has printed and still buffers. Any thread, at any time after `main`
    /// began, also when it has returned. Waits for the thread that holds the buffer's lock.
    pub flush: unsafe extern "C" fn(),
    /// Asks the image's global allocator for that many bytes with that alignment, in the way that a
    /// [`BlockKind`](super::blocks::BlockKind) names.
    /// Null if there are none. Any thread.
    pub allocate: unsafe extern "C" fn(usize, usize, u32) -> *mut u8,
    /// Frees what `allocate` of this image, or of one with the same allocator, answered for these bytes and alignment.
    /// Any thread.
    pub free: unsafe extern "C" fn(*mut u8, usize, usize),
    /// For each export a number; exports of one number share their objects ([`Export::identity`]).
    pub objects: *const u32,
    /// Number of points.
    pub point_count: usize,
    /// The image's [points](super::point), in no particular order.
    pub points: *const *const Point,
}

layout!(ImageTable: size 80, align 8 {
    abi at 0, export_count at 8, exports at 16, holds at 24, flush at 32, allocate at 40, free at 48,
    objects at 56, point_count at 64, points at 72
});

/// One implementation in an image: what `#[lcr::component]` registers.
#[repr(C)]
#[derive(Debug)]
pub struct Export {
    /// The manifest's record, also in the image's section.
    pub manifest: *const u8,
    /// Its length in bytes.
    pub manifest_len: usize,
    /// The interface's methods, in the manifest's order.
    pub thunks: *const Thunk,
    /// Number of methods.
    pub thunk_count: usize,
    /// Constructs an instance. Any thread; the context lives for the call.
    pub create: unsafe extern "C" fn(*const RawContext) -> Created,
    /// Destroys an instance, once, when no call is inside it. The reaper's thread. The value is 0, or 1 if the
    /// instance was the last one in the image's runtime, and threads of that runtime run on.
    pub destroy: unsafe extern "C" fn(usize) -> Outcome<u8>,
    /// Asks an instance for its health. Any thread.
    pub healthy: Option<unsafe extern "C" fn(usize) -> Verdict>,
    /// Saves an instance's state while no caller is inside it. Any thread. The second argument is null, or lives for
    /// the call and is not 0 once nobody waits for the state: then the function soon ends with a message.
    pub save: Option<unsafe extern "C" fn(usize, *const AtomicU32) -> Saved>,
    /// Constructs an instance from a state of the given version. Any thread.
    pub restore: Option<unsafe extern "C" fn(*const RawContext, u32, RawSlice<u8>) -> Created>,
    /// How an instance's state is copied while callers use it.
    pub incremental: Option<&'static IncrementalTable>,
    /// The functions of a state that the instance keeps in a `State`; null if it keeps none. Constant.
    pub state: *const StateTable,
    /// What its objects are, for the image itself: it compares its exports (`ImageTable::objects`).
    pub identity: fn() -> Option<Identity>,
    /// Gives the thunks of each method's C function, as many as there are methods; null if there are none. They stay
    /// as they are for as long as the image is mapped. Any thread; runs no author's code. `None` for an image that has
    /// none at all.
    pub crossings: Option<extern "C" fn() -> *const Crossing>,
    /// Writes a state that an instance of this export has saved as one of an older version, which its manifest names.
    /// Any thread; the instance lives for the call, and calls may be inside it. The state's bytes live for the call;
    /// the last argument is that of `save`.
    pub downgrade: Option<unsafe extern "C" fn(usize, u32, RawSlice<u8>, *const AtomicU32) -> Saved>,
}

layout!(Export: size 112, align 8 {
    manifest at 0, manifest_len at 8, thunks at 16, thunk_count at 24, create at 32, destroy at 40,
    healthy at 48, save at 56, restore at 64, incremental at 72, state at 80, identity at 88, crossings at 96,
    downgrade at 104
});

/// How an instance's state is copied while callers use it. Each function takes an instance of the export
/// first, which is alive and may be in use; it locks the state and may wait for callers. Any thread.
#[repr(C)]
#[derive(Debug)]
pub struct IncrementalTable {
    /// Begins to track the state, with at most that many notes; everything in it counts as changed.
    pub track: unsafe extern "C" fn(usize, u64) -> Verdict,
    /// Ends tracking.
    pub untrack: unsafe extern "C" fn(usize) -> Verdict,
    /// Takes the next changes, about that many.
    pub changes: unsafe extern "C" fn(usize, u64) -> Look,
    /// Makes changes of a state of the given version in an instance's state.
    pub apply: unsafe extern "C" fn(usize, u32, RawSlice<u8>) -> Verdict,
}

layout!(IncrementalTable: size 32, align 8 { track at 0, untrack at 8, changes at 16, apply at 24 });

/// The functions of a kept state. They take live instances of their export, on any thread.
#[repr(C)]
#[derive(Debug)]
pub struct StateTable {
    /// Takes the box out of an instance and writes its address. Runs no author's code, and does not wait.
    /// A `StateAnswer`.
    pub take: unsafe extern "C" fn(usize, *mut usize) -> u32,
    /// Gives an instance, from which the box was taken, a box: its own, or one of another image whose manifest
    /// describes the value alike. Runs no author's code, and does not wait. A `StateAnswer`: `Absent` if no box was
    /// taken out, `Busy` if a thread looks for it at this moment; then the box is still the host's.
    pub give: unsafe extern "C" fn(usize, usize) -> u32,
    /// The box that was taken out of the instance does not come back. Runs no author's code.
    pub end: unsafe extern "C" fn(usize),
    /// Drops a box that was taken out of the instance, once.
    pub destroy: unsafe extern "C" fn(usize, usize) -> Outcome<u8>,
    /// Saves the value, if serde can write it. Waits for threads that have the lock. The second argument is that of
    /// `Export::save`.
    pub save: Option<unsafe extern "C" fn(usize, *const AtomicU32) -> Saved>,
    /// Replaces the value by one that was saved as the version of the second argument, where the third is that of
    /// the export.
    pub load: Option<unsafe extern "C" fn(usize, u32, u32, RawSlice<u8>) -> Verdict>,
}

layout!(StateTable: size 48, align 8 { take at 0, give at 8, end at 16, destroy at 24, save at 32, load at 40 });

/// What the functions of a [`StateTable`] answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum StateAnswer {
    /// It is done.
    Done,
    /// A thread has the lock.
    Busy,
    /// The instance is not in the state that the function needs; nothing was done.
    Absent,
}

impl Export {
    /// The functions of its kept state, if it has one.
    pub fn state(&self) -> Option<&'static StateTable> {
        // SAFETY: by contract null, or a constant of the image.
        unsafe { self.state.as_ref() }
    }
}

// SAFETY: an image's table is constant, and points to constant data of the image.
unsafe impl Sync for ImageTable {}
// SAFETY: as above.
unsafe impl Send for ImageTable {}

// SAFETY: an export points to constant data and functions of its image.
unsafe impl Sync for Export {}
// SAFETY: as above.
unsafe impl Send for Export {}

impl Export {
    /// The function of a method, if the export has that many.
    pub fn thunk(&self, method: usize) -> Option<*const ()> {
        if method >= self.thunk_count {
            return None;
        }
        // SAFETY: the image promises `thunk_count` thunks at `thunks`.
        let thunk = unsafe { self.thunks.add(method) };
        // SAFETY: thunks are constant.
        Some(unsafe { *thunk }.0)
    }

    /// The thunks of a method's signature. `None` if the method is polled, if the image has no thunks, or if the export
    /// has not that many methods.
    pub fn crossing(&self, method: usize) -> Option<&'static Crossing> {
        self.thunks_of(method).filter(|crossing| !crossing.is_polled)
    }

    /// The thunks of a polled method's C function, which takes the [call](super::future::RawCall) as its last argument.
    /// `None` if the method is not polled, if the image has no thunks, or if the export has not that many methods.
    pub fn start(&self, method: usize) -> Option<&'static Crossing> {
        self.thunks_of(method).filter(|crossing| crossing.is_polled)
    }

    fn thunks_of(&self, method: usize) -> Option<&'static Crossing> {
        if method >= self.thunk_count {
            return None;
        }
        let crossings = self.crossings?();
        if crossings.is_null() {
            return None;
        }
        // SAFETY: the image promises as many crossings as thunks.
        let crossing = unsafe { crossings.add(method) };
        // SAFETY: they stay as they are.
        Some(unsafe { &*crossing })
    }

    /// The manifest's record.
    pub fn manifest(&self) -> &'static [u8] {
        // SAFETY: the image promises that many bytes, for as long as it is mapped.
        unsafe { core::slice::from_raw_parts(self.manifest, self.manifest_len) }
    }
}

/// A method's C function.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Thunk(*const ());

layout!(Thunk: size 8, align 8 { 0 at 0 });

impl Thunk {
    /// Wraps a function that was cast to a pointer.
    pub const fn new(function: *const ()) -> Thunk {
        Thunk(function)
    }
}

// SAFETY: a thunk is the address of code.
unsafe impl Sync for Thunk {}
// SAFETY: as above.
unsafe impl Send for Thunk {}

/// What handles point to; made and freed by the host.
#[repr(C)]
pub struct RawSlot {
    /// The runtime that the slot belongs to.
    pub core: *const Core,
    /// The functions of the host that made the slot.
    pub host: *const HostTable,
    /// The byte offset of its entry in the table.
    pub offset: usize,
    /// Handles that exist; at 0 the host's `release` is called.
    pub references: AtomicUsize,
}

layout!(RawSlot: size 32, align 8 { core at 0, host at 8, offset at 16, references at 24 });

/// A handle as argument or result: the slot, with the reference that the handle owns.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct RawHandle(pub NonNull<RawSlot>);

layout!(RawHandle: size 8, align 8 { 0 at 0 });

/// What a constructor is told.
#[repr(C)]
pub struct RawContext {
    /// The host's functions.
    pub host: *const HostTable,
    /// The host's own note on this construction.
    pub cookie: *const (),
    /// The component's name.
    pub component: RawSlice<u8>,
    /// The configuration in its wire format; empty if none was given.
    pub config: RawSlice<u8>,
}

layout!(RawContext: size 48, align 8 { host at 0, cookie at 8, component at 16, config at 32 });

/// The slow path's answer.
#[repr(C)]
pub struct RawEntered {
    /// Why the call cannot be made, owned by the receiver; if not null, nothing else is
    /// valid and no frame was entered.
    pub fault: *mut RawFault,
    /// The calling thread's record.
    pub record: *const Record,
    /// What to give to [`Record::leave_to`].
    pub depth: u32,
    /// The world entered.
    pub table: *const Table,
    /// The instance.
    pub data: *const (),
    /// Its methods.
    pub methods: *const Pair,
}

layout!(RawEntered: size 48, align 8 { fault at 0, record at 8, depth at 16, table at 24, data at 32, methods at 40 });

impl RawEntered {
    /// An answer that the host has not filled yet.
    pub const fn outside() -> RawEntered {
        RawEntered {
            fault: core::ptr::null_mut(),
            record: core::ptr::null(),
            depth: 0,
            table: core::ptr::null(),
            data: core::ptr::null(),
            methods: core::ptr::null(),
        }
    }
}

/// One instance held by a pin.
#[repr(C)]
pub struct RawPin {
    /// Why the slot cannot be pinned, owned by the receiver; if not null, nothing else is valid.
    pub fault: *mut RawFault,
    /// The world that is held.
    pub table: *const Table,
    /// The instance.
    pub data: *const (),
    /// Its methods.
    pub methods: *const Pair,
    /// The pin itself, for `unpin`.
    pub pin: *const (),
}

layout!(RawPin: size 40, align 8 { fault at 0, table at 8, data at 16, methods at 24, pin at 32 });

/// The answer of [`HostTable::enter_async`] to a call that waits at a gate.
pub const AT_GATE: u32 = 1;

/// What a host offers its images.
#[repr(C)]
pub struct HostTable {
    /// [`ABI_VERSION`](super::ABI_VERSION) of the host.
    pub abi: u32,
    /// The calling thread's record, valid until the thread ends.
    pub record: unsafe extern "C" fn() -> *const Record,
    /// Enters a slot where the fast path cannot: first call of a thread, deep nesting,
    /// a pinned thread, a closed slot (waits for a gate, up to its deadline).
    pub enter: unsafe extern "C" fn(*const RawSlot, u32, *mut RawEntered),
    /// The name of the component that serves the slot in a world, as a `String`'s
    /// representation owned by the receiver. The calling thread is inside that world, by
    /// a frame or by a pin; the method of that number gave the fault, which the host only notes.
    pub component_at: unsafe extern "C" fn(*const RawSlot, *const Table, u32, *const RawFault) -> RawVec<u8>,
    /// The last handle to a slot was dropped. Any thread.
    pub release: unsafe extern "C" fn(*const RawSlot),
    /// Holds the slot's present instance. Any thread; waits for a gate, up to its deadline.
    pub pin: unsafe extern "C" fn(*const RawSlot, *mut RawPin),
    /// Ends a pin. Any thread, in any order.
    pub unpin: unsafe extern "C" fn(*const ()),
    /// A handle for an interface as the image knows it ([`Interface::ENCODED`]), to the
    /// instance of another slot: the slot with one reference for the receiver.
    ///
    /// [`Interface::ENCODED`]: super::interface::Interface::ENCODED
    pub adopt: unsafe extern "C" fn(*const RawSlot, RawSlice<u8>) -> Created,
    /// A handle on a dependency of the instance under construction: the slot with one
    /// reference for the receiver.
    pub dependency: unsafe extern "C" fn(*const RawContext, RawSlice<u8>) -> Created,
    /// Threads, and what is kept for their ends.
    pub threads: ThreadTable,
    /// As `enter`, for an async call, which is never made to wait: where a gate is shut, this keeps a clone of the
    /// waker, writes a ticket that is not 0, and returns 1. The waker is woken when the gate opens or its
    /// deadline passes. A later poll gives the ticket back. Returns 0, and writes 0 as ticket, if the answer is
    /// as that of `enter`.
    pub enter_async:
        unsafe extern "C" fn(*const RawSlot, u32, *const WakerHead, ticket: *mut u64, *mut RawEntered) -> u32,
    /// The future of a call that waits by a ticket is dropped. Any thread.
    pub unwait: unsafe extern "C" fn(*const RawSlot, ticket: u64),
    /// Holds what an async call is inside, beyond the frame or pin of its first poll: the table of that, and the
    /// place as a number. Never null. The calling thread is inside by that frame, or has the pin; the slot has a
    /// reference until `end`. See [`detached`](super::detached).
    pub detach: unsafe extern "C" fn(*const RawSlot, *const Table, place: u64) -> *const Detached,
    /// Enters what a detached call is inside, for a later poll, or to drop its future. Any thread. The answer has no
    /// instance, and a fault only if the call has ended.
    pub resume: unsafe extern "C" fn(*const Detached, *mut RawEntered),
    /// Ends a detached call, once, when its future was dropped and every frame of it was left. Any thread.
    pub end: unsafe extern "C" fn(*const Detached),
    /// Takes the records and spans of `tracing`; none if the host was built without the feature.
    pub tracing: Option<&'static TracingTable>,
    /// Takes the records of `log`; none if the host was built without the feature.
    pub log: Option<&'static LogTable>,
    /// Reports a panic of an image to the host's panic hook, before the panic unwinds. Any thread. False if the
    /// host does not report it.
    pub panicked: unsafe extern "C" fn(*const RawPanic) -> bool,
    /// Keeps a clone of the waker, in place of the one before, and wakes it if the pending call is cancelled:
    /// [`Detached::is_cancelled`]. Returns 1 if the call is cancelled already. The thread that polls the call.
    pub watch: unsafe extern "C" fn(*const RawSlot, *const Detached, *const WakerHead) -> u32,
    /// A handle for an interface as the image knows it, to the object that a slot's instance is: as `adopt`, with
    /// the number of the error's kind where there is none.
    pub query: unsafe extern "C" fn(*const RawSlot, RawSlice<u8>, *mut i32) -> Created,
}

layout!(HostTable: size 208, align 8 {
    abi at 0, record at 8, enter at 16, component_at at 24, release at 32, pin at 40, unpin at 48, adopt at 56,
    dependency at 64, threads at 72, enter_async at 128, unwait at 136, detach at 144, resume at 152, end at 160,
    tracing at 168, log at 176, panicked at 184, watch at 192, query at 200
});

/// A function that is called with one pointer: a destructor, or a thread's first function.
pub type Destructor = unsafe extern "C" fn(*mut ());
/// A thread's first function. It may be unwound by `pthread_exit`.
pub type Start = unsafe extern "C-unwind" fn(*mut ()) -> *mut ();

/// What a host does in the C library's place for its images; each takes what the function
/// of that name takes, behind the counts of the image that asks, and answers as it does.
/// Any thread, also at its end.
#[repr(C)]
pub struct ThreadTable {
    /// `pthread_key_create`.
    pub key_create: unsafe extern "C" fn(*const Holds, *mut u32, Option<Destructor>) -> i32,
    /// `pthread_key_delete`.
    pub key_delete: unsafe extern "C" fn(u32) -> i32,
    /// `pthread_setspecific`.
    pub set: unsafe extern "C" fn(u32, *mut ()) -> i32,
    /// `pthread_getspecific`.
    pub get: unsafe extern "C" fn(u32) -> *mut (),
    /// `pthread_create`.
    pub create: unsafe extern "C" fn(*const Holds, *mut (), *const (), Start, *mut ()) -> i32,
    /// `__cxa_thread_atexit_impl`, without the image's handle.
    pub at_exit: unsafe extern "C" fn(*const Holds, Destructor, *mut ()) -> i32,
    /// Whether the image started the calling thread, and the thread has not begun to end.
    pub is_of: unsafe extern "C" fn(*const Holds) -> bool,
}

layout!(ThreadTable: size 56, align 8 {
    key_create at 0, key_delete at 8, set at 16, get at 24, create at 32, at_exit at 40, is_of at 48
});

/// Numbers of keys that a host gives begin here; lower ones are the C library's.
pub const FIRST_KEY: u32 = 1 << 31;
