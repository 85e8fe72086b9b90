//! Interfaces as data: what an author could write, and what the macros would make of it.

use crate::abi::{
    interface::{InterfaceInfo, Method as Described, interface_bytes, interface_len},
    manifest::{Declaration, Flags, manifest_bytes, manifest_len},
    shape::{Kind, Part, Shape, bounds},
};

/// A type as an author writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// A type without parts: a scalar by its name, or the kind alone.
    Leaf(Kind, &'static str),
    /// `lcr::Handle<dyn I>`.
    Handle(String, u32),
    /// A type with one part: slices, vectors, options, boxes.
    Of(Kind, Box<Type>),
    Array(Box<Type>, u32),
    Result(Box<Type>, Box<Type>),
    Tuple(Vec<Type>),
    Struct(String, Vec<Field>),
    Enum(String, Vec<Variant>),
    /// A callback of either kind: its arguments, its result, and whether it is `Send` and `Sync`.
    Function(Kind, Vec<Type>, Box<Type>, [bool; 2]),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: Type,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) discriminant: i64,
    pub(super) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) has_default: bool,
    pub(super) arguments: Vec<Type>,
    pub(super) result: Type,
}

/// An interface as an image was compiled with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) replaces: Vec<u32>,
    pub(super) methods: Vec<Method>,
}

/// Sizes and alignments as C has them.
#[derive(Clone, Copy)]
struct Layout {
    size: usize,
    align: usize,
}

impl Layout {
    const fn new(size: usize, align: usize) -> Layout {
        Layout { size, align }
    }

    /// A struct's layout, and its fields' offsets.
    fn in_order(fields: &[Layout]) -> (Layout, Vec<usize>) {
        let mut whole = Layout::new(0, 1);
        let place = |field: &Layout| {
            let at = whole.size.next_multiple_of(field.align);
            whole = Layout::new(at + field.size, whole.align.max(field.align));
            at
        };
        let offsets = fields.iter().map(place).collect();
        whole.size = whole.size.next_multiple_of(whole.align);
        (whole, offsets)
    }

    fn union(members: &[Layout]) -> Layout {
        let align = members.iter().map(|member| member.align).max().unwrap_or(1);
        let size = members.iter().map(|member| member.size).max().unwrap_or(0);
        Layout::new(size.next_multiple_of(align), align)
    }

    fn tagged(tag: Layout, payload: Layout) -> Layout {
        Layout::in_order(&[tag, payload]).0
    }
}

fn scalar(name: &str) -> Layout {
    let size = match name {
        "u8" | "i8" | "bool" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "f32" | "char" => 4,
        "u128" | "i128" => 16,
        _ => 8,
    };
    Layout::new(size, size)
}

fn leak<T: 'static>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn text(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn part(ty: &Type) -> Part {
    Part::of(ty.shape())
}

/// Fields in C's order: what they are, and their struct's layout.
fn lay_out(fields: &[Field]) -> (Layout, Vec<Part>) {
    let shapes: Vec<&Shape> = fields.iter().map(|field| field.ty.shape()).collect();
    let layouts: Vec<Layout> = fields.iter().map(|field| field.ty.layout()).collect();
    let (whole, offsets) = Layout::in_order(&layouts);
    let parts = fields.iter().zip(shapes).zip(offsets);
    (whole, parts.map(|((field, shape), at)| Part::new(text(&field.name), at as i64, shape)).collect())
}

fn signature(arguments: &[Type], result: &Type) -> Vec<Part> {
    arguments.iter().map(part).chain([Part::result(result.shape())]).collect()
}

impl Type {
    fn layout(&self) -> Layout {
        match self {
            // A handle's shape has its version in the place of its size.
            Type::Handle(..) => Layout::new(8, 8),
            _ => Layout::new(self.shape().size, self.shape().align),
        }
    }

    /// What the macros would make a constant of.
    pub(super) fn shape(&self) -> &'static Shape {
        let of = |kind, name: &str, layout: Layout, parts: Vec<Part>| -> &'static Shape {
            leak(Shape { kind, name: text(name), size: layout.size, align: layout.align, parts: parts.leak() })
        };
        match self {
            Type::Leaf(kind, name) => {
                let layout = match kind {
                    Kind::Scalar => scalar(name),
                    Kind::Unit => Layout::new(1, 1),
                    Kind::Str | Kind::Duration => Layout::new(16, 8),
                    Kind::Bytes => Layout::new(24, 8),
                    _ => Layout::new(32, 8),
                };
                of(*kind, name, layout, Vec::new())
            }
            Type::Handle(name, version) => of(Kind::Handle, name, Layout::new(*version as usize, 8), Vec::new()),
            Type::Of(kind, inner) => {
                let layout = match kind {
                    Kind::Option => Layout::tagged(Layout::new(1, 1), inner.layout()),
                    Kind::Vec => Layout::new(32, 8),
                    _ => Layout::new(16, 8),
                };
                of(*kind, "", layout, vec![part(inner)])
            }
            Type::Array(inner, count) => {
                let Layout { size, align } = inner.layout();
                let part = Part::new("", i64::from(*count), inner.shape());
                of(Kind::Array, "", Layout::new(size * *count as usize, align), vec![part])
            }
            Type::Result(ok, err) => {
                let either = Layout::union(&[ok.layout(), err.layout()]);
                of(Kind::Result, "", Layout::tagged(Layout::new(1, 1), either), vec![part(ok), part(err)])
            }
            Type::Tuple(types) => {
                let fields: Vec<_> = types.iter().map(|ty| Field { name: String::new(), ty: ty.clone() }).collect();
                let (layout, parts) = lay_out(&fields);
                of(Kind::Tuple, "", layout, parts)
            }
            Type::Struct(name, fields) if fields.is_empty() => of(Kind::Struct, name, Layout::new(1, 1), Vec::new()),
            Type::Struct(name, fields) => {
                let (layout, parts) = lay_out(fields);
                of(Kind::Struct, name, layout, parts)
            }
            Type::Enum(name, variants) => {
                let mut payloads = Vec::new();
                let variant = |variant: &Variant| {
                    let (layout, parts) = lay_out(&variant.fields);
                    if !parts.is_empty() {
                        payloads.push(layout);
                    }
                    let shape = of(Kind::Variant, &variant.name, layout, parts);
                    Part::new(text(&variant.name), variant.discriminant, shape)
                };
                let parts = variants.iter().map(variant).collect();
                let tag = Layout::new(4, 4);
                let layout = if payloads.is_empty() { tag } else { Layout::tagged(tag, Layout::union(&payloads)) };
                of(Kind::Enum, name, layout, parts)
            }
            Type::Function(kind, arguments, result, [send, sync]) => {
                let size = if *kind == Kind::Callback { 16 } else { 24 };
                of(*kind, bounds(*send, *sync), Layout::new(size, 8), signature(arguments, result))
            }
        }
    }
}

impl Method {
    fn shape(&self) -> &'static Shape {
        leak(Shape::method(text(&self.name), signature(&self.arguments, &self.result).leak()))
    }
}

/// The encoders' length is a constant: the smallest of these that leaves room.
macro_rules! encode_in {
    ($len:expr, $room:ident => $encoded:expr, $($size:literal)*) => {
        match $len {
            $(len if len <= $size => {
                const $room: usize = $size;
                $encoded
            })*
            len => unreachable!("an interface of {len} bytes"),
        }
    };
}

impl Interface {
    fn methods(&self) -> &'static [Described] {
        let describe = |method: &Method| Described::new(method.has_default, method.shape());
        self.methods.iter().map(describe).collect::<Vec<_>>().leak()
    }

    /// As a caller sends it to its host.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let (name, methods) = (&self.name, self.methods());
        let len = interface_len(name, self.version, methods);
        let bytes =
            encode_in!(len, ROOM => interface_bytes::<ROOM>(name, self.version, methods).to_vec(), 1024 8192 65536);
        bytes[..len].to_vec()
    }

    /// The manifest of a component that implements it.
    pub(super) fn manifest(&self) -> Vec<u8> {
        let declaration = Declaration {
            component: "subject",
            component_version: "1.0.0",
            type_name: "",
            interface: InterfaceInfo {
                name: text(&self.name),
                version: self.version,
                replaces: self.replaces.clone().leak(),
                deps: &[],
                methods: self.methods(),
            },
            replaces: &[],
            deps: &[],
            flags: Flags::default(),
            state_version: 0,
            kept: None,
            source: None,
            downgrades_to: &[],
            patch: None,
        };
        let len = manifest_len(&declaration);
        // A record is as long as its buffer: the type's name fills what is left.
        let named = |room: usize| Declaration { type_name: text(&"T".repeat(room - len)), ..declaration };
        encode_in!(len, ROOM => manifest_bytes::<ROOM>(&named(ROOM)).to_vec(), 512 1024 2048 4096 8192 16384 65536)
    }
}
