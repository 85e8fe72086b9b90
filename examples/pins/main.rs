//! A request that makes several calls and must see one version in all of them: the request holds a pin.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use std::time::Duration;

use interface::Prices;
use lcr::{Handle, Runtime};

fn main() -> Result<(), lcr::BoxError> {
    let names = ["pins_prices_old", "pins_prices_new"];
    let libraries = libraries::built(&names)?;
    let [old, new] = names.map(|name| libraries.join(format!("lib{name}.so")));
    let runtime = Runtime::new()?;
    runtime.load(&old)?;
    let prices = runtime.service::<dyn Prices>()?;

    // Without a pin each call reaches the current version, so two calls may reach two versions.
    let tea = prices.price("tea");
    runtime.replace(&new)?;
    let milk = prices.price("milk");
    println!("without a pin: tea {tea:?}, milk {milk:?}");
    assert_eq!((tea, milk), (Some(300), Some(120)));

    // A pin holds the current versions for this thread: for calls through all handles, and for the
    // calls that components make in turn.
    let pin = runtime.pin()?;
    let tea = prices.price("tea");
    let report = runtime.replace(&old)?;
    println!("{report}");
    let milk = prices.price("milk");
    println!("with a pin on generation {}: tea {tea:?}, milk {milk:?}", pin.generation());
    assert_eq!((tea, milk), (Some(330), Some(120)));

    // The runtime destroys a replaced instance when no pin and no call holds it any more.
    let held = runtime.wait_drained(Duration::from_millis(10)).expect_err("the pin holds it");
    held.stragglers().iter().for_each(|straggler| println!("{straggler}"));
    drop(pin);
    runtime.wait_drained(Duration::from_secs(10))?;
    assert_eq!(prices.price("tea"), Some(300));

    // A pinned handle leads to the same instance on any thread and across awaits.
    let pinned = Handle::pin(&prices)?;
    runtime.replace(&new)?;
    assert_eq!((pinned.price("tea"), prices.price("tea")), (Some(300), Some(330)));
    println!("a pinned handle: tea {:?}, another: tea {:?}", pinned.price("tea"), prices.price("tea"));
    Ok(())
}
