//! The same patch in a later version, which also stands around another method, and panics there. It has a point.

use lcr_tests::bank::Clock;

#[lcr::patch(interface = dyn Clock, name = "later", version = "2.0.0")]
mod later {
    pub fn version(next: &dyn Fn() -> u32) -> u32 {
        add(next())
    }
    pub fn inside(next: &dyn Fn(&dyn Fn()), f: &dyn Fn()) {
        next(f);
        panic!("it is too late");
    }
    fn add(version: u32) -> u32 {
        let mut later = version + 200;
        lcr::point!("later.version", later: u32);
        later
    }
}
