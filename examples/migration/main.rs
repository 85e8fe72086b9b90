//! State that survives a replacement: version 2 has another type of state, and its `migrate` reads that
//! of version 1. Version 1 cannot read the state of version 2, so the runtime refuses to go back until
//! the plan says that the state may be lost.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use interface::Visits;
use lcr::{ErrorKind, Runtime};

fn main() -> Result<(), lcr::BoxError> {
    let names = ["migration_visits_v1", "migration_visits_v2"];
    let libraries = libraries::built(&names)?;
    let [v1, v2] = names.map(|name| libraries.join(format!("lib{name}.so")));
    let runtime = Runtime::new()?;
    runtime.load(&v1)?;
    let visits = runtime.service::<dyn Visits>()?;
    visits.visit("ann");
    visits.visit("bob");

    let plan = runtime.plan().replace(&v2).build();
    println!("{plan}");
    println!("{}", plan.commit()?);
    assert_eq!(visits.visit("ann"), 3, "version 2 goes on from the count of version 1");
    assert_eq!(visits.of("ann"), 1, "version 1 noted no names");

    // Version 2 replaces itself, as it does after a fix. The type of state is the same, so nothing
    // is migrated.
    println!("{}", runtime.replace(&v2)?);
    assert_eq!(visits.of("ann"), 1);

    // Version 1 does not know the state of version 2. The transaction finds that out when it asks
    // version 1 to take the state, and leaves version 2 in place.
    let back = runtime.replace(&v1).expect_err("version 1 has no migrate");
    println!("refused: {back}");
    assert_eq!(back.kind(), ErrorKind::State);
    assert_eq!(visits.visit("bob"), 4, "version 2 serves on");

    let report = runtime.plan().replace(&v1).discard_state("visits").commit()?;
    println!("{report}");
    assert_eq!(report.members[0].discarded_state, Some(2));
    assert_eq!(visits.visit("ann"), 1, "version 1 began with no visits");
    Ok(())
}
