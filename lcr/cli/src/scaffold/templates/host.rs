//! The program. It serves until it is stopped, or as many rounds as its argument says.

use std::{sync::Arc, thread, time::Duration};

use {{crate}}_component as _; // links the component; a loaded file takes its place later
use {{crate}}_interface::{{trait}};

fn main() -> Result<(), lcr::BoxError> {
    let rounds = std::env::args().nth(1).map(|rounds| rounds.parse()).transpose()?.unwrap_or(u64::MAX);
    let runtime = Arc::new(lcr::Runtime::new()?);
    let _server = lcr::control::serve(&runtime)?; // for the command `lcr`
    let {{handle}} = runtime.service::<dyn {{trait}}>()?; // implements {{trait}}, and survives every replacement
    for round in 1..=rounds {
        {{use}}
        if round < rounds {
            thread::sleep(Duration::from_secs(1));
        }
    }
    Ok(())
}
