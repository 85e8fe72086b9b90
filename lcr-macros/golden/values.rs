#[derive(Debug, lcr::Abi)]
pub struct View<'a, T: Clone> {
    pub key: &'a str,
    #[abi(secret)]
    values: Vec<T>,
}

#[derive(lcr::Abi)]
struct Unit;

#[derive(Clone, Copy, lcr::Abi)]
#[abi(plain)]
#[repr(C)]
pub struct Point(f64, f64);

#[derive(lcr::Abi)]
#[repr(u8)]
enum Colour {
    Red = 1,
    Green,
}

#[derive(lcr::Abi)]
enum Event<T> {
    Nothing,
    Text(String, T),
    Moved { x: i32 },
}
