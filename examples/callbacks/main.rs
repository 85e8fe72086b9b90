//! Callbacks that a component borrows for a call, and callbacks that it keeps. A subscriber notices when
//! the component that holds its callback is replaced: the old instance drops the callback and the
//! sender in it, so the subscriber's channel ends.

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

/// How long to wait for an event on another thread.
const SOON: Duration = Duration::from_secs(10);

fn main() -> Result<(), lcr::BoxError> {
    let library = libraries::built(&["callbacks_feed"])?.join("libcallbacks_feed.so");
    let runtime = Runtime::new()?;
    runtime.load(&library)?;
    let feed = runtime.service::<dyn Feed>()?;
    feed.publish("rain");
    feed.publish("more rain");

    // The component borrows this closure, which borrows a variable of this function.
    let seen = RefCell::new(Vec::new());
    feed.each(&|text| {
        seen.borrow_mut().push(text.to_owned());
        seen.borrow().len() < 2
    });
    println!("published so far: {:?}", seen.borrow());
    assert_eq!(*seen.borrow(), ["rain", "more rain"]);

    // The component keeps this closure.
    let news = subscribe(&feed);
    assert_eq!(feed.publish("sun"), 1);
    assert_eq!(news.recv_timeout(SOON)?, "sun");

    // The new instance gets the texts, and no subscribers. The runtime destroys the old instance,
    // which drops its callback and so ends the channel. The subscriber subscribes again, and reads
    // the texts that it missed.
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
    // Sending fails if the receiver is gone, which does not concern the feed.
    let tell = move |text: &str| _ = sender.send(text.to_owned());
    feed.subscribe(Box::new(tell));
    receiver
}
