//! A guest of another shape than its callers know: its bytes are a `Vec`.

#[path = "mark.rs"]
mod mark;

/// The name of the tests' interface, with one other type.
#[lcr::interface(name = "test.guest", version = 1)]
pub trait Guest {
    /// Which version this is.
    fn version(&self) -> u32;
    /// Bytes.
    fn bytes(&self) -> Vec<u8>;
    /// Leaves a value behind.
    fn settle(&self);
}

/// Never constructed.
#[derive(Default)]
pub struct Stay;

#[lcr::component(name = "guest", version = "2.0.0")]
impl Guest for Stay {
    fn version(&self) -> u32 {
        2
    }
    fn bytes(&self) -> Vec<u8> {
        Vec::new()
    }
    fn settle(&self) {}
}
