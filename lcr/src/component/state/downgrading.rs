//! What `downgrade = path` beside `#[lcr::component(state = field)]` registers: the C function by which a component
//! writes a saved state as an older version.
//!
//! It works on what [`keeping`](super::keeping)'s `save` wrote, and not on the value in the instance: while it runs, the
//! instance has its state, and a refusal changes nothing.

use std::sync::atomic::AtomicU32;

use serde::de::DeserializeOwned;

use crate::{
    abi::{
        tables::Saved,
        value::{Abi, sequences::RawSlice},
    },
    component::{
        ambient::Ambient,
        export::borrow,
        panic_barrier::barrier,
        stateful::{self, BoxError, RawState},
        wire::Unwanted,
    },
};

use super::{
    cell::State,
    keeping::{Keeping, KeptBy, conjurable, conjure},
};

impl<X: 'static, N: Ambient> KeptBy<X, N> {
    /// The same state, with a function that writes it as an older version. `access` says of which type the state is.
    ///
    /// # Panics
    /// While the component is compiled, if serde does not write and read the state.
    pub const fn downgrading<T, A, F>(keeping: Keeping, _access: A, downgrade: F) -> Keeping
    where
        T: DeserializeOwned + 'static,
        A: Fn(&X) -> &State<T> + Copy + 'static,
        F: Fn(u32, T) -> Result<RawState<'static>, BoxError> + Copy + 'static,
    {
        conjurable(downgrade);
        let Keeping { declared, table, .. } = keeping;
        assert!(
            declared.copies,
            "lcr: `downgrade` needs a state that serde writes and reads; derive `Serialize` and `Deserialize` for it"
        );
        Keeping { declared, table, downgrade: Some(self::downgrade::<X, N, T, F>) }
    }
}

unsafe extern "C" fn downgrade<
    X: 'static,
    N: Ambient,
    T: DeserializeOwned,
    F: Fn(u32, T) -> Result<RawState<'static>, BoxError> + Copy,
>(
    instance: usize,
    to: u32,
    bytes: RawSlice<u8>,
    unwanted: *const AtomicU32,
) -> Saved {
    barrier(|| {
        // SAFETY: the host passes a live instance of this export, which was constructed as an `X` inside an `N`.
        let _inside = unsafe { borrow::<X, N>(instance) }.ambient.enter();
        // SAFETY: the bytes live for the call.
        let bytes: &[u8] = unsafe { Abi::from_repr(bytes) };
        // SAFETY: so does the host's flag.
        let unwanted = unsafe { Unwanted::new(unwanted) };
        // SAFETY: the `Keeping` of this export was given an `F`.
        let downgrade = unsafe { conjure::<F>() };
        stateful::downgrade::<T>(to, bytes, unwanted, downgrade).into_repr()
    })
}
