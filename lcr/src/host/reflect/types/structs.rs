//! Fields of structs, tuples and variants, and the structs of std and of this crate that mean more than their fields.
//!
//! Types of std cross as a struct of the type's name with one field (`component/value`). The name has `::` in it, as
//! that of no derived type has. Such a struct stands for its field, and some have rules of their own.

use super::{Damage, Form, Layout, Scalar, Type};
use crate::{
    error::Result,
    host::image::shape::{Kind, Shape},
};

/// The fields of a struct, tuple or variant.
#[derive(Debug)]
pub(in super::super) struct Fields<'s> {
    pub(in super::super) style: Style,
    pub(in super::super) list: Vec<Field<'s>>,
}

/// How fields are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Style {
    /// There are none.
    Empty,
    Named,
    /// One without a name, which stands for the whole.
    Newtype,
    /// By place.
    Places,
}

/// A field.
#[derive(Debug)]
pub(in super::super) struct Field<'s> {
    /// Empty in a tuple, the place in a tuple struct.
    pub(in super::super) name: &'s str,
    /// The offset, in bytes.
    pub(in super::super) at: usize,
    pub(in super::super) ty: Type<'s>,
    /// Whether its value must not be shown.
    pub(in super::super) is_secret: bool,
}

impl<'s> Fields<'s> {
    /// Reads them in order, and checks that they lie one behind the other.
    pub(super) fn read(shape: &'s Shape) -> Result<Fields<'s>, Damage> {
        let mut end = 0;
        let mut list = Vec::with_capacity(shape.parts.len());
        for part in &shape.parts {
            let ty = Type::read(&part.shape)?;
            let at = usize::try_from(part.at).ok().filter(|at| *at >= end && at % ty.align == 0);
            let next = at.and_then(|at| at.checked_add(ty.size)).filter(|next| *next <= shape.size as usize);
            let (Some(at), Some(next)) = (at, next) else {
                return Err(format!("field `{}` is at {} of {} bytes", part.name, part.at, shape.size));
            };
            end = next;
            list.push(Field { name: &part.name, at, ty, is_secret: part.is_secret });
        }
        let is_place = |name: &str| name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit());
        let style = match &list[..] {
            [] if shape.kind == Kind::Tuple => Style::Places,
            [] => Style::Empty,
            [field] if is_place(field.name) && shape.kind != Kind::Tuple => Style::Newtype,
            fields if fields.iter().all(|field| is_place(field.name)) => Style::Places,
            _ => Style::Named,
        };
        Ok(Fields { style, list })
    }

    /// The least layout that has room for them; of none, a byte.
    pub(super) fn layout(&self) -> Layout {
        let end = |field: &Field<'_>| field.at + field.ty.size;
        let align = self.list.iter().map(|field| field.ty.align).max().unwrap_or(1);
        Layout { size: self.list.last().map_or(1, end).next_multiple_of(align), align }
    }

    pub(super) fn is_nullable(&self) -> bool {
        match (self.style, &self.list[..]) {
            (Style::Empty, _) => true,
            (Style::Newtype, [field]) => field.ty.is_nullable,
            _ => false,
        }
    }
}

/// What a struct means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Meaning {
    /// An author's struct, or a tuple.
    Own,
    /// It stands for its one field.
    Inside,
    /// Its one field is a list of pairs, in no order.
    Map,
    /// Its one field is a list, in no order.
    Set,
    /// An integer that is not 0.
    NonZero,
    /// Seconds since the epoch, and nanoseconds below 1,000,000,000.
    Time,
    /// An address of the Internet, as its bytes.
    Address,
    /// An `lcr::Fault`.
    Fault,
}

impl Meaning {
    pub(super) fn read(shape: &Shape, fields: &Fields<'_>) -> Meaning {
        let (name, [field]) = (shape.name.as_str(), &fields.list[..]) else { return Meaning::Own };
        let pair = |form: &Form<'_>| match form {
            Form::Struct(Meaning::Own, pair) => pair.style == Style::Places && pair.list.len() == 2,
            _ => false,
        };
        match (name, &field.ty.form) {
            ("lcr.Fault", _) => Meaning::Fault,
            // What is lent, beside the owned ones that cross by a form.
            ("Path" | "OsStr", Form::List(..)) if field.name == "bytes" => Meaning::Inside,
            ("std::HashMap" | "std::BTreeMap", Form::List(_, element)) if pair(&element.form) => Meaning::Map,
            ("std::HashSet" | "std::BTreeSet", Form::List(..)) => Meaning::Set,
            ("std::SystemTime", time @ Form::Struct(..)) if pair(time) => Meaning::Time,
            ("std::Ipv4Addr", Form::Array(byte, 4)) if byte.is_byte() => Meaning::Address,
            ("std::Ipv6Addr", Form::Array(byte, 16)) if byte.is_byte() => Meaning::Address,
            (name, Form::Scalar(Scalar::Unsigned(_) | Scalar::Signed(_))) if name.starts_with("std::NonZero<") => {
                Meaning::NonZero
            }
            (name, _) if name.contains("::") => Meaning::Inside,
            _ => Meaning::Own,
        }
    }

    /// Whether the struct is written as its one field is.
    pub(in super::super) fn is_its_field(self) -> bool {
        matches!(self, Meaning::Inside | Meaning::NonZero | Meaning::Time | Meaning::Set)
    }
}
