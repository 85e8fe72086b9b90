//! Any number of components, made at run time from one that is linked into this program.

use contract::interfaces::{Adder, Crowd};
use lcr::__private::v0_1_0::{Export, Registration, inventory};

use crate::{Outcome, stamps::stamp};

#[derive(Default)]
struct Member(Adder);

#[lcr::component(name = "member-00000")]
impl Crowd for Member {
    fn step(&self, x: u64) -> u64 {
        self.0.step(x)
    }
}

/// The interfaces that the members of a crowd implement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interfaces {
    /// All of them the same.
    One,
    /// Each one of its own; the first one the interface that this program knows.
    Each,
}

/// The name of the component with this number.
pub(crate) fn name(number: usize) -> String {
    format!("member-{number:05}")
}

/// Exports of `size` components, which live as long as the process, as linked ones do.
pub(crate) fn crowd(size: usize, interfaces: Interfaces) -> Outcome<Vec<&'static Export>> {
    let registration = inventory::iter::<Registration>.into_iter().next();
    let original = registration.ok_or("no component is linked into this program")?.export();
    (0..size).map(|number| member(original, number, interfaces)).collect()
}

fn member(original: &Export, number: usize, interfaces: Interfaces) -> Outcome<&'static Export> {
    // SAFETY: an export's record is that long, and constant.
    let record = unsafe { std::slice::from_raw_parts(original.manifest, original.manifest_len) };
    let record: &'static mut [u8] = record.to_vec().leak();
    stamp(record, &[(&name(0), &name(number))])?;
    if interfaces == Interfaces::Each && number > 0 {
        stamp(record, &[("bench.crowd", &format!("i{number:05}.many"))])?;
    }
    // SAFETY: an export is plain data, and its functions serve any number of components.
    let mut export = unsafe { std::ptr::read(original) };
    export.manifest = record.as_ptr();
    Ok(Box::leak(Box::new(export)))
}
