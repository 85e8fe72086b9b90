//! A server on tokio under sam: beats that stop when the runtime makes no progress, a listener that
//! survives a kill, and a stop that lets requests under way end.
//!
//! Run `cargo run --example tokio_server`, and connect with `nc 127.0.0.1 PORT`: the server sends each
//! line back.

use std::{error::Error, process, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::timeout,
};

// `sam::main` comes first: it forks the supervisor before tokio starts its threads. Every stop is a SIGTERM,
// also a Ctrl-C.
#[sam::main(interval = "1s", stop_signal = "SIGTERM", stop_limit = "10s")]
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = sam::app();
    let listener = app.listener("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    println!("instance {}, pid {}, listens on {}", app.instance(), process::id(), listener.local_addr()?);

    let beats = tokio::spawn(sam::tokio::beats());
    let mut stop = signal(SignalKind::terminate())?;
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            connection = listener.accept() => {
                let (client, _) = connection?;
                clients.spawn(echo(client));
            }
            // Removes clients that are done from the set.
            Some(_) = clients.join_next() => {}
            _ = stop.recv() => break,
        }
    }
    if !app.is_stopping() {
        return Err("the supervisor warned this instance, whose runtime made no progress".into());
    }
    // An operator's stop: requests under way have 8 s to end, which is less than the stop limit.
    let open = clients.len();
    let ended = timeout(Duration::from_secs(8), clients.join_all()).await.is_ok();
    println!("stopped with {open} clients, {}", if ended { "which all ended" } else { "some of which were cut off" });
    beats.abort();
    Ok(())
}

async fn echo(mut client: TcpStream) {
    let (input, mut output) = client.split();
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if output.write_all(format!("{line}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}
