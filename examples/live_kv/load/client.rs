//! A blocking, pipelining client.

use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::reply::Reply;

/// How long a client waits for a reply before it counts as lost.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a server.
pub(crate) struct Client {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
    requests: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// No server listens there, or the connection fails.
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let replies = BufReader::with_capacity(64 << 10, stream.try_clone()?);
        Ok(Client { stream, replies, requests: Vec::new() })
    }

    /// Adds a request to the pipeline.
    pub(crate) fn queue(&mut self, words: &[&[u8]]) {
        kv::reply::array(&mut self.requests, words.len());
        for word in words {
            kv::reply::bulk(&mut self.requests, word);
        }
    }

    /// Sends the pipeline.
    ///
    /// # Errors
    /// The connection fails.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        let sent = self.stream.write_all(&self.requests);
        self.requests.clear();
        sent
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// The connection fails or closes, or sends something that is not a reply.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        Reply::read(&mut self.replies)
    }

    /// Sends one request, and waits for its reply.
    ///
    /// # Errors
    /// As [`send`](Client::send) and [`reply`](Client::reply).
    pub(crate) fn ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        self.queue(words);
        self.send()?;
        self.reply()
    }
}
