//! State that survives: `migrate` takes it to a version with another type of state. Version 1 has no
//! way back, so the runtime refuses it until the plan says that the state may be lost.

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
    assert_eq!(visits.visit("ann"), 3, "version 2 begins where version 1 was");
    assert_eq!(visits.of("ann"), 1, "version 1 noted no names");

    // The same version once more, as after a fix: the same type of state, so no migration.
    println!("{}", runtime.replace(&v2)?);
    assert_eq!(visits.of("ann"), 1);

    // Version 1 does not know the state of version 2. The plan says which states meet; whether
    // version 1 takes it shows in the transaction, which changes nothing.
    let back = runtime.replace(&v1).expect_err("version 1 has no migrate");
    println!("refused: {back}");
    assert_eq!(back.kind(), ErrorKind::State);
    assert_eq!(visits.visit("bob"), 4, "version 2 serves on");

    let report = runtime.plan().replace(&v1).discard_state("visits").commit()?;
    println!("{report}");
    assert_eq!(report.members[0].discarded_state, Some(2));
    assert_eq!(visits.visit("ann"), 1, "version 1 began anew");
    Ok(())
}
