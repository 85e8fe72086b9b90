//! Loads the component that is named, and says which builds its private libraries are.

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
