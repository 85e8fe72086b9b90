#[derive(lcr::Abi)]
struct Line<'a> {
    text: &'a str,
}

#[lcr::interface(name = "log", version = 1)]
trait Log {
    fn last(&self) -> Line;
    fn same(&self, line: Line) -> Option<Line>;
}

fn main() {}
