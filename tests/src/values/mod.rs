//! Every kind of value that interfaces may have, across any border between a caller and a component: the
//! interfaces and their types ([`contract`]), and exchanges that show that each value arrives ([`numbers`],
//! [`sequences`], [`composites`], [`collections`], [`of_std`], [`sharing`], [`owners`], [`faults`]).
//!
//! An exchange takes any implementor of the interface, so one suite serves libraries and hosts of every
//! toolchain. A component never only echoes: it answers with a value that it can compute from the right
//! argument alone.

pub mod collections;
pub mod composites;
pub mod contract;
pub mod counted;
pub mod faults;
pub mod numbers;
pub mod of_std;
pub mod owners;
pub mod sequences;
pub mod sharing;

use contract::{Composites, Faulty, Numbers, OfStd, Owners, Sequences};
use lcr::{Handle, Interface, Runtime};

/// Makes every exchange with what serves the interfaces.
///
/// # Panics
/// If a value arrives as another one.
pub fn all(rt: &Runtime) {
    let numbers = &service::<dyn Numbers>(rt);
    numbers::integers(numbers);
    numbers::floats(numbers);
    numbers::others(numbers);
    let sequences = &service::<dyn Sequences>(rt);
    sequences::borrowed(sequences);
    sequences::written_by_the_callee(sequences);
    sequences::owned(sequences);
    sequences::lent_back(sequences);
    let composites = &service::<dyn Composites>(rt);
    composites::options_and_results(composites);
    composites::boxes_arrays_and_tuples(composites);
    composites::structs(composites);
    composites::enums(composites);
    collections::all(rt);
    sharing::all(rt);
    let owners = &service::<dyn Owners>(rt);
    owners::bytes(owners);
    owners::handles(owners, numbers);
    owners::lent_callbacks(owners);
    owners::given_callbacks(owners);
    owners::serde(owners);
    let faulty = &service::<dyn Faulty>(rt);
    faults::panics(faulty);
    faults::panics_of_callbacks(faulty);
    faults::panics_of_destructors(faulty);
    let of_std = &service::<dyn OfStd>(rt);
    of_std::paths(of_std);
    of_std::times(of_std);
    of_std::numbers(of_std);
    of_std::ranges(of_std);
    of_std::addresses(of_std);
    of_std::inside_derived_types(of_std);
    of_std::errors(of_std);
    of_std::awaited(of_std);
}

fn service<I: ?Sized + Interface>(rt: &Runtime) -> Handle<I> {
    rt.service().expect("the interface is served")
}
