//! Functions that are not called as the method of their name is.

#[lcr::interface(name = "refused.patched", version = 1, patches)]
pub trait Store {
    fn get(&self, key: &str) -> Option<u64>;
    fn len(&self) -> u64;
}

#[lcr::interface(name = "refused.unpatched", version = 1)]
pub trait Plain {
    fn len(&self) -> u64;
}

#[lcr::patch(interface = dyn Store)]
mod of_other_signatures {
    pub fn get(next: &dyn Fn(&str) -> Option<u64>, key: String) -> Option<u64> {
        next(&key)
    }
    pub fn len(_: &dyn Fn() -> u64) -> u32 {
        0
    }
}

#[lcr::patch(interface = dyn Store)]
fn size(next: &dyn Fn() -> u64) -> u64 {
    next()
}

#[lcr::patch(interface = dyn Plain)]
fn len(next: &dyn Fn() -> u64) -> u64 {
    next()
}

#[lcr::patch(interface = dyn Store, component = "two words")]
async fn late() {}

#[lcr::patch(interface = dyn Store)]
struct Nothing;

fn main() {}
