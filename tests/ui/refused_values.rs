struct Foreign;

struct Map<K, V>(K, V);

#[derive(lcr::Abi)]
struct Line {
    text: String,
}

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn foreign(&self, value: Foreign);
    fn map(&self) -> Map<u8, u64>;
    fn slice(&self, lines: &[Line]);
    fn reference(&self, line: &Line);
    fn path(&self, path: &std::path::PathBuf);
}

fn main() {}
