//! Invariant 3: a call on the fast path takes no lock and executes no atomic read-modify-write.
//!
//! A child process makes calls, and its parent steps it from one instruction to the next (`ptrace`), once over
//! one call and once over eleven. The parent counts the instructions that lock the bus, and the system calls.
//! What begins and ends such a walk is in both counts, so their difference is what ten calls execute.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt,
    ptr,
};

use lcr::{Handle, Runtime};
use lcr_tests::{component, empty_runtime, in_a_process_of_its_own, interfaces::Counter};

/// What a process executed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Executed {
    /// Instructions with a `lock` prefix, and `xchg` with memory, which locks without one: every atomic
    /// read-modify-write, and every store and fence that is sequentially consistent but for `mfence`.
    locked: usize,
    fences: usize,
    system_calls: usize,
    instructions: usize,
}

impl Executed {
    /// Counts the instruction that these bytes begin with.
    fn count(&mut self, code: &[u8]) {
        self.instructions += 1;
        let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
        let prefixes = code.iter().take_while(|byte| is_prefix(byte)).count();
        let rest = &code[prefixes..];
        let rest = if rest.first().is_some_and(|byte| byte & 0xf0 == 0x40) { &rest[1..] } else { rest };
        let is_in_memory = |operands: u8| operands >> 6 != 3;
        let is_xchg = matches!(rest, [0x86 | 0x87, operands, ..] if is_in_memory(*operands));
        self.locked += usize::from(code[..prefixes].contains(&0xf0) || is_xchg);
        self.fences += usize::from(matches!(rest, [0x0f, 0xae, 0xf0..=0xf7, ..]));
        self.system_calls += usize::from(rest.starts_with(&[0x0f, 0x05]));
    }

    /// What was executed beyond `less`.
    fn beyond(self, less: Executed) -> Executed {
        Executed {
            locked: self.locked - less.locked,
            fences: self.fences - less.fences,
            system_calls: self.system_calls - less.system_calls,
            instructions: self.instructions - less.instructions,
        }
    }
}

/// Asks the kernel to trace.
fn trace(request: libc::c_uint, process: libc::pid_t, data: *mut libc::c_void) {
    // SAFETY: the requests of this file take null, or room for the registers.
    let answer = unsafe { libc::ptrace(request, process, ptr::null_mut::<libc::c_void>(), data) };
    assert_eq!(answer, 0, "ptrace({request}): {}", io::Error::last_os_error());
}

/// Waits until the child stops. Returns the signal that it stops for; `None` if it has ended.
fn next_stop(child: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the pointer is valid for the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child, "{}", io::Error::last_os_error());
    libc::WIFSTOPPED(status).then(|| libc::WSTOPSIG(status))
}

/// What a child of this process executes in `body`, which is run once before that, so that nothing in it
/// happens for the first time.
fn executed(body: impl Fn()) -> Executed {
    // SAFETY: the child runs the body on its only thread and ends there.
    let child = unsafe { libc::fork() };
    if child == 0 {
        body();
        trace(libc::PTRACE_TRACEME, 0, ptr::null_mut());
        // SAFETY: stops this process, for its parent to step it.
        unsafe { libc::raise(libc::SIGSTOP) };
        body();
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGSTOP) };
        // SAFETY: ends this process without its destructors.
        unsafe { libc::_exit(0) };
    }
    assert_eq!(next_stop(child), Some(libc::SIGSTOP), "the child failed before it was traced");
    let memory = File::open(format!("/proc/{child}/mem")).unwrap();
    let mut executed = Executed::default();
    loop {
        // SAFETY: zeroes are registers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        trace(libc::PTRACE_GETREGS, child, (&raw mut registers).cast());
        let mut code = [0; 15];
        let len = memory.read_at(&mut code, registers.rip).unwrap();
        executed.count(&code[..len]);
        trace(libc::PTRACE_SINGLESTEP, child, ptr::null_mut());
        match next_stop(child) {
            Some(libc::SIGTRAP) => {}
            Some(libc::SIGSTOP) => break,
            stop => panic!("the child met {stop:?} behind {executed:?}"),
        }
    }
    // SAFETY: takes numbers only.
    unsafe { libc::kill(child, libc::SIGKILL) };
    assert_eq!(next_stop(child), None);
    executed
}

/// Whether the kernel lets a process be traced by its parent.
fn may_trace() -> bool {
    // SAFETY: the child makes one system call and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: the request takes nothing.
        let is_refused = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } != 0;
        // SAFETY: ends this process without its destructors.
        unsafe { libc::_exit(i32::from(is_refused)) };
    }
    let mut status = 0;
    // SAFETY: the pointer is valid for the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child, "{}", io::Error::last_os_error());
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// What ten times `step` execute.
fn ten_times(step: impl Fn()) -> Executed {
    let run = |times: usize| executed(|| (0..times).for_each(|_| step()));
    let one = run(1);
    run(11).beyond(one)
}

#[test]
fn a_call_on_the_fast_path_locks_nothing_and_asks_the_kernel_nothing() {
    if !may_trace() {
        // The test harness does not capture this line.
        let _ = writeln!(io::stderr(), "SKIPPED: ptrace is refused here, so no instructions of a call were counted");
        return;
    }
    in_a_process_of_its_own(|| {
        let rt: Runtime = empty_runtime();
        rt.load(component("counter_v1")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let call = ten_times(|| assert_eq!(counter.version(), 1));
        assert!(call.instructions > 100, "{call:?}");
        assert_eq!((call.locked, call.fences, call.system_calls), (0, 0, 0), "{call:?}");
        // What the counts would show: the component's own addition, and a lock.
        let addition = ten_times(|| _ = counter.add(1));
        assert_eq!((addition.locked, addition.fences, addition.system_calls), (10, 0, 0), "{addition:?}");
        let lock = ten_times(|| _ = rt.generation());
        assert!(lock.locked >= 10, "{lock:?}");
    });
}
