//! A component that needs another one: what is refused while that is missing, which one it gets
//! if there are two, and what it notices when that one is replaced.

mod interfaces;
#[path = "../libraries.rs"]
mod libraries;

use interfaces::{Accounts, Journal};
use lcr::{ErrorKind, Runtime};

fn main() -> Result<(), lcr::BoxError> {
    let names = ["dependencies_accounts", "dependencies_journal_plain", "dependencies_journal_numbered"];
    let libraries = libraries::built(&names)?;
    let [accounts, plain, numbered] = names.map(|name| libraries.join(format!("lib{name}.so")));
    let runtime = Runtime::new()?;

    // No journal is present, so a plan that adds the bank alone is refused before its code runs.
    let refused = runtime.load(&accounts).expect_err("the bank needs a journal");
    println!("refused: {refused}");
    assert_eq!(refused.kind(), ErrorKind::Dependency);

    // In one plan both are added, in either order. The first use of the bank builds the journal.
    println!("{}", runtime.plan().add(&accounts).add(&plain).commit()?);
    let bank = runtime.service::<dyn Accounts>()?;
    assert_eq!(bank.deposit("ann", 5), "ann +5");

    // A second journal: from now on it would not be clear which one the bank needs, so the plan
    // that adds it says so.
    let ambiguous = runtime.load(&numbered).expect_err("the bank needs a journal, and there would be two");
    println!("refused: {ambiguous}");
    assert_eq!(ambiguous.kind(), ErrorKind::Ambiguous);
    println!("{}", runtime.plan().add(&numbered).bind::<dyn Journal>("plain-journal").commit()?);
    assert_eq!(runtime.service::<dyn Journal>()?.append("hello"), "hello");
    assert_eq!(runtime.service_of::<dyn Journal>("numbered-journal")?.append("hello"), "1: hello");

    // What is built from now on gets another one. The bank is built, and keeps what it has.
    runtime.plan().bind::<dyn Journal>("numbered-journal").commit()?;
    assert_eq!(runtime.service::<dyn Journal>()?.append("hello"), "1: hello");
    assert_eq!(bank.deposit("ann", 5), "ann +5");

    // The bank's journal is needed, so it cannot be removed ...
    let needed = runtime.plan().remove("plain-journal").commit().expect_err("the bank holds it");
    println!("refused: {needed}");

    // ... but it can be replaced, by any component that fits. The bank's handle goes on.
    runtime.plan().remove("numbered-journal").commit()?;
    println!("{}", runtime.plan().replace_component("plain-journal", &numbered).commit()?);
    assert_eq!(bank.deposit("ann", 5), "1: ann +5");
    Ok(())
}
