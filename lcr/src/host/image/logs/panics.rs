//! Panics of images, reported to the program's panic hook.
//!
//! A hook takes a `PanicHookInfo`, which only std can make, and std makes one for a panic of its own image. So the
//! host panics: it raises a panic in the program, on the same thread, whose text names the component and the place,
//! and catches it at once. The program's std runs the program's hook as for any panic, with the stack of the
//! component below it. What std says beside the text is where *this file* raised it; a hook that wants the
//! component's place itself asks [`ComponentPanic::with_current`].
//!
//! A program that is compiled with `panic = "abort"` would end by that. There the image's own hook reports.

use std::{
    cell::Cell,
    fmt,
    panic::{catch_unwind, panic_any},
    ptr,
};

use crate::{
    abi::{
        logs::RawPanic,
        value::{Abi as _, sequences::RawSlice},
    },
    component::identity::ComponentId,
};

thread_local! {
    /// The panic that this thread reports at the moment, which is on its stack.
    static CURRENT: Cell<*const ComponentPanic> = const { Cell::new(ptr::null()) };
}

/// A panic in a loaded component, as the program's panic hook sees it.
///
/// A loaded component has a std of its own, and with it a panic hook of its own. `lcr` has the program's hook run
/// for its panics: on the thread that panics, before the panic unwinds, so that a backtrace shows the component's
/// frames. The payload that the hook sees is a `String`:
///
/// ```text
/// component kv 1.2.0 panicked at src/store.rs:41:9: index out of bounds
/// ```
///
/// and `PanicHookInfo::location` is a place in `lcr`, because std does not let a program state another. A hook
/// that wants the parts asks [`with_current`](ComponentPanic::with_current):
///
/// ```
/// use lcr::ComponentPanic;
///
/// let before = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |info| {
///     let is_of_component = ComponentPanic::with_current(|panic| {
///         eprintln!("{}:{}: {}", panic.file(), panic.line(), panic.message());
///     });
///     if is_of_component.is_none() {
///         before(info);
///     }
/// }));
/// # drop(std::panic::take_hook());
/// ```
///
/// A component that is linked into the program shares the program's std, so its panics are ordinary ones for the
/// hook. A program that is compiled with `panic = "abort"` gets no report; the component's own hook, which is std's
/// unless the author set one, prints there.
#[derive(Debug)]
pub struct ComponentPanic {
    component: Option<ComponentId>,
    message: Option<String>,
    file: String,
    thread: Option<String>,
    line: u32,
    column: u32,
}

impl ComponentPanic {
    /// Calls `look` with the panic that the hook runs for on this thread. `None` if that panic is not one of a loaded
    /// component.
    pub fn with_current<R>(look: impl FnOnce(&ComponentPanic) -> R) -> Option<R> {
        let current = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
        // SAFETY: null, or a value on the stack of this thread, below this call: `Reporting` takes it out before
        // the value is dropped.
        unsafe { current.as_ref() }.map(look)
    }

    /// The component; `None` if its image does not say.
    pub fn component(&self) -> Option<&ComponentId> {
        self.component.as_ref()
    }

    /// The panic's message; of a payload that is no text, a note that says so.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or("a panic without a message")
    }

    /// The source file, as the compiler of the component was given it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line in the file, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column in the line, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The name of the thread, if it is one that the component started and named, and has not begun to end.
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }
}

impl fmt::Display for ComponentPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.component {
            Some(component) => write!(f, "component {component} panicked")?,
            None => write!(f, "a component panicked")?,
        }
        if let Some(thread) = &self.thread {
            write!(f, " in its thread {thread}")?;
        }
        write!(f, " at {}:{}:{}: {}", self.file, self.line, self.column, self.message())
    }
}

/// Shows a panic to hooks of this thread while it lives.
struct Reporting(*const ComponentPanic);

impl Reporting {
    fn begin(panic: &ComponentPanic) -> Reporting {
        Reporting(CURRENT.try_with(|current| current.replace(panic)).unwrap_or(ptr::null()))
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

/// Whether this thread is inside the program's hook already, for a panic of an image.
fn is_reporting() -> bool {
    !CURRENT.try_with(Cell::get).unwrap_or(ptr::null()).is_null()
}

/// Runs the program's panic hook for a panic of an image. False if the hook was not run.
pub(in crate::host) unsafe extern "C" fn panicked(raw: *const RawPanic) -> bool {
    if cfg!(panic = "abort") || is_reporting() {
        return false;
    }
    // SAFETY: the image's description is valid for the call.
    let raw = unsafe { &*raw };
    // SAFETY: as above; texts are strings of Rust.
    let text = |slice: RawSlice<u8>| unsafe { <&str>::from_repr(slice) }.to_owned();
    let some = |slice: RawSlice<u8>| Some(text(slice)).filter(|text| !text.is_empty());
    let panic = ComponentPanic {
        component: ComponentId::parse(&text(raw.component)),
        message: some(raw.message),
        file: text(raw.file),
        thread: some(raw.thread),
        line: raw.line,
        column: raw.column,
    };
    let _reporting = Reporting::begin(&panic);
    let text = panic.to_string();
    // The payload is the text, whose destructor does not panic.
    drop(catch_unwind(|| panic_any(text)));
    true
}
