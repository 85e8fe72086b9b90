//! What the program and every version of the component know of each other.

/// Greets people, and counts them.
#[lcr::interface(name = "{{interface}}.greeter", version = 1)]
pub trait Greeter {
    /// A greeting for `name`.
    fn greet(&self, name: &str) -> String;

    /// How many greetings there were.
    fn greeted(&self) -> u64;
}
