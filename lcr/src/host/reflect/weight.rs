//! How much memory a value takes.

use super::view::{At, View};

/// How many bytes a deep copy of the value takes, about: its representation, what it owns, what it borrows, and what it
/// shares. `None` if that is more than `limit`, which bounds the work, too.
pub(crate) fn weight(value: At<'_>, limit: usize) -> Option<usize> {
    let mut left = limit;
    weigh(value, &mut left)?;
    Some(limit - left)
}

fn weigh(value: At<'_>, left: &mut usize) -> Option<()> {
    spend(left, value.ty.size.max(1))?;
    if value.ty.is_flat {
        return Some(());
    }
    match value.view() {
        View::Text(text) => spend(left, text.len()),
        View::Bytes(bytes) | View::Serde(bytes) => spend(left, bytes.len()),
        View::List(list) if list.element.is_flat => spend(left, list.len.saturating_mul(list.element.size)),
        View::List(list) => list.iter().try_for_each(|element| weigh(element, left)),
        View::Some(part) | View::Ok(part) | View::Err(part) | View::Inside(part) => weigh(part, left),
        View::Struct(_, parts) | View::Variant(_, parts) => parts.iter().try_for_each(|(_, part)| weigh(part, left)),
        _ => Some(()),
    }
}

fn spend(left: &mut usize, bytes: usize) -> Option<()> {
    *left = left.checked_sub(bytes)?;
    Some(())
}
