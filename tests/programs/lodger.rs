//! Loads a library into a store in a directory, which its arguments name, and prints a line. Then it obeys the
//! lines of its input, and answers each. `replace` replaces the component. `fork` forks a child that reads the
//! lines from then on, while this process sleeps. `churn` makes, loads and drops runtimes, and prints a line for
//! each, until the process is killed.

use std::{env, error::Error, io, path::Path, process::exit, thread};

use lcr::Runtime;

fn main() -> Result<(), Box<dyn Error>> {
    let [directory, library] = [1, 2].map(|argument| env::args_os().nth(argument));
    let (directory, library) = directory.zip(library).ok_or("usage: lodger DIRECTORY LIBRARY")?;
    let open = || -> lcr::Result<Runtime> {
        let rt = Runtime::builder().store(&directory).build()?;
        rt.load(Path::new(&library))?;
        Ok(rt)
    };
    let rt = open()?;
    println!("loaded");
    for line in io::stdin().lines() {
        match line?.as_str() {
            "replace" => drop(rt.replace(&library)?),
            "fork" => fork(),
            "churn" => loop {
                drop(open()?);
                println!("again");
            },
            other => return Err(format!("what is {other}?").into()),
        }
        println!("done");
    }
    Ok(())
}

/// Returns in the child.
fn fork() {
    // SAFETY: no other thread holds what the child needs; the runtime takes care of its own.
    match unsafe { libc::fork() } {
        -1 => exit(1),
        0 => {}
        _ => loop {
            thread::park();
        },
    }
}
