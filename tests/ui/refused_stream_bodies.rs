use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use lcr::Stream;

type Text = &'static str;

struct Once<T>(Option<T>);

impl<T: Unpin> Stream for Once<T> {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Ready(self.0.take().map(|_| 1))
    }
}

#[lcr::interface(name = "feed", version = 1)]
trait Feed {
    fn watch(&self) -> impl Stream<Item = u64> + Send;
    fn numbers(&self) -> impl Stream<Item = u64> + Send;
    fn of(&self, text: Text) -> impl Stream<Item = u64> + Send;
}

#[derive(Default)]
struct Mine;

#[lcr::component]
impl Feed for Mine {
    fn watch(&self) -> impl Stream<Item = u64> + Send {
        Once(Some(Rc::new(1)))
    }
    fn numbers(&self) -> impl Stream<Item = u64> + Send {
        [1, 2]
    }
    fn of(&self, _: Text) -> impl Stream<Item = u64> + Send {
        Once(Some(1))
    }
}

mod of_my_own {
    pub trait Stream {
        type Item;
    }

    #[lcr::interface(name = "feed", version = 1)]
    pub trait Feed {
        fn watch(&self) -> impl Stream<Item = u64> + Send;
    }
}

mod lent_for_ever {
    use lcr::Stream;

    #[lcr::interface(name = "feed", version = 1)]
    pub trait Feed {
        fn watch(&self) -> impl Stream<Item = super::Text> + Send;
    }
}

mod marked {
    use lcr::Stream;

    pub trait Send {}

    #[lcr::interface(name = "feed", version = 1)]
    pub trait Feed {
        fn watch(&self) -> impl Stream<Item = u64> + Send;
    }
}

fn main() {}
