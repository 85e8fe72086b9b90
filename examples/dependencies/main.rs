//! A bank that needs a journal: what the runtime refuses while there is no journal, which journal the
//! bank gets if there are two, and what the bank notices when its journal is replaced.

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

    // No journal is present, so the runtime refuses a plan that adds the bank alone, before any code
    // of the bank runs.
    let refused = runtime.load(&accounts).expect_err("the bank needs a journal");
    println!("refused: {refused}");
    assert_eq!(refused.kind(), ErrorKind::Dependency);

    // One plan adds both, in either order. The first use of the bank constructs the journal.
    println!("{}", runtime.plan().add(&accounts).add(&plain).commit()?);
    let bank = runtime.service::<dyn Accounts>()?;
    assert_eq!(bank.deposit("ann", 5), "ann +5");

    // With a second journal it would be unclear which one a bank gets, so the plan that adds the
    // second journal also has to bind the interface to one of them.
    let ambiguous = runtime.load(&numbered).expect_err("the bank needs a journal, and there would be two");
    println!("refused: {ambiguous}");
    assert_eq!(ambiguous.kind(), ErrorKind::Ambiguous);
    println!("{}", runtime.plan().add(&numbered).bind::<dyn Journal>("plain-journal").commit()?);
    assert_eq!(runtime.service::<dyn Journal>()?.append("hello"), "hello");
    assert_eq!(runtime.service_of::<dyn Journal>("numbered-journal")?.append("hello"), "1: hello");

    // Another binding holds for instances that are constructed from now on. The bank is there
    // already, and keeps its journal.
    runtime.plan().bind::<dyn Journal>("numbered-journal").commit()?;
    assert_eq!(runtime.service::<dyn Journal>()?.append("hello"), "1: hello");
    assert_eq!(bank.deposit("ann", 5), "ann +5");

    // The bank holds its journal, so that journal cannot be removed ...
    let needed = runtime.plan().remove("plain-journal").commit().expect_err("the bank holds it");
    println!("refused: {needed}");

    // ... but any component with the same interface can replace it. The bank's handle then leads
    // to the new journal.
    runtime.plan().remove("numbered-journal").commit()?;
    println!("{}", runtime.plan().replace_component("plain-journal", &numbered).commit()?);
    assert_eq!(bank.deposit("ann", 5), "1: ann +5");
    Ok(())
}
