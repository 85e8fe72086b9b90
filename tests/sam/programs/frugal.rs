//! A program whose supervisor must not allocate: an allocation in it after its first fork ends the supervisor
//! with a message.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    process,
    sync::atomic::{AtomicI32, Ordering},
    thread,
    time::Duration,
};

/// The process id of the supervisor, once it supervises.
static SUPERVISOR: AtomicI32 = AtomicI32::new(0);

extern "C" fn forked() {
    // SAFETY: takes no pointers.
    let pid = unsafe { libc::getpid() };
    let _ = SUPERVISOR.compare_exchange(0, pid, Ordering::SeqCst, Ordering::SeqCst);
}

struct Refusing;

fn look(what: &str) {
    let supervisor = SUPERVISOR.load(Ordering::SeqCst);
    // SAFETY: takes no pointers.
    if supervisor != 0 && supervisor == unsafe { libc::getpid() } {
        // SAFETY: the text is that long.
        unsafe { libc::write(2, what.as_ptr().cast(), what.len()) };
        process::abort();
    }
}

// SAFETY: it is the system's allocator, or the end of the process.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        look("the supervisor allocates\n");
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        look("the supervisor reallocates\n");
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static REFUSING: Refusing = Refusing;

fn main() {
    // The handler runs in the parent after its first fork, which makes the first instance.
    // SAFETY: the handler makes a system call and changes an atomic.
    assert_eq!(unsafe { libc::pthread_atfork(None, Some(forked), None) }, 0);
    let millis = Duration::from_millis;
    sam::Builder::new()
        .interval(millis(50))
        .grace(millis(20))
        .probe("test $SAM_INSTANCE != 3")
        .probe_every(millis(5))
        .probe_limit(millis(500))
        .probe_failures(2)
        .supervise()
        .unwrap();
    let app = sam::app();
    app.resume_checks();
    match app.instance() {
        1 => process::abort(),
        2 => loop {
            // Hangs.
            thread::sleep(millis(1000));
        },
        // Its probe fails.
        3 => loop {
            app.beat();
            thread::sleep(millis(1));
        },
        4 => {
            app.store(&[7; 100_000]).unwrap();
            for name in 0..64 {
                app.keep_fd(&format!("{name}"), std::fs::File::open("/dev/null").unwrap()).unwrap();
            }
            app.mark_failed();
            loop {
                thread::sleep(millis(1000));
            }
        }
        5 => {
            // SAFETY: this process has one thread.
            if unsafe { libc::fork() } == 0 {
                // SAFETY: takes no pointers.
                unsafe { libc::setsid() };
                loop {
                    thread::sleep(millis(1000));
                }
            }
            process::exit(3);
        }
        _ => {
            println!("{} serves", app.instance());
            loop {
                app.beat();
                thread::sleep(millis(1));
            }
        }
    }
}
