use std::{ops::Range, path::PathBuf, time::Instant};

#[lcr::interface(name = "clock", version = 1)]
trait Clock {
    fn at(&self, deadline: Instant);
    fn paths(&self, paths: &[PathBuf]);
    fn within(&self, range: Range<Instant>);
}

fn main() {}
