#[lcr::interface(name = "counter", version = 1)]
trait Counter {
    fn add(&mut self, by: u64);
    fn take(self) -> u64;
    fn boxed(self: Box<Self>) -> u64;
    fn new() -> u64;
}

// The stub is there: neither the trait nor the handle is reported a second time.
struct Mine;

impl Counter for Mine {
    fn add(&mut self, _: u64) {}
    fn take(self) -> u64 {
        0
    }
    fn boxed(self: Box<Self>) -> u64 {
        0
    }
    fn new() -> u64 {
        0
    }
}

fn uses(mut counter: lcr::Handle<dyn Counter>) -> u64 {
    counter.add(1);
    counter.take()
}

fn main() {}
