//! Callbacks, lent and given away, and how a subscriber notices that the component which held its
//! callback was replaced: the old instance drops the callback, and with it a sender.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use std::{
    cell::RefCell,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use interface::Feed;
use lcr::{Handle, Runtime};

/// How long what happens on another thread may take.
const SOON: Duration = Duration::from_secs(10);

fn main() -> Result<(), lcr::BoxError> {
    let library = libraries::built(&["callbacks_feed"])?.join("libcallbacks_feed.so");
    let runtime = Runtime::new()?;
    runtime.load(&library)?;
    let feed = runtime.service::<dyn Feed>()?;
    feed.publish("rain");
    feed.publish("more rain");

    // Lent: the closure borrows a variable of this function.
    let seen = RefCell::new(Vec::new());
    feed.each(&|text| {
        seen.borrow_mut().push(text.to_owned());
        seen.borrow().len() < 2
    });
    println!("each: {:?}", seen.borrow());
    assert_eq!(*seen.borrow(), ["rain", "more rain"]);

    // Given away: the component keeps it.
    let news = subscribe(&feed);
    assert_eq!(feed.publish("sun"), 1);
    assert_eq!(news.recv_timeout(SOON)?, "sun");

    // The news are handed over and the subscribers are not. The old instance is destroyed, its
    // callback with it, and the channel ends: subscribe again, and read up what was missed.
    println!("{}", runtime.replace(&library)?);
    assert_eq!(feed.publish("wind"), 0);
    assert_eq!(news.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected));
    let news = subscribe(&feed);
    seen.borrow_mut().clear();
    feed.each(&|text| {
        seen.borrow_mut().push(text.to_owned());
        true
    });
    println!("after the replacement: {:?}", seen.borrow());
    assert_eq!(*seen.borrow(), ["rain", "more rain", "sun", "wind"]);
    assert_eq!(feed.publish("snow"), 1);
    assert_eq!(news.recv_timeout(SOON)?, "snow");
    Ok(())
}

fn subscribe(feed: &Handle<dyn Feed>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    // The receiver may be gone; the feed need not know.
    let tell = move |text: &str| _ = sender.send(text.to_owned());
    feed.subscribe(Box::new(tell));
    receiver
}
