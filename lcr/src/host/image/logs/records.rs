//! The functions that images call for `tracing`.
//!
//! A record of an image becomes a record of the host's callsite on the same thread, within the image's call.
//! So it has the thread's current span as its parent, whoever made that span, and comes in the thread's order.

use std::{
    collections::HashMap,
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing_core::{
    Event, Metadata, dispatcher,
    field::{FieldSet, ValueSet},
    span::{Attributes, Id, Record},
};

use crate::{
    abi::{
        holds::Holds,
        logs::{
            CURRENT_OF_HOST, HostSite, ImageTracing, NO_SPAN, Opened, RawCurrent, RawField, RawParent, RawSite,
            TracingTable, parent,
        },
        value::sequences::RawSlice,
    },
    component::logs::site::{Description, with_raw},
};

use super::{
    contained::contained,
    sites::{self, Site},
    spans::{Current, Span, Spans},
    values::{self, Value},
};

pub(super) static TABLE: TracingTable = TracingTable {
    open,
    bind,
    settle,
    enabled,
    event,
    new_span,
    record,
    follows,
    enter,
    exit,
    clone,
    close: close_span,
    current,
    describe,
};

/// An image that logs.
pub(super) struct Image {
    /// The address of its counts.
    holds: usize,
    /// Tells its callsites from those of others; never used twice.
    number: u64,
    table: &'static ImageTracing,
    spans: Spans,
}

/// The images that log, by the address of their counts.
pub(super) type Images = HashMap<usize, Arc<Image>>;
static IMAGES: Mutex<Option<Images>> = Mutex::new(None);

pub(super) fn images() -> MutexGuard<'static, Option<Images>> {
    IMAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An image that is about to be unmapped, or was. Dropped, its spans are closed, and its callsites forgotten.
pub(super) struct Closed(Option<Arc<Image>>);

/// See [`super::close`].
///
/// # Safety
/// As there.
pub(super) unsafe fn close(holds: *const Holds) -> Option<Closed> {
    let image = images().as_mut()?.remove(&holds.addr())?;
    sites::close(image.number);
    // SAFETY: the caller says that no code of the image runs; it is mapped.
    unsafe { (image.table.forget)() };
    Some(Closed(Some(image)))
}

impl Closed {
    /// See [`super::Closed::reopen`].
    pub(super) fn reopen(mut self) {
        let Some(image) = self.0.take() else { return };
        sites::reopen(image.number);
        let table = image.table;
        images().get_or_insert_default().insert(image.holds, image);
        // SAFETY: the image is mapped.
        unsafe { (table.remember)() };
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let Some(image) = self.0.take() else { return };
        sites::forget(image.number);
        image.spans.close_all();
    }
}

unsafe extern "C" fn open(holds: *const Holds, table: *const ImageTracing) -> Opened {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // SAFETY: the table lives in the image, and is not used once the image is closed.
    let table = unsafe { &*table };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let image = Arc::new(Image { holds: holds.addr(), number, table, spans: Spans(number) });
    let opened: *const Image = Arc::as_ptr(&image);
    images().get_or_insert_default().insert(holds.addr(), image);
    opened.cast()
}

/// # Safety
/// The image is mapped, so it is known.
unsafe fn image<'a>(opened: Opened) -> &'a Image {
    // SAFETY: `open` gave the address, which is kept as long as the image is mapped.
    unsafe { &*opened.cast::<Image>() }
}

/// # Safety
/// `bind` gave the address.
unsafe fn site(site: *const HostSite) -> &'static Site {
    // SAFETY: the host's callsites begin with what images see, and live as long as the process.
    unsafe { &*site.cast::<Site>() }
}

unsafe extern "C" fn bind(opened: Opened, raw: *const RawSite, note: *const ()) -> *const HostSite {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    // SAFETY: the image's description is valid for the call.
    let raw = unsafe { &*raw };
    // SAFETY: as above; texts are strings of Rust.
    let description = unsafe { Description::read(raw) };
    let bound = contained(|| sites::bind(description, image.number, image.table, note));
    bound.map_or(ptr::null(), |site| ptr::from_ref(site).cast())
}

unsafe extern "C" fn settle(raw: *const HostSite, table: *const ImageTracing, note: *const ()) {
    // SAFETY: `bind` gave the address.
    let site = unsafe { site(raw) };
    // SAFETY: the image's table lives in the image, which runs.
    let table = unsafe { &*table };
    // SAFETY: the note is one for that site.
    unsafe { sites::settle(site, table, note) };
}

unsafe extern "C" fn enabled(raw: *const HostSite) -> bool {
    // SAFETY: `bind` gave the address.
    let site = unsafe { site(raw) };
    contained(|| site.is_enabled()).unwrap_or(false)
}

/// What a record belongs to.
enum Parent {
    Current,
    Root,
    Explicit(Id),
}

impl Parent {
    fn of(image: &Image, raw: &RawParent) -> Parent {
        match raw.kind {
            parent::ROOT => Parent::Root,
            // An image can name a span that it has closed; its record then belongs to the current span.
            parent::EXPLICIT => image.spans.id(raw.span).map_or(Parent::Current, Parent::Explicit),
            _ => Parent::Current,
        }
    }
}

/// Gives the values of an image's fields to `use_them`, as values of a callsite with these fields.
///
/// # Safety
/// The image's fields are valid for the call.
unsafe fn with_values<R>(fields: &FieldSet, raw: RawSlice<RawField>, use_them: impl FnOnce(&ValueSet<'_>) -> R) -> R {
    const FEW: usize = 12;
    // SAFETY: the caller says so.
    let raw: &[RawField] = unsafe { values::slice(raw) };
    let (mut few, mut many) = ([const { None }; FEW], Vec::new());
    let values: &mut [Option<Value<'_>>] = if fields.len() <= FEW {
        &mut few[..fields.len()]
    } else {
        many.resize_with(fields.len(), || None);
        &mut many
    };
    for at in 0..raw.len() {
        if let Some(place) = values.get_mut(raw[at].index as usize) {
            // SAFETY: the caller says so.
            if let Some(value) = unsafe { Value::read(&raw[at..]) } {
                *place = Some(value);
            }
        }
    }
    let (mut few, mut many) = ([None; FEW], Vec::new());
    let given: &mut [Option<&dyn tracing_core::field::Value>] = if fields.len() <= FEW {
        &mut few[..fields.len()]
    } else {
        many.resize_with(fields.len(), || None);
        &mut many
    };
    for (given, value) in given.iter_mut().zip(&*values) {
        *given = value.as_ref().map(Value::as_tracing);
    }
    use_them(&fields.value_set_all(given))
}

unsafe extern "C" fn event(opened: Opened, raw: *const HostSite, parent: *const RawParent, fields: RawSlice<RawField>) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    // SAFETY: `bind` gave the address.
    let site = unsafe { site(raw) };
    // SAFETY: the image's arguments are valid for the call.
    let parent = unsafe { &*parent };
    if !site.passes_level() {
        return;
    }
    let metadata = site.metadata();
    let emit = |values: &ValueSet<'_>| match Parent::of(image, parent) {
        Parent::Current => Event::dispatch(metadata, values),
        Parent::Root => Event::child_of(None, metadata, values),
        Parent::Explicit(id) => Event::child_of(id, metadata, values),
    };
    // SAFETY: as above.
    contained(|| unsafe { with_values(metadata.fields(), fields, emit) });
}

unsafe extern "C" fn new_span(
    opened: Opened,
    raw: *const HostSite,
    parent: *const RawParent,
    fields: RawSlice<RawField>,
) -> u64 {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    // SAFETY: `bind` gave the address.
    let site = unsafe { site(raw) };
    // SAFETY: the image's arguments are valid for the call.
    let parent = unsafe { &*parent };
    if !site.passes_level() {
        return NO_SPAN;
    }
    let metadata = site.metadata();
    let make = |values: &ValueSet<'_>| {
        let attributes = match Parent::of(image, parent) {
            Parent::Current => Attributes::new(metadata, values),
            Parent::Root => Attributes::new_root(metadata, values),
            Parent::Explicit(id) => Attributes::child_of(id, metadata, values),
        };
        dispatcher::get_default(|dispatch| Span {
            id: dispatch.new_span(&attributes),
            dispatch: dispatch.clone(),
            metadata,
        })
    };
    // SAFETY: as above.
    let span = contained(|| unsafe { with_values(metadata.fields(), fields, make) });
    span.map_or(NO_SPAN, |span| image.spans.keep(span))
}

unsafe extern "C" fn record(opened: Opened, span: u64, fields: RawSlice<RawField>) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    let Some(span) = image.spans.get(span) else { return };
    let tell = |values: &ValueSet<'_>| span.dispatch.record(&span.id, &Record::new(values));
    // SAFETY: the image's fields are valid for the call.
    contained(|| unsafe { with_values(span.metadata.fields(), fields, tell) });
}

unsafe extern "C" fn follows(opened: Opened, span: u64, follows: u64) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    let current = || dispatcher::get_default(|dispatch| dispatch.current_span().id().cloned());
    let followed = if follows == CURRENT_OF_HOST { current() } else { image.spans.id(follows) };
    let (Some(span), Some(followed)) = (image.spans.get(span), followed) else { return };
    contained(|| span.dispatch.record_follows_from(&span.id, &followed));
}

unsafe extern "C" fn enter(opened: Opened, span: u64) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    contained(|| image.spans.enter(span));
}

unsafe extern "C" fn exit(opened: Opened, span: u64) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    contained(|| image.spans.exit(span));
}

unsafe extern "C" fn clone(opened: Opened, span: u64) -> u64 {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    contained(|| image.spans.clone_span(span)).unwrap_or(NO_SPAN)
}

unsafe extern "C" fn close_span(opened: Opened, span: u64) -> bool {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    contained(|| image.spans.close(span)).unwrap_or(false)
}

unsafe extern "C" fn current(opened: Opened, out: *mut RawCurrent) {
    // SAFETY: the image is mapped.
    let image = unsafe { image(opened) };
    let current = contained(|| image.spans.current()).unwrap_or(Current::Unknown);
    let raw = match current {
        Current::Unknown => RawCurrent { state: 0, span: NO_SPAN, site: ptr::null() },
        Current::None => RawCurrent { state: 1, span: NO_SPAN, site: ptr::null() },
        Current::Some { span, metadata } => RawCurrent { state: 2, span, site: ptr::from_ref(metadata).cast() },
    };
    // SAFETY: the image gives room for the answer.
    unsafe { out.write(raw) };
}

unsafe extern "C" fn describe(
    metadata: *const (),
    take: unsafe extern "C" fn(*mut (), *const RawSite),
    taker: *mut (),
) {
    // SAFETY: `current` gave the address of metadata, which live as long as the process.
    let metadata: &'static Metadata<'static> = unsafe { &*metadata.cast() };
    // SAFETY: the image's function takes what the image gave with it.
    with_raw(metadata, |raw| unsafe { take(taker, raw) });
}
