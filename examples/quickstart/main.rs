//! A component that is linked into the program, and then replaced by a loaded build of the same source.

mod counter; // links the component; no other line is needed
#[path = "../libraries.rs"]
mod libraries;

use counter::Counter;

fn main() -> Result<(), lcr::BoxError> {
    let runtime = lcr::Runtime::new()?;
    let counter = runtime.service::<dyn Counter>()?; // a handle, which implements Counter
    println!("linked: {}", counter.add(1));

    // `counter.rs` is also an [[example]] with crate-type "cdylib": edit it, and run this again.
    let library = libraries::built(&["quickstart_counter"])?.join("libquickstart_counter.so");
    println!("{}", runtime.replace(library)?);
    let sum = counter.add(1); // the same handle; the new instance has the old count
    println!("loaded: {sum}");
    assert_eq!(sum, 2);
    Ok(())
}
