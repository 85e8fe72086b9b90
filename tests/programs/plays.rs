//! Loads the component that its argument names, and prints the builds of its private libraries.

use std::{env, error::Error};

use lcr::{Handle, Runtime};
use lcr_tests::interfaces::Tone;

fn main() -> Result<(), Box<dyn Error>> {
    let library = env::args_os().nth(1).ok_or("usage: plays LIBRARY")?;
    let rt = Runtime::builder().linked(false).build()?;
    rt.load(library)?;
    let tone: Handle<dyn Tone> = rt.service()?;
    println!("{:?}", tone.builds());
    Ok(())
}
