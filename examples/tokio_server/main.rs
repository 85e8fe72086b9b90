//! A server on tokio under sam: beats that only a runtime which makes progress sends, a listener that
//! survives, and a stop that lets the requests under way end.
//!
//! Run `cargo run --example tokio_server`, and connect with `nc 127.0.0.1 PORT`: it sends lines back.

use std::{error::Error, process, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::timeout,
};

// The supervisor is forked before the runtime makes its threads.
#[sam::main(interval = "1s", stop_limit = "10s")]
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
            // Those that are done.
            Some(_) = clients.join_next() => {}
            _ = stop.recv() => break,
        }
    }
    if !app.is_stopping() {
        return Err("warned: this runtime made no progress, the next instance does better".into());
    }
    // The operator's stop: what is under way has less than the stop limit to end.
    let open = clients.len();
    let ended = timeout(Duration::from_secs(8), clients.join_all()).await.is_ok();
    println!("stopped with {open} clients, {}", if ended { "which have all ended" } else { "some cut off" });
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
