//! Arguments as text: by `Debug` where their type has it, else by the name of the type.

use std::{
    any::type_name,
    fmt::{self, Debug, Write},
};

/// The longest text of one argument, in bytes.
const LONGEST: usize = 200;

/// An argument, so that method resolution can pick how it is shown: `(&&Show(&value)).shown()` finds [`ShowAsDebug`] if
/// that applies, else, one reference further, [`ShowAsType`].
#[allow(clippy::exhaustive_structs, reason = "generated code alone makes one")]
pub struct Show<'a, T: ?Sized>(pub &'a T);

impl<T: ?Sized> Debug for Show<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<T>())
    }
}

/// The value's own text.
pub trait ShowAsDebug {
    /// The text, which ends with `...` if it was cut.
    fn shown(self) -> String;
}

impl<T: ?Sized + Debug> ShowAsDebug for &&Show<'_, T> {
    fn shown(self) -> String {
        text_of(self.0)
    }
}

/// The name of the type.
pub trait ShowAsType {
    /// The name between `<` and `>`.
    fn shown(self) -> String;
}

impl<T: ?Sized> ShowAsType for &Show<'_, T> {
    fn shown(self) -> String {
        format!("<{}>", type_name::<T>())
    }
}

/// A text of bounded length.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST - self.0.len();
        let fitting = (0..=text.len().min(room)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(&text[..fitting]);
        if fitting < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The `Debug` of a value, cut to a bounded length.
pub(super) fn text_of(value: &(impl Debug + ?Sized)) -> String {
    let mut text = Bounded(String::new());
    match write!(text, "{value:?}") {
        Ok(()) => text.0,
        Err(fmt::Error) => text.0 + "...",
    }
}
