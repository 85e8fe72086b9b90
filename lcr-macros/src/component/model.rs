//! What `#[lcr::component]` knows of an implementation, in our own words.

use quote::ToTokens as _;
use syn::{ItemImpl, Path, Type};

use crate::keys::Options;

/// An implementation of an interface.
pub(crate) struct Component {
    pub(crate) options: Options,
    /// As written.
    pub(crate) item: ItemImpl,
}

impl Component {
    pub(crate) fn read(options: Options, item: ItemImpl) -> Component {
        Component { options, item }
    }

    /// The interface's trait; `None` for an inherent impl.
    pub(crate) fn interface(&self) -> Option<&Path> {
        self.item.trait_.as_ref().map(|(path, _)| path)
    }

    /// The implementing type.
    pub(crate) fn implementor(&self) -> &Type {
        &self.item.self_ty
    }

    /// The implementing type's name in messages and tables.
    pub(crate) fn implementor_name(&self) -> String {
        without_spaces(&self.item.self_ty.to_token_stream().to_string())
    }

    /// The name, if it is not the package's.
    pub(crate) fn name(&self) -> Option<String> {
        self.options.text("name").map(syn::LitStr::value)
    }

    /// The version, if it is not the package's.
    pub(crate) fn version(&self) -> Option<String> {
        self.options.text("version").map(syn::LitStr::value)
    }

    /// The function that constructs an instance, if it is not `Default`.
    pub(crate) fn create(&self) -> Option<Function> {
        self.options.path("create").map(Function::read)
    }

    /// The function that checks an instance.
    pub(crate) fn healthy(&self) -> Option<Function> {
        self.options.path("healthy").map(Function::read)
    }

    /// Further versions of the interface that this implementation serves.
    pub(crate) fn replaces(&self) -> Vec<u32> {
        self.options.numbers("replaces").iter().filter_map(|number| number.base10_parse().ok()).collect()
    }

    /// Further interfaces that it needs.
    pub(crate) fn deps(&self) -> &[Path] {
        self.options.paths("deps")
    }

    pub(crate) fn has_state(&self) -> bool {
        self.options.flag("state")
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.options.flag("protected")
    }

    pub(crate) fn can_unload(&self) -> bool {
        self.options.flag("unload")
    }
}

/// Printed tokens without the spaces that no author writes.
fn without_spaces(tokens: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut text = String::new();
    for part in tokens.split(' ').filter(|part| !part.is_empty()) {
        if text.bytes().last().is_some_and(is_word) && part.bytes().next().is_some_and(is_word) {
            text.push(' ');
        }
        text.push_str(part);
    }
    text
}

/// A function that an option names.
pub(crate) enum Function {
    /// `Self::open`: the path behind `Self`.
    OfImplementor(Path),
    /// Any other path.
    Elsewhere(Path),
}

impl Function {
    fn read(path: &Path) -> Function {
        let mut rest = path.clone();
        if rest.leading_colon.is_none() && rest.segments.len() > 1 && rest.segments[0].ident == "Self" {
            rest.segments = rest.segments.into_iter().skip(1).collect();
            Function::OfImplementor(rest)
        } else {
            Function::Elsewhere(rest)
        }
    }
}
