//! The hook of a watch around an async method; and which of the two hooks a method gets.
//!
//! The C function of such a method is its start and first poll ([`future`](crate::abi::future)), and it has thunks of
//! its own. So the layer sees the arguments when the call starts. If the call is over after its first poll, its end is
//! seen there. Else the layer puts a future of its own in front of the component's: that passes each poll and the drop
//! on, and sees the poll by which the call ends, or that the caller drops the future before. What was noted of the
//! call lies in it, and so does a count of the layer: the watch may be taken off while the call is between its polls.
//!
//! A call that pends costs one allocation more while it is watched. Its time is that from the first poll to the end, on
//! whichever threads.

use std::{mem, sync::Arc};

use super::{
    Switch,
    layer::{self, Call, Ended, Observer, Observing, quietly},
    signature::Signature,
};
use crate::{
    abi::{
        crossing::Packed,
        future::{FutureTable, ITEM, PENDING, Polled, RawCall, RawFuture},
        waker::WakerHead,
    },
    component::hooks::{Around, Next},
};

/// The layer around a method of this signature that has `observer` look at its calls.
pub(crate) fn observing(switch: &Arc<Switch>, signature: Signature, observer: impl Observer) -> Box<dyn Around> {
    let is_async = signature.is_async();
    let observing = Observing { switch: Arc::clone(switch), signature, observer };
    if is_async {
        return Box::new(ObservingStart(Arc::new(observing)));
    }
    Box::new(observing)
}

/// The layer around the C function of an async method.
struct ObservingStart<O>(Arc<Observing<O>>);

// SAFETY: the arguments and the place go on to what is below, once and unchanged, and nothing here unwinds. What is
// below has written a future of its own where this writes one that stands for it. Whoever puts the layer in compares
// the signature's shape with that of the method.
unsafe impl<O: Observer> Around for ObservingStart<O> {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let Observing { switch, signature, observer } = &*self.0;
        let noted = if switch.is_on() {
            // SAFETY: the caller passes the arguments of this signature, which nobody takes before `next` runs.
            let call = unsafe { Call::new(signature, arguments) };
            quietly(switch, || observer.begin(call)).flatten()
        } else {
            None
        };
        // SAFETY: the caller passes the arguments of this signature.
        let call = unsafe { call_of(signature, arguments) };
        // SAFETY: the caller says so.
        unsafe { next.run(arguments, out) };
        let Some(noted) = noted else { return };
        // SAFETY: the result of such a function is a `Polled`, which it has written.
        let polled = unsafe { out.cast::<Polled>().read() };
        if is_over(&polled) {
            let value = value_of(signature, call);
            // SAFETY: the call is over, so the value is there if there is no fault; nobody takes either before this
            // returns.
            let ended = unsafe { ended(signature, &polled, value) };
            layer::end(switch, noted, |noted| observer.end(noted, signature, &ended));
            return;
        }
        // SAFETY: the call is the caller's, which waits for this function.
        let future = unsafe { &raw mut (*call).future };
        // SAFETY: what is below has written its future there, and the caller has not seen it yet.
        let below = unsafe { future.read() };
        let watched = Watched::wrap(below, noted, &self.0);
        // SAFETY: as above.
        unsafe { future.write(watched) };
    }
}

/// The call that the function of an async method gets. Its value's type is not known here.
///
/// # Safety
/// These are the arguments of the signature, which is that of an async method.
pub(super) unsafe fn call_of(signature: &Signature, arguments: Packed) -> *mut RawCall<()> {
    // SAFETY: the call follows the arguments.
    let call = unsafe { arguments.add(signature.arguments().len()) };
    // SAFETY: as above.
    let call = unsafe { call.read() };
    // SAFETY: the last argument of a polled method's function is the call.
    unsafe { call.cast::<*mut RawCall<()>>().read() }
}

/// Where a call has its value: behind the fields that are the same whatever the value is, aligned.
pub(super) fn value_of(signature: &Signature, call: *mut RawCall<()>) -> *mut () {
    let offset = mem::offset_of!(RawCall<u8>, value).next_multiple_of(signature.result().align());
    call.cast::<()>().wrapping_byte_add(offset)
}

fn is_over(polled: &Polled) -> bool {
    !polled.is(PENDING) && !polled.is(ITEM)
}

/// How a call ended.
///
/// # Safety
/// The call is over, and its value is there if there is no fault. Both live and do not change for `'a`.
unsafe fn ended<'a>(signature: &'a Signature, polled: &'a Polled, value: *mut ()) -> Ended<'a> {
    // SAFETY: a fault that is there is alive.
    match unsafe { polled.fault.as_ref() } {
        Some(fault) => Ended::Fault(fault),
        // SAFETY: the caller says so.
        None => unsafe { Ended::value(signature, value) },
    }
}

/// The future below, with what looks at its end.
struct Watched<O: Observer> {
    below: RawFuture,
    noted: O::Noted,
    observing: Arc<Observing<O>>,
}

impl<O: Observer> Watched<O> {
    const TABLE: FutureTable = FutureTable { poll: poll::<O>, drop: drop_future::<O>, cancels: false };
    const CANCELLING: FutureTable = FutureTable { cancels: true, ..Watched::<O>::TABLE };

    fn wrap(below: RawFuture, noted: O::Noted, observing: &Arc<Observing<O>>) -> RawFuture {
        // SAFETY: the future below is there.
        let cancels = unsafe { below.cancels() };
        let watched = Watched { below, noted, observing: Arc::clone(observing) };
        let table = if cancels { &Watched::<O>::CANCELLING } else { &Watched::<O>::TABLE };
        RawFuture { data: Box::into_raw(Box::new(watched)).cast(), table }
    }

    fn end(self, ended: &Ended<'_>) {
        let Watched { noted, observing, .. } = self;
        let Observing { switch, signature, observer } = &*observing;
        quietly(switch, || observer.end(noted, signature, ended));
    }
}

unsafe extern "C" fn poll<O: Observer>(data: *mut (), waker: *const WakerHead, value: *mut ()) -> Polled {
    let watched: *mut Watched<O> = data.cast();
    // SAFETY: `wrap` made it, and the caller polls it while it is there.
    let RawFuture { data, table } = unsafe { (*watched).below };
    // SAFETY: the future below is there as long as this one.
    let poll = unsafe { (*table).poll };
    // SAFETY: the caller says so of waker and value.
    let polled = unsafe { poll(data, waker, value) };
    if !is_over(&polled) {
        return polled;
    }
    // SAFETY: the call is over, so this is not used again.
    let watched = unsafe { Box::from_raw(watched) };
    if !watched.observing.switch.is_here() {
        // As in `layer::end`.
        mem::forget(watched);
        return polled;
    }
    let observing = Arc::clone(&watched.observing);
    // SAFETY: the call is over; the caller takes value and fault when this returns.
    let ended = unsafe { ended(&observing.signature, &polled, value) };
    watched.end(&ended);
    polled
}

unsafe extern "C" fn drop_future<O: Observer>(data: *mut ()) {
    // SAFETY: `wrap` made it, and the caller drops it once.
    let watched = unsafe { Box::from_raw(data.cast::<Watched<O>>()) };
    // SAFETY: the future below is there as long as this one.
    unsafe { watched.below.drop() };
    if !watched.observing.switch.is_here() {
        mem::forget(watched);
        return;
    }
    watched.end(&Ended::Dropped);
}
