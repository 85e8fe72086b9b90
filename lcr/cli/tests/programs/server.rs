//! A program that opens its control socket and sells without end, for the tests of the command.
//!
//! It loads the components that its arguments name, unless its history has brought some back, and does what the lines
//! that it reads say: sells, or holds a world.

use std::{io, sync::Arc};

use lcr::{BoxError, Handle, Runtime, control, history::Reloaded};

#[path = "../components/contract.rs"]
mod contract;
use contract::{Clerk, Payment, Purchase, Till};

fn main() -> Result<(), BoxError> {
    let mut builder = Runtime::builder().linked(false);
    if let Some(directory) = std::env::var_os("SHOP_HISTORY") {
        builder = builder.history(lcr::history::History::at(directory));
    }
    let runtime = Arc::new(builder.build()?);
    let is_back = runtime.history().is_some_and(|history| matches!(history.reloaded(), Reloaded::Confirmed { .. }));
    for file in std::env::args().skip(1).filter(|_| !is_back) {
        runtime.load(file)?;
    }
    let till: Handle<dyn Till> = runtime.service()?;
    let clerk = runtime.service::<dyn Clerk>().ok();
    let mut server = control::Server::builder();
    if let Some(path) = std::env::var_os("SHOP_SOCKET") {
        server = server.path(path);
    }
    if let Ok(user) = std::env::var("SHOP_LETS_IN") {
        server = server.allow_uid(user.parse()?);
    }
    if std::env::var_os("SHOP_READ_ONLY").is_some() {
        server = server.read_only(true);
    }
    let server = server.serve(&runtime)?;
    println!("{}", server.path().display());
    let (mut pin, mut patch) = (None, None);
    for line in io::stdin().lines() {
        match line?.as_str() {
            "pin" => pin = Some(runtime.pin()),
            "unpin" => drop(pin.take()),
            "patch" => {
                let friendly = runtime.patch::<dyn Till>("friendly");
                let friendly = friendly.methods(|methods| methods.title(|next| next() + ", at your service"));
                patch = Some(friendly.commit()?);
            }
            "unpatch" => drop(patch.take()),
            "title" => {
                println!("{}", till.title());
                continue;
            }
            "sell" => {
                // A fault of a component is a panic here, which is an answer like others.
                let sold = std::panic::catch_unwind(|| match &clerk {
                    Some(clerk) => clerk.sell(100),
                    None => till.take(Purchase { cents: 100, paid: Payment::Card(7) }).to_string(),
                });
                println!("{}", sold.unwrap_or_else(|_| "no".to_owned()));
                continue;
            }
            _ => return Ok(()),
        }
        println!("done");
    }
    Ok(())
}
