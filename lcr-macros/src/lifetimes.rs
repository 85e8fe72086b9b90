//! Copies of a type with other lifetimes, for the places where generated code names it.

use syn::{
    BoundLifetimes, GenericParam, Lifetime, ParenthesizedGenericArguments, Type, TypeReference, visit_mut::VisitMut,
};

/// `ty` with every lifetime, written or elided, replaced by `'static`: the way to name
/// its representation where no lifetime is in scope.
pub(crate) fn with_static_lifetimes(ty: &Type) -> Type {
    struct Erase;
    impl VisitMut for Erase {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            reference.lifetime = Some(Lifetime::new("'static", reference.and_token.span));
            self.visit_type_mut(&mut reference.elem);
        }
    }
    let mut ty = ty.clone();
    Erase.visit_type_mut(&mut ty);
    ty
}

/// `ty` with every written lifetime replaced by `'_`, which the compiler infers in a body.
pub(crate) fn with_inferred_lifetimes(ty: &Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }
    let mut ty = ty.clone();
    Infer.visit_type_mut(&mut ty);
    ty
}

/// `ty` with the lifetimes that a `for<'a>` binds replaced by elided ones, which mean the
/// same in a callback's arguments.
pub(crate) fn with_elided_lifetimes(ty: &Type, bound: Option<&BoundLifetimes>) -> Type {
    struct Elide<'a>(&'a BoundLifetimes);
    impl VisitMut for Elide<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            let is_bound = |parameter: &GenericParam| match parameter {
                GenericParam::Lifetime(bound) => bound.lifetime.ident == lifetime.ident,
                _ => false,
            };
            if self.0.lifetimes.iter().any(is_bound) {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
        }
    }
    let mut ty = ty.clone();
    if let Some(bound) = bound {
        Elide(bound).visit_type_mut(&mut ty);
    }
    ty
}

/// `ty` with every lifetime that is not bound in it, written or elided, replaced by `lifetime`. Those of a callback's
/// arguments are its own.
pub(crate) fn with_lifetime(ty: &Type, lifetime: &Lifetime) -> Type {
    struct Name<'a>(&'a Lifetime);
    impl VisitMut for Name<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = Lifetime::new(&self.0.to_string(), self.0.span());
            }
        }
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            reference.lifetime = Some(self.0.clone());
            self.visit_type_mut(&mut reference.elem);
        }
        fn visit_bound_lifetimes_mut(&mut self, _: &mut BoundLifetimes) {}
        fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
    }
    let mut ty = ty.clone();
    Name(lifetime).visit_type_mut(&mut ty);
    ty
}

/// Whether a lifetime is written, or elided in a reference, in `ty`.
pub(crate) fn mentions_lifetime(ty: &Type) -> bool {
    struct Find(bool);
    impl VisitMut for Find {
        fn visit_lifetime_mut(&mut self, _: &mut Lifetime) {
            self.0 = true;
        }
        fn visit_type_reference_mut(&mut self, _: &mut TypeReference) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_type_mut(&mut ty.clone());
    find.0
}
