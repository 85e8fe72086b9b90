//! The table of the crossings of an interface's methods: one in each image that needs it.
//!
//! The table is made when the image is asked for it, by code that generated code has for each method: it passes the
//! addresses of two thunks and a word to [`List`]. That takes a third of the bytes that the same table takes as
//! constant data: such a table has two addresses for each signature and one for each method, and the file has an entry
//! of 24 bytes for each of them, by which the loader finds it.
//!
//! The functions run no code of an author's. Who asks: the host, of an image that it has loaded
//! ([`Export::crossing`](crate::abi::tables::Export::crossing)); and generic code, of an interface that it names
//! ([`Interface::crossing`]).

use std::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    process, ptr, slice,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    thread,
};

use crate::abi::{
    crossing::{Crossing, PackedCall},
    interface::Interface,
};

/// What a [`Crossing`] has beside its thunks, in one word.
#[derive(Clone, Copy)]
pub(super) struct Form(u32);

impl Form {
    /// Bits of the outcome's size in units of its alignment.
    const SIZE: u32 = 22;
    /// Bits of the alignment's logarithm.
    const ALIGN: u32 = 4;
    /// Bits of the number of arguments.
    const ARGUMENTS: u32 = 5;

    pub(super) const fn of(crossing: &Crossing, is_polled: bool) -> Form {
        let units = crossing.outcome_size / crossing.outcome_align as u32;
        let (align, arguments) = (crossing.outcome_align.trailing_zeros(), crossing.arguments as u32);
        assert!(units < 1 << Form::SIZE, "lcr: a method's result is too large to be returned");
        assert!(align < 1 << Form::ALIGN && arguments < 1 << Form::ARGUMENTS);
        let above = align | arguments << Form::ALIGN | (is_polled as u32) << (Form::ALIGN + Form::ARGUMENTS);
        Form(units | above << Form::SIZE)
    }

    fn with(self, packed: PackedCall, hooked: *const ()) -> Crossing {
        let (units, above) = (self.0 & ((1 << Form::SIZE) - 1), self.0 >> Form::SIZE);
        let align = 1 << (above & ((1 << Form::ALIGN) - 1));
        let above = above >> Form::ALIGN;
        Crossing {
            packed,
            hooked,
            outcome_size: units * align,
            outcome_align: align as u16,
            arguments: (above & ((1 << Form::ARGUMENTS) - 1)) as u8,
            is_polled: above >> Form::ARGUMENTS != 0,
        }
    }
}

/// The crossings of an interface's methods, as generated code adds them.
#[derive(Debug)]
pub struct List<'t> {
    room: &'t mut [MaybeUninit<Crossing>],
    len: usize,
}

impl List<'_> {
    /// Not inlined, because there is a call of it for each method, in each image.
    #[cold]
    #[inline(never)]
    pub(super) fn add(&mut self, packed: PackedCall, hooked: *const (), form: Form) {
        self.copy(&form.with(packed, hooked));
    }

    /// Adds the thunks of a method of another interface.
    pub fn copy(&mut self, crossing: &Crossing) {
        if let Some(room) = self.room.get_mut(self.len) {
            room.write(*crossing);
            self.len += 1;
        }
    }
}

/// A table of crossings, which is made when it is asked for. It lies in memory that the loader provides, not in the
/// file, so a table of many methods costs a library nothing; and it goes when the image goes.
///
/// One thread makes it, and says of which process it is: in the child of a fork that thread may be missing, and then
/// another one makes the table. Who asks meanwhile gives way until it is made, which takes less than a microsecond for
/// each hundred methods.
#[derive(Debug)]
pub struct Table<const N: usize> {
    /// The process of the thread that makes the table, or has made it; 0 if there is none yet.
    maker: AtomicU32,
    /// How many there are, and one; 0 until the table is made.
    made: AtomicUsize,
    room: UnsafeCell<[MaybeUninit<Crossing>; N]>,
}

// SAFETY: the room is written by the one thread that has become the maker in its process, before `made` is stored, and
// only read after that.
unsafe impl<const N: usize> Sync for Table<N> {}

impl<const N: usize> Table<N> {
    /// A table that is not made yet.
    #[expect(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Table<N> {
        let room = UnsafeCell::new([const { MaybeUninit::uninit() }; N]);
        Table { maker: AtomicU32::new(0), made: AtomicUsize::new(0), room }
    }

    /// The crossings: those that `fill` adds, the same whenever it runs.
    pub fn get(&'static self, fill: fn(&mut List<'_>)) -> &'static [Crossing] {
        let made = loop {
            // Pairs with the store below: the room is written.
            let made = self.made.load(Ordering::Acquire);
            if made > 0 {
                break made;
            }
            let (process, maker) = (process::id(), self.maker.load(Ordering::Relaxed));
            let is_made_here = maker == process;
            if is_made_here
                || self.maker.compare_exchange(maker, process, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                thread::yield_now();
                continue;
            }
            // SAFETY: no other thread of this process is the maker, and nobody reads the room before `made` is stored.
            let mut list = List { room: unsafe { &mut *self.room.get() }, len: 0 };
            fill(&mut list);
            let made = list.len + 1;
            self.made.store(made, Ordering::Release);
            break made;
        };
        // SAFETY: that many were written, and nobody writes any more.
        unsafe { slice::from_raw_parts(self.room.get().cast(), made - 1) }
    }
}

/// The crossings of an interface's methods, for an export.
pub extern "C" fn crossings_of<I: ?Sized + Interface>() -> *const Crossing {
    for_export(I::crossings(), I::METHODS.len())
}

/// The crossings of an export with so many methods: null if there are not as many.
pub(super) fn for_export(crossings: &'static [Crossing], methods: usize) -> *const Crossing {
    if crossings.len() == methods { crossings.as_ptr() } else { ptr::null() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;
    use crate::component::generated::crossings::{Crosses, Signature, crossing};

    #[test]
    fn a_word_has_all_that_a_crossing_has_beside_its_thunks() {
        let crossings = [
            <Signature<(), u8> as Crosses>::CROSSING,
            <Signature<(u8, u128), u128> as Crosses>::CROSSING,
            <Signature<(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8), [u64; 4000]> as Crosses>::CROSSING,
        ];
        for crossing in crossings {
            let form = |crossing: &Crossing| (crossing.outcome_size, crossing.outcome_align, crossing.arguments);
            for is_polled in [false, true] {
                let again = Form::of(crossing, is_polled).with(crossing.packed, crossing.hooked);
                assert_eq!((form(&again), again.is_polled), (form(crossing), is_polled));
            }
        }
    }

    #[test]
    fn a_table_is_made_once_whoever_asks() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        static TABLE: Table<2> = Table::new();
        fn fill(list: &mut List<'_>) {
            MADE.fetch_add(1, Ordering::Relaxed);
            crossing::<(u8,), u64>(list);
            crossing::<(), u8>(list);
        }
        let asked: Vec<_> = (0..4).map(|_| thread::spawn(|| TABLE.get(fill))).collect();
        for asked in asked {
            let [one, other] = asked.join().unwrap() else { panic!("the table has two") };
            assert_eq!((one.arguments, other.arguments), (1, 0));
        }
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_table_that_was_being_made_when_the_process_forked_is_made_in_the_child() {
        static TABLE: Table<1> = Table::new();
        // As the child finds it: the maker is a thread of its parent.
        TABLE.maker.store(process::id() ^ 1, Ordering::Relaxed);
        assert_eq!(TABLE.get(crossing::<(), u8>).len(), 1);
        assert_eq!(TABLE.maker.load(Ordering::Relaxed), process::id());
    }

    #[test]
    fn an_export_has_thunks_for_all_methods_or_for_none() {
        static WHOLE: Table<1> = Table::new();
        static EMPTY: Table<1> = Table::new();
        let whole = WHOLE.get(crossing::<(), u8>);
        assert_eq!(for_export(whole, 1), whole.as_ptr());
        assert!(for_export(whole, 2).is_null());
        assert!(for_export(EMPTY.get(|_| {}), 1).is_null());
    }
}
