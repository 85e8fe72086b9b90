//! How records, spans and panics of an image reach its host.
//!
//! An image has statics of its own, so its copies of `tracing`, `log` and std's panic hook are not those of the
//! program. The image's side (`component/logs`, `component/panic_hook`) and the host's (`host/image/logs`) meet
//! in the tables below. A host that was built without a feature has no table for it, and the image then behaves
//! as it would without `lcr`.
//!
//! Ownership: what a function takes is borrowed for the call, but for what its comment names. Threads: any.
//! None of these functions unwinds: a panic on the host's side ends the record, and a value is formatted on the
//! image's side before the call.

use core::sync::atomic::{AtomicPtr, AtomicU8};

use super::{holds::Holds, layout::layout, value::sequences::RawSlice};

/// No record of the site is wanted.
pub const NEVER: u8 = 0;
/// The host wants to be asked for each record of the site.
pub const SOMETIMES: u8 = 1;
/// Each record of the site is wanted.
pub const ALWAYS: u8 = 2;

/// A callsite of `tracing` in an image: where records or spans of one form come from.
#[repr(C)]
pub struct RawSite {
    /// The name.
    pub name: RawSlice<u8>,
    /// The target.
    pub target: RawSlice<u8>,
    /// The path of the module; empty if there is none.
    pub module: RawSlice<u8>,
    /// The source file; empty if there is none.
    pub file: RawSlice<u8>,
    /// The names of the fields, in order.
    pub fields: RawSlice<RawSlice<u8>>,
    /// The line in the file; 0 if there is none.
    pub line: u32,
    /// 1 (error) to 5 (trace).
    pub level: u32,
    /// [`EVENT`], [`SPAN`] or another number for a site that is only asked whether it is enabled.
    pub kind: u32,
}

layout!(RawSite: size 96, align 8 { name at 0, target at 16, module at 32, file at 48, fields at 64, line at 80, level at 84, kind at 88 });

/// The site is one of events.
pub const EVENT: u32 = 0;
/// The site is one of spans.
pub const SPAN: u32 = 1;

/// The host's callsite for one of an image, or of several that are alike. It lives as long as the process.
#[repr(C)]
pub struct HostSite {
    /// [`NEVER`], [`SOMETIMES`] or [`ALWAYS`], as the subscribers of the host decided last.
    pub interest: AtomicU8,
    /// The host's description of the site, as in [`RawCurrent::site`]. Set before any image has the site.
    pub metadata: AtomicPtr<()>,
}

layout!(HostSite: size 16, align 8 { interest at 0, metadata at 8 });

/// The value of one field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawField {
    /// Which of the numbers below.
    pub kind: u32,
    /// The place of the field among those of the site.
    pub index: u32,
    /// A number's bits, the low half first.
    pub bits: [u64; 2],
    /// A text or bytes.
    pub text: RawSlice<u8>,
}

layout!(RawField: size 40, align 8 { kind at 0, index at 4, bits at 8, text at 24 });

/// What a [`RawField`] has.
pub mod field {
    /// A `bool`.
    pub const BOOL: u32 = 0;
    /// An `i64`.
    pub const I64: u32 = 1;
    /// A `u64`.
    pub const U64: u32 = 2;
    /// An `i128`.
    pub const I128: u32 = 3;
    /// A `u128`.
    pub const U128: u32 = 4;
    /// An `f64`.
    pub const F64: u32 = 5;
    /// A string.
    pub const STR: u32 = 6;
    /// Bytes.
    pub const BYTES: u32 = 7;
    /// A value in the text of its `Debug` or `Display`.
    pub const TEXT: u32 = 8;
    /// An error's text. The texts of its sources follow, each as [`SOURCE`].
    pub const ERROR: u32 = 9;
    /// The text of the source of the error before it.
    pub const SOURCE: u32 = 10;
}

/// What a record or a span belongs to.
#[repr(C)]
pub struct RawParent {
    /// [`CURRENT`](parent::CURRENT), [`ROOT`](parent::ROOT) or [`EXPLICIT`](parent::EXPLICIT).
    pub kind: u32,
    /// The span, if it is explicit.
    pub span: u64,
}

layout!(RawParent: size 16, align 8 { kind at 0, span at 8 });

/// What [`RawParent`] says.
pub mod parent {
    /// The span that the thread is in.
    pub const CURRENT: u32 = 0;
    /// None.
    pub const ROOT: u32 = 1;
    /// The one that is given.
    pub const EXPLICIT: u32 = 2;
}

/// The number of the host's current span of the calling thread, where the image has no number for that span.
/// Valid until the thread leaves the span; [`TracingTable::clone`] gives a number that stays.
pub const CURRENT_OF_HOST: u64 = u64::MAX;
/// The number of no span.
pub const NO_SPAN: u64 = u64::MAX - 1;

/// The span that a thread is in.
#[repr(C)]
pub struct RawCurrent {
    /// 0 if the host does not know, 1 if there is none, 2 if the rest is valid.
    pub state: u32,
    /// Its number.
    pub span: u64,
    /// The host's description of its site, for [`TracingTable::describe`]. It lives as long as the process.
    pub site: *const (),
}

layout!(RawCurrent: size 24, align 8 { state at 0, span at 8, site at 16 });

/// What an image offers its host for `tracing`. It lives in the image.
#[repr(C)]
pub struct ImageTracing {
    /// Notes that the host's interest in a site changed. Takes what the image gave to
    /// [`TracingTable::bind`]. Takes no lock.
    pub set_interest: unsafe extern "C" fn(*const (), u8),
    /// Frees what the image knows of its sites. No code of the image runs, and none will unless the image cannot be
    /// unmapped; then it binds its sites anew.
    pub forget: unsafe extern "C" fn(),
    /// Binds all sites anew, after [`forget`](ImageTracing::forget).
    pub remember: unsafe extern "C" fn(),
}

layout!(ImageTracing: size 24, align 8 { set_interest at 0, forget at 8, remember at 16 });

/// An image, as the functions of [`TracingTable`] know it; the host's own.
pub type Opened = *const ();

/// What a host offers its images for `tracing`.
#[repr(C)]
pub struct TracingTable {
    /// Makes an image known by its counts, once. The result is valid while the image is mapped; null if the host
    /// failed.
    pub open: unsafe extern "C" fn(*const Holds, *const ImageTracing) -> Opened,
    /// The host's callsite for one of the image. The last argument is the image's own note, for
    /// [`ImageTracing::set_interest`], valid until [`ImageTracing::forget`]. Null if the host failed.
    pub bind: unsafe extern "C" fn(Opened, *const RawSite, *const ()) -> *const HostSite,
    /// Has the host tell its interest in a bound site again.
    pub settle: unsafe extern "C" fn(*const HostSite, *const ImageTracing, *const ()),
    /// Whether a record of the site is wanted now.
    pub enabled: unsafe extern "C" fn(*const HostSite) -> bool,
    /// An event.
    pub event: unsafe extern "C" fn(Opened, *const HostSite, *const RawParent, RawSlice<RawField>),
    /// A new span: its number, with one reference.
    pub new_span: unsafe extern "C" fn(Opened, *const HostSite, *const RawParent, RawSlice<RawField>) -> u64,
    /// Values of a span.
    pub record: unsafe extern "C" fn(Opened, u64, RawSlice<RawField>),
    /// The first span follows from the second one.
    pub follows: unsafe extern "C" fn(Opened, u64, u64),
    /// The thread enters a span.
    pub enter: unsafe extern "C" fn(Opened, u64),
    /// The thread leaves a span.
    pub exit: unsafe extern "C" fn(Opened, u64),
    /// One more reference to a span: its number.
    pub clone: unsafe extern "C" fn(Opened, u64) -> u64,
    /// One reference less. True if it was the last.
    pub close: unsafe extern "C" fn(Opened, u64) -> bool,
    /// The span that the calling thread is in.
    pub current: unsafe extern "C" fn(Opened, *mut RawCurrent),
    /// Describes a [`RawCurrent::site`] to a function, which is called once, with the last argument.
    pub describe: unsafe extern "C" fn(*const (), unsafe extern "C" fn(*mut (), *const RawSite), *mut ()),
}

layout!(TracingTable: size 112, align 8 { open at 0, bind at 8, settle at 16, enabled at 24, event at 32, new_span at 40, record at 48, follows at 56, enter at 64, exit at 72, clone at 80, close at 88, current at 96, describe at 104 });

/// A record of `log`.
#[repr(C)]
pub struct RawRecord {
    /// The target.
    pub target: RawSlice<u8>,
    /// The path of the module; empty if there is none.
    pub module: RawSlice<u8>,
    /// The source file; empty if there is none.
    pub file: RawSlice<u8>,
    /// The formatted text.
    pub text: RawSlice<u8>,
    /// Keys and values.
    pub pairs: RawSlice<RawPair>,
    /// The line in the file; 0 if there is none.
    pub line: u32,
    /// 1 (error) to 5 (trace).
    pub level: u32,
}

layout!(RawRecord: size 88, align 8 { target at 0, module at 16, file at 32, text at 48, pairs at 64, line at 80, level at 84 });

/// A key and its value in a record of `log`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawPair {
    /// The key.
    pub key: RawSlice<u8>,
    /// The value; the index means nothing.
    pub value: RawField,
}

layout!(RawPair: size 56, align 8 { key at 0, value at 16 });

/// What an image offers its host for `log`. It lives in the image.
#[repr(C)]
pub struct ImageLog {
    /// Sets the highest level that the image gives to its logger: 0 (none) to 5. Takes no lock.
    pub set_level: unsafe extern "C" fn(u32),
}

layout!(ImageLog: size 8, align 8 { set_level at 0 });

/// What a host offers its images for `log`.
#[repr(C)]
pub struct LogTable {
    /// Makes an image known by its counts, once, and sets its level.
    pub open: unsafe extern "C" fn(*const Holds, *const ImageLog),
    /// Whether a record of this level and target is wanted now.
    pub enabled: unsafe extern "C" fn(u32, RawSlice<u8>) -> bool,
    /// A record.
    pub log: unsafe extern "C" fn(*const RawRecord),
    /// Writes what the host's logger buffers.
    pub flush: unsafe extern "C" fn(),
}

layout!(LogTable: size 32, align 8 { open at 0, enabled at 8, log at 16, flush at 24 });

/// A panic in an image, before it unwinds.
#[repr(C)]
pub struct RawPanic {
    /// The component with its version.
    pub component: RawSlice<u8>,
    /// The payload's text; empty if the payload has another type.
    pub message: RawSlice<u8>,
    /// The source file.
    pub file: RawSlice<u8>,
    /// The thread's name as the image knows it; empty if it knows none.
    pub thread: RawSlice<u8>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

layout!(RawPanic: size 72, align 8 { component at 0, message at 16, file at 32, thread at 48, line at 64, column at 68 });
