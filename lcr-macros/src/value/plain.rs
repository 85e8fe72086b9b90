//! What `#[abi(plain)]` adds: the type is its own representation.

use proc_macro2::TokenStream;
use syn::{TypeParamBound, parse_quote};

use super::{expand::with_bounds, model::Value};
use crate::tokens::{import, of_value, ours, private};

/// The impls of `Abi` and `Plain`.
pub(crate) fn expand(value: &Value) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let (ident, name) = (&value.ident, value.name());
    let plain: TypeParamBound = parse_quote!(#lcr::Plain);
    let generics = with_bounds(value, &[plain, parse_quote!('static)]);
    let (parameters, arguments, clause) = generics.split_for_impl();
    let fields = value.fields();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let parts = fields.iter().map(|field| {
        let (name, member, shape) = (field.name(), &field.member, of_value(&field.ty, "SHAPE"));
        let secrecy = field.secrecy();
        ours!(#lcr::Part::new(#name, ::core::mem::offset_of!(Self, #member) as i64, #shape) #secrecy)
    });
    ours! {
        #[allow(deprecated)]
        const _: () = {
            #import
            // SAFETY: `#[repr(C)]` fixes the layout, the shape describes it, and every
            // field is plain, or `PLAIN` does not compile.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Abi for #ident #arguments #clause {
                type Repr = Self;
                const SHAPE: &'static #lcr::Shape =
                    &#lcr::Shape::of::<Self>(#lcr::Kind::Struct, #name, &[#(#parts),*]);
                const PLAIN: bool = {
                    #(#lcr::require_plain_field::<#types>();)*
                    true
                };
                #[inline(always)]
                fn into_repr(self) -> Self { self }
                #[inline(always)]
                unsafe fn from_repr(repr: Self) -> Self { repr }
            }
            // SAFETY: as above.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Plain for #ident #arguments #clause {}
            // SAFETY: plain data borrows nothing.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Within<'_> for #ident #arguments #clause {}
        };
    }
}
