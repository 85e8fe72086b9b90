//! A program that has `sam` under another name.

#[watch::main(crate = watch, policy = "quit", warn_signal = "SIGUSR1", backoff = "100ms..1s")]
fn main() {
    println!("instance {}", watch::app().instance());
}
