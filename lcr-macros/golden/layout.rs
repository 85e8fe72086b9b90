#[derive(lcr::Layout)]
pub struct Session<T> {
    user: String,
    pages: Vec<Page>,
    extra: T,
}

#[derive(lcr::Layout)]
#[repr(u8)]
enum Page {
    Front = 3,
    Entry { number: u32, children: Vec<Page> },
}
