//! The table, and what strangers on the socket can do to it: nothing.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use super::*;
use crate::testing::{Child, allocations, fork, open_descriptors};
use crate::wire::{Bell, heard, pair, receive, send, silence};

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn null() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

/// An identity that copies of one open file share.
fn identity(fd: impl AsFd) -> (u64, u64) {
    let stat = nix::sys::stat::fstat(fd).unwrap();
    (stat.st_dev as u64, stat.st_ino as u64)
}

struct Line {
    kept: Kept,
    ours: OwnedFd,
    theirs: OwnedFd,
}

impl Line {
    fn new() -> Line {
        let (ours, theirs) = pair().unwrap();
        Line { kept: Kept::new(), ours, theirs }
    }

    fn send(&self, kind: Kind, key: Option<&str>, fd: Option<BorrowedFd<'_>>) {
        send(self.theirs.as_fd(), &Message::request(kind, key.map(name), 7), fd).unwrap();
    }

    fn serve(&mut self) -> Turn {
        self.kept.serve(self.ours.as_fd())
    }

    fn reply(&self) -> Option<(Message, Option<OwnedFd>)> {
        match receive(self.theirs.as_fd()).unwrap() {
            Received::Message(message, fd) => Some((message, fd)),
            Received::Empty => None,
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, kind: Kind, key: &str, fd: Option<BorrowedFd<'_>>) -> (Status, Option<OwnedFd>) {
        self.send(kind, Some(key), fd);
        self.serve();
        let (message, fd) = self.reply().expect("a reply");
        assert_eq!((message.kind, message.name, message.serial), (kind, Some(name(key)), 7));
        (message.status, fd)
    }

    /// The raw bytes `packet`, with these descriptors.
    fn send_raw(&self, packet: &[u8], fds: &[i32]) -> Result<usize, nix::Error> {
        use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
        let iov = [std::io::IoSlice::new(packet)];
        let rights = [ControlMessage::ScmRights(fds)];
        let control = if fds.is_empty() { &[] } else { &rights[..] };
        sendmsg::<()>(self.theirs.as_raw_fd(), &iov, control, MsgFlags::MSG_DONTWAIT, None)
    }
}

#[test]
fn what_is_kept_can_be_taken_any_number_of_times() {
    let mut line = Line::new();
    let (read, _write) = nix::unistd::pipe().unwrap();
    assert_eq!(line.ask(Kind::Take, "a", None).0, Status::NotFound);
    assert_eq!(line.ask(Kind::Keep, "a", Some(read.as_fd())).0, Status::Done);
    let it = identity(&read);
    drop(read);
    for _ in 0..3 {
        let (status, fd) = line.ask(Kind::Take, "a", None);
        assert_eq!((status, identity(fd.unwrap())), (Status::Done, it));
    }
    assert_eq!(line.ask(Kind::Drop, "a", None).0, Status::Done);
    assert_eq!(line.ask(Kind::Drop, "a", None).0, Status::NotFound);
    assert_eq!(line.ask(Kind::Take, "a", None).0, Status::NotFound);
}

#[test]
fn the_same_name_again_replaces_and_a_full_table_refuses() {
    let mut child = fork(|| {
        let mut line = Line::new();
        let fd = null();
        let before = open_descriptors();
        for index in 0..KEPT {
            assert_eq!(line.ask(Kind::Keep, &format!("{index}"), Some(fd.as_fd())).0, Status::Done);
        }
        assert_eq!(line.ask(Kind::Keep, "one more", Some(fd.as_fd())).0, Status::Full);
        assert_eq!(line.ask(Kind::Keep, "7", Some(fd.as_fd())).0, Status::Done);
        assert_eq!((line.kept.len(), open_descriptors()), (KEPT, before + KEPT));
        let (mut names, mut cursor) = (Vec::new(), 0);
        loop {
            let request = Message { cursor, ..Message::request(Kind::List, None, 1) };
            send(line.theirs.as_fd(), &request, None).unwrap();
            line.serve();
            let (reply, _) = line.reply().unwrap();
            let Some(name) = reply.name else { break };
            names.push(String::from_utf8(name.as_bytes().to_vec()).unwrap());
            cursor = reply.cursor;
        }
        assert_eq!(names, (0..KEPT).map(|index| index.to_string()).collect::<Vec<_>>());
        for index in 0..KEPT {
            line.ask(Kind::Drop, &index.to_string(), None);
        }
        assert_eq!((line.kept.len(), open_descriptors()), (0, before));
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_its_descriptor_closed() {
    let mut child = fork(|| {
        let mut line = Line::new();
        let fd = null();
        let before = open_descriptors();
        for (kind, key, with) in [
            (Kind::Keep, Some("a"), false),
            (Kind::Keep, None, true),
            (Kind::Take, Some("a"), true),
            (Kind::Take, None, false),
            (Kind::Drop, None, false),
            (Kind::Drop, Some("a"), true),
            (Kind::List, None, true),
            (Kind::Look, None, true),
        ] {
            line.send(kind, key, with.then_some(fd.as_fd()));
            assert_eq!(line.serve(), Turn { packets: 1, garbage: 1, closed: false, ..Turn::default() });
            assert_eq!(line.reply().unwrap().0.status, Status::Refused, "{kind:?}");
        }
        assert_eq!((line.kept.len(), open_descriptors()), (0, before));
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn garbage_is_read_away_and_leaves_no_descriptor() {
    let mut child = fork(|| {
        let mut random = fastrand::Rng::with_seed(9);
        let mut line = Line::new();
        let fd = null();
        let before = open_descriptors();
        let good = Message::request(Kind::Keep, Some(name("x")), 1).encode();
        for round in 0..20_000_u32 {
            let mut packet = match round % 4 {
                0 => {
                    let mut packet = vec![0; random.usize(..200)];
                    random.fill(&mut packet);
                    packet
                }
                1 => good.to_vec(),
                2 => good[..random.usize(..good.len())].to_vec(),
                _ => [&good[..], &[0]].concat(),
            };
            if round % 4 == 1 {
                packet[random.usize(..80)] = random.u8(..);
            }
            let fds = vec![fd.as_raw_fd(); random.usize(..12)];
            line.send_raw(&packet, &fds).unwrap();
            let turn = line.serve();
            assert_eq!((turn.packets, turn.closed), (1, false), "round {round}");
            while line.reply().is_some() {}
        }
        let kept = line.kept.len();
        assert!(kept <= 2 * KEPT);
        assert_eq!(open_descriptors(), before + kept);
        // And the honest are still served.
        line.kept = Kept::new();
        assert_eq!(line.ask(Kind::Keep, "a", Some(fd.as_fd())).0, Status::Done);
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn an_empty_packet_is_not_the_end_and_the_end_is() {
    let mut child = fork(|| {
        let mut line = Line::new();
        line.send_raw(&[], &[]).unwrap();
        assert_eq!(line.serve(), Turn { packets: 1, garbage: 1, closed: false, ..Turn::default() });
        line.send(Kind::Look, None, None);
        line.theirs = null();
        assert_eq!(line.serve(), Turn { packets: 1, garbage: 0, closed: true, ..Turn::default() });
        assert_eq!(line.serve(), Turn { packets: 0, garbage: 0, closed: true, ..Turn::default() });
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn one_turn_is_bounded_whatever_comes() {
    let mut line = Line::new();
    let mut sent = 0;
    while line.send_raw(&Message::request(Kind::Look, None, 0).encode(), &[]).is_ok() {
        sent += 1;
    }
    assert!(sent > TURN, "{sent} packets fit: the test shows nothing");
    let mut read = 0;
    while read < sent {
        let turn = line.serve();
        assert!((1..=TURN).contains(&turn.packets));
        read += turn.packets;
    }
    assert_eq!(line.serve(), Turn::default());
}

#[test]
fn an_instance_that_never_reads_blocks_nobody() {
    let mut child = fork(|| {
        let mut line = Line::new();
        let fd = null();
        line.ask(Kind::Keep, "a", Some(fd.as_fd()));
        let before = open_descriptors();
        for _ in 0..10_000 {
            line.send(Kind::Take, Some("a"), None);
            assert_eq!(line.serve().packets, 1);
        }
        assert_eq!(open_descriptors(), before);
        // What it does read at last are replies.
        let mut replies = 0;
        while let Some((_, fd)) = line.reply() {
            assert!(fd.is_some());
            replies += 1;
        }
        assert!(replies > 0);
        assert_eq!(line.ask(Kind::Take, "a", None).0, Status::Done);
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn without_room_for_descriptors_a_keep_is_refused_as_full() {
    let mut child = fork(|| {
        use nix::sys::resource::{Resource, setrlimit};
        let mut line = Line::new();
        let fd = null();
        let all: Vec<OwnedFd> = {
            let limit = 64;
            setrlimit(Resource::RLIMIT_NOFILE, limit, limit).unwrap();
            std::iter::from_fn(|| fd.try_clone().ok()).collect()
        };
        line.send(Kind::Keep, Some("a"), Some(fd.as_fd()));
        assert_eq!(line.serve(), Turn { packets: 1, garbage: 0, closed: false, ..Turn::default() });
        assert_eq!(line.reply().unwrap().0.status, Status::Full);
        drop(all);
        assert_eq!(line.ask(Kind::Keep, "a", Some(fd.as_fd())).0, Status::Done);
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn a_kept_socket_loses_the_linger_time_that_its_close_would_wait() {
    let mut line = Line::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let linger = libc::linger { l_onoff: 1, l_linger: 100 };
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    let lingers = || nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::Linger).unwrap().l_onoff;
    line.ask(Kind::Keep, "a", Some(socket.as_fd()));
    assert_eq!(lingers(), 1);
    line.ask(Kind::Drop, "a", None);
    assert_eq!(lingers(), 0);
    // And one that comes with a packet that is no message.
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    line.send_raw(b"?", &[socket.as_raw_fd()]).unwrap();
    assert_eq!(line.serve().garbage, 1);
    assert_eq!(lingers(), 0);
}

#[test]
fn a_ring_is_waited_for_and_so_is_the_end_of_who_could_ring() {
    let mut child = fork(|| {
        let (bell, end) = Bell::new().unwrap();
        bell.ring();
        assert!(heard(end.as_fd()), "rung before");
        let waits = std::thread::spawn(move || (heard(end.as_fd()), heard(end.as_fd())));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished(), "nothing was to be heard");
        bell.ring();
        std::thread::sleep(Duration::from_millis(20));
        drop(bell);
        assert_eq!(waits.join().unwrap(), (true, false));
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn a_bell_that_nobody_hears_never_blocks_and_is_silenced_at_once() {
    let mut child = fork(|| {
        let (bell, heard) = Bell::new().unwrap();
        for _ in 0..100_000 {
            bell.ring();
        }
        assert!(silence(heard.as_fd()));
        assert!(matches!(
            nix::sys::socket::recv(heard.as_raw_fd(), &mut [0; 8], nix::sys::socket::MsgFlags::MSG_DONTWAIT),
            Err(nix::Error::EAGAIN)
        ));
        drop(bell);
        assert!(!silence(heard.as_fd()));
    });
    assert_eq!(child.wait(), Ok(0));
}

/// Keeps, takes and drops for ever.
fn passing(socket: OwnedFd, others: &OwnedFd, seed: u64) -> Child {
    fork(|| {
        // SAFETY: the supervisor's end; this process leaves without dropping its owner.
        unsafe { libc::close(others.as_raw_fd()) };
        let mut random = fastrand::Rng::with_seed(seed);
        let fd = null();
        loop {
            let (kind, with) = [(Kind::Keep, true), (Kind::Take, false), (Kind::Drop, false)][random.usize(..3)];
            let key = name(&random.u32(..100).to_string());
            let _ = send(socket.as_fd(), &Message::request(kind, Some(key), 1), with.then_some(fd.as_fd()));
            while let Ok(Received::Message(..)) = receive(socket.as_fd()) {}
        }
    })
}

#[test]
fn a_kill_in_the_middle_of_passing_descriptors_leaks_none() {
    let mut child = fork(|| {
        let mut random = fastrand::Rng::with_seed(4);
        let mut kept = Kept::new();
        let fixed = null();
        let it = identity(&fixed);
        kept.keep(name("fixed"), fixed).unwrap();
        let before = open_descriptors();
        let mut served = 0;
        for round in 0..300 {
            let (ours, theirs) = pair().unwrap();
            let mut instance = passing(theirs, &ours, round);
            let goal = random.u32(1..400);
            let mut packets = 0;
            while packets < goal {
                packets += kept.serve(ours.as_fd()).packets;
                assert_eq!(instance.ended(), None);
            }
            instance.kill();
            assert_eq!(instance.wait(), Err(libc::SIGKILL));
            // Half of the time with what it left unread: that is closed with the socket.
            while random.bool() && !kept.serve(ours.as_fd()).closed {}
            drop(ours);
            served += packets;
            assert_eq!(open_descriptors(), before + kept.len() - 1, "round {round}");
            let (_, fixed) = kept.iter().find(|(key, _)| **key == name("fixed")).unwrap();
            assert_eq!(identity(fixed), it);
        }
        assert!(served > 300);
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn serving_allocates_nothing() {
    let mut line = Line::new();
    let (bell, _heard) = Bell::new().unwrap();
    let fd = null();
    let count = allocations(|| {
        for kind in [Kind::Keep, Kind::Take, Kind::List, Kind::Look, Kind::Drop, Kind::Take] {
            line.send(kind, Some("a"), (kind == Kind::Keep).then_some(fd.as_fd()));
            assert_eq!(line.serve().packets, 1);
        }
        // Twice of one name, and what is refused.
        for _ in 0..2 {
            line.send(Kind::Keep, Some("b"), Some(fd.as_fd()));
        }
        line.send(Kind::Drop, None, Some(fd.as_fd()));
        line.serve();
        assert_eq!(line.kept.iter().count(), 1);
        bell.ring();
        line.theirs = pair().unwrap().0;
        line.serve();
    });
    assert_eq!(count, 0);
}
