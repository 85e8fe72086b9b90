//! Has a component print, and ends in the way that its last argument says.
//!
//! `prints LIBRARY STEPS...`, or `linked` instead of a library. The steps are `print:TEXT`, `replace:LIBRARY`,
//! `unmapped` (waits until no replaced image is left), `hold`, `leak`, `drop` (drops the runtime) and `fork` (a
//! child takes the remaining steps). The last step is a way to end: `return`, `exit` (of Rust's standard library),
//! `c-exit` (of the C library), or `thread-exit` (of another thread).

use std::{env, error::Error, process, thread, time::Duration};

use lcr::{Handle, Runtime};
use lcr_tests::{interfaces::Printer, wait_until};

#[path = "../components/printer/kept.rs"]
mod linked;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let library = arguments.next().ok_or("usage: prints LIBRARY STEPS")?;
    let rt = Runtime::builder().linked(library == "linked").build()?;
    if library != "linked" {
        rt.load(&library)?;
    }
    let printer: Handle<dyn Printer> = rt.service()?;
    let mut rt = Some(rt);
    for step in arguments {
        let (step, operand) = step.split_once(':').unwrap_or((&step, ""));
        match step {
            "print" => printer.print(operand),
            "replace" => {
                let rt = rt.as_ref().ok_or("no runtime")?;
                rt.replace(operand)?;
                rt.wait_drained(Duration::from_secs(30))?;
            }
            "unmapped" => {
                let rt = rt.as_ref().ok_or("no runtime")?;
                wait_until("the image is unmapped", || rt.status().retained_images == 0);
            }
            "hold" => printer.hold(),
            "leak" => thread::scope(|scope| drop(scope.spawn(|| printer.leak()).join())),
            "drop" => drop(rt.take()),
            "fork" => fork(),
            "return" => return Ok(()),
            "exit" => process::exit(0),
            // SAFETY: ends the process.
            "c-exit" => unsafe { libc::exit(0) },
            "thread-exit" => {
                thread::spawn(|| process::exit(0));
                loop {
                    thread::park();
                }
            }
            other => return Err(format!("what is {other}?").into()),
        }
    }
    Err("it did not end".into())
}

/// Returns in the child. The parent waits, and ends as the child did.
fn fork() {
    // SAFETY: no other thread holds what the child needs; the runtime takes care of its own.
    match unsafe { libc::fork() } {
        0 => {}
        child => {
            let mut status = 0;
            // SAFETY: waits for this process's child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(status != 0)) };
        }
    }
}
