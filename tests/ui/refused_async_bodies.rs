use std::{cell::Cell, rc::Rc};

type Text = &'static str;

#[lcr::interface(name = "queue", version = 1)]
trait Queue {
    async fn pop(&self) -> u64;
    async fn wait(&self) -> u64;
    async fn push(&self, text: Text);
    async fn default(&self) -> u64 {
        let local = Cell::new(1);
        let borrowed = &local;
        self.pop().await;
        borrowed.get()
    }
}

#[derive(Default)]
struct Mine;

#[lcr::component]
impl Queue for Mine {
    async fn pop(&self) -> u64 {
        let counted = Rc::new(1);
        std::future::ready(()).await;
        *counted
    }
    fn wait(&self) -> u64 {
        0
    }
    async fn push(&self, _: Text) {}
}

fn main() {}
