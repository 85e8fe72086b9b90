//! The subscriber of this image, which passes everything on to the subscribers of the host.
//!
//! **Filters.** `tracing` keeps for each callsite whether its records are wanted always, never or sometimes, and asks
//! the subscriber only if sometimes. What the host wants changes while the program runs. So the host tells each
//! change to the callsite ([`set_interest`]), within the host's own change of filters, and the image answers
//! `tracing` with *sometimes* whenever `tracing` asks. A callsite whose interest is *sometimes* while the host's is
//! definite asks the host to tell again ([`TracingTable::settle`]); so a callsite that `tracing` has just set back
//! to *sometimes* becomes fast again with its next record.
//!
//! The host orders what it tells by a lock; what `tracing` stores is always *sometimes*, which is right at any time and
//! only slower. That holds while this subscriber is the only one of the image. If the author makes another, for a scope
//! or a future, `tracing` goes through the callsites anew and asks each subscriber first for its level
//! ([`Subscriber::max_level_hint`]): from then on [`IS_ALONE`] is false, and callsites stay with *sometimes*, so that
//! the other subscriber loses nothing. A store of a definite interest that overlaps with that is taken back: the thread
//! that stored it looks at `IS_ALONE` once more, both accesses and both stores being sequentially consistent.
//!
//! **Spans.** Their numbers are the host's, which keeps for each the subscriber that made it. The description of
//! the span that a thread is in, if it comes from elsewhere, is made here once ([`described`]).
//!
//! [`set_interest`]: ImageTracing::set_interest

use std::{
    collections::HashMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tracing_core::{
    Dispatch, Event, LevelFilter, Metadata, Subscriber,
    callsite::rebuild_interest_cache,
    dispatcher,
    span::{Attributes, Current, Id, Record},
    subscriber::Interest,
};

use crate::abi::{
    holds,
    logs::{
        ALWAYS, HostSite, ImageTracing, NEVER, NO_SPAN, Opened, RawCurrent, RawParent, RawSite, TracingTable, parent,
    },
};

use super::{
    fields::Fields,
    site::{Description, described, with_raw},
    sites::{Bound, Sites},
};

/// The host's functions, and this image as they know it.
struct Host {
    table: &'static TracingTable,
    opened: Opened,
}

// SAFETY: any thread may call the functions with that address.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

static HOST: OnceLock<Host> = OnceLock::new();
static SITES: Sites = Sites::new();
/// The descriptions of spans by the host's, for those that a thread was found in.
static DESCRIPTIONS: OnceLock<Mutex<HashMap<usize, &'static Metadata<'static>>>> = OnceLock::new();
/// Whether this image has no subscriber but the bridge.
static IS_ALONE: AtomicBool = AtomicBool::new(true);
/// How often `tracing` has asked the bridge for its level, beside what this module itself had it do.
static LOOKS: AtomicU32 = AtomicU32::new(0);

static IMAGE: ImageTracing = ImageTracing { set_interest, forget, remember };

/// Installs the bridge, unless the image has a global subscriber.
pub(super) fn install(table: &'static TracingTable) {
    if dispatcher::has_been_set() {
        return;
    }
    // SAFETY: both arguments live in the image.
    let opened = unsafe { (table.open)(holds::ours(), &raw const IMAGE) };
    if !opened.is_null() && HOST.set(Host { table, opened }).is_ok() {
        // An author's initialiser may be faster; then nothing comes to the bridge.
        let _ = dispatcher::set_global_default(Dispatch::new(Bridge));
    }
}

fn descriptions() -> &'static Mutex<HashMap<usize, &'static Metadata<'static>>> {
    DESCRIPTIONS.get_or_init(Mutex::default)
}

impl Host {
    /// What is known of a callsite of this image.
    fn bound(&self, metadata: &Metadata<'_>) -> &'static Bound {
        let callsite = metadata.callsite();
        SITES.get(&callsite).unwrap_or_else(|| {
            let metadata: &'static Metadata<'static> = callsite.0.metadata();
            let bound = SITES.get_or_bind(&callsite, |note| {
                // SAFETY: the description is valid for the call, and the note until `forget`.
                with_raw(metadata, |raw| unsafe { (self.table.bind)(self.opened, raw, note.cast()) })
            });
            if let Some(site) = bound.host().filter(|_| metadata.is_span()) {
                let mut known = descriptions().lock().unwrap_or_else(PoisonError::into_inner);
                known.entry(site.metadata.load(Ordering::Acquire).addr()).or_insert(metadata);
            }
            bound
        })
    }

    /// The host's callsite for one of this image.
    fn site(&self, metadata: &Metadata<'_>) -> Option<&'static HostSite> {
        self.bound(metadata).host()
    }

    /// The description of the span that a thread is in: that of this image if the span is of this image.
    fn describe(&self, site: *const ()) -> &'static Metadata<'static> {
        let known = || descriptions().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = known().get(&site.addr()) {
            return metadata;
        }
        unsafe extern "C" fn take(found: *mut (), raw: *const RawSite) {
            // SAFETY: the host passes on what `describe` gave it.
            let found = unsafe { &mut *found.cast::<Option<Description>>() };
            // SAFETY: the host describes a site that lives.
            let raw = unsafe { &*raw };
            // SAFETY: as above; its texts are strings of Rust.
            *found = Some(unsafe { Description::read(raw) });
        }
        let mut found: Option<Description> = None;
        // SAFETY: the host gave the address; `take` is called during the call.
        unsafe { (self.table.describe)(site, take, (&raw mut found).cast()) };
        let found = found.unwrap_or_default();
        known().entry(site.addr()).or_insert_with(|| described(&found))
    }
}

fn raw_parent(span: Option<&Id>, is_root: bool) -> RawParent {
    match span {
        Some(span) => RawParent { kind: parent::EXPLICIT, span: span.into_u64() },
        None => RawParent { kind: if is_root { parent::ROOT } else { parent::CURRENT }, span: NO_SPAN },
    }
}

/// The host's interest in a callsite, as `tracing` has it.
fn interest(number: u8) -> Interest {
    match number {
        NEVER => Interest::never(),
        ALWAYS => Interest::always(),
        _ => Interest::sometimes(),
    }
}

/// See [`ImageTracing::set_interest`].
unsafe extern "C" fn set_interest(note: *const (), number: u8) {
    // SAFETY: notes of this image are entries, which live until `forget`.
    let bound = unsafe { &*note.cast::<Bound>() };
    // A callsite that an author has written may panic.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if IS_ALONE.load(Ordering::SeqCst) {
            bound.callsite.set_interest(interest(number));
        }
        if !IS_ALONE.load(Ordering::SeqCst) {
            bound.callsite.set_interest(Interest::sometimes());
        }
    }))
    .map_err(mem::forget);
}

/// See [`ImageTracing::forget`].
unsafe extern "C" fn forget() {
    // `clear` would keep the table's memory.
    drop(mem::take(&mut *descriptions().lock().unwrap_or_else(PoisonError::into_inner)));
    // SAFETY: the host calls this when no code of the image runs.
    unsafe { SITES.forget() };
}

/// See [`ImageTracing::remember`].
unsafe extern "C" fn remember() {
    LOOKS.store(0, Ordering::Relaxed);
    let _ = catch_unwind(rebuild_interest_cache).map_err(mem::forget);
}

/// The subscriber.
struct Bridge;

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if let Some(host) = HOST.get() {
            host.bound(metadata);
        }
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        if LOOKS.fetch_add(1, Ordering::Relaxed) > 0 {
            IS_ALONE.store(false, Ordering::SeqCst);
        }
        None
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let Some(host) = HOST.get() else { return false };
        let bound = host.bound(metadata);
        let Some(site) = bound.host() else { return false };
        match site.interest.load(Ordering::Acquire) {
            NEVER | ALWAYS if IS_ALONE.load(Ordering::Relaxed) => {
                let note: *const Bound = ptr::from_ref(bound);
                // SAFETY: the site and the note belong together.
                unsafe { (host.table.settle)(site, &raw const IMAGE, note.cast()) };
            }
            _ => {}
        }
        // SAFETY: the site lives as long as the process.
        unsafe { (host.table.enabled)(site) }
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let none = || Id::from_u64(NO_SPAN);
        let Some(host) = HOST.get() else { return none() };
        let Some(site) = host.site(attributes.metadata()) else { return none() };
        let parent = raw_parent(attributes.parent(), attributes.is_root());
        let mut fields = Fields::new();
        attributes.record(&mut fields);
        // SAFETY: the arguments are valid for the call.
        match unsafe { (host.table.new_span)(host.opened, site, &raw const parent, fields.finish()) } {
            0 => none(),
            span => Id::from_u64(span),
        }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let Some(host) = HOST.get() else { return };
        let mut fields = Fields::new();
        values.record(&mut fields);
        // SAFETY: the arguments are valid for the call.
        unsafe { (host.table.record)(host.opened, span.into_u64(), fields.finish()) };
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        let Some(host) = HOST.get() else { return };
        // SAFETY: the host knows which numbers are spans.
        unsafe { (host.table.follows)(host.opened, span.into_u64(), follows.into_u64()) };
    }

    fn event(&self, event: &Event<'_>) {
        let Some(host) = HOST.get() else { return };
        let Some(site) = host.site(event.metadata()) else { return };
        let parent = raw_parent(event.parent(), event.is_root());
        let mut fields = Fields::new();
        event.record(&mut fields);
        // SAFETY: the arguments are valid for the call.
        unsafe { (host.table.event)(host.opened, site, &raw const parent, fields.finish()) };
    }

    fn enter(&self, span: &Id) {
        let Some(host) = HOST.get() else { return };
        // SAFETY: the host knows which numbers are spans.
        unsafe { (host.table.enter)(host.opened, span.into_u64()) };
    }

    fn exit(&self, span: &Id) {
        let Some(host) = HOST.get() else { return };
        // SAFETY: as above.
        unsafe { (host.table.exit)(host.opened, span.into_u64()) };
    }

    fn clone_span(&self, span: &Id) -> Id {
        let Some(host) = HOST.get() else { return span.clone() };
        // SAFETY: as above.
        match unsafe { (host.table.clone)(host.opened, span.into_u64()) } {
            0 => Id::from_u64(NO_SPAN),
            span => Id::from_u64(span),
        }
    }

    fn try_close(&self, span: Id) -> bool {
        // SAFETY: as above.
        HOST.get().is_some_and(|host| unsafe { (host.table.close)(host.opened, span.into_u64()) })
    }

    fn current_span(&self) -> Current {
        let Some(host) = HOST.get() else { return Current::none() };
        let mut current = RawCurrent { state: 0, span: NO_SPAN, site: ptr::null() };
        // SAFETY: the answer has room.
        unsafe { (host.table.current)(host.opened, &raw mut current) };
        match current.state {
            1 => Current::none(),
            2 if current.span != 0 => Current::new(Id::from_u64(current.span), host.describe(current.site)),
            // There is no other way to make one that is not known.
            _ => tracing_core::subscriber::NoSubscriber::default().current_span(),
        }
    }
}
