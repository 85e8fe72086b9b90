//! Ranges, as their bounds.

use std::ops::{Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::form::{Form, cross_by_form};
use crate::abi::value::Abi;

/// The form, which has the name of its type.
mod form {
    /// That of [`std::ops::Bound`].
    #[derive(Debug, lcr::Abi)]
    pub enum Bound<T> {
        Included(T),
        Excluded(T),
        Unbounded,
    }
}

impl<T: Abi> Form for Bound<T> {
    type Form = form::Bound<T>;
    const NAME: &'static str = "std::Bound";
    fn into_form(self) -> form::Bound<T> {
        match self {
            Bound::Included(bound) => form::Bound::Included(bound),
            Bound::Excluded(bound) => form::Bound::Excluded(bound),
            Bound::Unbounded => form::Bound::Unbounded,
        }
    }
    fn from_form(form: form::Bound<T>) -> Bound<T> {
        match form {
            form::Bound::Included(bound) => Bound::Included(bound),
            form::Bound::Excluded(bound) => Bound::Excluded(bound),
            form::Bound::Unbounded => Bound::Unbounded,
        }
    }
}

impl<T: Abi> Form for Range<T> {
    type Form = (T, T);
    const NAME: &'static str = "std::Range";
    fn into_form(self) -> (T, T) {
        (self.start, self.end)
    }
    fn from_form((start, end): (T, T)) -> Range<T> {
        start..end
    }
}

impl<T: Abi> Form for RangeInclusive<T> {
    type Form = (T, T);
    const NAME: &'static str = "std::RangeInclusive";

    /// # Panics
    /// If the range was iterated to its end. Such a range has no bounds any more, and only an iterator can make one.
    fn into_form(self) -> (T, T) {
        // It says so of itself: std excludes the end of a range that is used up.
        let is_used_up = matches!(self.end_bound(), Bound::Excluded(_));
        assert!(!is_used_up, "a `RangeInclusive` that was iterated to its end was sent; send it before, or its bounds");
        self.into_inner()
    }
    fn from_form((start, end): (T, T)) -> RangeInclusive<T> {
        start..=end
    }
}

impl<T: Abi> Form for RangeFrom<T> {
    type Form = T;
    const NAME: &'static str = "std::RangeFrom";
    fn into_form(self) -> T {
        self.start
    }
    fn from_form(start: T) -> RangeFrom<T> {
        start..
    }
}

impl<T: Abi> Form for RangeTo<T> {
    type Form = T;
    const NAME: &'static str = "std::RangeTo";
    fn into_form(self) -> T {
        self.end
    }
    fn from_form(end: T) -> RangeTo<T> {
        ..end
    }
}

impl<T: Abi> Form for RangeToInclusive<T> {
    type Form = T;
    const NAME: &'static str = "std::RangeToInclusive";
    fn into_form(self) -> T {
        self.end
    }
    fn from_form(end: T) -> RangeToInclusive<T> {
        ..=end
    }
}

impl Form for RangeFull {
    type Form = ();
    const NAME: &'static str = "std::RangeFull";
    fn into_form(self) {}
    fn from_form((): ()) -> RangeFull {
        ..
    }
}

cross_by_form! {
    {T} Bound<T>;
    {T} Range<T>;
    {T} RangeInclusive<T>;
    {T} RangeFrom<T>;
    {T} RangeTo<T>;
    {T} RangeToInclusive<T>;
    {} RangeFull;
}
