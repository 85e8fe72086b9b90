//! Clients that stay connected and ask one question again and again.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use lcr::BoxError;

/// The question, whose answer is 2: a key that is named twice counts twice.
pub const QUESTION: &str = "EXISTS fruit fruit";

/// How long the clients may take for their answers.
const LIMIT: Duration = Duration::from_secs(60);

/// Several connections, each with a thread. The threads end with the program.
pub struct Clients(Vec<Client>);

struct Client {
    /// How often it was answered 1, and how often 2.
    answers: Arc<[AtomicU64; 2]>,
    thread: JoinHandle<io::Error>,
}

impl Clients {
    /// Connects clients.
    pub fn connect(address: &str, number: usize) -> Result<Clients, BoxError> {
        let mut clients = Vec::new();
        for _ in 0..number {
            let mut stream = BufReader::new(TcpStream::connect(address)?);
            stream.get_mut().write_all(b"SET fruit apple\r\n")?;
            stream.read_line(&mut String::new())?;
            let answers = Arc::<[AtomicU64; 2]>::default();
            let thread = thread::spawn({
                let answers = Arc::clone(&answers);
                move || ask(stream, &answers)
            });
            clients.push(Client { answers, thread });
        }
        Ok(Clients(clients))
    }

    /// What the clients are answered from now on, 100 times each: how often 1, and how often 2.
    ///
    /// # Errors
    /// A client got another answer, or none.
    pub fn hear(&self) -> Result<[u64; 2], BoxError> {
        // The next answer may be to a question that was asked before.
        self.wait(&self.counts(), 2)?;
        let before = self.counts();
        self.wait(&before, 100)?;
        let mut heard = [0, 0];
        for (was, is) in before.iter().zip(self.counts()) {
            heard[0] += is[0] - was[0];
            heard[1] += is[1] - was[1];
        }
        println!("clients asked {QUESTION}: {} were told 1, and {} were told 2\n", heard[0], heard[1]);
        Ok(heard)
    }

    fn counts(&self) -> Vec<[u64; 2]> {
        self.0.iter().map(|client| client.answers.each_ref().map(|count| count.load(Ordering::Relaxed))).collect()
    }

    /// Waits for that many more answers of each client.
    fn wait(&self, before: &[[u64; 2]], answers: u64) -> Result<(), BoxError> {
        let start = Instant::now();
        let sum = |counts: &[u64; 2]| counts.iter().sum::<u64>();
        while self.counts().iter().zip(before).any(|(is, was)| sum(is) < sum(was) + answers) {
            if self.0.iter().any(|client| client.thread.is_finished()) {
                return Err("a client was not answered".into());
            }
            if start.elapsed() > LIMIT {
                return Err("the clients get no answers".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Asks until there is no answer, or one that must not be.
fn ask(mut stream: BufReader<TcpStream>, answers: &[AtomicU64; 2]) -> io::Error {
    loop {
        let mut answer = String::new();
        let asked = stream.get_mut().write_all(format!("{QUESTION}\r\n").as_bytes());
        if let Err(error) = asked.and_then(|()| stream.read_line(&mut answer)) {
            return error;
        }
        match &*answer {
            ":1\r\n" => answers[0].fetch_add(1, Ordering::Relaxed),
            ":2\r\n" => answers[1].fetch_add(1, Ordering::Relaxed),
            _ => return io::Error::other(answer),
        };
    }
}
