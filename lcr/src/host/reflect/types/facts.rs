//! What a caller asks of a type.

use super::{Form, Type};
use crate::host::image::shape::Shape;

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
}
