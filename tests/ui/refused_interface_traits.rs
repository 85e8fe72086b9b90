#[lcr::interface(name = "kv", version = 1)]
trait Generic<T> {
    fn get(&self) -> u8;
}

#[lcr::interface(name = "kv", version = 1)]
trait Associated {
    type Item;
    const N: usize;
    fn get(&self) -> u8;
}

#[lcr::interface(name = "kv", version = 1)]
trait Inherits: std::fmt::Debug {
    fn get(&self) -> u8;
}

#[lcr::interface(name = "kv", version = 1)]
unsafe trait Promises {
    fn get(&self) -> u8;
}

#[lcr::interface(name = "kv", version = 1)]
trait Empty {}

#[lcr::interface(name = "kv", version = 1)]
struct NotATrait;

fn main() {}
