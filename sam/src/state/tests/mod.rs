//! The machine held against its rules, one by one (`rules_of_*`, `every_exit`), and against an
//! observer that knows only the invariants, over random histories (`histories`), which it
//! finds wrong if the machine is (`mutants`). `rig` drives it.

mod every_exit;
mod histories;
mod mutants;
mod observer;
mod rig;
mod rules_of_ends;
mod rules_of_health;
mod rules_of_signals;

use super::*;
