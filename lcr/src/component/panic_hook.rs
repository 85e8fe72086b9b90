//! Leads the panics of this image to the panic hook of its host.
//!
//! The hook is a static of std, of which each image has its own, so a program's hook does not learn of a panic in a
//! loaded component. The entry of a component's image sets a hook that passes message and place on to the host,
//! which runs the program's hook (`host/image/logs/panics`). If the host does not report the panic, the hook that was
//! set before does. An author who sets a hook later has that hook.

use std::{
    panic::{self, PanicHookInfo},
    sync::OnceLock,
    thread::{self, Thread},
};

use crate::abi::{holds, logs::RawPanic, tables::HostTable, value::Abi as _};

/// Sets the hook. Called by the entry, once. `component` names the component of this image.
pub(super) fn lead_to(host: &'static HostTable, component: fn() -> String) {
    type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;
    type Component = fn() -> String;
    static BEFORE: OnceLock<Hook> = OnceLock::new();
    static HOST: OnceLock<(&'static HostTable, Component)> = OnceLock::new();
    if HOST.set((host, component)).is_err() {
        return;
    }
    let _ = BEFORE.set(panic::take_hook());
    // Without captures, so that it takes no memory, which an image that is unmapped would lose.
    panic::set_hook(Box::new(|info| {
        let is_reported = HOST.get().is_some_and(|(host, component)| report(host, &component(), info));
        if !is_reported && let Some(before) = BEFORE.get() {
            before(info);
        }
    }));
}

fn report(host: &HostTable, component: &str, info: &PanicHookInfo<'_>) -> bool {
    let Some(place) = info.location() else { return false };
    let payload = info.payload();
    let message =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
    // Where a thread ends, std has no current thread any more, and panics if it is asked for it: here that would end
    // the process. Only this image's own threads have a name in it.
    // SAFETY: the counts are this image's.
    let thread = unsafe { (host.threads.is_of)(holds::ours()) }.then(thread::current);
    let raw = RawPanic {
        component: component.into_repr(),
        message: message.unwrap_or_default().into_repr(),
        file: place.file().into_repr(),
        thread: thread.as_ref().and_then(Thread::name).unwrap_or_default().into_repr(),
        line: place.line(),
        column: place.column(),
    };
    // SAFETY: the description is valid for the call.
    unsafe { (host.panicked)(&raw const raw) }
}
