//! Calls by shape, with arguments and result as JSON: what an operator's `lcr call` is in the program.
//!
//! The caller need not know the interface, and neither need this program: signatures are those of the component's
//! manifest. A call is one of a handle in all else ([`packed`](super::packed)): gate, pins, patches, faults.
//!
//! Invariants
//! 1. Nothing is constructed or called before every argument was read: a fault in the last one leaves nothing half
//!    done.
//! 2. A method that its author did not mark with `#[lcr(pure)]` is called only for a caller who says that effects are
//!    meant ([`Call::allow_effects`]).
//! 3. A call with a limit in time runs on a thread of its own, and so does the constructor that it may need. Whoever
//!    waits for it waits no longer than that, and keeps nothing of the runtime alive meanwhile. At most [`AT_ONCE`]
//!    such threads of a runtime exist, so calls that never return exhaust nothing.
//! 4. An argument that the call did not take over is released here; a result is released inside the call, after it was
//!    written.
//!
//! An async method is polled on the thread of its call, and its future is dropped when the time is over. A method that
//! returns a stream is refused.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use serde_json::value::RawValue;

use crate::{
    abi::value::sequences::RawSlice,
    component::{fault::Fault, identity::ComponentId},
    error::{Error, ErrorKind, Result},
    host::{
        deadline::Deadline,
        image::{
            manifest::MethodManifest,
            shape::{Kind, Shape},
        },
        reflect::{
            json::{self, Secrets},
            types::Type,
            value::{Received, Value},
        },
        sys,
    },
};

use super::{
    inner::{AUTHORS_STACK, RuntimeInner},
    packed::{CallFault, FoundMethod, PackedMethod},
};

/// How many calls with a limit in time may be under way at one moment, in one runtime.
const AT_ONCE: usize = 16;

/// A call of a method whose types the caller knows by their shapes alone: see
/// [`Runtime::call`](crate::Runtime::call).
#[derive(Clone, Debug)]
#[must_use = "a call is made by `Runtime::call`"]
pub struct Call {
    interface: String,
    method: String,
    component: Option<String>,
    arguments: String,
    allows_effects: bool,
    timeout: Option<Duration>,
    limit: usize,
}

impl Call {
    /// A call of a method without arguments, on whatever serves the interface.
    pub fn new(interface: impl Into<String>, method: impl Into<String>) -> Call {
        Call {
            interface: interface.into(),
            method: method.into(),
            component: None,
            arguments: "[]".to_owned(),
            allows_effects: false,
            timeout: None,
            limit: 1 << 20,
        }
    }

    /// Its arguments as JSON: an array in their order, or an object by their names. The page `control` of the guide
    /// says how each value is written. Default: none.
    pub fn arguments(self, json: impl Into<String>) -> Call {
        Call { arguments: json.into(), ..self }
    }

    /// The component to call, where several serve the interface.
    pub fn component(self, name: impl Into<String>) -> Call {
        Call { component: Some(name.into()), ..self }
    }

    /// The caller means the effects that the method may have. Without this, only a method with `#[lcr(pure)]` is
    /// called.
    pub fn allow_effects(self) -> Call {
        Call { allows_effects: true, ..self }
    }

    /// How long to wait for the method. The call is made on another thread then, outside of a pin of the calling one.
    /// It goes on when the time is over, since no thread can be made to leave a component. Default: no limit; the call
    /// is made on the calling thread.
    pub fn timeout(self, timeout: Duration) -> Call {
        Call { timeout: Some(timeout), ..self }
    }

    /// How long the result may be as JSON, in bytes. Default: 1 MiB.
    pub fn limit(self, bytes: usize) -> Call {
        Call { limit: bytes, ..self }
    }

    pub(in crate::host) fn has_timeout(&self) -> bool {
        self.timeout.is_some()
    }

    fn name(&self) -> String {
        format!("{:.200}.{:.200}", self.interface, self.method)
    }
}

/// What came of a [`Call`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Called {
    /// The component that served when the call began.
    pub component: ComponentId,
    /// The method's signature: see [`MethodManifest::signature`](crate::manifest::MethodManifest::signature).
    pub signature: String,
    /// The result as JSON, on one line; or the fault that a handle would have given. In the place of a secret is
    /// `"***"`.
    pub result: Result<String, Fault>,
    /// Whether the result is an `Err` of the method's own.
    pub is_error: bool,
    /// The arguments that the method may have written to (`&mut [T]`), as JSON, each with its name, or its place from 1
    /// if that is not known. Empty if the call was not made.
    pub changed: Vec<(String, String)>,
    /// How long the method took.
    pub took: Duration,
}

/// What a call reaches stays, as by a handle: see [`Runtime::hold`](crate::Runtime::hold).
#[must_use = "what it holds goes with the last reference"]
pub struct Held {
    _reference: PackedMethod,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// A call under way: see [`Runtime::start_call`](crate::Runtime::start_call). It goes on if this is dropped.
#[derive(Debug)]
#[must_use = "`wait` returns what comes of the call"]
pub struct PendingCall {
    call: Call,
    ends: mpsc::Receiver<Result<Called>>,
    deadline: Deadline,
}

impl PendingCall {
    /// Waits for the end of the call, at most for its timeout, which began with the call.
    ///
    /// # Errors
    /// As for [`Runtime::call`](crate::Runtime::call).
    pub fn wait(self) -> Result<Called> {
        let PendingCall { call, ends, deadline } = self;
        loop {
            match ends.recv_timeout(deadline.left()) {
                Ok(called) => return called,
                Err(mpsc::RecvTimeoutError::Timeout) if !deadline.has_passed() => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let text = format!(
                        "{} has not returned within {:?}; the call goes on, unless the method is async, and its \
                         effects may yet happen",
                        call.name(),
                        call.timeout.unwrap_or_default()
                    );
                    return Err(Error::new(ErrorKind::Deadline, text));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let text = "the thread of a call by shape panicked; please report this";
                    return Err(Error::new(ErrorKind::Internal, text));
                }
            }
        }
    }
}

impl RuntimeInner {
    /// Makes the call on this thread, whatever its timeout. At the deadline an async call ends.
    ///
    /// # Errors
    /// Those of [`Runtime::call`](crate::Runtime::call).
    pub(in crate::host) fn call_by_shape(self: &Arc<RuntimeInner>, call: &Call, deadline: Deadline) -> Result<Called> {
        let found = self.find_method(&call.interface, call.component.as_deref(), &call.method)?;
        if !found.method().is_pure && !call.allows_effects {
            let text = format!(
                "{} is not declared `#[lcr(pure)]`, so a call may change something; say that this is meant \
                 (`allow_effects`, or --yes of the command)",
                call.name()
            );
            return Err(Error::new(ErrorKind::Protected, text));
        }
        make(self, found, call, deadline)
    }

    /// Takes a reference on what a call would reach. Constructs that if it is the first.
    ///
    /// # Errors
    /// Those of a call before its arguments are read.
    pub(in crate::host) fn hold_by_shape(self: &Arc<RuntimeInner>, call: &Call) -> Result<Held> {
        let found = self.find_method(&call.interface, call.component.as_deref(), &call.method)?;
        self.refer_to(found).map(|reference| Held { _reference: reference })
    }

    /// Makes the call on a thread of its own.
    ///
    /// # Errors
    /// `Busy` if too many are under way; `Io` if no thread can be started.
    pub(in crate::host) fn start_call_by_shape(self: &Arc<RuntimeInner>, call: Call) -> Result<PendingCall> {
        let place = Place::take(&self.shape_calls).ok_or_else(|| {
            let text = format!("{AT_ONCE} calls by shape are under way and have not returned; wait for one of them");
            Error::new(ErrorKind::Busy, text)
        })?;
        let deadline = Deadline::after(Instant::now(), call.timeout);
        let (sender, ends) = mpsc::sync_channel(1);
        let (inner, own) = (Arc::clone(self), call.clone());
        let run = move || {
            let called = inner.call_by_shape(&own, deadline);
            // Whoever hears of the end may end the runtime next, or count the calls.
            drop((inner, place));
            // Nobody may wait any more.
            let _ = sender.send(called);
        };
        sys::start(c"lcr-call", AUTHORS_STACK, run)
            .map_err(|error| Error::io("no thread can be started for the call", error))?;
        Ok(PendingCall { call, ends, deadline })
    }

    /// In the child of a fork: the threads of the calls that were under way are not there.
    pub(super) fn forget_shape_calls(&self) {
        self.shape_calls.store(0, Ordering::Relaxed);
    }
}

/// One of the calls that may be under way.
struct Place {
    taken: Arc<AtomicUsize>,
    /// The number of forks before it was taken.
    forks: u32,
}

impl Place {
    fn take(taken: &Arc<AtomicUsize>) -> Option<Place> {
        let more = |count: usize| (count < AT_ONCE).then_some(count + 1);
        // The count protects no other data.
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place { taken: Arc::clone(taken), forks: sys::forks() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The thread that forks may be one of these: the child has forgotten its place.
        if self.forks == sys::forks() {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// An argument in messages.
fn described(method: &MethodManifest, place: usize) -> String {
    match method.arguments.get(place) {
        Some(name) => format!("argument {} `{name}`", place + 1),
        None => format!("argument {}", place + 1),
    }
}

/// Makes the call.
fn make(inner: &Arc<RuntimeInner>, found: FoundMethod, call: &Call, deadline: Deadline) -> Result<Called> {
    let (arguments, limit) = (&*call.arguments, call.limit);
    let (component, method) = (found.component().clone(), found.method().clone());
    let shapes: Vec<&Shape> = method.shape.arguments().collect();
    let types = shapes.iter().map(|shape| Type::of(shape)).collect::<Result<Vec<_>>>()?;
    let no_result = || Error::new(ErrorKind::BadManifest, "the method has no result; build the component again");
    let result_type = Type::of(method.shape.result().ok_or_else(no_result)?)?;
    let texts = split(&method, types.len(), arguments)?;
    let read = types.iter().zip(texts).enumerate();
    let read = read.map(|(place, (ty, text))| json::decode(ty, text, &described(&method, place)));
    let mut values = read.collect::<Result<Vec<Value<'_>>>>()?;
    let packed = inner.refer_to(found)?;

    let mut places: Vec<*mut ()> = values.iter_mut().map(Value::give).collect();
    let lent: Vec<usize> = (0..shapes.len()).filter(|&place| shapes[place].kind() == Kind::SliceMut).collect();
    // SAFETY: the values at these places are slices.
    let slice = |&place: &usize| unsafe { places[place].cast::<RawSlice<u8>>().read() };
    // The call gets slices of its own, which a hook may replace: the values still say where the lent memory is.
    let mut slices: Vec<RawSlice<u8>> = lent.iter().map(slice).collect();
    for (&place, slice) in lent.iter().zip(&mut slices) {
        places[place] = (&raw mut *slice).cast();
    }
    let write = |at: *mut ()| {
        // SAFETY: the call has written a value of the result's shape, which is ours now.
        let result = unsafe { Received::new(&result_type, at) };
        (result.at().is_err(), json::encode(result.at(), Secrets::Hidden, limit))
    };
    let begun = Instant::now();
    let outcome = if method.shape.is_async() {
        // SAFETY: these are values of the arguments' shapes, and what they borrow lives in `values`.
        unsafe { packed.call_async(&places, result_type.memory(), deadline, write) }
    } else {
        // SAFETY: as above.
        unsafe { packed.call(&places, write) }.map(Some)
    };
    let took = begun.elapsed();
    let (mut is_error, mut was_made) = (false, true);
    let result = match outcome {
        Ok(None) => {
            let text =
                format!("{} has not come to an end within {:?}; its future was dropped", call.name(), begun.elapsed());
            return Err(Error::new(ErrorKind::Deadline, text));
        }
        Ok(Some((is_err, Ok(json)))) => {
            is_error = is_err;
            Ok(json)
        }
        Ok(Some((_, Err(error)))) => {
            let text = format!("the method was called, and its result cannot be shown in {limit} bytes: {error}");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Err(CallFault { fault, took_arguments }) => {
            was_made = took_arguments;
            if !took_arguments {
                // SAFETY: they were given, and no callee took them.
                values.iter_mut().for_each(|value| unsafe { value.keep() });
            }
            Err(fault)
        }
    };
    let after = |place: &usize| {
        let name = method.arguments.get(*place).cloned().unwrap_or_else(|| (place + 1).to_string());
        if method.is_secret(*place) {
            return (name, "\"***\"".to_owned());
        }
        // SAFETY: the call is over, and had another representation of the slice.
        let written = unsafe { values[*place].lent() };
        let json = json::encode(written, Secrets::Hidden, limit);
        (name, json.unwrap_or_else(|error| serde_json::Value::from(error.to_string()).to_string()))
    };
    let changed = if was_made { lent.iter().map(after).collect() } else { Vec::new() };
    Ok(Called { component, signature: method.signature(), result, is_error, changed, took })
}

/// The JSON of each argument, out of an array or an object.
fn split<'a>(method: &MethodManifest, count: usize, arguments: &'a str) -> Result<Vec<&'a str>> {
    let wrong = |text: String| Error::new(ErrorKind::Invalid, format!("`{}`: {text}", method.signature()));
    let unreadable = |error: serde_json::Error| wrong(format!("the arguments are no JSON array or object: {error}"));
    if !arguments.trim_start().starts_with('{') {
        let list: Vec<&RawValue> = serde_json::from_str(arguments).map_err(unreadable)?;
        if list.len() != count {
            return Err(wrong(format!("expected {count} arguments, found {}", list.len())));
        }
        return Ok(list.into_iter().map(RawValue::get).collect());
    }
    if method.arguments.len() != count {
        return Err(wrong("the names of its arguments are not known; give an array".to_owned()));
    }
    let Named(mut found) = serde_json::from_str(arguments).map_err(unreadable)?;
    let argument = |name: &String| {
        let raw = found.remove(name).ok_or_else(|| wrong(format!("argument `{name}` is missing")))?;
        Ok(raw.get())
    };
    let list = method.arguments.iter().map(argument).collect::<Result<Vec<&str>>>()?;
    match found.keys().next() {
        None => Ok(list),
        Some(unknown) => Err(wrong(format!("there is no argument `{unknown:.40}`"))),
    }
}

/// The members of an object, none of them twice.
struct Named<'a>(HashMap<String, &'a RawValue>);

impl<'de> serde::Deserialize<'de> for Named<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Named<'de>, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of arguments")
            }

            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut members: M) -> Result<Named<'de>, M::Error> {
                let mut found = HashMap::new();
                while let Some((name, value)) = members.next_entry::<String, &'de RawValue>()? {
                    if found.contains_key(&name) {
                        return Err(serde::de::Error::custom(format_args!("`{name:.40}` is there twice")));
                    }
                    found.insert(name, value);
                }
                Ok(Named(found))
            }
        }
        json.deserialize_map(Members)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
