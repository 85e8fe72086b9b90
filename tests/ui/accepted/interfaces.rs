//! Interfaces.

mod interface_options {
    #[lcr::interface(name = "kv.store_2", version = 3, replaces(1, 2), deps(Journal, super::interface_traits::Sized))]
    pub trait Store {
        fn get(&self);
    }

    #[lcr::interface(name = "journal", version = 1)]
    pub trait Journal {
        fn append(&self, line: &str);
    }
}

mod interface_receivers {
    use std::sync::atomic::{AtomicU64, Ordering};

    #[lcr::interface(name = "counter", version = 1)]
    pub trait Counter {
        fn add(&self, by: u64);
        fn take<'a>(&'a self) -> u64;
    }

    #[derive(Default)]
    pub struct Mine(AtomicU64);

    #[lcr::component]
    impl Counter for Mine {
        fn add(&self, by: u64) {
            self.0.fetch_add(by, Ordering::Relaxed);
        }
        fn take(&self) -> u64 {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    pub fn uses(counter: &lcr::Handle<dyn Counter>) -> u64 {
        counter.add(1);
        counter.take()
    }
}

mod interface_methods {
    #[derive(lcr::Abi)]
    pub struct Many {
        pub a: u8,
        pub rest: [u8; 12],
    }

    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn generic(&self, value: lcr::Serde<Vec<(String, u64)>>);
        fn sized(&self, value: [u8; 4]);
        fn later(&self, then: Box<dyn Fn(Option<String>) + Send>);
        fn pair(&self, pair: (u8, u8)) -> u8 {
            let (a, b) = pair;
            a + b
        }
        fn nameless(&self, _: u8) {}
        fn changed(&self, mut value: u8) -> u8 {
            value += 1;
            value
        }
        fn many(&self, many: Many);
        fn twelve(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8);
        fn r#type(&self, r#fn: u8);
    }

    // A `cfg` may leave the whole interface out.
    #[cfg(not(unix))]
    #[lcr::interface(name = "other", version = 1)]
    pub trait Other {
        fn missing(&self, value: DoesNotExist);
    }
}

pub(super) mod interface_results {
    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn owned(&self) -> String;
        fn within(&self) -> Option<(u8, Vec<u8>)>;
        fn shared(&self) -> lcr::Bytes;
        fn other(&self) -> lcr::Handle<dyn Store>;
    }
}

mod interface_hidden_lifetime {
    #[derive(Clone, lcr::Abi)]
    pub struct Line<'a> {
        pub text: &'a str,
    }

    #[derive(lcr::Abi)]
    pub struct OwnedLine {
        pub text: String,
    }

    #[lcr::interface(name = "log", version = 1)]
    pub trait Log {
        fn last(&self) -> OwnedLine;
        fn same(&self, line: Line) -> Option<OwnedLine>;
        fn both<'a, 'b: 'a>(&'a self, one: Line<'b>, other: Option<&'a str>) -> bool {
            Some(one.text) == other
        }
    }
}

mod static_by_alias {
    type Text<'a> = &'a str;
    type Owned = String;

    #[derive(lcr::Abi)]
    pub struct View<'a> {
        pub text: Text<'a>,
    }

    #[derive(lcr::Abi)]
    pub struct Entry {
        pub text: Owned,
    }

    #[derive(lcr::Abi)]
    pub struct Nested<'a> {
        pub entries: Vec<Entry>,
        pub views: Vec<View<'a>>,
    }

    #[derive(lcr::Abi)]
    pub struct Two<'a, 'b, T, U> {
        pub one: &'a str,
        pub other: &'b str,
        pub both: (Option<&'a str>, Vec<&'b str>),
        pub view: View<'b>,
        pub value: (T, &'a str),
        pub values: Vec<U>,
    }

    pub trait Keeps {
        type Kept;
    }

    #[derive(lcr::Abi)]
    pub struct Kept<T: Keeps>
    where
        T::Kept: lcr::Abi,
    {
        pub keeper: T,
        pub kept: T::Kept,
    }

    #[derive(lcr::Abi)]
    pub struct Either<T = Owned> {
        pub value: T,
    }

    #[lcr::interface(name = "arguments", version = 1)]
    pub trait Arguments {
        fn alias(&self, text: Text);
        fn nested_alias(&self, texts: Vec<(u8, Option<Text<'_>>)>);
        fn view(&self, view: View<'_>);
        fn field(&self, entry: Entry);
        fn field_of_a_field(&self, nested: Nested<'_>);
        fn parameter(&self, either: Either<Text<'_>>);
        fn two(&self, two: Two<'_, '_, Text<'_>, View<'_>>);
        fn bound<'a, 'b: 'a>(&self, text: &'a str, view: View<'b>);
    }

    #[lcr::interface(name = "results", version = 1)]
    pub trait Results {
        fn alias(&self) -> Owned;
        fn error(&self) -> Result<u64, Owned>;
        fn field(&self) -> Entry;
    }

    #[lcr::interface(name = "callbacks", version = 1)]
    pub trait Callbacks {
        fn lent(&self, f: &dyn Fn(Text));
        fn given(&self, f: Box<dyn Fn(u64, Entry) + Send>);
        fn lent_result(&self, f: &dyn Fn(u8) -> Owned);
        fn given_result(&self, f: Box<dyn Fn() -> Option<Owned> + Send>);
        fn views(&self, f: &dyn Fn(View<'_>, Option<View>));
    }
}

mod interface_arguments {
    macro_rules! journal {
        ($name:ident, $line:ty) => {
            #[lcr::interface(name = "journal", version = 1)]
            pub trait $name {
                fn append(&self, line: $line);
            }
        };
    }
    journal!(Journal, &str);

    #[lcr::interface(name = "kv", version = 1, deps(Journal))]
    pub trait Store {
        fn bytes(&self, at: lcr::Bytes);
        fn function(&self, f: &dyn Fn(u8) -> u8);
        fn changed(&self, values: &mut [u64]);
        fn handle(&self, journal: lcr::Handle<dyn Journal>);
        fn text(&self, name: &str);
    }
}

mod interface_callbacks {
    #[lcr::interface(name = "watch", version = 1)]
    pub trait Watch {
        fn lent(&self, f: &dyn Fn(u8));
        fn lent_to_threads(&self, f: &(dyn Fn(u8) + Send + Sync));
        fn given(&self, f: Box<dyn Fn(u8) + Send>);
        fn given_to_threads(&self, f: Box<dyn Fn(u8) + Send + Sync + 'static>);
        fn several(&self, f: &dyn Fn(u8), g: &dyn Fn() -> String, h: Box<dyn Fn(&str, &[u8]) + Send>);
        fn lending(&self, f: &dyn Fn(&str, Option<&str>) -> String);
        fn bound(&self, f: &dyn for<'a> Fn(&'a str, &'a [u8]) -> bool);
        fn by_default(&self, p0: &dyn Fn(&str), callback: Box<dyn Fn(&str) -> bool + Send>) -> bool {
            p0("");
            callback("")
        }
    }

    pub fn uses(watch: &lcr::Handle<dyn Watch>) -> u8 {
        let sum = std::cell::Cell::new(0);
        watch.lent(&|by| sum.set(sum.get() + by));
        sum.get()
    }
}

mod interface_traits {
    #[lcr::interface(name = "kv", version = 1)]
    pub trait Sized: Send + std::marker::Sync + 'static {
        fn len(&self) -> u64;
    }
}

// Generated code finds its methods whatever the names of the author's traits and methods are.
mod beside_a_trait_with_the_same_names {
    pub trait Grab: Sized {
        fn call(self, numbers: (u64,)) -> u64 {
            numbers.0
        }
        fn raise(self) {}
    }
    impl<T> Grab for T {}

    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn each(&self, f: &dyn Fn(u64) -> u64) -> u64;
        fn later(&self, text: &str, then: Box<dyn Fn(String) -> bool + Send>) -> Result<u64, lcr::Fault>;
    }
}

mod async_bodies {
    use std::{cell::Cell, sync::Arc};

    #[lcr::interface(name = "queue", version = 1)]
    pub trait Queue {
        async fn pop(&self) -> u64;
        async fn wait(&self) -> u64;
        async fn push(&self, text: &str);
        async fn lent(&self, f: &(dyn Fn(u8) + Sync));
        async fn default(&self) -> u64 {
            let local = Cell::new(1);
            self.pop().await;
            local.get()
        }
    }

    #[derive(Default)]
    pub struct Mine;

    #[lcr::component]
    impl Queue for Mine {
        async fn pop(&self) -> u64 {
            let counted = Arc::new(1);
            std::future::ready(()).await;
            *counted
        }
        fn wait(&self) -> impl Future<Output = u64> + Send {
            std::future::ready(0)
        }
        async fn push(&self, _: &str) {}
        async fn lent(&self, f: &(dyn Fn(u8) + Sync)) {
            f(1);
        }
    }

    pub async fn generic<Q: Queue>(queue: &Q) -> u64 {
        queue.pop().await
    }

    pub fn spawned(queue: lcr::Handle<dyn Queue>) -> impl Future<Output = u64> + Send + 'static {
        async move { generic(&queue).await + queue.default().await }
    }
}

mod streams {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    #[derive(Clone, PartialEq, Debug, lcr::Abi)]
    pub enum Lost {
        Fault(lcr::Fault),
    }

    impl From<lcr::Fault> for Lost {
        fn from(fault: lcr::Fault) -> Lost {
            Lost::Fault(fault)
        }
    }

    #[lcr::interface(name = "feed", version = 1)]
    pub trait Feed {
        fn numbers(&self) -> impl lcr::Stream<Item = u64> + Send;
        fn fallible(&self, from: u64) -> impl lcr::Stream<Item = Result<String, Lost>> + Send + '_;
        fn lent<'a>(
            &'a self,
            texts: &'a [u8],
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn() + Send>,
        ) -> impl lcr::Stream<Item = (u8, Option<String>)> + core::marker::Send + 'a;
        fn r#type(&self, mut r#fn: u64, _: &str) -> impl lcr::Stream<Item = u64> + Send {
            r#fn += self.plain();
            Count(r#fn, |number: u64| number)
        }
        async fn beside(&self) -> u64;
        fn plain(&self) -> u64 {
            0
        }
    }

    pub struct Count<T>(u64, T);

    impl<T: Fn(u64) -> R + Unpin, R> lcr::Stream for Count<T> {
        type Item = R;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<R>> {
            self.0 += 1;
            Poll::Ready((self.0 < 10).then(|| (self.1)(self.0)))
        }
    }

    #[derive(Default)]
    pub struct Mine(u64);

    #[lcr::component]
    impl Feed for Mine {
        fn numbers(&self) -> impl lcr::Stream<Item = u64> + Send {
            Count(0, |number: u64| number + self.0)
        }
        // What holds for all streams need not be said again, and more may be said.
        fn fallible(&self, from: u64) -> impl lcr::Stream<Item = Result<String, Lost>> {
            Count(from, |number: u64| Ok(number.to_string()))
        }
        fn lent<'a>(
            &'a self,
            texts: &'a [u8],
            wants: &'a (dyn Fn(&str) -> bool + Sync),
            done: Box<dyn Fn() + Send>,
        ) -> impl lcr::Stream<Item = (u8, Option<String>)> + Send + 'a {
            Count(0, move |number: u64| {
                done();
                (texts[number as usize], wants("").then(String::new))
            })
        }
        async fn beside(&self) -> u64 {
            0
        }
    }

    pub fn uses(feed: &lcr::Handle<dyn Feed>, text: &str) -> impl lcr::Stream<Item = u64> + Send {
        feed.r#type(1, text)
    }
}
