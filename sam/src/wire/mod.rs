//! Messages between an instance and its supervisor: packets of one fixed size over a
//! `SOCK_SEQPACKET` pair, with at most one descriptor each.
//!
//! - `message`: what a packet says.
//! - `socket`: sending and receiving one, without allocation.
//! - `kept`: the supervisor's table of kept descriptors, and how it answers.
//! - `bell`: the other direction, "look at the board", which the application can poll.
//!
//! Neither side trusts the other's flags: the supervisor passes `MSG_DONTWAIT` with each call, so
//! it never blocks on an instance that does not read.

mod bell;
mod kept;
mod message;
mod socket;

pub(crate) use bell::{Bell, heard, silence};
#[cfg(test)]
pub(crate) use kept::Turn;
pub(crate) use kept::{KEPT, Kept};
pub(crate) use message::{Kind, Message, NAME, Name, Status};
pub(crate) use socket::{Received, close, pair, receive, send};

/// How many packets in `bytes` are messages. Each message is the same after an encoding and a decoding.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(bytes: &[u8]) -> usize {
    let messages = bytes.chunks(message::PACKET).filter_map(Message::decode);
    messages.inspect(|message| assert_eq!(Message::decode(&message.encode()), Some(*message))).count()
}
