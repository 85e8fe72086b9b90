//! What a watch knows of a method: its values by their shapes.

use std::sync::Arc;

use crate::{
    error::Result,
    host::{
        image::{manifest::MethodManifest, shape::Shape},
        reflect::types::Type,
    },
};

/// A method of a component, with the types of its values.
///
/// What is secret is what the component says with which it was made. So a watch stands around no later version of it
/// that keeps more secret: [`Patch::standing`](crate::host::objects::patches::Patch) sees to that.
pub(crate) struct Signature {
    // They refer to the method, so they are dropped before it.
    arguments: Box<[Type<'static>]>,
    result: Type<'static>,
    secrets: Box<[bool]>,
    name: String,
    component: String,
    method: Arc<MethodManifest>,
}

impl Signature {
    /// The signature of a method of `interface`, as the component has it.
    ///
    /// # Errors
    /// `BadManifest` if a shape describes no representation.
    pub(crate) fn new(component: &str, interface: &str, method: &MethodManifest) -> Result<Signature> {
        let method = Arc::new(method.clone());
        // SAFETY: the method is behind an `Arc` that this value keeps as long as the types, and nobody changes it. What
        // is lent of the types is lent for the life of this value.
        let shape: &'static Shape = unsafe { &(*Arc::as_ptr(&method)).shape };
        let arguments = shape.arguments().map(Type::of).collect::<Result<_>>()?;
        let result = Type::of(shape.result().unwrap_or(shape))?;
        let secrets = shape.parts.iter().map(|part| part.is_secret).collect();
        let name = format!("{interface}.{}", shape.name);
        Ok(Signature { arguments, result, secrets, name, component: component.to_owned(), method })
    }

    /// Whether it is that of an async method: the result is what the future gives.
    pub(crate) fn is_async(&self) -> bool {
        self.method.shape.is_async()
    }

    /// The types of the arguments.
    pub(crate) fn arguments(&self) -> &[Type<'_>] {
        &self.arguments
    }

    /// The type of the result.
    pub(crate) fn result(&self) -> &Type<'_> {
        &self.result
    }

    /// Whether an argument's value must not be shown; of the number behind the last argument, the result's.
    pub(crate) fn is_secret(&self, number: usize) -> bool {
        self.secrets.get(number).copied().unwrap_or(false)
    }

    /// Whether the result's value must not be shown.
    pub(crate) fn is_result_secret(&self) -> bool {
        self.is_secret(self.arguments.len())
    }

    /// The name of an argument, if it is known.
    pub(crate) fn argument_name(&self, number: usize) -> Option<&str> {
        self.method.arguments.get(number).map(String::as_str)
    }

    /// `kv.store.get`
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The component, with the version that it had when the watch began.
    pub(crate) fn component(&self) -> &str {
        &self.component
    }
}
