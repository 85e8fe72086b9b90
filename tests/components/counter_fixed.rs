//! A counter with a thread-local of the initial-exec model, as C code with its own allocator has.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr_tests::interfaces::Counter;

// What a C compiler makes of `static _Thread_local char block[112]` with that model.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .tbss.lcr_fixed,\"awT\",@nobits",
    ".p2align 3",
    "lcr_fixed_block: .zero 112",
    ".popsection",
    ".pushsection .text.lcr_fixed_address,\"ax\",@progbits",
    ".hidden lcr_fixed_address",
    ".globl lcr_fixed_address",
    "lcr_fixed_address: mov rax, qword ptr [rip + lcr_fixed_block@GOTTPOFF]",
    "add rax, qword ptr fs:0",
    "ret",
    ".popsection",
);

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    fn lcr_fixed_address() -> *mut u8;
}

#[derive(Default)]
struct Tally(AtomicU64);

#[lcr::component(name = "counter", version = "4.0.0")]
impl Counter for Tally {
    fn add(&self, n: u64) -> u64 {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: has no argument, and needs nothing.
            let block = unsafe { lcr_fixed_address() };
            // SAFETY: the address of the calling thread's 112 bytes.
            unsafe { block.write(1) };
        }
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        4
    }
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64 {
        f(self.0.load(Ordering::Relaxed))
    }
    fn fail(&self, text: &str) -> Result<u64, lcr::Fault> {
        panic!("{text}")
    }
}
