#[derive(Clone, Copy, lcr::Abi)]
#[abi(plain)]
struct Unordered {
    x: u8,
}

#[derive(Clone, Copy, lcr::Abi)]
#[abi(plain)]
#[repr(u8)]
enum Colour {
    Red,
}

#[derive(Clone, Copy, lcr::Abi)]
#[abi(palin)]
#[repr(C)]
struct Misspelt {
    x: u8,
}

#[derive(Clone, Copy, lcr::Abi)]
#[abi(plain)]
#[repr(C)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Clone, Copy, lcr::Abi)]
struct Line {
    x: u8,
}

#[derive(Clone, Copy, lcr::Abi)]
#[abi(plain)]
#[repr(C)]
struct NotPlain {
    x: Line,
}

#[derive(lcr::Abi)]
#[abi(plain)]
#[repr(C)]
struct NotCopy {
    x: u8,
}

fn main() {}
