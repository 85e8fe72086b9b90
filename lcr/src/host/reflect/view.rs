//! Looking at a value: one node at a time, as what it is.
//!
//! [`At::new`] is the one promise that a walk rests on. Everything that only reads is safe code over [`At`] and
//! [`View`].

use std::{fmt, marker::PhantomData, ptr, slice, str, time::Duration};

use super::types::{Content, Field, Fields, Form, Held, Meaning, Scalar, Type, Variant};
use crate::abi::value::{
    callback::RawCallback,
    counted::RawCounted,
    sequences::{RawBox, RawSlice, RawVec},
    shared::RawArc,
};

/// A value of a type, in memory that does not change for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(super) ty: &'a Type<'a>,
    at: *const u8,
    value: PhantomData<&'a u8>,
}

/// What a value is, with its parts.
pub(super) enum View<'a> {
    Unit,
    Bool(bool),
    Char(char),
    Unsigned(u128),
    Signed(i128),
    F32(f32),
    F64(f64),
    Duration(Duration),
    Text(&'a str),
    /// A sequence of `u8`, but for an array.
    Bytes(&'a [u8]),
    List(List<'a>),
    None,
    Some(At<'a>),
    Ok(At<'a>),
    Err(At<'a>),
    /// What a box holds, or a reference counts.
    Inside(At<'a>),
    Struct(Meaning, Parts<'a>),
    Variant(&'a Variant<'a>, Parts<'a>),
    /// The bytes of the value.
    Serde(&'a [u8]),
    /// A handle's slot.
    Handle(*const ()),
    /// A function: what it is called with, and its code.
    Function([*const (); 2]),
    /// What no honest sender sends.
    Broken(Broken),
}

/// What a broken sender sent.
pub(super) enum Broken {
    Bool(u8),
    Char(u32),
    Tag(u32),
    Text(usize),
    Nanoseconds(u32),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Bool(byte) => write!(f, "a `bool` of {byte}"),
            Broken::Char(number) => write!(f, "a `char` of {number:#x}"),
            Broken::Tag(tag) => write!(f, "the unknown tag {tag}"),
            Broken::Text(valid) => write!(f, "a text that is not UTF-8 from its byte {valid} on"),
            Broken::Nanoseconds(number) => write!(f, "a `Duration` of {number} nanoseconds beside its seconds"),
        }
    }
}

impl<'a> At<'a> {
    /// The value at `at`.
    ///
    /// # Safety
    /// A representation of the type is there, initialised as its sender initialises one. It and what it refers to are
    /// alive and are not written to for `'a`. A sender may be broken in that a tag, `bool`, `char` or text has no
    /// meaning.
    pub(crate) unsafe fn new(ty: &'a Type<'a>, at: *const ()) -> At<'a> {
        At { ty, at: at.cast(), value: PhantomData }
    }

    /// Whether it is an `Err`.
    pub(in crate::host) fn is_err(self) -> bool {
        // Not by a view: that reads the value, and a text from its beginning to its end.
        matches!(self.ty.form, Form::Result { .. }) && self.tag() == 1
    }

    /// Whether it is an array `[T; N]`.
    pub(super) fn is_array(self) -> bool {
        matches!(self.ty.form, Form::Array(..))
    }

    /// How many bytes a text has, which is not read; `None` of what is no text.
    pub(super) fn text_len(self) -> Option<usize> {
        match &self.ty.form {
            Form::Text(held) => Some(self.sequence(*held).1),
            // SAFETY: the representation is a `RawCounted`.
            Form::Counted(Content::Text) => Some(unsafe { self.read::<RawCounted>(0) }.len),
            // SAFETY: the representation is a `RawArc`.
            Form::Arc(Content::Text) => Some(unsafe { self.read::<RawArc>(0) }.len),
            _ => None,
        }
    }

    /// Reads a part of the representation.
    ///
    /// # Safety
    /// The representation has an initialised `T` there.
    unsafe fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the offset is inside the representation.
        let at = unsafe { self.at.add(offset) };
        // SAFETY: the caller says what is there; types keep alignments.
        unsafe { at.cast::<T>().read() }
    }

    /// The part of the type `ty` at an offset.
    ///
    /// # Safety
    /// The representation has an initialised value of the type there.
    unsafe fn part(self, ty: &'a Type<'a>, offset: usize) -> At<'a> {
        // SAFETY: the offset is inside the representation.
        let at = unsafe { self.at.add(offset) };
        At { ty, at, value: PhantomData }
    }

    /// The part that only an enum or option with this tag has.
    fn tagged(self, ty: &'a Type<'a>, offset: usize) -> At<'a> {
        // SAFETY: the caller has seen the tag.
        unsafe { self.part(ty, offset) }
    }

    /// The value behind a pointer of the representation.
    fn behind(ty: &'a Type<'a>, at: *const u8) -> At<'a> {
        At { ty, at, value: PhantomData }
    }

    /// What is here.
    pub(super) fn view(self) -> View<'a> {
        match &self.ty.form {
            Form::Unit => View::Unit,
            Form::Scalar(scalar) => self.scalar(*scalar),
            Form::Duration => {
                // SAFETY: so `RawDuration` begins.
                let seconds = unsafe { self.read::<u64>(0) };
                // SAFETY: the nanoseconds are behind the seconds.
                let nanoseconds = unsafe { self.read::<u32>(8) };
                if nanoseconds < 1_000_000_000 {
                    View::Duration(Duration::new(seconds, nanoseconds))
                } else {
                    View::Broken(Broken::Nanoseconds(nanoseconds))
                }
            }
            Form::Text(held) => text(self.sequence(*held).0, self.sequence(*held).1),
            Form::List(held, element) => {
                let (at, len) = self.sequence(*held);
                list(element, at, len)
            }
            Form::Array(element, len) => View::List(List::new(element, self.at, *len)),
            Form::Option { value, at } => match self.tag() {
                0 => View::None,
                1 => View::Some(self.tagged(value, *at)),
                tag => View::Broken(Broken::Tag(tag.into())),
            },
            Form::Result { ok, err, at } => match self.tag() {
                0 => View::Ok(self.tagged(ok, *at)),
                1 => View::Err(self.tagged(err, *at)),
                tag => View::Broken(Broken::Tag(tag.into())),
            },
            Form::Box(inner) => {
                // SAFETY: the representation is a `RawBox`.
                let raw = unsafe { self.read::<RawBox<u8>>(0) };
                View::Inside(At::behind(inner, raw.at))
            }
            Form::Struct(meaning, fields) => View::Struct(*meaning, Parts { fields, whole: self, offset: 0 }),
            Form::Enum(variants, offset) => {
                // SAFETY: every enum begins with its tag.
                let tag = unsafe { self.read::<u32>(0) };
                match usize::try_from(tag).ok().and_then(|tag| variants.get(tag)) {
                    Some(variant) => {
                        View::Variant(variant, Parts { fields: &variant.fields, whole: self, offset: *offset })
                    }
                    None => View::Broken(Broken::Tag(tag)),
                }
            }
            Form::Counted(content) => {
                // SAFETY: the representation is a `RawCounted`.
                let raw = unsafe { self.read::<RawCounted>(0) };
                shared(content, raw.at, raw.len)
            }
            Form::Arc(content) => {
                // SAFETY: the representation is a `RawArc`.
                let raw = unsafe { self.read::<RawArc>(0) };
                shared(content, raw.at, raw.len)
            }
            Form::Serde => {
                let (at, len) = self.sequence(Held::Owned);
                View::Serde(bytes(at, len))
            }
            // SAFETY: a handle is a pointer.
            Form::Handle => View::Handle(unsafe { self.read(0) }),
            Form::Callback | Form::BoxedCallback => {
                // SAFETY: both begin with the two pointers of a `RawCallback`.
                let raw = unsafe { self.read::<RawCallback>(0) };
                View::Function([raw.data, raw.call])
            }
        }
    }

    /// Its elements, if it is a sequence or an array; of bytes, too.
    pub(super) fn elements(self) -> Option<List<'a>> {
        let (element, at, len) = match &self.ty.form {
            Form::List(held, element) => {
                let (at, len) = self.sequence(*held);
                (element, at, len)
            }
            Form::Array(element, len) => (element, self.at, *len),
            Form::Counted(Content::List(element)) => {
                // SAFETY: the representation is a `RawCounted`.
                let raw = unsafe { self.read::<RawCounted>(0) };
                (element, raw.at, raw.len)
            }
            Form::Arc(Content::List(element)) => {
                // SAFETY: the representation is a `RawArc`.
                let raw = unsafe { self.read::<RawArc>(0) };
                (element, raw.at, raw.len)
            }
            _ => return None,
        };
        Some(List::new(element, at, len))
    }

    /// Where it is.
    pub(super) fn as_ptr(self) -> *const () {
        self.at.cast()
    }

    fn tag(self) -> u8 {
        // SAFETY: options and results begin with their tag.
        unsafe { self.read(0) }
    }

    fn scalar(self, scalar: Scalar) -> View<'a> {
        macro_rules! read {
            ($ty:ident) => {{
                // SAFETY: the type's width says so, and any pattern is a number.
                unsafe { self.read::<$ty>(0) }
            }};
        }
        match scalar {
            Scalar::Bool => match read!(u8) {
                0 => View::Bool(false),
                1 => View::Bool(true),
                byte => View::Broken(Broken::Bool(byte)),
            },
            Scalar::Char => {
                let number = read!(u32);
                char::from_u32(number).map_or(View::Broken(Broken::Char(number)), View::Char)
            }
            Scalar::F32 => View::F32(read!(f32)),
            Scalar::F64 => View::F64(read!(f64)),
            Scalar::Unsigned(1) => View::Unsigned(read!(u8).into()),
            Scalar::Unsigned(2) => View::Unsigned(read!(u16).into()),
            Scalar::Unsigned(4) => View::Unsigned(read!(u32).into()),
            Scalar::Unsigned(8) => View::Unsigned(read!(u64).into()),
            Scalar::Unsigned(_) => View::Unsigned(read!(u128)),
            Scalar::Signed(1) => View::Signed(read!(i8).into()),
            Scalar::Signed(2) => View::Signed(read!(i16).into()),
            Scalar::Signed(4) => View::Signed(read!(i32).into()),
            Scalar::Signed(8) => View::Signed(read!(i64).into()),
            Scalar::Signed(_) => View::Signed(read!(i128)),
        }
    }

    /// Address and length of a sequence.
    fn sequence(self, held: Held) -> (*const u8, usize) {
        match held {
            Held::Lent => {
                // SAFETY: the representation is a `RawSlice`, or a `RawSliceMut`, which is laid out alike.
                let raw = unsafe { self.read::<RawSlice<u8>>(0) };
                (raw.at, raw.len)
            }
            Held::Owned => {
                // SAFETY: the representation is a `RawVec`.
                let raw = unsafe { self.read::<RawVec<u8>>(0) };
                (raw.at, raw.len)
            }
        }
    }
}

/// The bytes of a sequence of the value that is looked at.
fn bytes<'a>(at: *const u8, len: usize) -> &'a [u8] {
    let at = if len == 0 { ptr::dangling() } else { at };
    // SAFETY: the sender's sequence has so many bytes, which are alive and unchanged as long as the value is.
    unsafe { slice::from_raw_parts(at, len) }
}

fn text<'a>(at: *const u8, len: usize) -> View<'a> {
    match str::from_utf8(bytes(at, len)) {
        Ok(text) => View::Text(text),
        Err(error) => View::Broken(Broken::Text(error.valid_up_to())),
    }
}

fn list<'a>(element: &'a Type<'a>, at: *const u8, len: usize) -> View<'a> {
    if element.is_byte() { View::Bytes(bytes(at, len)) } else { View::List(List::new(element, at, len)) }
}

fn shared<'a>(content: &'a Content<'a>, at: *const u8, len: usize) -> View<'a> {
    match content {
        Content::Text => text(at, len),
        Content::List(element) => list(element, at, len),
        Content::One(content) => View::Inside(At::behind(content, at)),
    }
}

/// Elements that lie one behind the other.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) element: &'a Type<'a>,
    at: *const u8,
    pub(super) len: usize,
}

impl<'a> List<'a> {
    fn new(element: &'a Type<'a>, at: *const u8, len: usize) -> List<'a> {
        List { element, at, len }
    }

    /// The elements, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = At<'a>> {
        (0..self.len).map(move |place| {
            // SAFETY: the list has more than `place` elements.
            unsafe { self.at(place) }
        })
    }

    /// The element at that place.
    pub(super) fn get(self, place: usize) -> Option<At<'a>> {
        // SAFETY: the list has more than `place` elements.
        (place < self.len).then(|| unsafe { self.at(place) })
    }

    /// # Safety
    /// There are more than `place` elements.
    unsafe fn at(self, place: usize) -> At<'a> {
        // SAFETY: the caller says so.
        let at = unsafe { self.at.add(place * self.element.size) };
        At::behind(self.element, at)
    }
}

/// The fields of a struct, or of the variant that is there.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) fields: &'a Fields<'a>,
    whole: At<'a>,
    offset: usize,
}

impl<'a> Parts<'a> {
    /// The fields, in order, each with its value.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a Field<'a>, At<'a>)> {
        self.fields.list.iter().map(move |field| (field, self.whole.tagged(&field.ty, self.offset + field.at)))
    }

    /// The value of the first field, if there is one.
    pub(super) fn first(self) -> Option<At<'a>> {
        self.get(0)
    }

    /// The value of the field at that place.
    pub(super) fn get(self, place: usize) -> Option<At<'a>> {
        let field = self.fields.list.get(place)?;
        Some(self.whole.tagged(&field.ty, self.offset + field.at))
    }
}
