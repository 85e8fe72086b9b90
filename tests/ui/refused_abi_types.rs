#[derive(lcr::Abi)]
union Either {
    a: u8,
    b: i8,
}

#[derive(lcr::Abi)]
enum Never {}

#[derive(lcr::Abi)]
#[repr(C, packed)]
struct Tight {
    a: u8,
}

#[derive(lcr::Abi)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
}

#[derive(lcr::Abi)]
struct List {
    next: Option<Box<Self>>,
}

#[derive(lcr::Abi)]
struct Raw {
    at: *const u8,
    call: fn(),
    name: &'static str,
    then: Box<dyn Fn() + Send>,
}

// The stubs are there: the use of a refused type is not reported again.
#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn get(&self, tree: Tree) -> Raw;
}

fn main() {}
