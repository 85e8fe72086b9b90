//! Elements on their way: a buffer of representations that is filled or emptied while an author's code may panic.
//!
//! A map cannot be copied as memory, so its elements are lowered and lifted one by one. In between runs code of an
//! author: `Hash`, `Ord` and `Eq` of keys, and serde for an `lcr::Serde<T>` inside an element.
//!
//! Invariants
//! 1. Each representation in the buffer is owned by the buffer: it is lifted once, by [`Elements::next`] or by the
//!    destructor, or handed on with the buffer.
//! 2. A panic on the way drops what was not handed on, and the sender's function frees the buffer. So nothing is leaked
//!    beyond the one element whose own lowering or lifting panicked, and nothing is freed twice.
//! 3. The destructors let no second panic out: the first one is a fault, a second one would end the process.

use std::{
    marker::PhantomData,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::abi::value::{Abi, sequences::RawVec};

use super::super::panic_barrier::drop_quietly;

/// The elements that are left in a buffer, which is freed with this.
pub(super) struct Elements<T: Abi> {
    buffer: RawVec<T::Repr>,
    next: usize,
    element: PhantomData<T>,
}

impl<T: Abi> Elements<T> {
    /// Lowers each value into a buffer of this image.
    pub(super) fn lower(values: impl Iterator<Item = T>) -> RawVec<T::Repr> {
        let mut lowered = Lowered::<T>(Vec::with_capacity(values.size_hint().0));
        for value in values {
            lowered.0.push(value.into_repr());
        }
        RawVec::of(mem::take(&mut lowered.0))
    }

    /// Takes over a buffer, whose elements are lifted as they are asked for.
    ///
    /// # Safety
    /// As for [`Abi::from_repr`] of a `Vec<T>`: the buffer comes from [`Elements::lower`] for a type of the same shape,
    /// in any image, is used only once, and what it borrows is alive for as long as the elements.
    pub(super) unsafe fn lift(buffer: RawVec<T::Repr>) -> Elements<T> {
        Elements { buffer, next: 0, element: PhantomData }
    }
}

impl<T: Abi> Iterator for Elements<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next == self.buffer.len {
            return None;
        }
        // SAFETY: the buffer has `len` elements, and `next` is less.
        let element = unsafe { self.buffer.at.add(self.next) };
        // SAFETY: the sender initialised it.
        let element = unsafe { *element };
        self.next += 1;
        // SAFETY: `next` has passed this element, so it is taken once.
        Some(unsafe { T::from_repr(element) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.buffer.len - self.next;
        (left, Some(left))
    }
}

impl<T: Abi> Drop for Elements<T> {
    fn drop(&mut self) {
        // Each round passes the element that panicked.
        while self.next < self.buffer.len {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.by_ref().for_each(drop))) {
                drop_quietly(payload);
            }
        }
        // SAFETY: the sender's own function frees the buffer that it leaked.
        unsafe { (self.buffer.free)(self.buffer.at, self.buffer.capacity) };
    }
}

/// Representations that were lowered and not sent yet.
struct Lowered<T: Abi>(Vec<T::Repr>);

impl<T: Abi> Drop for Lowered<T> {
    fn drop(&mut self) {
        // SAFETY: `lower` made each representation of a value, and none was handed on.
        drop(unsafe { Elements::<T>::lift(RawVec::of(mem::take(&mut self.0))) });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        cell::Cell,
        panic::{AssertUnwindSafe, catch_unwind},
        rc::Rc,
    };

    use super::*;
    use crate::abi::{shape::Shape, value::Abi};

    /// Counts those that are alive, and panics where it is told to.
    struct Fragile {
        number: u8,
        panics: Panics,
        alive: Rc<Cell<i32>>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Panics {
        Never,
        Lowered,
        Lifted,
        Dropped,
    }

    impl Fragile {
        fn new(number: u8, panics: Panics, alive: &Rc<Cell<i32>>) -> Fragile {
            alive.set(alive.get() + 1);
            Fragile { number, panics, alive: Rc::clone(alive) }
        }
    }

    impl Drop for Fragile {
        fn drop(&mut self) {
            self.alive.set(self.alive.get() - 1);
            assert!(self.panics != Panics::Dropped, "a destructor");
        }
    }

    // SAFETY: the representation owns the box, and nothing but these tests uses it.
    unsafe impl Abi for Fragile {
        type Repr = *mut Fragile;
        const SHAPE: &'static Shape = <()>::SHAPE;
        fn into_repr(self) -> *mut Fragile {
            assert!(self.panics != Panics::Lowered, "lowering");
            Box::into_raw(Box::new(self))
        }
        unsafe fn from_repr(repr: *mut Fragile) -> Fragile {
            // SAFETY: `into_repr` leaked the box, which is taken once.
            let value = *unsafe { Box::from_raw(repr) };
            assert!(value.panics != Panics::Lifted, "lifting");
            value
        }
    }

    fn fragile(panics: &[Panics], alive: &Rc<Cell<i32>>) -> Vec<Fragile> {
        panics.iter().zip(0..).map(|(&panics, number)| Fragile::new(number, panics, alive)).collect()
    }

    #[test]
    fn a_panic_at_any_element_drops_all_of_them_once() {
        use Panics::{Dropped, Lifted, Lowered, Never};
        // A panic takes Miri seconds.
        for at in (0..4).step_by(if cfg!(miri) { 3 } else { 1 }) {
            for (kind, others) in
                [(Lowered, Never), (Lifted, Never), (Lifted, Lifted), (Lowered, Dropped), (Lifted, Dropped)]
            {
                let mut panics = [others; 4];
                panics[at] = kind;
                if kind == Lowered {
                    // What comes before is lowered and lifted again, what comes after is dropped by the source.
                    panics[at + 1..].fill(Never);
                } else {
                    panics[..at].fill(Never);
                }
                let alive = Rc::new(Cell::new(0));
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let raw = Elements::lower(fragile(&panics, &alive).into_iter());
                    // SAFETY: it was just lowered.
                    unsafe { Elements::<Fragile>::lift(raw) }.count()
                }));
                assert!(panicked.is_err());
                assert_eq!(alive.get(), 0, "panic at {at}");
            }
        }
    }

    #[test]
    fn elements_that_were_not_taken_are_dropped() {
        let alive = Rc::new(Cell::new(0));
        let raw = Elements::lower(fragile(&[Panics::Never; 5], &alive).into_iter());
        assert_eq!(alive.get(), 5, "the representations own them");
        // SAFETY: it was just lowered.
        let mut elements = unsafe { Elements::<Fragile>::lift(raw) };
        assert_eq!(elements.size_hint(), (5, Some(5)));
        assert_eq!(elements.nth(1).map(|element| element.number), Some(1));
        assert_eq!((elements.size_hint(), alive.get()), ((3, Some(3)), 3));
        drop(elements);
        assert_eq!(alive.get(), 0);
    }
}
