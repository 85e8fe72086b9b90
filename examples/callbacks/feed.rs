//! A component that calls back. Its texts are state, which survives a replacement. Its subscribers are
//! not, because a closure cannot be serialised.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lcr::{BoxError, Context, Stateful};

mod interface;
use interface::Feed;

type Subscriber = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct News {
    texts: Mutex<Vec<String>>,
    subscribers: Mutex<Vec<Subscriber>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[lcr::component(state, name = "feed", version = "1.0.0")]
impl Feed for News {
    fn each(&self, visit: &dyn Fn(&str) -> bool) {
        // The callback may call this feed, so it runs on a copy and without the lock, here and below.
        let texts = lock(&self.texts).clone();
        let _ = texts.iter().all(|text| visit(text));
    }

    fn subscribe(&self, tell: Box<dyn Fn(&str) + Send + Sync>) {
        lock(&self.subscribers).push(tell.into());
    }

    fn publish(&self, text: &str) -> u64 {
        lock(&self.texts).push(text.to_owned());
        let subscribers = lock(&self.subscribers).clone();
        subscribers.iter().for_each(|tell| tell(text));
        subscribers.len() as u64
    }
}

impl Stateful for News {
    type State = Vec<String>;

    fn save(&self) -> Result<Vec<String>, BoxError> {
        Ok(lock(&self.texts).clone())
    }

    fn restore(texts: Vec<String>, _: &Context) -> Result<News, BoxError> {
        Ok(News { texts: Mutex::new(texts), ..News::default() })
    }
}
