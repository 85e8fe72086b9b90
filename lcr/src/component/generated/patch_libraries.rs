//! Patch libraries in generated code: functions of an author's become C functions that stand around methods.
//!
//! `#[lcr::patch]` gives each function to the interface's own builder of [layers](super::patches), as a program gives a
//! closure. So the compiler compares the signature with the method's, and what lifts and lowers is the same. What
//! differs is who is below: the host, in another image, which is called through a
//! [`Below`](crate::abi::crossing::Below).
//!
//! An export of a patch has such a C function for each method that it stands around, in the place of the method's own.
//! It constructs no instance.

use std::{
    slice, str,
    sync::{Arc, OnceLock},
};

use super::{
    crossing_tables::{List, Table, for_export},
    patches::{Collects as _, Patchable},
};
use crate::{
    abi::{
        crossing::{Below, Crossing, Packed},
        fault::{Beginning, RawFault},
        interface::{Interface, Method},
        tables::{Created, Export, RawContext, Thunk},
        value::Abi,
        world::Pair,
    },
    component::{
        ambient::Bare,
        hooks::{Around, run_over},
        image,
        panic_barrier::{barrier, contained},
    },
};

/// One function of a patch, as a layer of its method. Made when it is first called.
pub struct LibraryLayer(OnceLock<Made>);

struct Made {
    around: Box<dyn Around>,
    crossing: &'static Crossing,
    /// The component that was below at first. It changes when the component is replaced.
    below: Arc<str>,
}

impl LibraryLayer {
    /// A layer that nobody has called.
    #[allow(clippy::new_without_default, reason = "only macros make one")]
    pub const fn new() -> LibraryLayer {
        LibraryLayer(OnceLock::new())
    }

    /// Runs the function that `collected` gives the builder of `I`: the last one, and always the same.
    ///
    /// # Safety
    /// As for the C function of a layer, of the method to which `collected` gives it.
    pub unsafe fn run<I: ?Sized + Patchable>(
        &self,
        collected: impl FnOnce() -> I::Methods,
        below: *const Below,
        arguments: Packed,
        out: *mut (),
    ) {
        let owner = || Beginning { component: image::component(), generation: 0 };
        let ran = contained(owner, || {
            // SAFETY: the host's `Below` lives for the call.
            let name = unsafe { name(below) };
            let made = self.0.get_or_init(|| Made::of::<I>(collected(), name));
            let replaced: Arc<str>;
            let component = if *made.below == *name {
                &made.below
            } else {
                replaced = name.into();
                &replaced
            };
            let method = Pair { function: made.crossing.hooked, data: below.cast() };
            // SAFETY: a `Below` begins with a hook, and the hooked thunk of the signature runs it; the caller says the
            // rest.
            unsafe { run_over(&*made.around, (method, made.crossing), component, arguments, out) }
        });
        if let Err(fault) = ran {
            // SAFETY: an outcome begins with its fault, and the caller has room for it.
            unsafe { out.cast::<*mut RawFault>().write(fault) };
        }
    }
}

impl Made {
    fn of<I: ?Sized + Patchable>(methods: I::Methods, below: &str) -> Made {
        let Some((method, around)) = methods.into_layers().0.pop() else {
            unreachable!("a function of the interface's builder adds a layer")
        };
        let crossing = I::crossing(method).expect("a method that a function stands around has a crossing");
        Made { around, crossing, below: below.into() }
    }
}

/// The name of what is below.
///
/// # Safety
/// It lives for `'a`.
unsafe fn name<'a>(below: *const Below) -> &'a str {
    // SAFETY: the caller says so.
    let component = unsafe { &(*below).component };
    // SAFETY: the host's text is not null, and lives as long.
    let bytes = unsafe { slice::from_raw_parts(component.at, component.len) };
    str::from_utf8(bytes).unwrap_or_default()
}

/// The export of a patch, with a C function for each of its methods.
pub const fn patch_export(
    manifest: &'static [u8],
    layers: &'static [Thunk],
    crossings: extern "C" fn() -> *const Crossing,
) -> Export {
    Export::new::<(), Bare>(manifest, layers, construct_nothing).with_crossings(crossings)
}

unsafe extern "C" fn construct_nothing(_: *const RawContext) -> Created {
    barrier(|| {
        Err::<usize, String>("a patch has no instances; configure the component that it is for".to_owned()).into_repr()
    })
}

/// The method of that name.
///
/// # Panics
/// If there is none. The compiler has refused the function of that name already.
pub const fn patched_method<I: ?Sized + Interface>(name: &str) -> Method {
    let Method { has_default, shape, arguments, is_pure } = &I::METHODS[place::<I>(name)];
    Method { has_default: *has_default, shape, arguments, is_pure: *is_pure }
}

/// Adds the thunks of its signature.
///
/// # Panics
/// If there is no method of that name.
pub fn patched_crossing<I: ?Sized + Interface>(name: &str, list: &mut List<'_>) {
    if let Some(crossing) = I::crossing(place::<I>(name)) {
        list.copy(crossing);
    }
}

/// The crossings of a patch with so many methods, for its export.
pub fn patch_crossings<const N: usize>(table: &'static Table<N>, fill: fn(&mut List<'_>)) -> *const Crossing {
    for_export(table.get(fill), N)
}

const fn place<I: ?Sized + Interface>(name: &str) -> usize {
    let mut at = 0;
    while at < I::METHODS.len() {
        if is_same(I::METHODS[at].shape.name.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("lcr: the interface has no method of the function's name")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}
