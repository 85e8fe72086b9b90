//! A value in memory of ours.

use std::ptr;

use super::{
    memory::{Arena, Block},
    ownership::{own, release},
    types::Type,
    view::At,
};
use crate::error::{Error, ErrorKind, Result};

/// A value of a type that is known by its shape, in memory of its own. Dropping it releases what it owns.
#[derive(Debug)]
pub(crate) struct Value<'t> {
    ty: &'t Type<'t>,
    memory: Block,
    /// What it borrows.
    arena: Arena,
    /// Whether a value is there, which this owns.
    is_there: bool,
}

impl<'t> Value<'t> {
    /// Room for a value, and nothing there.
    pub(crate) fn room(ty: &'t Type<'t>) -> Value<'t> {
        Value { ty, memory: Block::new(ty.size, ty.align), arena: Arena::default(), is_there: false }
    }

    /// A value that `build` writes, with what its borrowed parts lie in.
    ///
    /// # Safety
    /// `build` writes a value of the type.
    pub(super) unsafe fn build(ty: &'t Type<'t>, build: impl FnOnce(*mut u8, &mut Arena)) -> Value<'t> {
        let mut value = Value::room(ty);
        build(value.memory.at(), &mut value.arena);
        value.is_there = true;
        value
    }

    /// A deep copy: what it owns and borrows is its own, but for shared bytes and content, of which it has a reference.
    ///
    /// # Errors
    /// `Invalid` if values of the type cannot be copied.
    ///
    /// # Panics
    /// If `ty` is not the type of the value, which may live longer than the value.
    pub(crate) fn copy_of(ty: &'t Type<'t>, value: At<'_>) -> Result<Value<'t>> {
        assert!(ptr::addr_eq(ty, value.ty), "a value is copied as what it is");
        if let Some(reason) = ty.refuses_copies() {
            return Err(Error::new(ErrorKind::Invalid, reason));
        }
        let from = value.as_ptr();
        let copy = |to: *mut u8, arena: &mut Arena| {
            // SAFETY: a value of the type is there, and the memory is new.
            unsafe { ptr::copy_nonoverlapping(from.cast(), to, ty.size) };
            // SAFETY: these are its bytes, the value is alive, and the type takes copies.
            unsafe { own(ty, to, arena) };
        };
        // SAFETY: a copy of a value is one.
        Ok(unsafe { Value::build(ty, copy) })
    }

    /// The value, if it was not given away.
    pub(crate) fn at(&self) -> Option<At<'_>> {
        // SAFETY: a value is there, and nobody writes to it while this is borrowed.
        self.is_there.then(|| unsafe { At::new(self.ty, self.memory.at().cast()) })
    }

    /// Where the value is, for a callee that takes it over: nothing that it owns is released here. What it borrows
    /// lives as long as this.
    pub(crate) fn give(&mut self) -> *mut () {
        self.is_there = false;
        self.memory.at().cast()
    }

    /// The value that was given stays here after all.
    ///
    /// # Safety
    /// No callee took it over.
    pub(crate) unsafe fn keep(&mut self) {
        self.is_there = true;
    }

    /// The value that was given, of a type that only lends what it refers to.
    ///
    /// # Safety
    /// The callee has left its bytes as they were, and is done with what they lend.
    pub(crate) unsafe fn lent(&self) -> At<'_> {
        // SAFETY: the caller says so, and what is lent lives in the arena.
        unsafe { At::new(self.ty, self.memory.at().cast()) }
    }
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        if self.is_there {
            // SAFETY: this owns the value, which nobody uses any more.
            unsafe { release(self.ty, self.memory.at()) };
        }
    }
}

/// A value that a callee has written to memory of its caller's. Dropping this releases what the value owns.
#[derive(Debug)]
pub(crate) struct Received<'t> {
    ty: &'t Type<'t>,
    at: *mut (),
}

impl<'t> Received<'t> {
    /// Takes over the value at `at`.
    ///
    /// # Safety
    /// A value of the type is there as long as this lives, and no other code owns it.
    pub(crate) unsafe fn new(ty: &'t Type<'t>, at: *mut ()) -> Received<'t> {
        Received { ty, at }
    }

    /// The value.
    pub(crate) fn at(&self) -> At<'_> {
        // SAFETY: a value is there, and this owns it.
        unsafe { At::new(self.ty, self.at) }
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        // SAFETY: this owns the value, which is used no more.
        unsafe { release(self.ty, self.at.cast()) };
    }
}
