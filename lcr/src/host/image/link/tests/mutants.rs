//! Every single change of a description, each with what a refusal must name.

use super::description::{Field, Interface, Method, Type, Variant};
use crate::abi::shape::Kind;

/// A changed one of something.
pub(super) struct Mutant<T> {
    pub(super) it: T,
    /// Words that lead to the change.
    pub(super) names: Vec<String>,
}

impl<T> Mutant<T> {
    fn new(it: T, names: &[&str]) -> Mutant<T> {
        Mutant { it, names: names.iter().map(|name| name.to_string()).collect() }
    }

    /// The same change, seen from outside.
    fn within<U>(self, name: Option<String>, wrap: impl FnOnce(T) -> U) -> Mutant<U> {
        let names = self.names.into_iter().chain(name).collect();
        Mutant { it: wrap(self.it), names }
    }
}

/// A list with the item at `at` replaced.
fn with<T: Clone>(items: &[T], at: usize, item: T) -> Vec<T> {
    let mut items = items.to_vec();
    items[at] = item;
    items
}

/// Lists with two neighbours changed over, where that is another list.
fn swapped<T: Clone + PartialEq>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    let places = (1..items.len()).filter(|&at| items[at - 1] != items[at]);
    places.map(|at| {
        let mut items = items.to_vec();
        items.swap(at - 1, at);
        items
    })
}

/// Lists with an item more, at each place.
fn longer<T: Clone>(items: &[T], item: &T) -> impl Iterator<Item = Vec<T>> {
    (0..=items.len()).map(|at| {
        let mut items = items.to_vec();
        items.insert(at, item.clone());
        items
    })
}

/// Lists with an item less.
fn shorter<T: Clone>(items: &[T]) -> impl Iterator<Item = (usize, Vec<T>)> {
    (0..items.len()).map(|at| {
        let mut items = items.to_vec();
        items.remove(at);
        (at, items)
    })
}

/// The lists that differ in one item.
fn inside<T: Clone>(items: &[T], mutants: impl Fn(&T, usize) -> Vec<Mutant<T>>) -> Vec<Mutant<Vec<T>>> {
    let each = items.iter().enumerate().flat_map(|(at, item)| {
        mutants(item, at).into_iter().map(move |mutant| mutant.within(None, |item| with(items, at, item)))
    });
    each.collect()
}

/// Other widths, signs and meanings of a scalar.
fn scalars(name: &str) -> impl Iterator<Item = &'static str> {
    const ALL: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "bool",
        "char",
    ];
    ALL.into_iter().filter(move |other| *other != name)
}

pub(super) fn types(ty: &Type) -> Vec<Mutant<Type>> {
    let mut all: Vec<Mutant<Type>> = Vec::new();
    let mut other = |ty| all.push(Mutant::new(ty, &[]));
    let of = |kind| Type::Of(kind, Box::new(ty.clone()));
    // Another type in its place, or the same one wrapped.
    [Type::Leaf(Kind::Unit, ""), Type::Leaf(Kind::String, "")].into_iter().filter(|it| it != ty).for_each(&mut other);
    [of(Kind::Option), of(Kind::Vec), of(Kind::Box), Type::Tuple(vec![ty.clone()])].into_iter().for_each(&mut other);
    match ty {
        Type::Leaf(Kind::Scalar, name) => scalars(name).for_each(|name| other(Type::Leaf(Kind::Scalar, name))),
        Type::Leaf(..) => {}
        Type::Handle(name, version) => {
            all.push(Mutant::new(Type::Handle(name.clone(), version + 1), &[name, &format!("v{}", version + 1)]));
            all.push(Mutant::new(Type::Handle("other.interface".to_owned(), *version), &[name, "other.interface"]));
        }
        Type::Of(kind, inner) => {
            let kinds = [Kind::Slice, Kind::SliceMut, Kind::Vec, Kind::Option, Kind::Box];
            kinds.iter().filter(|it| *it != kind).for_each(|it| other(Type::Of(*it, inner.clone())));
            other((**inner).clone());
            all.extend(types(inner).into_iter().map(|it| it.within(None, |it| Type::Of(*kind, Box::new(it)))));
        }
        Type::Array(inner, count) => {
            all.push(Mutant::new(Type::Array(inner.clone(), count + 1), &[&format!("length {count}")]));
            all.extend(types(inner).into_iter().map(|it| it.within(None, |it| Type::Array(Box::new(it), *count))));
        }
        Type::Result(ok, err) => {
            if ok != err {
                other(Type::Result(err.clone(), ok.clone()));
            }
            let name = |name: &str| Some(name.to_owned());
            all.extend(
                types(ok).into_iter().map(|it| it.within(name("Ok"), |it| Type::Result(Box::new(it), err.clone()))),
            );
            all.extend(
                types(err).into_iter().map(|it| it.within(name("Err"), |it| Type::Result(ok.clone(), Box::new(it)))),
            );
        }
        Type::Tuple(items) => {
            swapped(items).for_each(|items| other(Type::Tuple(items)));
            longer(items, &Type::Leaf(Kind::Scalar, "u8")).for_each(|items| other(Type::Tuple(items)));
            shorter(items).for_each(|(_, items)| other(Type::Tuple(items)));
            let inner = inside(items, |ty, at| {
                let place = format!("field {}", at + 1);
                types(ty).into_iter().map(|it| it.within(Some(place.clone()), |it| it)).collect()
            });
            all.extend(inner.into_iter().map(|it| it.within(None, Type::Tuple)));
        }
        Type::Struct(name, items) => {
            let renamed = Type::Struct("Renamed".to_owned(), items.clone());
            all.push(Mutant::new(renamed, &[name, "Renamed"]));
            let wrap = |it: Mutant<Vec<Field>>| it.within(None, |items| Type::Struct(name.clone(), items));
            all.extend(fields(items).into_iter().map(wrap));
        }
        Type::Enum(name, variants) => {
            let renamed = Type::Enum("Renamed".to_owned(), variants.clone());
            all.push(Mutant::new(renamed, &[name, "Renamed"]));
            let wrap = |it: Mutant<Vec<Variant>>| it.within(None, |items| Type::Enum(name.clone(), items));
            all.extend(self::variants(variants).into_iter().map(wrap));
        }
        Type::Function(kind, arguments, result, bounds) => {
            let sibling = if *kind == Kind::Callback { Kind::BoxedCallback } else { Kind::Callback };
            other(Type::Function(sibling, arguments.clone(), result.clone(), [true, bounds[1]]));
            // One bound more than the caller promises.
            for (at, name) in ["Send", "Sync"].into_iter().enumerate().filter(|(at, _)| !bounds[*at]) {
                let mut more = *bounds;
                more[at] = true;
                let it = Type::Function(*kind, arguments.clone(), result.clone(), more);
                all.push(Mutant::new(it, &[&format!("callers do not promise {name}")]));
            }
            let wrap = |it: Mutant<(Vec<Type>, Type)>| {
                it.within(None, |(arguments, result)| Type::Function(*kind, arguments, Box::new(result), *bounds))
            };
            all.extend(signatures(arguments, result).into_iter().map(wrap));
        }
    }
    all
}

fn fields(items: &[Field]) -> Vec<Mutant<Vec<Field>>> {
    let added = Field { name: "added".to_owned(), ty: Type::Leaf(Kind::Unit, "") };
    let mut all: Vec<_> = longer(items, &added).map(|items| Mutant::new(items, &["`added`"])).collect();
    all.extend(shorter(items).map(|(at, less)| Mutant::new(less, &[&format!("`{}`", items[at].name)])));
    all.extend(swapped(items).map(|items| Mutant::new(items, &["expected field"])));
    all.extend(inside(items, |field, at| {
        let place = format!("field {} `{}`", at + 1, field.name);
        let renamed = Field { name: "renamed".to_owned(), ty: field.ty.clone() };
        let retyped = |ty| Field { name: field.name.clone(), ty };
        let inner = types(&field.ty).into_iter().map(|it| it.within(Some(place.clone()), retyped));
        inner.chain([Mutant::new(renamed, &[&place, "`renamed`"])]).collect()
    }));
    all
}

fn variants(items: &[Variant]) -> Vec<Mutant<Vec<Variant>>> {
    let taken: Vec<i64> = items.iter().map(|variant| variant.discriminant).collect();
    let free = (1000..).find(|number| !taken.contains(number)).unwrap_or_default();
    let added = Variant { name: "Added".to_owned(), discriminant: free, fields: Vec::new() };
    let mut all: Vec<_> = longer(items, &added).map(|items| Mutant::new(items, &["`Added`"])).collect();
    if items.len() > 1 {
        all.extend(shorter(items).map(|(at, less)| Mutant::new(less, &[&format!("`{}`", items[at].name)])));
    }
    all.extend(swapped(items).map(|items| Mutant::new(items, &["expected variant"])));
    all.extend(inside(items, |variant, at| {
        let place = format!("variant {} `{}`", at + 1, variant.name);
        let renamed = Variant { name: "Renamed".to_owned(), ..variant.clone() };
        let moved = Variant { discriminant: free, ..variant.clone() };
        let number = format!("discriminant {}", variant.discriminant);
        let inner = fields(&variant.fields).into_iter();
        let inner = inner.map(|it| it.within(Some(place.clone()), |fields| Variant { fields, ..variant.clone() }));
        inner.chain([Mutant::new(renamed, &[&place, "`Renamed`"]), Mutant::new(moved, &[&place, &number])]).collect()
    }));
    all
}

/// Arguments added, removed, changed over or changed, and results changed.
fn signatures(arguments: &[Type], result: &Type) -> Vec<Mutant<(Vec<Type>, Type)>> {
    let same = |arguments| (arguments, result.clone());
    let mut all: Vec<_> =
        longer(arguments, &Type::Leaf(Kind::Scalar, "u8")).map(|it| Mutant::new(same(it), &[])).collect();
    all.extend(shorter(arguments).map(|(_, it)| Mutant::new(same(it), &[])));
    all.extend(swapped(arguments).map(|it| Mutant::new(same(it), &["argument"])));
    let inner = inside(arguments, |ty, at| {
        let place = format!("argument {}", at + 1);
        types(ty).into_iter().map(|it| it.within(Some(place.clone()), |it| it)).collect()
    });
    all.extend(inner.into_iter().map(|it| it.within(None, same)));
    let results = types(result).into_iter();
    all.extend(results.map(|it| it.within(Some("result".to_owned()), |it| (arguments.to_vec(), it))));
    all
}

/// Every single change that no handle of the interface survives.
pub(super) fn interfaces(interface: &Interface) -> Vec<Mutant<Interface>> {
    let methods = |methods| Interface { methods, ..interface.clone() };
    let (name, version) = (&interface.name, interface.version);
    let mut all = vec![
        Mutant::new(Interface { name: "other.name".to_owned(), ..interface.clone() }, &[name, "other.name"]),
        Mutant::new(Interface { version: version + 1, ..interface.clone() }, &[name, &format!("v{}", version + 1)]),
    ];
    let list = &interface.methods;
    for (at, method) in list.iter().enumerate().filter(|(_, method)| !method.has_default) {
        let name = format!("`{}`", method.name);
        let renamed = Method { name: "renamed".to_owned(), ..method.clone() };
        all.push(Mutant::new(methods(with(list, at, renamed)), &[&name]));
        if list.len() > 1 {
            let less = list.iter().filter(|other| other.name != method.name).cloned().collect();
            all.push(Mutant::new(methods(less), &[&name]));
        }
    }
    let inner = inside(list, |method, _| {
        let changed = |(arguments, result)| Method { arguments, result, ..method.clone() };
        let mutants = signatures(&method.arguments, &method.result).into_iter();
        mutants.map(|it| it.within(Some(method.name.clone()), changed)).collect()
    });
    all.extend(inner.into_iter().map(|it| it.within(None, methods)));
    all
}
