//! Points: places inside methods, or anywhere in a component's code, at which a host may look at local variables.
//!
//! An author names a point and some local variables ([`point!`](crate::point)). The image has a [`Point`] for it, whose
//! one word is null as long as nobody looks. That is all that a point costs then: a load, a test and a branch that is
//! not taken. A host that *arms* the point puts a [`PointHook`] there.
//!
//! # Protocol
//!
//! **Component**: loads the hook (`Acquire`). If it is not null: clones the variables, lowers the clones, and calls
//! [`PointHook::run`] with the addresses of the representations. The answer says whose they are then
//! ([`LEFT`], [`CHANGED`], [`GONE`]).
//!
//! **Host**: stores the hook (`Release`), and null to disarm. A thread may have loaded the hook before that, and enter
//! it at any time later: points are passed outside of frames, too, so nothing tells the host which threads are on their
//! way. So a hook is never freed, and decides by a look at its own contents, under its own lock, whether there is
//! anything to run. A host may use it again for another point: the point is an argument, and a hook does nothing for a
//! point that it is not armed for.
//!
//! The host compares the shapes of the variables ([`Point::locals`]) with what it wants to see before it arms the
//! point.

use core::{
    ptr, slice,
    sync::atomic::{AtomicPtr, Ordering},
};

use super::{
    crossing::Packed,
    layout::layout,
    notes::put_secrets,
    shape::{Part, Shape, Sink},
};

/// The representations are as they were, and the component's.
pub const LEFT: u8 = 0;
/// The representations are the component's; they may be of other values than before.
pub const CHANGED: u8 = 1;
/// The representations are gone: nobody uses them again.
pub const GONE: u8 = 2;

/// A point of an image. Constant but for its hook.
///
/// | field | written by |
/// |---|---|
/// | `hook` | hosts, one at a time by compare-and-swap from null |
/// | others | nobody |
#[repr(C)]
#[derive(Debug)]
pub struct Point {
    hook: AtomicPtr<PointHook>,
    name: *const u8,
    name_len: usize,
    file: *const u8,
    file_len: usize,
    locals: *const u8,
    locals_len: usize,
    /// The line in its file, from 1.
    pub line: u32,
}

layout!(Point: size 64, align 8 {
    hook at 0, name at 8, name_len at 16, file at 24, file_len at 32, locals at 40, locals_len at 48, line at 56
});

// SAFETY: constant, but for an atomic.
unsafe impl Sync for Point {}
// SAFETY: as above.
unsafe impl Send for Point {}

/// What a host puts at a point. It is never freed.
#[repr(C)]
#[derive(Debug)]
pub struct PointHook {
    /// Looks at the variables of that point, whose representations lie at these addresses. On the thread that passes
    /// the point, which may be any. Does not unwind.
    pub run: unsafe extern "C" fn(*const PointHook, *const Point, Packed) -> u8,
}

layout!(PointHook: size 8, align 8 { run at 0 });

impl Point {
    /// A point that nobody looks at. `locals` are as [`locals_bytes`] writes them.
    pub const fn new(name: &'static str, file: &'static str, line: u32, locals: &'static [u8]) -> Point {
        Point {
            hook: AtomicPtr::new(ptr::null_mut()),
            name: name.as_ptr(),
            name_len: name.len(),
            file: file.as_ptr(),
            file_len: file.len(),
            locals: locals.as_ptr(),
            locals_len: locals.len(),
            line,
        }
    }

    /// The hook; null if nobody looks.
    #[inline(always)]
    pub fn hook(&self) -> *const PointHook {
        self.hook.load(Ordering::Acquire)
    }

    /// Arms the point. False if another hook is there.
    pub fn arm(&self, hook: &'static PointHook) -> bool {
        let hook = ptr::from_ref(hook).cast_mut();
        self.hook.compare_exchange(ptr::null_mut(), hook, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Has nobody look any more. Only who armed the point calls this.
    pub fn disarm(&self) {
        self.hook.store(ptr::null_mut(), Ordering::Release);
    }

    /// Its name, as bytes that nobody has checked.
    pub fn name(&self) -> &'static [u8] {
        // SAFETY: `new` took them from a text that lives as long as the image.
        unsafe { slice::from_raw_parts(self.name, self.name_len) }
    }

    /// Its source file, likewise.
    pub fn file(&self) -> &'static [u8] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts(self.file, self.file_len) }
    }

    /// Names, shapes and secrets of its variables, encoded: see [`locals_bytes`].
    pub fn locals(&self) -> &'static [u8] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts(self.locals, self.locals_len) }
    }
}

/// The length of [`locals_bytes`].
pub const fn locals_len(locals: &'static [Part]) -> usize {
    let mut sink = Sink::new(&mut []);
    put_locals(&mut sink, locals);
    sink.len()
}

/// The variables of a point as bytes: the shape of a method that takes them, and has no result; behind that, the count
/// and the places of its secrets, as the notes of a manifest have them. Without those, whoever watches the point would
/// be shown what must not be shown.
pub const fn locals_bytes<const N: usize>(locals: &'static [Part]) -> [u8; N] {
    let mut bytes = [0; N];
    put_locals(&mut Sink::new(&mut bytes), locals);
    bytes
}

const fn put_locals(sink: &mut Sink<'_>, locals: &'static [Part]) {
    let shape = Shape::method("", locals);
    sink.shape(&shape);
    put_secrets(sink, &shape);
}
