//! Calls of a runtime's methods with JSON.

use std::time::Instant;

use crate::error::Result;

use super::{
    deadline::Deadline,
    runtime::Runtime,
    service::shape_calls::{Call, Called, Held, PendingCall},
};

impl Runtime {
    /// Calls a method with JSON, of whatever serves its interface. This program need not know the interface: the
    /// signature is that of the component's manifest. In all else it is a call through a handle, of the shared
    /// instance: it constructs that if it is the first, passes the gate, and is patched as the method is. In a pin
    /// of the calling thread it goes where a handle goes that was there before the pin; if there is none, to what
    /// serves now. With a [timeout](Call::timeout) the call is made on another thread, for which this one waits.
    ///
    /// ```
    /// # #[lcr::interface(name = "calls.store", version = 1)]
    /// # pub trait Store {
    /// #     #[lcr(pure)]
    /// #     fn len_of(&self, key: &str) -> Option<u64>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Lengths;
    /// # #[lcr::component(name = "lengths")]
    /// # impl Store for Lengths {
    /// #     fn len_of(&self, key: &str) -> Option<u64> {
    /// #         Some(key.len() as u64)
    /// #     }
    /// # }
    /// use lcr::calls::Call;
    ///
    /// let rt = lcr::Runtime::new()?;
    /// let called = rt.call(&Call::new("calls.store", "len_of").arguments("[\"key\"]"))?;
    /// assert_eq!(called.result.unwrap(), "3");
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound` if nothing serves the interface, or it has no such method; `Ambiguous` if several components do;
    /// `Protected` if the method is not declared `#[lcr(pure)]` and the caller does not
    /// [allow effects](Call::allow_effects); `Invalid` if an argument is not of its type, with the way to the fault, if
    /// values of a type cannot be made from JSON (functions, handles), if the method returns a stream, or
    /// if the result is longer than the [limit](Call::limit): then the method was called; `Busy` if 16 calls with a
    /// timeout are under way; `Deadline` if the time is over; those of a construction. A fault of the call is no error,
    /// but a [result](Called::result).
    pub fn call(&self, call: &Call) -> Result<Called> {
        if call.has_timeout() {
            return self.start_call(call)?.wait();
        }
        self.inner().call_by_shape(call, Deadline::after(Instant::now(), None))
    }

    /// Begins such a call on another thread, also if it has no timeout. Does not block.
    ///
    /// # Errors
    /// `Busy` if 16 calls are under way; `Io` if no thread can be started.
    pub fn start_call(&self, call: &Call) -> Result<PendingCall> {
        self.inner().start_call_by_shape(call.clone())
    }

    /// Holds what such a call would reach, as a handle does: the shared instance is constructed if this is the first
    /// reference, and stays until this value and all handles are dropped. Where nobody has a handle, each call
    /// constructs an instance, which goes with the call and takes its state along. The method is not called.
    ///
    /// # Errors
    /// `NotFound` and `Ambiguous` as for [`call`](Runtime::call); those of a construction.
    pub fn hold(&self, call: &Call) -> Result<Held> {
        self.inner().hold_by_shape(call)
    }
}
