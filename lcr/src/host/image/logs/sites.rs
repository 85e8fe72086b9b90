//! The callsites of images, as callsites of the host.
//!
//! `tracing` asks the program's subscribers once for each callsite and remembers the answer, and its callsites live as
//! long as the process. So the host makes one callsite for each form of record, and keeps it: another image, or the
//! same one loaded again, whose callsite says the same is bound to the same one. What stays is bounded by the
//! forms that the components of the program have ever had.
//!
//! When filters change, `tracing` tells each callsite of the host, and [`Site::set_interest`] tells the images that are
//! bound to it, under the lock of all sites. So an image that has been closed, under the same lock, is called no
//! more, also for what it binds while it is closed: the loader runs destructors of the image, which may log, before it
//! unmaps the image. `tracing` is asked about a new callsite outside of the lock, since its subscribers may log.

use std::{
    collections::HashMap,
    ptr,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicPtr, AtomicU8, Ordering},
    },
};

use tracing_core::{
    LevelFilter, Metadata,
    callsite::{self, Callsite, Identifier},
    dispatcher,
    subscriber::Interest,
};

use crate::{
    abi::logs::{ALWAYS, HostSite, ImageTracing, NEVER, SOMETIMES},
    component::logs::site::Description,
};

/// A callsite of the host for those of images that are alike.
#[repr(C)]
pub(super) struct Site {
    /// What images read.
    head: HostSite,
    metadata: OnceLock<Metadata<'static>>,
}

/// A callsite of an image that is bound to one of the host.
struct Bound {
    /// The number of the image.
    image: u64,
    table: &'static ImageTracing,
    note: *const (),
}

// SAFETY: any thread may give the note to the image.
unsafe impl Send for Bound {}

#[derive(Default)]
pub(super) struct Sites {
    by_description: HashMap<Description, &'static Site>,
    /// By the address of the site.
    bound: HashMap<usize, Vec<Bound>>,
    /// The numbers of the images that are about to be unmapped, and are not called.
    closed: Vec<u64>,
}

impl Sites {
    /// Removes the callsites of an image.
    fn unbind(&mut self, image: u64) {
        self.bound.retain(|_, bound| {
            bound.retain(|bound| bound.image != image);
            !bound.is_empty()
        });
    }
}

static SITES: OnceLock<Mutex<Sites>> = OnceLock::new();

pub(super) fn lock() -> MutexGuard<'static, Sites> {
    SITES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(interest: &Interest) -> u8 {
    match () {
        () if interest.is_never() => NEVER,
        () if interest.is_always() => ALWAYS,
        () => SOMETIMES,
    }
}

impl Site {
    /// Makes a callsite, which lives as long as the process.
    fn leak(description: &Description) -> &'static Site {
        let head = HostSite { interest: AtomicU8::new(SOMETIMES), metadata: AtomicPtr::new(ptr::null_mut()) };
        let site: &'static Site = Box::leak(Box::new(Site { head, metadata: OnceLock::new() }));
        let metadata = site.metadata.get_or_init(|| description.leak(Identifier(site)));
        site.head.metadata.store(ptr::from_ref(metadata).cast_mut().cast(), Ordering::Release);
        site
    }

    pub(super) fn metadata(&'static self) -> &'static Metadata<'static> {
        self.metadata.get().expect("set when the site was made")
    }

    /// Whether a record of the site is wanted now.
    pub(super) fn is_enabled(&'static self) -> bool {
        self.passes_level()
            && match self.head.interest.load(Ordering::Acquire) {
                NEVER => false,
                ALWAYS => true,
                _ => dispatcher::get_default(|dispatch| dispatch.enabled(self.metadata())),
            }
    }

    /// Whether the level of all subscribers passes the site: the macros of `tracing` look at that first.
    pub(super) fn passes_level(&'static self) -> bool {
        *self.metadata().level() <= LevelFilter::current()
    }
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        let sites = lock();
        let number = number(&interest);
        if self.head.interest.swap(number, Ordering::AcqRel) == number {
            return;
        }
        for bound in sites.bound.get(&ptr::from_ref(self).addr()).into_iter().flatten() {
            if sites.closed.contains(&bound.image) {
                continue;
            }
            bound.tell(number);
        }
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect("set when the site was made")
    }
}

impl Bound {
    fn tell(&self, interest: u8) {
        // SAFETY: the image has not been closed, so the note is valid.
        unsafe { (self.table.set_interest)(self.note, interest) };
    }
}

/// Binds a callsite of an image.
pub(super) fn bind(
    description: Description,
    image: u64,
    table: &'static ImageTracing,
    note: *const (),
) -> &'static Site {
    let mut sites = lock();
    let known = sites.by_description.get(&description).copied();
    let site = known.unwrap_or_else(|| {
        let site = Site::leak(&description);
        sites.by_description.insert(description, site);
        site
    });
    sites.bound.entry(ptr::from_ref(site).addr()).or_default().push(Bound { image, table, note });
    drop(sites);
    if known.is_none() {
        callsite::register(site);
    }
    site
}

/// Tells an image the interest in a callsite again.
///
/// # Safety
/// The note is one of the image for that site, and the image is not closed.
pub(super) unsafe fn settle(site: &'static Site, table: &ImageTracing, note: *const ()) {
    let _sites = lock();
    // SAFETY: the caller says so.
    unsafe { (table.set_interest)(note, site.head.interest.load(Ordering::Acquire)) };
}

/// Forgets the callsites of an image, and calls it no more.
pub(super) fn close(image: u64) {
    let mut sites = lock();
    sites.unbind(image);
    sites.closed.push(image);
}

/// Calls an image again, which then binds its callsites anew.
pub(super) fn reopen(image: u64) {
    lock().closed.retain(|closed| *closed != image);
}

/// Forgets an image that was unmapped.
pub(super) fn forget(image: u64) {
    let mut sites = lock();
    sites.unbind(image);
    sites.closed.retain(|closed| *closed != image);
}
