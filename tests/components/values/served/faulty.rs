//! Panics.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, set_hook};

use lcr::{Bytes, Fault, Handle, Serde};
use lcr_tests::values::contract::{Faulty, Picky, Small, Trouble};

pub struct Clumsy;

impl Default for Clumsy {
    /// Silences the panic hook of this image, because callers get the text of a panic.
    fn default() -> Clumsy {
        set_hook(Box::new(|_| {}));
        Clumsy
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Panics when it is dropped.
struct Unwilling(String);

impl AsRef<[u8]> for Unwilling {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Unwilling {
    fn drop(&mut self) {
        fail(&self.0);
    }
}

fn fail(how: &str) {
    match how {
        "str" => panic!("a plain str"),
        "String" => panic!("a String of {}", how.len() - 5),
        "any" => panic_any(7),
        "bomb" => panic_any(Bomb),
        _ => {}
    }
}

#[lcr::component(name = "values", version = "1.0.0")]
impl Faulty for Clumsy {
    fn plain(&self, how: &str) -> u64 {
        fail(how);
        1
    }
    fn nothing(&self, how: &str) {
        fail(how);
    }
    fn fault(&self, how: &str) -> Result<u64, Fault> {
        fail(how);
        Ok(2)
    }
    fn trouble(&self, how: &str, mut held: Vec<String>) -> Result<u64, Trouble> {
        fail(how);
        Err(Trouble::Refused(held.remove(0)))
    }
    fn text(&self, how: &str) -> Result<u64, String> {
        fail(how);
        Err("refused".to_owned())
    }
    fn passed(&self, peer: Handle<dyn Faulty>, how: &str) -> Option<Fault> {
        peer.fault(how).err()
    }
    fn through(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault> {
        Ok(f(42))
    }
    fn bytes(&self, how: &str) -> Bytes {
        Bytes::from_owner(Unwilling(how.to_owned()))
    }
    fn forget(&self, f: Box<dyn Fn() + Send>, bytes: Bytes) -> Result<(), Fault> {
        drop((f, bytes));
        Ok(())
    }
    fn caught(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, String> {
        let caught = catch_unwind(AssertUnwindSafe(|| f(42)));
        caught.map_err(|payload| *payload.downcast::<String>().unwrap())
    }
}

#[lcr::component(name = "values", version = "1.0.0")]
impl Picky for Clumsy {
    fn take(&self, Serde(v): Serde<Small>, held: Vec<String>) -> Result<u8, Fault> {
        Ok(v.number + held.len() as u8 + v.added.map_or(0, |added| added.len() as u8))
    }
}
