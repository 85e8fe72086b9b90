//! Types: a shape with everything that a walk over memory needs, checked.
//!
//! `abi::shape` states the rules by which offsets and tags follow from a shape. They are applied here and nowhere else,
//! and the sizes and alignments that a shape states are compared with what follows. So a shape of a damaged manifest is
//! refused before any memory is read by it.

mod facts;
mod structs;

use crate::{
    abi::value::{
        callback::{RawBoxedCallback, RawCallback},
        composite::RawDuration,
        counted::RawCounted,
        sequences::{RawBox, RawSlice, RawVec},
        shared::RawArc,
    },
    error::{Error, ErrorKind, Result},
    host::image::shape::{Kind, Part, Shape},
};

pub(super) use structs::{Field, Fields, Meaning, Style};

/// A type of values that is known by its shape alone.
#[derive(Debug)]
pub(crate) struct Type<'s> {
    /// The shape that it was made of.
    pub(super) shape: &'s Shape,
    /// The size of the representation, in bytes.
    pub(super) size: usize,
    /// Its alignment, in bytes: a power of two.
    pub(super) align: usize,
    /// Whether a value owns and borrows nothing, so that its bytes may be copied.
    pub(super) is_flat: bool,
    /// Whether a value may be `null` as JSON.
    pub(super) is_nullable: bool,
    /// What it is.
    pub(super) form: Form<'s>,
}

/// What a type is, with the places of its parts.
#[derive(Debug)]
pub(super) enum Form<'s> {
    Unit,
    Scalar(Scalar),
    Duration,
    /// `&str` and `String`.
    Text(Held),
    /// `&[T]`, `&mut [T]` and `Vec<T>`.
    List(Held, Box<Type<'s>>),
    Array(Box<Type<'s>>, usize),
    Option {
        value: Box<Type<'s>>,
        at: usize,
    },
    Result {
        ok: Box<Type<'s>>,
        err: Box<Type<'s>>,
        at: usize,
    },
    Box(Box<Type<'s>>),
    Struct(Meaning, Fields<'s>),
    /// The variants, and where their fields begin.
    Enum(Vec<Variant<'s>>, usize),
    /// `lcr::Bytes` and `lcr::Shared`.
    Counted(Content<'s>),
    /// `Arc`.
    Arc(Content<'s>),
    Serde,
    Handle,
    Callback,
    BoxedCallback,
}

/// Who has the memory of a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Lent,
    Owned,
}

/// What a reference counts.
#[derive(Debug)]
pub(super) enum Content<'s> {
    Text,
    List(Box<Type<'s>>),
    One(Box<Type<'s>>),
}

/// A variant of an enum. Its number, the tag, is its place in the list.
#[derive(Debug)]
pub(super) struct Variant<'s> {
    pub(super) name: &'s str,
    pub(super) fields: Fields<'s>,
}

/// A scalar, with its width in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scalar {
    Bool,
    Char,
    Unsigned(u8),
    Signed(u8),
    F32,
    F64,
}

impl Scalar {
    fn named(name: &str) -> Option<Scalar> {
        Some(match name {
            "bool" => Scalar::Bool,
            "char" => Scalar::Char,
            "f32" => Scalar::F32,
            "f64" => Scalar::F64,
            "usize" => Scalar::Unsigned(8),
            "isize" => Scalar::Signed(8),
            _ => {
                let bits = name.strip_prefix(['u', 'i'])?;
                let width = [("8", 1), ("16", 2), ("32", 4), ("64", 8), ("128", 16)];
                let (_, width) = width.into_iter().find(|(name, _)| *name == bits)?;
                if name.starts_with('u') { Scalar::Unsigned(width) } else { Scalar::Signed(width) }
            }
        })
    }

    /// The width in bytes.
    pub(super) fn width(self) -> usize {
        match self {
            Scalar::Bool => 1,
            Scalar::Char | Scalar::F32 => 4,
            Scalar::F64 => 8,
            Scalar::Unsigned(width) | Scalar::Signed(width) => width.into(),
        }
    }
}

/// Why a shape is no type, in a few words.
type Damage = String;

impl<'s> Type<'s> {
    /// The type of this shape, which is that of a value.
    ///
    /// # Errors
    /// `BadManifest` if its sizes, alignments or offsets are those of no representation, or if it is a method.
    pub(crate) fn of(shape: &'s Shape) -> Result<Type<'s>> {
        Type::read(shape).map_err(|damage| {
            let text = format!("damaged manifest: `{shape}` is no value: {damage}; build the component again");
            Error::new(ErrorKind::BadManifest, text)
        })
    }

    fn read(shape: &'s Shape) -> Result<Type<'s>, Damage> {
        // Of a handle, the shape's size is a version.
        let (size, align) = match shape.kind {
            Kind::Handle => (size_of::<usize>(), align_of::<usize>()),
            _ => (shape.size as usize, usize::from(shape.align)),
        };
        if !align.is_power_of_two() || size % align != 0 {
            return Err(format!("{size} bytes at {align}"));
        }
        let (layout, form) = Form::read(shape)?;
        let found = Layout { size, align };
        // A struct's own size may be more: `#[repr(C, align)]`.
        let fits = if shape.kind == Kind::Struct { found.has_room_for(layout) } else { found == layout };
        if !fits {
            return Err(format!("{found:?} instead of {layout:?}"));
        }
        let (is_flat, is_nullable) = (form.is_flat(), form.is_nullable());
        Ok(Type { shape, size, align, is_flat, is_nullable, form })
    }

    /// The layout of the representation.
    pub(in crate::host) fn memory(&self) -> std::alloc::Layout {
        std::alloc::Layout::from_size_align(self.size, self.align).expect("the shape's layout was checked")
    }

    fn boxed(part: Option<&'s Part>) -> Result<Box<Type<'s>>, Damage> {
        let part = part.ok_or_else(|| "a part is missing".to_owned())?;
        Type::read(&part.shape).map(Box::new)
    }

    fn layout(&self) -> Layout {
        Layout { size: self.size, align: self.align }
    }

    /// Whether this is `u8`.
    pub(super) fn is_byte(&self) -> bool {
        matches!(self.form, Form::Scalar(Scalar::Unsigned(1)))
    }

    /// The first type in this one, or this one itself, that `meets`.
    fn find(&self, meets: &impl Fn(&Form<'s>) -> bool) -> Option<&'s Shape> {
        if meets(&self.form) {
            return Some(self.shape);
        }
        self.form.parts().into_iter().find_map(|part| part.find(meets))
    }

    /// Why not every value can be made from JSON; `None` if every one can be.
    pub(crate) fn refuses_json(&self) -> Option<String> {
        self.find(&Form::is_never_json).map(never_json)
    }

    /// Why no value can be made from JSON, whatever is inside; `None` if that depends on what is inside.
    pub(super) fn is_never_json(&self) -> Option<String> {
        self.form.is_never_json().then(|| never_json(self.shape))
    }

    /// Why values cannot be copied; `None` if they can be.
    pub(crate) fn refuses_copies(&self) -> Option<String> {
        let found = self.find(&|form| matches!(form, Form::BoxedCallback))?;
        Some(format!("a `{found}` cannot be copied: it is one function that one owner drops"))
    }
}

/// Why no value of this shape can be made from JSON.
fn never_json(shape: &Shape) -> String {
    let reason = match shape.kind {
        Kind::Handle => "a handle is a reference to a running instance",
        Kind::Struct => "a fault is made by the runtime alone",
        _ => "a function is code of its caller",
    };
    format!("a `{shape}` cannot be made from JSON: {reason}")
}

/// Size and alignment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    size: usize,
    align: usize,
}

impl Layout {
    fn of<R>() -> Layout {
        Layout { size: size_of::<R>(), align: align_of::<R>() }
    }

    fn has_room_for(self, least: Layout) -> bool {
        self.size >= least.size && self.align >= least.align
    }

    /// A union of both.
    fn or(self, other: Layout) -> Layout {
        let align = self.align.max(other.align);
        Layout { size: self.size.max(other.size).next_multiple_of(align), align }
    }

    /// A tag of `width` bytes, which is its alignment too, and this behind it; and the offset of this.
    fn tagged(self, width: usize) -> (Layout, usize) {
        let (at, align) = (width.next_multiple_of(self.align), width.max(self.align));
        (Layout { size: (at + self.size).next_multiple_of(align), align }, at)
    }
}

impl<'s> Form<'s> {
    /// The form of a shape, and the layout that follows from its parts: the least one of a struct.
    fn read(shape: &'s Shape) -> Result<(Layout, Form<'s>), Damage> {
        let first = || Type::boxed(shape.parts.first());
        let flat = || {
            let element = first()?;
            let text = || format!("`{}` is no plain data", element.shape);
            if element.is_flat { Ok(element) } else { Err(text()) }
        };
        Ok(match shape.kind {
            Kind::Unit => (Layout::of::<u8>(), Form::Unit),
            Kind::Scalar => {
                let scalar = Scalar::named(&shape.name).ok_or_else(|| "an unknown scalar".to_owned())?;
                let width = scalar.width();
                (Layout { size: width, align: width.min(align_of::<u128>()) }, Form::Scalar(scalar))
            }
            Kind::Str => (Layout::of::<RawSlice<u8>>(), Form::Text(Held::Lent)),
            Kind::Slice | Kind::SliceMut => (Layout::of::<RawSlice<u8>>(), Form::List(Held::Lent, flat()?)),
            Kind::String => (Layout::of::<RawVec<u8>>(), Form::Text(Held::Owned)),
            Kind::Vec => (Layout::of::<RawVec<u8>>(), Form::List(Held::Owned, first()?)),
            Kind::Array => {
                let (element, len) = (first()?, usize::try_from(shape.parts[0].at).ok());
                let size = len.and_then(|len| len.checked_mul(element.size));
                let (Some(len), Some(size)) = (len, size) else { return Err("an endless array".to_owned()) };
                (Layout { size, align: element.align }, Form::Array(element, len))
            }
            Kind::Option => {
                let value = first()?;
                let (layout, at) = value.layout().tagged(1);
                (layout, Form::Option { value, at })
            }
            Kind::Result => {
                let (ok, err) = (first()?, Type::boxed(shape.parts.get(1))?);
                let (layout, at) = ok.layout().or(err.layout()).tagged(1);
                (layout, Form::Result { ok, err, at })
            }
            Kind::Box => (Layout::of::<RawBox<u8>>(), Form::Box(first()?)),
            Kind::Duration => (Layout::of::<RawDuration>(), Form::Duration),
            Kind::Struct if shape.name == "lcr::Shared" => {
                (Layout::of::<RawCounted>(), Form::Counted(Content::read(first()?)?))
            }
            Kind::Struct if shape.name == "alloc::sync::Arc" => {
                (Layout::of::<RawArc>(), Form::Arc(Content::read(first()?)?))
            }
            Kind::Struct | Kind::Tuple => {
                let fields = Fields::read(shape)?;
                (fields.layout(), Form::Struct(Meaning::read(shape, &fields), fields))
            }
            Kind::Enum => read_enum(shape)?,
            Kind::Bytes => {
                let byte = Type { shape, size: 1, align: 1, is_flat: true, is_nullable: false, form: BYTE };
                (Layout::of::<RawCounted>(), Form::Counted(Content::List(Box::new(byte))))
            }
            Kind::Handle => (Layout::of::<usize>(), Form::Handle),
            Kind::Callback => (Layout::of::<RawCallback>(), Form::Callback),
            Kind::BoxedCallback => (Layout::of::<RawBoxedCallback>(), Form::BoxedCallback),
            Kind::Serde => (Layout::of::<RawVec<u8>>(), Form::Serde),
            other => return Err(format!("{other:?} is no kind of value")),
        })
    }

    /// The types inside.
    fn parts(&self) -> Vec<&Type<'s>> {
        match self {
            Form::List(_, part) | Form::Array(part, _) | Form::Option { value: part, .. } | Form::Box(part) => {
                vec![part]
            }
            Form::Result { ok, err, .. } => vec![ok, err],
            Form::Struct(_, fields) => fields.list.iter().map(|field| &field.ty).collect(),
            Form::Enum(variants, _) => {
                variants.iter().flat_map(|variant| &variant.fields.list).map(|field| &field.ty).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_never_json(&self) -> bool {
        matches!(self, Form::Handle | Form::Callback | Form::BoxedCallback | Form::Struct(Meaning::Fault, _))
    }

    fn is_flat(&self) -> bool {
        match self {
            Form::Unit | Form::Scalar(_) | Form::Duration => true,
            Form::Array(..) | Form::Option { .. } | Form::Result { .. } | Form::Struct(..) | Form::Enum(..) => {
                self.parts().iter().all(|part| part.is_flat)
            }
            _ => false,
        }
    }

    fn is_nullable(&self) -> bool {
        match self {
            Form::Unit | Form::Option { .. } | Form::Serde => true,
            Form::Box(inner) => inner.is_nullable,
            Form::Counted(Content::One(content)) | Form::Arc(Content::One(content)) => content.is_nullable,
            Form::Struct(Meaning::Own | Meaning::Inside, fields) => fields.is_nullable(),
            _ => false,
        }
    }
}

const BYTE: Form<'static> = Form::Scalar(Scalar::Unsigned(1));

/// The tag is the variant's place. Fields lie in a union behind it, unless no variant has any.
fn read_enum<'s>(shape: &'s Shape) -> Result<(Layout, Form<'s>), Damage> {
    let variant = |part: &'s Part| {
        let fields = Fields::read(&part.shape)?;
        let (layout, least) =
            (Layout { size: part.shape.size as usize, align: part.shape.align.into() }, fields.layout());
        // A variant without fields has no bytes.
        let loaded = (!fields.list.is_empty()).then_some(layout);
        if loaded.is_some() && (!layout.has_room_for(least) || !layout.align.is_power_of_two()) {
            return Err(format!("variant `{}` has {layout:?} instead of {least:?}", part.name));
        }
        Ok((loaded, Variant { name: &part.name, fields }))
    };
    let variants = shape.parts.iter().map(variant).collect::<Result<Vec<_>, Damage>>()?;
    let payload = variants.iter().filter_map(|(loaded, _)| *loaded).reduce(Layout::or);
    let (layout, at) = match payload {
        Some(payload) => payload.tagged(size_of::<u32>()),
        None => (Layout::of::<u32>(), size_of::<u32>()),
    };
    Ok((layout, Form::Enum(variants.into_iter().map(|(_, variant)| variant).collect(), at)))
}

impl<'s> Content<'s> {
    fn read(content: Box<Type<'s>>) -> Result<Content<'s>, Damage> {
        let shape = content.shape;
        match content.form {
            Form::Text(Held::Lent) => Ok(Content::Text),
            Form::List(Held::Lent, element) => Ok(Content::List(element)),
            _ if content.is_flat => Ok(Content::One(content)),
            _ => Err(format!("`{shape}` is no content that images share")),
        }
    }
}
