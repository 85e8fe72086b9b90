//! What a caller asks of a type.

use super::{Form, Type};
use crate::host::image::shape::{Kind, Shape};

impl<'s> Type<'s> {
    /// The shape that it was made of.
    pub(crate) fn shape(&self) -> &Shape {
        self.shape
    }

    /// The size of the representation, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The alignment of the representation, in bytes.
    pub(crate) fn align(&self) -> usize {
        self.align
    }

    /// The type of its errors, if it is a `Result`.
    pub(crate) fn error_type(&self) -> Option<&Type<'s>> {
        match &self.form {
            Form::Result { err, .. } => Some(err),
            _ => None,
        }
    }

    /// Whether a part of a value must not be shown.
    pub(crate) fn has_secrets(&self) -> bool {
        fn has(shape: &Shape) -> bool {
            shape.parts.iter().any(|part| part.is_secret || has(&part.shape))
        }
        has(self.shape)
    }

    /// Why a call with such values, or such a result, cannot be made a second time by whoever has copies, and
    /// compared; `None` if it can be.
    pub(crate) fn refuses_second_call(&self) -> Option<String> {
        let refused = |form: &Form<'_>| matches!(form, Form::Callback | Form::BoxedCallback | Form::Handle);
        let found = self.find(&refused)?;
        Some(match found.kind {
            Kind::Handle => format!("a `{found}` reaches an instance, and a second call might reach it twice"),
            _ => format!("a `{found}` is code of its caller, which a second call would run twice"),
        })
    }
}
