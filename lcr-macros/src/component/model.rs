//! What `#[lcr::component]` knows of an implementation, in our own words.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{ItemImpl, Path, Type, spanned::Spanned as _};

use crate::{
    options::{Spanned, StateKey, table::ComponentOptions},
    tokens::crate_path,
};

/// An implementation of an interface.
pub(crate) struct Component {
    /// The crate whose door generated code names.
    pub(crate) lcr: Path,
    /// The name, if it is not the package's.
    pub(crate) name: Option<String>,
    /// The version, if it is not the package's.
    pub(crate) version: Option<String>,
    /// The function that constructs an instance, if it is not `Default`.
    pub(crate) create: Option<Function>,
    /// The function that checks an instance.
    pub(crate) healthy: Option<Function>,
    /// Further versions of the interface that this implementation serves.
    pub(crate) replaces: Vec<Spanned<u64>>,
    /// Further interfaces that it needs.
    pub(crate) deps: Vec<Path>,
    /// The field of its incremental state.
    pub(crate) incremental: Option<Path>,
    /// How it has state, if it has.
    pub(crate) state: Option<StateKey>,
    /// The version of a kept state, if it is not 1.
    pub(crate) state_version: Option<Spanned<u32>>,
    /// The function that reads other versions of a kept state.
    pub(crate) migrate: Option<Spanned<Function>>,
    /// The function that writes a kept state as an older version.
    pub(crate) downgrade: Option<Spanned<Function>>,
    /// The versions that it writes.
    pub(crate) downgrades_to: Vec<Spanned<u64>>,
    pub(crate) is_protected: bool,
    pub(crate) can_unload: bool,
    pub(crate) cancels_calls: bool,
    /// Where the author asked for a tokio runtime, if so.
    pub(crate) tokio: Option<Span>,
    /// Whether it has objects of its own, also where another implementation has the same type and constructor.
    pub(crate) is_separate: bool,
    /// As written.
    pub(crate) item: ItemImpl,
}

impl Component {
    pub(crate) fn read(options: ComponentOptions, item: ItemImpl) -> Component {
        Component {
            lcr: crate_path(options.lcr.given(), "lcr"),
            name: options.name.given().map(|name| name.value.0),
            version: options.version.given().map(|version| version.value.0),
            create: options.create.given().map(Function::read),
            healthy: options.healthy.given().map(Function::read),
            replaces: options.replaces.given().unwrap_or_default(),
            deps: options.deps.given().unwrap_or_default(),
            incremental: options.incremental.given(),
            state: options.state.given(),
            state_version: options.state_version.given(),
            migrate: options.migrate.given().map(|path| Spanned { span: path.span(), value: Function::read(path) }),
            downgrade: options.downgrade.given().map(|path| Spanned { span: path.span(), value: Function::read(path) }),
            downgrades_to: options.downgrades_to.given().unwrap_or_default(),
            is_protected: options.protected.is_given(),
            can_unload: options.unload.is_given(),
            cancels_calls: options.cancel.is_given(),
            tokio: options.runtime.given().map(|name| name.span),
            is_separate: options.separate.is_given(),
            item,
        }
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
    fn read(path: Path) -> Function {
        let mut rest = path;
        if rest.leading_colon.is_none() && rest.segments.len() > 1 && rest.segments[0].ident == "Self" {
            rest.segments = rest.segments.into_iter().skip(1).collect();
            Function::OfImplementor(rest)
        } else {
            Function::Elsewhere(rest)
        }
    }
}
