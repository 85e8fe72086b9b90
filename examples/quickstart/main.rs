//! One component source, first linked into the program, then loaded in its place.

mod counter; // links the component; no other line is needed
#[path = "../libraries.rs"]
mod libraries;

use counter::Counter;

fn main() -> Result<(), lcr::BoxError> {
    let runtime = lcr::Runtime::new()?;
    let counter = runtime.service::<dyn Counter>()?; // a handle: implements Counter
    println!("linked: {}", counter.add(1));

    // The same file is an [[example]] with crate-type "cdylib": edit it, and run again.
    let library = libraries::built(&["quickstart_counter"])?.join("libquickstart_counter.so");
    println!("{}", runtime.replace(library)?);
    let sum = counter.add(1); // the same handle, and the count came along
    println!("loaded: {sum}");
    assert_eq!(sum, 2);
    Ok(())
}
