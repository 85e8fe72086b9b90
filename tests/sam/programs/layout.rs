//! Prints the addresses of its code and its stack, the bytes from which the stack's canary is made, and what
//! the instance before left to it.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

#[sam::main]
fn main() {
    let app = sam::app();
    let on_stack = 0_u8;
    println!("code {:?} stack {:?} pid {}", main as fn() as *const (), &raw const on_stack, std::process::id());
    // SAFETY: takes no pointers.
    let random = unsafe { libc::getauxval(libc::AT_RANDOM) } as *const [u8; 16];
    // SAFETY: the kernel has put 16 bytes there for the life of the process; the C library makes
    // the canary of them.
    println!("canary {:x?}", unsafe { *random });
    println!("stored {}", String::from_utf8(app.stored().unwrap().unwrap_or_default()).unwrap());
    let mut text = String::new();
    if let Some(fd) = app.take_fd("file").unwrap() {
        let mut file = File::from(fd);
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
    }
    println!("kept {text}");
    println!("descriptors {}", std::fs::read_dir("/proc/self/fd").unwrap().count());
    println!("previous {}", app.previous_exit().is_some());
    let instance = app.instance();
    app.store(format!("by {instance}").as_bytes()).unwrap();
    let path = std::env::temp_dir().join(format!("sam-layout-{}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(format!("of {instance}").as_bytes()).unwrap();
    app.keep_fd("file", &file).unwrap();
    if instance < 4 {
        // The next instance stands by while this one serves.
        if std::env::var_os("LAYOUT_AWAITS_NEXT").is_some() {
            app.resume_checks();
            let supervisor = std::os::unix::process::parent_id();
            let children = format!("/proc/{supervisor}/task/{supervisor}/children");
            while std::fs::read_to_string(&children).unwrap().split_whitespace().count() < 2 {
                std::thread::yield_now();
            }
        }
        if let Ok(signal) = std::env::var("LAYOUT_SIGNAL") {
            // SAFETY: takes no pointers.
            unsafe { libc::kill(std::process::id().cast_signed(), signal.parse().unwrap()) };
        }
        std::process::abort();
    }
}
