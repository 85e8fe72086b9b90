//! The tokens in which generated code names a type's items, and the places at which the
//! compiler reports what it has to say of them.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Path, Type, parse_quote, spanned::Spanned as _};

/// `quote!` whose local variables cannot meet those of the author.
macro_rules! ours {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}
pub(crate) use ours;

/// The only module of `lcr` that generated code names, where [`import`] is in scope.
pub(crate) fn private() -> TokenStream {
    ours!(__lcr)
}

/// Gives [`private`] its short name within a block of generated code.
pub(crate) fn import(lcr: &Path) -> TokenStream {
    let door = door(lcr);
    ours!(
        use #door as __lcr;
    )
}

/// The module of the crate at `path` that generated code names. It is called by this very
/// version: the door of another version has no module of this name, and the compiler says so
/// at the attribute.
pub(crate) fn door(path: &Path) -> TokenStream {
    let version = concat!(
        "v",
        env!("CARGO_PKG_VERSION_MAJOR"),
        "_",
        env!("CARGO_PKG_VERSION_MINOR"),
        "_",
        env!("CARGO_PKG_VERSION_PATCH")
    );
    let version = Ident::new(version, Span::mixed_site());
    ours!(#path::__private::#version)
}

/// The path that the author gave by `crate = path`, or the crate's own name.
pub(crate) fn crate_path(given: Option<Path>, name: &str) -> Path {
    given.unwrap_or_else(|| {
        let name = local(name);
        parse_quote!(::#name)
    })
}

/// A local variable, or a reserved name, of generated code.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The `#[cfg(..)]` attributes, which everything beside an item must share.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// `<ty as Abi>::item`. It stands where the author wrote the type, so that the compiler
/// says there that the type is not a value.
pub(crate) fn of_value(ty: &Type, item: &str) -> TokenStream {
    of_trait(ty, "Abi", item)
}

/// `<ty as Layout>::item`, likewise.
pub(crate) fn of_layout(ty: &Type, item: &str) -> TokenStream {
    of_trait(ty, "Layout", item)
}

fn of_trait(ty: &Type, of: &str, item: &str) -> TokenStream {
    let (lcr, of, item) = (private(), Ident::new(of, ty.span()), Ident::new(item, end_of(ty)));
    quote_spanned!(ty.span()=> <#ty as #lcr::#of>::#item)
}

/// Lowers `value`, which is a `ty`. The function is passed, not called: of an argument the
/// compiler would say again that its type is not a value.
pub(crate) fn lower(ty: &Type, value: impl ToTokens) -> TokenStream {
    let (lcr, into_repr) = (private(), of_value(ty, "into_repr"));
    respan(ours!(#lcr::lower(#into_repr, #value)), Some(ty))
}

/// Lifts `repr`, which is that of a `ty`, where its type alone says how long it may live:
/// what a caller takes back of its own arguments, and the fields of a value.
pub(crate) fn lift(ty: &Type, repr: impl ToTokens) -> TokenStream {
    let (lcr, from_repr) = (private(), of_value(ty, "from_repr"));
    respan(ours!(#lcr::lift(#from_repr, #repr)), Some(ty))
}

/// A local variable that stands for the memory of another image that a received value of
/// the type `ty` may borrow. It is spelt where the author wrote the type, so that the compiler
/// says there that a type wants it to live longer, and names it by its `name`.
pub(crate) struct Memory<'a> {
    ty: &'a Type,
    name: Ident,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(name: &str, ty: &'a Type) -> Memory<'a> {
        Memory { ty, name: Ident::new(name, ty.span()) }
    }

    /// The variable.
    pub(crate) fn declare(&self) -> TokenStream {
        let (lcr, name) = (private(), &self.name);
        quote_spanned!(self.ty.span()=> let #name = #lcr::Memory;)
    }

    /// Receives `repr` out of the memory as a `ty`, or as `spelt` where lifetimes are inferred.
    pub(crate) fn receive(&self, spelt: &Type, repr: impl ToTokens) -> TokenStream {
        let (lcr, from_repr, name) = (private(), of_value(spelt, "from_repr"), &self.name);
        let memory = quote_spanned!(self.ty.span()=> &#name);
        respan(ours!(#lcr::receive(#memory, #from_repr, #repr).value()), Some(spelt))
    }
}

/// Makes the compiler report at `ty` what it has to say of `tokens`, if there is a `ty`:
/// it prints the same message at the same place only once.
pub(crate) fn respan(tokens: TokenStream, ty: Option<&Type>) -> TokenStream {
    let Some(ty) = ty else { return tokens };
    let mut tokens: Vec<_> = tokens.into_iter().collect();
    if let Some(last) = tokens.last_mut() {
        last.set_span(end_of(ty));
    }
    if let Some(first) = tokens.first_mut() {
        first.set_span(ty.span());
    }
    tokens.into_iter().collect()
}

/// The span of a type's last token: `Span::join` would need an unstable compiler.
fn end_of(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::mixed_site, |last| match last {
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    })
}
