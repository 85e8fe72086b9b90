struct Foreign;

#[derive(lcr::Abi)]
struct Wrapper {
    inner: Foreign,
}

fn main() {}
