//! What `#[lcr::component(state = field)]` registers: the description of the state, and the C functions by which a
//! host takes the box, gives it, saves it and loads it.
//!
//! Generated code passes two closures, one that leads from an instance to its `State`, and one whose result type says
//! which ways there are. The second closure is never called: its type is inferred where the compiler knows `T`, and a
//! method of an impl with a bound is chosen before one of a trait ([`Undescribed`], [`Unwritten`]). So the compiler
//! judges `T` by the bounds that it meets, however the author spelt the field's type.

use std::{
    marker::PhantomData,
    mem::size_of,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::{self, NonNull},
    sync::{Arc, atomic::AtomicU32},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    abi::{
        fault::Outcome,
        manifest::KeptState,
        tables::{Saved, StateAnswer, StateTable, Verdict},
        value::{Abi, sequences::RawSlice},
    },
    component::{
        ambient::Ambient,
        export::{Downgrade, borrow},
        panic_barrier::barrier,
        stateful::{BoxError, RawState},
        wire::{self, Unwanted},
    },
};

use super::{
    cell::{NotGiven, State, Taken},
    layout::{InMemory, Layout},
};

/// What the field of `state = field` may be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state that a component keeps",
    label = "not an `lcr::State<T>`",
    note = "make the field an `lcr::State<T>`, or an `Arc` of it"
)]
pub trait Keeps {
    /// The type of the value.
    type Value;

    /// The state.
    fn state(&self) -> &State<Self::Value>;
}

impl<T> Keeps for State<T> {
    type Value = T;

    fn state(&self) -> &State<T> {
        self
    }
}

impl<T> Keeps for Arc<State<T>> {
    type Value = T;

    fn state(&self) -> &State<T> {
        self
    }
}

/// Stands for the type of a kept value while the compiler finds out which ways it has.
pub struct Kept<T>(PhantomData<fn() -> T>);

impl<T> Kept<T> {
    /// The type that `field` keeps.
    pub fn of<S: Keeps<Value = T>>(_field: &S) -> Kept<T> {
        Kept(PhantomData)
    }
}

/// The way by pointer, or its absence.
///
/// # Safety
/// `MEMORY` describes `T`.
pub unsafe trait PointerWay<T> {
    /// How a `T` lies in memory; `None` if nothing says it.
    const MEMORY: Option<InMemory>;
}

/// `T` has a [`Layout`].
pub struct Described<T>(PhantomData<fn() -> T>);

// SAFETY: it is the type's own description.
unsafe impl<T: Layout> PointerWay<T> for Described<T> {
    const MEMORY: Option<InMemory> = Some(T::MEMORY);
}

/// `T` has no [`Layout`].
pub struct NotDescribed<T>(PhantomData<fn() -> T>);

// SAFETY: nothing is described.
unsafe impl<T> PointerWay<T> for NotDescribed<T> {
    const MEMORY: Option<InMemory> = None;
}

impl<T: Layout> Kept<T> {
    /// The way by pointer.
    pub fn by_pointer(&self) -> Described<T> {
        Described(PhantomData)
    }
}

/// Answers where [`Kept::by_pointer`] does not apply.
pub trait Undescribed<T> {
    /// No way by pointer.
    fn by_pointer(&self) -> NotDescribed<T>;
}

impl<T> Undescribed<T> for Kept<T> {
    fn by_pointer(&self) -> NotDescribed<T> {
        NotDescribed(PhantomData)
    }
}

/// Encodes a state, which is locked while it is written.
type Encode<T> = fn(&State<T>, Unwanted<'_>) -> Result<Vec<u8>, String>;
/// Decodes a value.
type Decode<T> = fn(&[u8]) -> Result<T, String>;

/// The way by copy, or its absence.
pub trait CopyWay<T> {
    /// How serde writes and reads a `T`; `None` if it cannot.
    const SERDE: Option<(Encode<T>, Decode<T>)>;
}

/// Serde writes and reads `T`.
pub struct Written<T>(PhantomData<fn() -> T>);

impl<T: Serialize + DeserializeOwned> CopyWay<T> for Written<T> {
    const SERDE: Option<(Encode<T>, Decode<T>)> = Some((encode::<T>, decode::<T>));
}

/// Serde does not write or does not read `T`.
pub struct NotWritten<T>(PhantomData<fn() -> T>);

impl<T> CopyWay<T> for NotWritten<T> {
    const SERDE: Option<(Encode<T>, Decode<T>)> = None;
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// The way by copy.
    pub fn by_copy(&self) -> Written<T> {
        Written(PhantomData)
    }
}

/// Answers where [`Kept::by_copy`] does not apply.
pub trait Unwritten<T> {
    /// No way by copy.
    fn by_copy(&self) -> NotWritten<T>;
}

impl<T> Unwritten<T> for Kept<T> {
    fn by_copy(&self) -> NotWritten<T> {
        NotWritten(PhantomData)
    }
}

fn encode<T: Serialize + DeserializeOwned>(state: &State<T>, unwanted: Unwanted<'_>) -> Result<Vec<u8>, String> {
    // The lock is let go of before the trial.
    let written = wire::write(&*state.write(), unwanted);
    let read = written.and_then(wire::Written::readable::<T>);
    read.map_err(|error| format!("the state cannot be encoded: {error}"))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    wire::decode(bytes).map_err(|error| error.to_string())
}

/// The `migrate` of a component that names none.
///
/// # Errors
/// Always.
pub fn migrate_nothing<T>(_: u32, _: RawState<'_>) -> Result<T, BoxError> {
    Err("no other version of the state is known here; name a function that reads it: \
         #[lcr::component(state = .., migrate = Self::migrate)]"
        .into())
}

/// The state of one implementation, as its manifest and its functions have it.
pub struct Keeping {
    /// For the manifest.
    pub declared: KeptState,
    /// For the export.
    pub table: StateTable,
    /// For the export, too.
    pub downgrade: Option<Downgrade>,
}

/// The states that instances of `X` keep, which run inside an `N`.
pub struct KeptBy<X, N>(PhantomData<fn() -> (X, N)>);

impl<X: 'static, N: Ambient> KeptBy<X, N> {
    /// The state that `access` finds in an `X`. The result of `_ways` has the types of the ways that there are.
    ///
    /// # Panics
    /// While the component is compiled, if there is no way.
    pub const fn keeping<T, A, W, M, P, C>(access: A, _ways: W, migrate: M) -> Keeping
    where
        T: Send + 'static,
        A: Fn(&X) -> &State<T> + Copy + 'static,
        W: Fn(&X) -> (P, C) + Copy,
        M: Fn(u32, RawState<'_>) -> Result<T, BoxError> + Copy + 'static,
        P: PointerWay<T>,
        C: CopyWay<T> + 'static,
    {
        let (_, _) = (conjurable(access), conjurable(migrate));
        let copies = C::SERDE.is_some();
        assert!(
            P::MEMORY.is_some() || copies,
            "lcr: the state can move neither by pointer nor by copy; derive `lcr::Layout` for its type, or serde's \
             `Serialize` and `Deserialize`"
        );
        let (memory, points) = match &const { P::MEMORY } {
            Some(memory) if memory.is_fixed() => (Some(memory.shape()), memory.points()),
            _ => (None, false),
        };
        Keeping {
            declared: KeptState { copies, points, memory },
            table: StateTable {
                take: take::<X, N, T, A>,
                give: give::<X, N, T, A>,
                end: end::<X, N, T, A>,
                destroy: destroy::<X, N, T>,
                save: if copies { Some(save::<X, N, T, A, C>) } else { None },
                load: if copies { Some(load::<X, N, T, A, M, C>) } else { None },
            },
            downgrade: None,
        }
    }
}

/// Checks that a closure or function captures nothing, so that [`conjure`] may make it again.
pub(super) const fn conjurable<F: Copy>(_: F) {
    assert!(size_of::<F>() == 0, "lcr: a closure that captures nothing is wanted here");
}

/// The closure or function that was once given to [`conjurable`].
///
/// # Safety
/// A value of `F` was given to [`conjurable`].
pub(super) unsafe fn conjure<F: Copy>() -> F {
    // SAFETY: `F` has no size and is inhabited, so a read of nothing is one of its values; it is `Copy`, so any
    // number of them may be.
    unsafe { NonNull::<F>::dangling().read() }
}

/// The state in an instance.
///
/// # Safety
/// `instance` was constructed as an `X` inside an `N` and is alive for `'a`; an `A` was given to [`conjurable`].
unsafe fn state<'a, X: 'static, N: Ambient, T: 'static, A: Fn(&X) -> &State<T> + Copy>(
    instance: usize,
) -> &'a State<T> {
    // SAFETY: the caller says so.
    let placed = unsafe { borrow::<X, N>(instance) };
    // SAFETY: the caller says so.
    let access = unsafe { conjure::<A>() };
    access(&placed.value)
}

/// The answer of `run`, or [`StateAnswer::Absent`] if it panics. Nothing of ours does.
fn answer(run: impl FnOnce() -> StateAnswer) -> u32 {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(StateAnswer::Absent) as u32
}

unsafe extern "C" fn take<X: 'static, N: Ambient, T: 'static, A: Fn(&X) -> &State<T> + Copy>(
    instance: usize,
    value: *mut usize,
) -> u32 {
    answer(|| {
        // SAFETY: the host passes a live instance of this export, whose `Keeping` was given an `A`.
        let state = unsafe { state::<X, N, T, A>(instance) };
        match state.take() {
            Taken::Value(taken) => {
                let address = Box::into_raw(taken).expose_provenance();
                // SAFETY: the host passes a place for the address.
                unsafe { value.write(address) };
                StateAnswer::Done
            }
            Taken::Busy => StateAnswer::Busy,
            Taken::Absent => StateAnswer::Absent,
        }
    })
}

unsafe extern "C" fn give<X: 'static, N: Ambient, T: 'static, A: Fn(&X) -> &State<T> + Copy>(
    instance: usize,
    value: usize,
) -> u32 {
    answer(|| {
        // SAFETY: as in `take`.
        let state = unsafe { state::<X, N, T, A>(instance) };
        // SAFETY: the host gives, until it is taken, the box of a type that lies in memory as `T` does: see the module
        // `state`.
        let value = unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<T>(value)) };
        match state.give(value) {
            Ok(()) => StateAnswer::Done,
            Err((why, value)) => {
                // The host still has the box.
                let _ = Box::into_raw(value);
                match why {
                    NotGiven::Busy => StateAnswer::Busy,
                    NotGiven::Absent => StateAnswer::Absent,
                }
            }
        }
    })
}

unsafe extern "C" fn end<X: 'static, N: Ambient, T: 'static, A: Fn(&X) -> &State<T> + Copy>(instance: usize) {
    answer(|| {
        // SAFETY: as in `take`.
        unsafe { state::<X, N, T, A>(instance) }.end();
        StateAnswer::Done
    });
}

unsafe extern "C" fn destroy<X: 'static, N: Ambient, T>(instance: usize, value: usize) -> Outcome<u8> {
    barrier(|| {
        // SAFETY: as in `take`.
        let placed = unsafe { borrow::<X, N>(instance) };
        let _inside = placed.ambient.enter();
        // SAFETY: the host gives back, once, what `take` of this export answered.
        drop(unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<T>(value)) });
        0
    })
}

unsafe extern "C" fn save<X: 'static, N: Ambient, T: 'static, A: Fn(&X) -> &State<T> + Copy, C: CopyWay<T>>(
    instance: usize,
    unwanted: *const AtomicU32,
) -> Saved {
    barrier(|| {
        // SAFETY: as in `take`.
        let _inside = unsafe { borrow::<X, N>(instance) }.ambient.enter();
        // SAFETY: as in `take`.
        let state = unsafe { state::<X, N, T, A>(instance) };
        // SAFETY: the host's flag lives for the call.
        let unwanted = unsafe { Unwanted::new(unwanted) };
        C::SERDE.map_or_else(|| Err(String::new()), |(encode, _)| encode(state, unwanted)).into_repr()
    })
}

unsafe extern "C" fn load<
    X: 'static,
    N: Ambient,
    T: 'static,
    A: Fn(&X) -> &State<T> + Copy,
    M: Fn(u32, RawState<'_>) -> Result<T, BoxError> + Copy,
    C: CopyWay<T>,
>(
    instance: usize,
    from: u32,
    own: u32,
    bytes: RawSlice<u8>,
) -> Verdict {
    barrier(|| {
        // SAFETY: as in `take`.
        let _inside = unsafe { borrow::<X, N>(instance) }.ambient.enter();
        // SAFETY: the bytes live for the call.
        let bytes: &[u8] = unsafe { Abi::from_repr(bytes) };
        let value = if from == own {
            C::SERDE
                .map_or_else(|| Err(String::new()), |(_, decode)| decode(bytes))
                .map_err(|error| format!("the state of version {from} cannot be decoded: {error}"))
        } else {
            // SAFETY: the `Keeping` of this export was given an `M`.
            let migrate = unsafe { conjure::<M>() };
            migrate(from, RawState::borrowed(bytes)).map_err(|error| format!("migrate from version {from}: {error}"))
        };
        let loaded = value.map(|value| {
            // SAFETY: as in `take`.
            *unsafe { state::<X, N, T, A>(instance) }.write() = value;
        });
        loaded.into_repr()
    })
}
