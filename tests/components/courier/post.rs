//! A component that runs inside the tokio runtime of its image, loaded or linked.

use std::{
    future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{BoxError, Context, Fault, Handle, Stateful};
use lcr_tests::courier::Courier;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    runtime, task, time,
};

type Told = Box<dyn Fn(bool) + Send>;

/// Ticks in the background, and does what it is asked for in tasks.
pub struct Post {
    ticks: Arc<AtomicU64>,
    told: Mutex<Vec<Told>>,
}

impl Post {
    fn open(context: &Context) -> Result<Post, BoxError> {
        let post = Post::ticking(0);
        if context.is_configured() {
            match context.config::<String>()?.as_str() {
                "refuse" => return Err("the post is closed".into()),
                "panic" => panic!("the post burns"),
                _ => {}
            }
        }
        Ok(post)
    }

    fn ticking(from: u64) -> Post {
        let ticks = Arc::new(AtomicU64::new(from));
        let ticking = Arc::clone(&ticks);
        tokio::spawn(async move {
            loop {
                time::sleep(Duration::from_millis(1)).await;
                ticking.fetch_add(1, Ordering::Relaxed);
            }
        });
        Post { ticks, told: Mutex::default() }
    }

    fn check(&self) -> Result<(), BoxError> {
        runtime::Handle::try_current()?;
        Ok(())
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let is_inside = runtime::Handle::try_current().is_ok();
        self.told.get_mut().unwrap().iter().for_each(|told| told(is_inside));
    }
}

impl Stateful for Post {
    type State = u64;
    const STATE_VERSION: u32 = 1;
    fn save(&self) -> Result<u64, BoxError> {
        runtime::Handle::try_current()?;
        Ok(self.ticks.load(Ordering::Relaxed))
    }
    fn restore(ticks: u64, _: &Context) -> Result<Post, BoxError> {
        Ok(Post::ticking(ticks))
    }
}

async fn send(port: u16, line: String) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(line.as_bytes()).await?;
    stream.write_all(b"\n").await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(answer)
}

#[lcr::component(
    name = "courier",
    version = "1.0.0",
    create = Self::open,
    healthy = Self::check,
    state,
    runtime = tokio,
    unload
)]
impl Courier for Post {
    fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
    fn send(&self, port: u16, line: String, done: Box<dyn Fn(String) + Send>) -> Result<(), Fault> {
        tokio::spawn(async move {
            let answer = time::timeout(Duration::from_secs(30), send(port, line)).await;
            done(
                answer.map_or_else(|late| late.to_string(), |answer| answer.unwrap_or_else(|error| error.to_string())),
            );
        });
        Ok(())
    }
    fn keep(&self, held: Box<dyn Fn() + Send>) -> Result<(), Fault> {
        tokio::spawn(async move {
            let _held = held;
            future::pending::<()>().await;
        });
        Ok(())
    }
    fn block(&self, is_over: Box<dyn Fn() -> bool + Send>) -> Result<(), Fault> {
        drop(task::spawn_blocking(move || {
            while !is_over() {
                thread::sleep(Duration::from_millis(1));
            }
        }));
        Ok(())
    }
    fn wait(&self) -> Result<(), Fault> {
        runtime::Handle::current().block_on(time::sleep(Duration::from_millis(1)));
        Ok(())
    }
    fn call(&self, other: Handle<dyn Courier>) -> Result<bool, Fault> {
        let before = runtime::Handle::current().id();
        other.keep(Box::new(|| ()))?;
        Ok(before == runtime::Handle::current().id())
    }
    fn at_the_end(&self, told: Told) -> Result<(), Fault> {
        self.told.lock().unwrap().push(told);
        Ok(())
    }
    async fn ask(&self, port: u16, line: &str) -> Result<String, Fault> {
        let answer = time::timeout(Duration::from_secs(30), send(port, line.to_owned())).await;
        Ok(answer.map_or_else(|late| late.to_string(), |answer| answer.unwrap_or_else(|error| error.to_string())))
    }
    async fn nap(&self) -> Result<bool, Fault> {
        let inside = || runtime::Handle::current().id();
        let before = inside();
        time::sleep(Duration::from_millis(1)).await;
        let slept = inside();
        let spawned = tokio::spawn(async move { inside() }).await.unwrap();
        let blocking = task::spawn_blocking(inside).await.unwrap();
        Ok([slept, spawned, blocking, inside()].iter().all(|id| *id == before))
    }
    async fn wait_for_ever(&self, told: Told) -> Result<(), Fault> {
        struct AtDrop(Told);
        impl Drop for AtDrop {
            fn drop(&mut self) {
                (self.0)(runtime::Handle::try_current().is_ok());
            }
        }
        let _at_drop = AtDrop(told);
        future::pending().await
    }
}
