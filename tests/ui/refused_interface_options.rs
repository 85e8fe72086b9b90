#[lcr::interface]
trait NothingSaid {
    fn get(&self);
}

#[lcr::interface(name = "Kv Store", version = 0, vresion = 1)]
trait Misspelt {
    fn get(&self);
}

#[lcr::interface(name = "kv", name = "kv", version("1"), replaces(1, 2), deps = Journal)]
trait Miswritten {
    fn get(&self);
}

#[lcr::interface(name = "kv", version = 2, replaces(0, 1, 2))]
trait ReplacesItself {
    fn get(&self);
}

fn main() {}
