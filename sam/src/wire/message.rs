//! What a packet says.
//!
//! | byte | |
//! |---|---|
//! | 0..4 | `SAM` and the version of this layout, 1 |
//! | 4 | kind |
//! | 5 | status (in a reply; 0 in a request) |
//! | 6 | length of the name |
//! | 7..70 | the name, then zeros |
//! | 70..72 | cursor: of a `List`, the place to look from; in its reply, the place after it |
//! | 72..80 | serial: a reply repeats that of its request |
//!
//! Numbers are in the machine's byte order, because both ends are on one machine.

/// How many bytes a name may have.
pub(crate) const NAME: usize = 63;

/// The size of every packet.
pub(super) const PACKET: usize = 80;

const MAGIC: [u8; 4] = *b"SAM\x01";

/// The name of a kept descriptor: 1 to [`NAME`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    len: u8,
    bytes: [u8; NAME],
}

impl Name {
    /// `bytes` as a name; `None` if it is empty or too long.
    pub(crate) fn new(bytes: &[u8]) -> Option<Name> {
        if bytes.is_empty() || bytes.len() > NAME {
            return None;
        }
        let mut name = Name { len: bytes.len() as u8, bytes: [0; NAME] };
        name.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(name)
    }

    /// The bytes of the name. A hostile instance may have chosen any.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Look at the board. There is no reply.
    Look = 1,
    /// Keep the descriptor of this packet under the name, in place of an earlier one.
    Keep = 2,
    /// Send a copy of the descriptor of that name, and go on keeping it.
    Take = 3,
    /// Stop keeping the descriptor of that name.
    Drop = 4,
    /// Send the next name in the table, from the cursor on.
    List = 5,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Done = 0,
    NotFound = 1,
    /// The table is full.
    Full = 2,
    /// The request is not one that an instance sends: it lacks a name or a descriptor.
    Refused = 3,
}

/// One packet. A request has status `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    pub(crate) name: Option<Name>,
    pub(crate) cursor: u16,
    pub(crate) serial: u64,
}

impl Message {
    /// A request.
    pub(crate) fn request(kind: Kind, name: Option<Name>, serial: u64) -> Message {
        Message { kind, status: Status::Done, name, cursor: 0, serial }
    }

    /// The reply to this request.
    pub(crate) fn reply(self, status: Status) -> Message {
        Message { status, ..self }
    }

    pub(super) fn encode(&self) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[..4].copy_from_slice(&MAGIC);
        packet[4] = self.kind as u8;
        packet[5] = self.status as u8;
        if let Some(name) = &self.name {
            packet[6] = name.len;
            packet[7..7 + NAME].copy_from_slice(&name.bytes);
        }
        packet[70..72].copy_from_slice(&self.cursor.to_ne_bytes());
        packet[72..].copy_from_slice(&self.serial.to_ne_bytes());
        packet
    }

    /// The message in a packet, if it is one.
    pub(super) fn decode(packet: &[u8]) -> Option<Message> {
        let packet: &[u8; PACKET] = packet.try_into().ok()?;
        if packet[..4] != MAGIC {
            return None;
        }
        let kind = match packet[4] {
            1 => Kind::Look,
            2 => Kind::Keep,
            3 => Kind::Take,
            4 => Kind::Drop,
            5 => Kind::List,
            _ => return None,
        };
        let status = match packet[5] {
            0 => Status::Done,
            1 => Status::NotFound,
            2 => Status::Full,
            3 => Status::Refused,
            _ => return None,
        };
        let name = match packet[6] as usize {
            0 => None,
            len => Some(Name::new(packet[7..7 + NAME].get(..len)?)?),
        };
        let cursor = u16::from_ne_bytes(packet[70..72].try_into().ok()?);
        let serial = u64::from_ne_bytes(packet[72..].try_into().ok()?);
        Some(Message { kind, status, name, cursor, serial })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_none(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn what_is_encoded_is_decoded(
            kind in prop::sample::select(vec![Kind::Look, Kind::Keep, Kind::Take, Kind::Drop, Kind::List]),
            status in prop::sample::select(vec![Status::Done, Status::NotFound, Status::Full, Status::Refused]),
            name in prop::collection::vec(any::<u8>(), 0..=NAME),
            cursor: u16,
            serial: u64,
        ) {
            let message = Message { kind, status, name: Name::new(&name), cursor, serial };
            prop_assert_eq!(Message::decode(&message.encode()), Some(message));
        }

        #[test]
        fn a_damaged_packet_is_a_message_or_none(at in 0..PACKET, byte: u8) {
            let mut packet = Message::request(Kind::Keep, Name::new(b"name"), 1).encode();
            packet[at] = byte;
            if let Some(message) = Message::decode(&packet) {
                prop_assert!(message.name.is_none_or(|name| (1..=NAME).contains(&name.as_bytes().len())));
            }
        }
    }

    #[test]
    fn names_have_a_length() {
        assert!(Name::new(b"").is_none());
        assert!(Name::new(&[b'x'; NAME + 1]).is_none());
        assert_eq!(Name::new(&[b'x'; NAME]).unwrap().as_bytes(), &[b'x'; NAME]);
    }
}
