//! Components in any number, made at run time: what `#[lcr::component]` makes at compile
//! time, with names of one length.

use contract::interfaces::{Adder, Step};
use lcr::__private::{
    Declaration, Export, Flags, InterfaceInfo, ServedBy, default_create, manifest_bytes, manifest_len,
};

#[derive(Default)]
struct Member(Adder);

impl Step for Member {
    fn step(&self, x: u64) -> u64 {
        self.0.step(x)
    }
}

/// What the members of a crowd implement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interfaces {
    /// All of them `bench.step`.
    One,
    /// Each one of its own, with the methods of `bench.step`.
    Each,
}

/// The name of the component with this number.
pub(crate) fn name(number: usize) -> String {
    format!("member-{number:05}")
}

const fn declare(component: &'static str, interface: &'static str) -> Declaration {
    Declaration {
        component,
        component_version: "1.0.0",
        type_name: "Member",
        interface: InterfaceInfo { name: interface, ..InterfaceInfo::of::<dyn Step>() },
        replaces: &[],
        deps: &[],
        flags: Flags { state: false, protected: false, unload: false, healthy: false },
        state_version: 0,
    }
}

const IN_ONE: usize = manifest_len(&declare("member-00000", "bench.step"));
const IN_EACH: usize = manifest_len(&declare("member-00000", "bench.step_00000"));

/// Exports of `size` components, which live as long as the process, as linked ones do.
pub(crate) fn crowd(size: usize, interfaces: Interfaces) -> Vec<&'static Export> {
    (0..size).map(|number| member(number, interfaces)).collect()
}

fn member(number: usize, interfaces: Interfaces) -> &'static Export {
    let component = name(number).leak();
    let manifest: &'static [u8] = match interfaces {
        Interfaces::One => Box::leak(Box::new(manifest_bytes::<IN_ONE>(&declare(component, "bench.step")))),
        Interfaces::Each => {
            let interface = format!("bench.step_{number:05}").leak();
            Box::leak(Box::new(manifest_bytes::<IN_EACH>(&declare(component, interface))))
        }
    };
    let thunks = <dyn Step as ServedBy<Member>>::THUNKS;
    Box::leak(Box::new(Export::new::<Member>(manifest, thunks, default_create::<Member>)))
}
