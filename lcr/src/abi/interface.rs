//! What an image knows of an interface at compile time.

use super::{
    crossing::Crossing,
    shape::{Shape, Sink, fnv1a},
};

/// A named, versioned contract. `#[lcr::interface]` implements this trait for `dyn Trait`.
///
/// The trait is not `'static`, and the attribute implements it for `dyn Trait + '_`: the compiler
/// forgets lifetimes inside an async block, and must find the implementation whatever they were.
/// Types that implement an interface are `'static`.
///
/// # Safety
/// [`Interface::METHODS`] must describe, in order, the C functions of the interface's tables, which its
/// handles call. [`Interface::crossings`] must give, in that order, the thunks of these functions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an lcr interface",
    label = "no `#[lcr::interface]` on this trait",
    note = "put `#[lcr::interface(name = \"...\", version = 1)]` on the trait and name it as `dyn Trait`"
)]
pub unsafe trait Interface: Send + Sync {
    /// The interface's name, the same in every version.
    const NAME: &'static str;
    /// The version, from 1.
    const VERSION: u32;
    /// Older versions whose handles every implementation of this one may serve.
    const REPLACES: &'static [u32];
    /// Interfaces that every implementation needs.
    const DEPS: &'static [Need];
    /// The methods in the order in which handles number them.
    const METHODS: &'static [Method];
    /// Name, version and methods, as the bytes that a manifest has.
    const ENCODED: &'static [u8];
    /// A hash of [`Interface::ENCODED`], for messages and tables.
    const FINGERPRINT: u64 = fnv1a(Self::ENCODED);

    /// The thunks of each method's C function; none at all, or as many as there are methods. Apart from the methods, so
    /// that an image which only calls the interface has none of them.
    fn crossings() -> &'static [Crossing] {
        &[]
    }

    /// The thunks of a method's signature; `None` if it is polled, or has none.
    fn crossing(method: usize) -> Option<&'static Crossing> {
        Self::crossings().get(method).filter(|crossing| !crossing.is_polled)
    }
}

/// One method of an interface.
#[derive(Debug)]
pub struct Method {
    /// Whether an older component may lack it.
    pub has_default: bool,
    /// Its name and signature.
    pub shape: &'static Shape,
    /// The names of its arguments. Not compared.
    pub arguments: &'static [&'static str],
    /// Whether its author says that a call of it changes nothing. Not compared.
    pub is_pure: bool,
}

impl Method {
    /// A method without notes.
    pub const fn new(has_default: bool, shape: &'static Shape) -> Method {
        Method { has_default, shape, arguments: &[], is_pure: false }
    }

    /// The same method, whose arguments have these names.
    #[must_use]
    pub const fn with_arguments(self, arguments: &'static [&'static str]) -> Method {
        Method { arguments, ..self }
    }

    /// The same method, of which a call changes nothing.
    #[must_use]
    pub const fn pure(self) -> Method {
        Method { is_pure: true, ..self }
    }
}

/// A dependency on an interface.
#[derive(Debug)]
pub struct Need {
    /// The interface's name.
    pub interface: &'static str,
    /// The version that the dependent was compiled against.
    pub version: u32,
    /// The interface's methods, as the dependent knows them.
    pub methods: &'static [Method],
}

impl Need {
    /// The need for the interface `I`.
    pub const fn of<I: ?Sized + Interface>() -> Need {
        Need { interface: I::NAME, version: I::VERSION, methods: I::METHODS }
    }
}

/// The parts of an [`Interface`] that a manifest carries.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceInfo {
    /// The interface's name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// Older versions that this version replaces.
    pub replaces: &'static [u32],
    /// What every implementation needs.
    pub deps: &'static [Need],
    /// Its methods.
    pub methods: &'static [Method],
}

impl InterfaceInfo {
    /// Describes the interface `I`.
    pub const fn of<I: ?Sized + Interface>() -> InterfaceInfo {
        InterfaceInfo { name: I::NAME, version: I::VERSION, replaces: I::REPLACES, deps: I::DEPS, methods: I::METHODS }
    }
}

/// The length of [`interface_bytes`].
pub const fn interface_len(name: &str, version: u32, methods: &[Method]) -> usize {
    let mut sink = Sink::new(&mut []);
    put_interface(&mut sink, name, version, methods);
    sink.len()
}

/// An interface as bytes: name, version `u32`, number of methods `u16`, then each
/// method as `has_default` `u8` and shape.
pub const fn interface_bytes<const N: usize>(name: &str, version: u32, methods: &[Method]) -> [u8; N] {
    let mut bytes = [0; N];
    put_interface(&mut Sink::new(&mut bytes), name, version, methods);
    bytes
}

const fn put_interface(sink: &mut Sink<'_>, name: &str, version: u32, methods: &[Method]) {
    sink.str(name);
    sink.u32(version as usize);
    put_methods(sink, methods);
}

pub(super) const fn put_methods(sink: &mut Sink<'_>, methods: &[Method]) {
    sink.u16(methods.len());
    let mut i = 0;
    while i < methods.len() {
        sink.u8(methods[i].has_default as u8);
        sink.shape(methods[i].shape);
        i += 1;
    }
}
