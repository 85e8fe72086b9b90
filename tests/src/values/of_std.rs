//! Types of std: paths, times, numbers, ranges, addresses, errors.

use std::{
    cmp::Ordering,
    error::Error as _,
    ffi::{OsStr, OsString},
    fs,
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    ops::{Bound, Range, RangeInclusive},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lcr::{Fault, FaultKind};

use super::{
    contract::{Answer, OfStd, Visit},
    sequences::TEXT,
};

/// Bytes that are no text in any encoding.
const NO_TEXT: &[u8] = b"\xff\xfe\x80";

/// Paths and strings of the system, owned and lent, also those that are not UTF-8.
///
/// # Panics
/// If one arrives as another.
pub fn paths(peer: &impl OfStd) {
    let texts = [OsStr::new(""), OsStr::new("/"), OsStr::new("a/../b"), OsStr::new(TEXT), OsStr::from_bytes(NO_TEXT)];
    for text in texts {
        assert_eq!(peer.joined(PathBuf::from(text), OsStr::from_bytes(NO_TEXT)), {
            Path::new(text).join(OsStr::from_bytes(NO_TEXT))
        });
        assert_eq!(peer.parts(Path::new(text)), Path::new(text).iter().map(OsStr::to_owned).collect::<Vec<_>>());
        let mut roomy = OsString::with_capacity(1000);
        roomy.push(text);
        assert_eq!(peer.doubled(roomy).as_bytes(), text.as_bytes().repeat(2));
    }
}

/// Times on both sides of the epoch.
///
/// # Panics
/// If one arrives as another.
pub fn times(peer: &impl OfStd) {
    let (second, nanosecond) = (Duration::from_secs(1), Duration::from_nanos(1));
    let before = UNIX_EPOCH - nanosecond;
    for (time, by) in [(UNIX_EPOCH, Duration::ZERO), (before, nanosecond), (SystemTime::now(), second)] {
        assert_eq!(peer.later(time, by), Some(time + by));
    }
    assert_eq!(peer.later(SystemTime::now(), Duration::MAX), None);
    let long_ago = UNIX_EPOCH - Duration::new(u64::from(u32::MAX) * 100, 7);
    assert_eq!(peer.between(long_ago, before), Ok(before.duration_since(long_ago).unwrap()));
    assert_eq!(peer.between(UNIX_EPOCH + second, before), Err(second + nanosecond));
}

/// Numbers without zero, and orderings.
///
/// # Panics
/// If one arrives as another.
pub fn numbers(peer: &impl OfStd) {
    let number = |n| NonZero::new(n).unwrap();
    assert_eq!(peer.half(number(u8::MAX)).unwrap().get(), 127);
    assert_eq!(peer.half(number(1)).unwrap_err().kind(), ErrorKind::InvalidInput);
    let numbers = [i128::MIN, -1, 1, i128::MAX];
    let complements = numbers.map(|number| NonZero::new(!number));
    assert_eq!(peer.complements(numbers.map(|n| NonZero::new(n).unwrap()).to_vec()), complements);
    let orders = ["a", "b", "c"].map(|text| peer.order(text, "b"));
    assert_eq!(orders, [Ordering::Less, Ordering::Equal, Ordering::Greater]);
    assert_eq!(peer.reversed(orders.to_vec()), orders.map(Ordering::reverse));
}

/// Ranges and bounds.
///
/// # Panics
/// If one arrives as another.
pub fn ranges(peer: &impl OfStd) {
    assert_eq!(peer.inclusive(3..u64::MAX), Some(3..=u64::MAX - 1));
    assert_eq!(peer.inclusive(Range { start: 5, end: 2 }), Some(RangeInclusive::new(5, 1)));
    assert_eq!(peer.inclusive(0..0), None);
    assert_eq!(peer.ends(-1..=i32::MAX), (-1.., ..i32::MAX, ..=i32::MAX, ..));
    assert_eq!(peer.mirrored((1.., ..2, ..=3, ..)), [3, 2, 1]);
    let bounds = (Bound::Included(TEXT.to_owned()), Bound::Unbounded);
    assert_eq!(peer.flipped(bounds), (Bound::Unbounded, Bound::Excluded(TEXT.to_owned())));
    let bounds = (Bound::Excluded(String::new()), Bound::Included("b".to_owned()));
    assert_eq!(peer.flipped(bounds), (Bound::Excluded("b".to_owned()), Bound::Included(String::new())));
}

/// Addresses of the Internet.
///
/// # Panics
/// If one arrives as another.
pub fn addresses(peer: &impl OfStd) {
    let (v4, v6) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 1, 2, 3, 0xffff));
    assert_eq!(peer.address(v4.into()), IpAddr::from(!v4));
    assert_eq!(peer.address(v6.into()), IpAddr::from(!v6));
    assert_eq!(peer.addresses(v4, v6), (!v6, !v4));
    let (s4, s6) = (SocketAddrV4::new(v4, 0x1234), SocketAddrV6::new(v6, u16::MAX, 0xfedc_ba98, 77));
    assert_eq!(peer.socket(s4.into()), SocketAddr::new(v4.into(), 0x1235));
    assert_eq!(peer.socket(s6.into()), SocketAddrV6::new(v6, 0, 0xfedc_ba98, 77).into());
    assert_eq!(peer.sockets(s4, s6), [s6.into(), s4.into()]);
}

/// A visit from the address.
fn visit(from: Option<SocketAddr>) -> Visit {
    let path = PathBuf::from(OsStr::from_bytes(NO_TEXT));
    Visit { path, at: UNIX_EPOCH - Duration::from_secs(9), from, count: NonZero::<u32>::MAX, lines: 0..8 }
}

/// Structs and enums of such types.
///
/// # Panics
/// If one arrives as another.
pub fn inside_derived_types(peer: &impl OfStd) {
    let from = SocketAddr::from(([127, 0, 0, 1], 80));
    let changed = Visit {
        path: visit(None).path.join("next"),
        at: visit(None).at + Duration::from_nanos(1),
        from: Some(SocketAddr::from(([127, 0, 0, 1], 81))),
        count: NonZero::<u32>::MAX,
        lines: 1..9,
    };
    assert_eq!(peer.visit(visit(Some(from))), changed);
    let Answer::Visits(visits) = peer.answer(Answer::Visits(vec![visit(None), visit(Some(from))])) else { panic!() };
    assert_eq!(visits, [changed.clone(), Visit { from: None, ..changed }]);
    let Answer::Failed(error) = peer.answer(Answer::Order(Ordering::Greater)) else { panic!() };
    assert_eq!(error.to_string(), "Greater");
    let Answer::Failed(error) = peer.answer(Answer::Failed(io::Error::from_raw_os_error(13))) else { panic!() };
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::PermissionDenied, Some(13)));
    let Answer::Order(order) = peer.answer(Answer::Failed(io::Error::other("z"))) else { panic!() };
    assert_eq!(order, Ordering::Greater);
}

/// Errors of input and output, in both directions, and faults in their place.
///
/// # Panics
/// If one arrives as another.
pub fn errors(peer: &impl OfStd) {
    let error = peer.read(Path::new("/no/such/file")).unwrap_err();
    let here = fs::read("/no/such/file").unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (here.kind(), here.raw_os_error()));
    assert_eq!(error.to_string(), here.to_string());
    assert!(peer.read(Path::new("/proc/self/comm")).unwrap().ends_with(b"\n"));

    assert_eq!(peer.fail("three").unwrap().get(), 5);
    assert_eq!(peer.fail("").unwrap_err().kind(), ErrorKind::InvalidInput);
    let error = peer.fail("kind").unwrap_err();
    assert_eq!((error.kind(), error.get_ref().is_none()), (ErrorKind::AddrInUse, true));
    let error = peer.fail("text").unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidData, "a text of the component"));
    let error = peer.fail("sources").unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::TimedOut, "the outer one"));
    let source = error.source().unwrap();
    assert_eq!((source.to_string(), source.source().is_none()), (io::Error::from_raw_os_error(2).to_string(), true));
    let fault = peer.fail("panic").unwrap_err().downcast::<Fault>().unwrap();
    assert_eq!((fault.kind(), fault.message()), (FaultKind::Panic, "not this one"));

    let told = |text: &str, kind: ErrorKind, code| (text.to_owned(), kind.to_string(), code);
    assert_eq!(peer.told(io::Error::other(TEXT)), told(TEXT, ErrorKind::Other, None));
    assert_eq!(peer.told(ErrorKind::BrokenPipe.into()), told("broken pipe", ErrorKind::BrokenPipe, None));
    assert_eq!(peer.told(io::Error::from_raw_os_error(2)), told(&here.to_string(), ErrorKind::NotFound, Some(2)));

    let asked = peer.asked(&|lent, at, given| {
        assert_eq!((lent, at, &*given), (Path::new("/lent"), UNIX_EPOCH, Path::new("/given")));
        Ok(Ordering::Less)
    });
    assert_eq!(asked.unwrap(), Ordering::Greater);
    let asked = peer.asked(&|_, _, _| Err(io::Error::new(ErrorKind::WouldBlock, "later")));
    let error = asked.unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::WouldBlock, "later"));
}

/// The same types in an async method.
///
/// # Panics
/// If one arrives as another.
pub fn awaited(peer: &impl OfStd) {
    let path = Path::new(OsStr::from_bytes(b"/\xff/b"));
    let (parent, at) = at_once(peer.awaited(path, UNIX_EPOCH)).unwrap();
    assert_eq!((Some(&*parent), at), (path.parent(), UNIX_EPOCH + Duration::from_secs(1)));
    let error = at_once(peer.awaited(Path::new("/"), UNIX_EPOCH)).unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::NotFound, "it has no parent"));
    let error = at_once(peer.awaited(Path::new("/panic/x"), UNIX_EPOCH)).unwrap_err();
    assert_eq!(error.downcast::<Fault>().unwrap().method(), Some("awaited"));
}

/// The result of a future that awaits nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}
