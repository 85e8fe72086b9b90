#[derive(lcr::Abi)]
struct Guard {
    number: u32,
}

// It would run where the guard is taken apart to cross, and again where it arrives.
impl Drop for Guard {
    fn drop(&mut self) {}
}

#[derive(lcr::Abi)]
enum Either<T> {
    Whole(T),
    Nothing,
}

impl<T> Drop for Either<T> {
    fn drop(&mut self) {}
}

fn main() {}
