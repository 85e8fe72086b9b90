//! A method as a type: what generated code says of it.

/// A method of an interface, as a type.
pub trait Mocked: 'static {
    /// The method's name.
    const NAME: &'static str;
    /// What it returns; of an async method the output, of one with a stream all items.
    type Result: 'static;
}

/// Stands for a number of arguments.
#[derive(Debug)]
#[non_exhaustive]
pub struct Takes<const COUNT: usize>;

/// The closures of the method `M`.
pub trait Closures<M: ?Sized>: 'static {
    /// A predicate of its arguments.
    type When: ?Sized + Send + Sync + 'static;
    /// An answer to its arguments.
    type Then: ?Sized + Send + Sync + 'static;
}
