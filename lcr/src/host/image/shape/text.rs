//! Shapes in Rust's notation, for messages, the command line and introspection.

use super::{Kind, Part, Shape};
use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
};

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let parts = &self.parts;
        match self.kind {
            Kind::Scalar => f.write_str(&self.name),
            Kind::Unit => f.write_str("()"),
            Kind::Str => f.write_str("&str"),
            Kind::String => f.write_str("String"),
            Kind::Duration => f.write_str("Duration"),
            Kind::Bytes => f.write_str("Bytes"),
            Kind::Slice => write!(f, "&[{}]", types(parts)),
            Kind::SliceMut => write!(f, "&mut [{}]", types(parts)),
            Kind::Array => write!(f, "[{}; {}]", types(parts), parts.first().map_or(0, |part| part.at)),
            Kind::Vec => write!(f, "Vec<{}>", types(parts)),
            Kind::Option => write!(f, "Option<{}>", types(parts)),
            Kind::Box => write!(f, "Box<{}>", types(parts)),
            Kind::Result => write!(f, "Result<{}>", types(parts)),
            Kind::Tuple if parts.len() == 1 => write!(f, "({},)", types(parts)),
            Kind::Tuple => write!(f, "({})", types(parts)),
            Kind::Handle => write!(f, "Handle<{} v{}>", self.name, self.size),
            Kind::Serde => write!(f, "Serde<{}>", if self.name.is_empty() { "_" } else { &self.name }),
            Kind::Callback if self.name.is_empty() => write!(f, "&dyn Fn{}", self.call()),
            Kind::Callback => write!(f, "&(dyn Fn{} + {})", self.call(), self.name),
            Kind::BoxedCallback => write!(f, "Box<dyn Fn{} + {}>", self.call(), self.name),
            Kind::Method => f.write_str(&self.with_names(&[])),
            Kind::Future => write!(f, "impl Future<Output = {}>", types(parts)),
            Kind::Stream => write!(f, "impl Stream<Item = {}>", types(parts)),
            Kind::Struct if f.alternate() => write!(f, "struct {}{}", self.name, fields(parts)),
            Kind::Enum if f.alternate() => write!(f, "enum {} {{ {} }}", self.name, types(parts)),
            Kind::Variant => write!(f, "{}{}", self.name, fields(parts)),
            Kind::Struct | Kind::Enum => f.write_str(&self.name),
        }
    }
}

impl Shape {
    /// A method with the names of its arguments: `fn get(&self, key: &str) -> Option<Vec<u8>>`. An argument without a
    /// name is its type alone.
    pub(in crate::host) fn with_names(&self, names: &[String]) -> String {
        let (arguments, _) = self.signature();
        let argument = |(place, part): (usize, &Part)| match names.get(place) {
            Some(name) => format!("{name}: {}", part.shape),
            None => part.shape.to_string(),
        };
        let arguments = ["&self".to_owned()].into_iter().chain(arguments.iter().enumerate().map(argument));
        let before = if self.is_async() { "async " } else { "" };
        format!("{before}fn {}({}){}", self.name, join(arguments), self.returned())
    }

    /// A method with every struct and enum of its types: `fn put(&self, Key); struct Key { id: u64 }`. Methods for
    /// which this is the same take and return the same values.
    pub(crate) fn spelled_out(&self) -> String {
        let mut types = BTreeSet::new();
        self.gather(&mut types);
        [self.to_string()].into_iter().chain(types).collect::<Vec<_>>().join("; ")
    }

    /// Adds every struct and enum in it. A shape is of bounded depth.
    fn gather(&self, types: &mut BTreeSet<String>) {
        if matches!(self.kind, Kind::Struct | Kind::Enum) && !types.insert(format!("{self:#}")) {
            return;
        }
        self.parts.iter().for_each(|part| part.shape.gather(types));
    }

    /// `(arguments) -> result` of a callback.
    fn call(&self) -> String {
        format!("({}){}", types(self.signature().0), self.returned())
    }

    /// ` -> result`; nothing for `()`.
    fn returned(&self) -> String {
        let result = if self.is_stream() { self.signature().1 } else { self.result() };
        let result = result.filter(|result| result.kind != Kind::Unit);
        result.map_or(String::new(), |result| format!(" -> {result}"))
    }
}

fn types(parts: &[Part]) -> String {
    join(parts.iter().map(|part| part.shape.to_string()))
}

/// The fields of a struct or variant: `{ a: u8 }`, `(u8)`, or nothing.
fn fields(parts: &[Part]) -> String {
    match parts.first() {
        None => String::new(),
        Some(first) if first.name.starts_with(|c: char| c.is_ascii_digit()) => format!("({})", types(parts)),
        Some(_) => {
            let fields = parts.iter().map(|part| format!("{}: {}", part.name, part.shape));
            format!(" {{ {} }}", join(fields))
        }
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
