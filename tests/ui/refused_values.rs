use std::collections::HashMap;

struct Foreign;

#[derive(lcr::Abi)]
struct Line {
    text: String,
}

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn foreign(&self, value: Foreign);
    fn map(&self) -> HashMap<String, u64>;
    fn slice(&self, lines: &[Line]);
}

fn main() {}
