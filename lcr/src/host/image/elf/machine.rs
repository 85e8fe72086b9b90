//! The machines whose libraries can be loaded.

use super::refusal::refused;
use crate::error::Result;
use object::elf;

/// What differs from one processor to the next.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) arch: &'static str,
    pub(super) number: elf::Machine,
    pub(super) relative: u32,
    pub(super) jump_slot: u32,
    pub(super) indirect: u32,
    pub(super) copy: u32,
    pub(super) tls_descriptor: u32,
}

#[rustfmt::skip]
const MACHINES: [Machine; 3] = [
    Machine { arch: "x86_64", number: elf::EM_X86_64, relative: 8, jump_slot: 7, indirect: 37, copy: 5, tls_descriptor: 36 },
    Machine { arch: "aarch64", number: elf::EM_AARCH64, relative: 1027, jump_slot: 1026, indirect: 1032, copy: 1024, tls_descriptor: 1031 },
    Machine { arch: "riscv64", number: elf::EM_RISCV, relative: 3, jump_slot: 5, indirect: 58, copy: 4, tls_descriptor: 12 },
];

impl Machine {
    /// The machine of this process.
    ///
    /// # Errors
    /// `NotALibrary` if this crate does not know it.
    pub(super) fn ours() -> Result<&'static Machine> {
        let ours = MACHINES.iter().find(|machine| machine.arch == std::env::consts::ARCH);
        ours.ok_or_else(|| refused(format!("libraries cannot be loaded on {}", std::env::consts::ARCH)))
    }

    /// The machine with this number, if this crate knows it.
    pub(super) fn of(number: elf::Machine) -> Option<&'static Machine> {
        MACHINES.iter().find(|machine| machine.number == number)
    }
}
