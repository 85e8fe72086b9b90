use super::*;
use std::thread;

/// Has the kernel refuse a system call to the calling thread.
fn refuse(call: libc::c_long) {
    let answers = [libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(), libc::SECCOMP_RET_ALLOW];
    let number = u32::try_from(call).unwrap();
    let step = |code: u32, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf, k };
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, answers[0]),
        step(libc::BPF_RET | libc::BPF_K, 0, answers[1]),
    ];
    let filter = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: the call takes numbers only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the filter is valid for the call, which copies it.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    assert_eq!(set, 0);
}

#[test]
fn a_thread_that_the_kernel_does_not_tell_of_is_there() {
    let gone = thread::spawn(thread_id).join().unwrap();
    while is_alive(gone) {
        thread::yield_now();
    }
    let asking = thread_id();
    let filtered = thread::spawn(move || {
        assert!(is_alive(asking));
        refuse(libc::SYS_tgkill);
        is_alive(asking)
    });
    assert!(filtered.join().unwrap());
}

#[test]
fn a_barrier_that_the_kernel_refuses_is_an_error() {
    assert!(register_membarrier());
    membarrier().unwrap();
    let filtered = thread::spawn(|| {
        refuse(libc::SYS_membarrier);
        membarrier().unwrap_err().raw_os_error()
    });
    assert_eq!(filtered.join().unwrap(), Some(libc::EPERM));
}

#[test]
fn a_thread_has_its_name_and_its_stack_and_ends_with_a_panic_of_its_own() {
    let (send, received) = std::sync::mpsc::channel();
    let thread = start(c"lcr-test", 8 << 20, move || {
        let deep = [1_u8; 4 << 20];
        send.send((thread_name(), std::hint::black_box(&deep).len())).unwrap();
        panic!("as it should");
    });
    thread.unwrap().join();
    assert_eq!(received.recv().unwrap(), ("lcr-test".to_owned(), 4 << 20));
    assert!(received.recv().is_err(), "what the thread held is dropped");
    drop(start(c"lcr-test", 1, || ()).unwrap());
}
