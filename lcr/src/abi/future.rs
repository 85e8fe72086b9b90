//! A call of an async method, or of one that returns a stream, as it crosses an image border.
//!
//! The call begins at the first poll of the caller's future. The method's C function is *start and
//! first poll in one*: `unsafe extern "C" fn(this, arguments.., *mut RawCall<R>) -> Polled`. It lifts
//! the arguments, makes the future and polls it, all behind the panic barrier.
//!
//! | answer | what the component has done | what the caller does |
//! |---|---|---|
//! | a fault | dropped the future | takes the fault |
//! | [`READY`] | written [`RawCall::value`], dropped the future | lifts the value |
//! | [`PENDING`] | written [`RawCall::future`] | polls it, or drops it |
//! | [`ITEM`] | written [`RawCall::future`] and [`RawCall::value`] | lifts the value; polls the future, or drops it |
//!
//! A [`RawFuture`] is polled until it answers with a fault or `READY`, which drops
//! it, or it is dropped by [`FutureTable::drop`]; then it is gone. One thread at a time does
//! either, and any thread may.
//!
//! **Streams.** A method that returns a stream of `T` has values of the type `Option<T>`: `Some` with each `ITEM`,
//! and `None` with the `READY` that ends the stream. An async method never answers with `ITEM`.
//!
//! **Who keeps what alive.** The future borrows the instance, and what the arguments borrow. The
//! arguments' memory lives as long as the caller's future, whose type says so. The instance is held
//! by a frame while the C function runs, and between polls by what the host gives for that frame.
//!
//! # Where a future lies
//!
//! A future needs memory that stays in its place from the first poll to the drop. The caller lends some, a
//! [`Room`]. A future whose type [fits](Room::fits) lies there, and the call allocates nothing for it, whether it is
//! ready at once or pends. A larger one lies in a box of the component's. The type alone decides, so the start and
//! the functions of a [`FutureTable`] agree. A stream's future always lies in a box: the caller's stream may be
//! moved between polls.
//!
//! **Why the memory stays.** The room is a field of the caller's future. The component gets the room's address in a
//! poll only, and a future that is polled is pinned: until it was dropped its memory is neither moved, nor freed, nor
//! used for anything else. That is what [`Pin`](core::pin) promises, and what each `async` block needs in which a
//! variable is borrowed across an `await`. The call's request is a field ahead of the room. So a future that is dropped
//! drops the request first, and the request has the component drop a future that is still there. A future that is
//! forgotten keeps its memory for ever.
//!
//! **Who may touch it.** Only the component, from the start until its future is gone. The caller's future makes a
//! shared reference to the room, from which the address comes. A room is an [`UnsafeCell`] of uninitialised bytes, so
//! such a reference claims nothing about the bytes, nor that they stay as they are. A poll has `&mut` to all of the
//! caller's future; but that is `!Unpin`, and such a reference to it does not claim the memory for itself alone. The
//! request gets a `&mut` of its own, which does not reach the room. Polls and the drop come one after the other,
//! whichever threads they are on.

use core::{cell::UnsafeCell, mem::MaybeUninit, ptr};

use super::{fault::Outcome, layout::layout, waker::WakerHead};

/// The answer of a poll: a fault, `READY`, `PENDING` or `ITEM`.
pub type Polled = Outcome<u8>;

/// The future is not ready, and will wake its task.
pub const PENDING: u8 = 0;
/// The value was written, and the call is over.
pub const READY: u8 = 1;
/// An item of a stream was written, and the call goes on.
pub const ITEM: u8 = 2;

/// What the C function of a method that is async, or returns a stream, gets behind its arguments, for the length of
/// that call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawCall<R: Copy> {
    /// The waker of the first poll, lent for that poll.
    pub waker: *const WakerHead,
    /// A `Room` of the caller's, in which nothing is; null where the method returns a stream.
    pub room: *mut (),
    /// The caller reads it if the answer is `PENDING` or `ITEM`.
    pub future: RawFuture,
    /// Written if the answer is `READY` or `ITEM`.
    pub value: MaybeUninit<R>,
}

layout!(RawCall<u64>: size 40, align 8 { waker at 0, room at 8, future at 16, value at 32 });

impl<R: Copy> RawCall<R> {
    /// A call that is to be started.
    #[inline(always)]
    pub const fn new(waker: *const WakerHead, room: Option<&Room>) -> RawCall<R> {
        let future = RawFuture { data: ptr::null_mut(), table: ptr::null() };
        let room = match room {
            Some(room) => room.0.get().cast(),
            None => ptr::null_mut(),
        };
        RawCall { waker, room, future, value: MaybeUninit::uninit() }
    }
}

/// The bytes of a [`Room`].
const ROOM: usize = 192;

/// Memory in the caller's future for one future of a component.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Room(UnsafeCell<MaybeUninit<[u8; ROOM]>>);

layout!(Room: size 192, align 16 {});

// SAFETY: the room itself gives out an address only. Only the component writes there to which a call lends it (module
// documentation).
unsafe impl Sync for Room {}

impl Room {
    /// A room in which nothing is.
    #[inline(always)]
    pub const fn new() -> Room {
        Room(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Whether a value of the type `T` has room.
    pub const fn fits<T>() -> bool {
        size_of::<T>() <= size_of::<Room>() && align_of::<T>() <= align_of::<Room>()
    }
}

impl Default for Room {
    fn default() -> Room {
        Room::new()
    }
}

/// A future of a component.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawFuture {
    /// Passed back as the first argument.
    pub data: *mut (),
    /// Its functions, constant data of the component's image.
    pub table: *const FutureTable,
}

layout!(RawFuture: size 16, align 8 { data at 0, table at 8 });

/// The functions of a [`RawFuture`]. Any thread, one at a time; none of them unwinds.
#[repr(C)]
#[derive(Debug)]
pub struct FutureTable {
    /// Polls the future with a waker that is lent for this poll. The last argument is where the
    /// value's representation is written.
    pub poll: unsafe extern "C" fn(*mut (), *const WakerHead, *mut ()) -> Polled,
    /// Drops the future before it is ready. A panic of a destructor is reported by the
    /// component's panic hook and ends there.
    pub drop: unsafe extern "C" fn(*mut ()),
    /// Whether the call is to end when its instance is replaced.
    pub cancels: bool,
}

layout!(FutureTable: size 24, align 8 { poll at 0, drop at 8, cancels at 16 });

impl RawFuture {
    /// Polls the future. If the answer is neither [`PENDING`] nor [`ITEM`], the future is gone.
    ///
    /// # Safety
    /// The future is there, no other thread polls or drops it, and its value is of
    /// representation `R`. The waker is valid.
    #[inline(always)]
    pub unsafe fn poll<R: Copy>(self, waker: *const WakerHead, value: &mut MaybeUninit<R>) -> Polled {
        // SAFETY: a component's table is constant, and its image is mapped while the future is there.
        let poll = unsafe { (*self.table).poll };
        // SAFETY: the caller says so.
        unsafe { poll(self.data, waker, value.as_mut_ptr().cast()) }
    }

    /// Whether the call is to end when its instance is replaced.
    ///
    /// # Safety
    /// The future is there.
    #[inline(always)]
    pub unsafe fn cancels(self) -> bool {
        // SAFETY: as in `poll`.
        unsafe { (*self.table).cancels }
    }

    /// Drops the future.
    ///
    /// # Safety
    /// The future is there, and no other thread polls or drops it.
    pub unsafe fn drop(self) {
        // SAFETY: as in `poll`.
        let drop = unsafe { (*self.table).drop };
        // SAFETY: the caller says so.
        unsafe { drop(self.data) };
    }
}
