//! Writing a checked value to memory. Nothing here can fail, so nothing is ever half made.

use super::draft::Draft;
use crate::{
    abi::value::{
        Abi as _,
        composite::RawDuration,
        counted::{Counted, RawCounted},
        sequences::{RawBox, RawSlice, RawVec},
        shared::RawArc,
    },
    host::reflect::{
        memory::{Arena, Block, give, take_back, take_back_content},
        types::{Content, Fields, Form, Held, Meaning, Style, Type},
    },
};

/// Writes the draft, which `check` made for this type, to `at`. What the value borrows lies in `arena`.
///
/// # Safety
/// The memory at `at` is as large as the type's representation, aligned for it, and set to 0.
///
/// # Panics
/// If the draft is of another type. What was written by then leaks.
pub(super) unsafe fn write_draft(ty: &Type<'_>, draft: Draft, at: *mut u8, arena: &mut Arena) {
    build(ty, draft, at, arena);
}

/// The same for a part of memory that [`write_draft`] was given, or that was made here.
fn build(ty: &Type<'_>, draft: Draft, at: *mut u8, arena: &mut Arena) {
    match (&ty.form, draft) {
        (Form::Unit, Draft::Unit) => write(at, 0_u8),
        (Form::Scalar(scalar), Draft::Scalar(number)) => copy(at, &number.to_le_bytes()[..scalar.width()]),
        (Form::Duration, Draft::Duration(seconds, nanoseconds)) => {
            write::<RawDuration>(at, std::time::Duration::new(seconds, nanoseconds).into_repr());
        }
        (Form::Text(Held::Lent), Draft::Bytes(bytes)) => write(at, lend(&bytes, arena)),
        (Form::Text(Held::Owned) | Form::Serde, Draft::Bytes(bytes)) => write(at, given(&bytes)),
        (Form::List(held, element), Draft::Bytes(bytes)) if element.is_byte() => match held {
            Held::Lent => write(at, lend(&bytes, arena)),
            Held::Owned => write(at, given(&bytes)),
        },
        (Form::List(held, element), Draft::Parts(parts)) => {
            let len = parts.len();
            let first = match held {
                Held::Lent => arena.lend(len * element.size, element.align),
                Held::Owned => give(len * element.size, element.align),
            };
            elements(element, parts, first, arena);
            match held {
                Held::Lent => write(at, RawSlice { at: first.cast_const(), len }),
                Held::Owned => write(at, RawVec { at: first, len, capacity: len, free: take_back }),
            }
        }
        (Form::Array(element, _), Draft::Parts(parts)) => elements(element, parts, at, arena),
        (Form::Option { .. }, Draft::None) => write(at, 0_u8),
        (Form::Option { value, at: offset }, Draft::Inside(inner)) => {
            write(at, 1_u8);
            build(value, *inner, part(at, *offset), arena);
        }
        (Form::Result { ok, err, at: offset }, Draft::Variant(tag, inner)) => {
            write(at, u8::from(tag != 0));
            build(if tag == 0 { ok } else { err }, *inner, part(at, *offset), arena);
        }
        (Form::Box(ty), Draft::Inside(inner)) => {
            let first = give(ty.size, ty.align);
            build(ty, *inner, first, arena);
            write(at, RawBox { at: first, free: take_back });
        }
        (Form::Struct(Meaning::Own, of), draft) => fields(of, draft, at, arena),
        (Form::Struct(_, of), draft) => only_field(of, draft, at, arena),
        (Form::Enum(variants, offset), Draft::Variant(tag, inner)) => {
            write(at, tag);
            fields(&variants[tag as usize].fields, *inner, part(at, *offset), arena);
        }
        (Form::Counted(content), draft) => {
            let (len, size, align) = extent(content, &draft);
            let block = Block::new(len * size, align);
            let first = block.at();
            fill(content, draft, first, arena);
            write::<RawCounted>(at, Counted::of(block, |_| (first.cast_const(), len)).into_raw());
        }
        (Form::Arc(content), draft) => {
            let (len, size, align) = extent(content, &draft);
            let first = give(len * size, align);
            fill(content, draft, first, arena);
            write(at, RawArc { at: first, len, drop: take_back_content });
        }
        _ => unreachable!("the draft of a `{}` was made for another type", ty.shape),
    }
}

fn elements(element: &Type<'_>, parts: Box<[Draft]>, first: *mut u8, arena: &mut Arena) {
    for (place, draft) in parts.into_iter().enumerate() {
        build(element, draft, part(first, place * element.size), arena);
    }
}

fn fields(fields: &Fields<'_>, draft: Draft, at: *mut u8, arena: &mut Arena) {
    match (fields.style, draft) {
        (Style::Empty, _) => {}
        (Style::Newtype, draft) => only_field(fields, draft, at, arena),
        (_, Draft::Parts(parts)) => {
            for (field, draft) in fields.list.iter().zip(parts) {
                build(&field.ty, draft, part(at, field.at), arena);
            }
        }
        _ => unreachable!("the draft of fields was made for another type"),
    }
}

fn only_field(fields: &Fields<'_>, draft: Draft, at: *mut u8, arena: &mut Arena) {
    let field = fields.list.first().expect("what stands for its field has one");
    build(&field.ty, draft, part(at, field.at), arena);
}

/// How many elements there are of counted content, and the size and the alignment of each.
fn extent(content: &Content<'_>, draft: &Draft) -> (usize, usize, usize) {
    let len = match draft {
        Draft::Bytes(bytes) => bytes.len(),
        Draft::Parts(parts) => parts.len(),
        _ => 1,
    };
    match content {
        Content::Text => (len, 1, 1),
        Content::List(element) => (len, element.size, element.align),
        Content::One(content) => (1, content.size, content.align),
    }
}

fn fill(content: &Content<'_>, draft: Draft, first: *mut u8, arena: &mut Arena) {
    match (content, draft) {
        (Content::One(ty), Draft::Inside(inner)) => build(ty, *inner, first, arena),
        (Content::Text | Content::List(_), Draft::Bytes(bytes)) => copy(first, &bytes),
        (Content::List(element), Draft::Parts(parts)) => elements(element, parts, first, arena),
        _ => unreachable!("the draft of shared content was made for another type"),
    }
}

fn part(at: *mut u8, offset: usize) -> *mut u8 {
    // SAFETY: the type has a part there, inside the memory that was made for the whole.
    unsafe { at.add(offset) }
}

fn write<T>(at: *mut u8, value: T) {
    // SAFETY: the type's representation begins with a `T`, and the memory was made for it.
    unsafe { at.cast::<T>().write(value) };
}

fn copy(at: *mut u8, bytes: &[u8]) {
    // SAFETY: the memory was made for so many bytes, and is no part of them.
    unsafe { at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

fn lend(bytes: &[u8], arena: &mut Arena) -> RawSlice<u8> {
    let at = arena.lend(bytes.len(), 1);
    copy(at, bytes);
    RawSlice { at, len: bytes.len() }
}

fn given(bytes: &[u8]) -> RawVec<u8> {
    let at = give(bytes.len(), 1);
    copy(at, bytes);
    RawVec { at, len: bytes.len(), capacity: bytes.len(), free: take_back }
}
