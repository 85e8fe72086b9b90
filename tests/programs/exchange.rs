//! Makes every exchange of values with the library that its argument names, and prints whether the library's
//! compiler laid out a struct as this program's did.

use std::{env, error::Error};

use lcr::Runtime;
use lcr_tests::values::{self, composites, contract::Composites};

fn main() -> Result<(), Box<dyn Error>> {
    let library = env::args_os().nth(1).ok_or("usage: exchange LIBRARY")?;
    let rt = Runtime::new()?;
    rt.load(library)?;
    let composites = rt.service::<dyn Composites>()?;
    values::all(&rt);
    let verdict = if composites.layout() == composites::layout() { "agree" } else { "differ" };
    println!("every value arrived; the layouts {verdict}");
    Ok(())
}
