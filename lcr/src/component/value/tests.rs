//! Values that cross by a form: there and back within one image, and what a broken sender would send.

use std::{
    cmp::Ordering,
    error::Error as _,
    ffi::{OsStr, OsString},
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    os::unix::ffi::OsStrExt as _,
    panic,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    Abi, Fault, FaultKind,
    abi::{
        shape::Sink,
        value::{Within, enums::Tagged},
    },
};

/// The value after a crossing.
fn crossed<T: Abi>(value: T) -> T {
    let repr = value.into_repr();
    // SAFETY: it comes from this type, and is used once.
    unsafe { T::from_repr(repr) }
}

/// The value crosses, alone and inside other values.
fn crosses<T: for<'a> Within<'a> + Clone + PartialEq + fmt::Debug>(values: impl IntoIterator<Item = T>) {
    let values: Vec<T> = values.into_iter().collect();
    assert!(!values.is_empty());
    for value in &values {
        assert_eq!(crossed(value.clone()), *value);
        assert_eq!(crossed(Some(value.clone())), Some(value.clone()));
        assert_eq!(crossed(Err::<u8, _>(value.clone())), Err(value.clone()));
        assert_eq!(crossed((1_u8, Box::new([value.clone(), value.clone()]))).1[1], *value);
    }
    assert_eq!(crossed(values.clone()), values);
}

/// What is said of a representation that no value has.
fn refusal<T: Abi + fmt::Debug>(repr: T::Repr) -> String {
    // SAFETY: what it owns is owned by no other value, and the rest are plain numbers, which the type has to check.
    let received = panic::catch_unwind(panic::AssertUnwindSafe(|| unsafe { T::from_repr(repr) }));
    *received.unwrap_err().downcast::<String>().unwrap()
}

fn at(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
    second + Duration::from_nanos(nanoseconds.into())
}

#[test]
fn any_bytes_are_a_path() {
    let texts = [&b""[..], b"/", b"a/../b", b"\xff\xfe/\x80", "ß€🦀\0".as_bytes(), &[b'x'; 5000]];
    crosses(texts.map(|text| OsStr::from_bytes(text).to_owned()));
    crosses(texts.map(|text| PathBuf::from(OsStr::from_bytes(text))));
    let (path, text) = (Path::new(OsStr::from_bytes(b"\xff")), OsStr::from_bytes(b"\xfe\0"));
    assert_eq!((crossed(path), crossed(text)), (path, text));
}

#[test]
fn times_cross_to_the_nanosecond_on_both_sides_of_the_epoch() {
    let seconds = [0, 1, -1, -2, 1_764_460_800, i64::from(u32::MAX) + 1, i64::MAX, i64::MIN + 1];
    crosses(seconds.into_iter().flat_map(|seconds| [0, 1, 500_000_000, 999_999_999].map(|nanos| at(seconds, nanos))));
    crosses([SystemTime::now()]);
    let form = |time: SystemTime| super::form::Form::into_form(time);
    assert_eq!(form(at(-1, 999_999_999)), (-1, 999_999_999));
    assert_eq!(form(UNIX_EPOCH - Duration::from_nanos(1)), (-1, 999_999_999));
    assert_eq!(form(UNIX_EPOCH - Duration::from_secs(2)), (-2, 0));
    for nanoseconds in [1_000_000_000, u32::MAX] {
        let text = refusal::<SystemTime>((5_i64, nanoseconds).into_repr());
        assert!(text.starts_with("a `std::SystemTime` was received with 5 seconds and"), "{text}");
        assert!(text.ends_with("since the epoch; its sender is broken"), "{text}");
    }
}

#[test]
fn zero_is_refused_where_there_is_none() {
    macro_rules! each {
        ($($ty:ident)*) => {$(
            crosses([$ty::MIN, 1, $ty::MAX / 2, $ty::MAX].into_iter().filter_map(NonZero::new));
            // A panic takes Miri some seconds.
            if !cfg!(miri) || size_of::<$ty>() == 1 {
                assert_eq!(
                    refusal::<NonZero<$ty>>(0),
                    concat!("a `std::NonZero<", stringify!($ty), ">` was received with 0; its sender is broken")
                );
            }
        )*};
    }
    each!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
}

#[test]
fn orderings_have_three_numbers() {
    crosses([Ordering::Less, Ordering::Equal, Ordering::Greater]);
    assert_eq!([Ordering::Less, Ordering::Equal, Ordering::Greater].map(Abi::into_repr), [0, 1, 2]);
    for tag in [3, u32::MAX] {
        assert_eq!(
            refusal::<Ordering>(tag),
            format!("a `Ordering` was received with the unknown tag {tag}; its sender is broken")
        );
    }
}

#[test]
fn ranges_of_any_value_cross() {
    crosses([0..0_u8, 1..u8::MAX, Range { start: 9, end: 2 }]);
    crosses(["a".to_owned().."b".to_owned()]);
    crosses([0..=0_i64, i64::MIN..=i64::MAX, RangeInclusive::new(3, 2)]);
    crosses([(NonZero::new(3_u8), UNIX_EPOCH)..=(None, SystemTime::now())]);
    crosses([7_u16.., 0..]);
    crosses([..'x', ..'\0']);
    crosses([..=-1_i8]);
    crosses([..] as [RangeFull; 1]);
    crosses([Bound::Included("in".to_owned()), Bound::Excluded(String::new()), Bound::Unbounded]);
    crosses([(Bound::Excluded(1_u128), Bound::<u128>::Unbounded)]);
    let text = refusal::<Bound<u8>>(Tagged::bare(3));
    assert_eq!(text, "a `Bound` was received with the unknown tag 3; its sender is broken");
}

#[test]
fn a_range_that_is_used_up_is_not_sent() {
    let mut range = 1..=2_u8;
    range.next();
    assert_eq!(crossed(range.clone()), 2..=2);
    range.next();
    let sent = panic::catch_unwind(|| range.into_repr());
    let text = *sent.err().unwrap().downcast::<&str>().unwrap();
    assert!(text.starts_with("a `RangeInclusive` that was iterated to its end was sent"), "{text}");
}

#[test]
fn addresses_keep_every_part() {
    let v4 = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 255)];
    let v6 = [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, "2001:db8::8:800:200c:417a".parse().unwrap()];
    crosses(v4);
    crosses(v6);
    crosses(v4.map(IpAddr::from).into_iter().chain(v6.map(IpAddr::from)));
    let sockets_4 = v4.map(|address| SocketAddrV4::new(address, 0x1234));
    let sockets_6 = v6.map(|address| SocketAddrV6::new(address, u16::MAX, 0xfedc_ba98, 7));
    crosses(sockets_4);
    crosses(sockets_6);
    crosses(sockets_4.map(SocketAddr::from).into_iter().chain(sockets_6.map(SocketAddr::from)));
    assert_eq!(Ipv4Addr::new(1, 2, 3, 4).into_repr(), [1, 2, 3, 4]);
    assert_eq!(
        refusal::<IpAddr>(Tagged::bare(2)),
        "a `IpAddr` was received with the unknown tag 2; its sender is broken"
    );
    assert_eq!(
        refusal::<SocketAddr>(Tagged::bare(2)),
        "a `SocketAddr` was received with the unknown tag 2; its sender is broken"
    );
}

/// An error with a source.
#[derive(Debug)]
struct Layered(&'static str, Option<Box<Layered>>);

impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Layered {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn errors_of_the_system_keep_their_number() {
    for code in [0, 2, 11, 13, 40, 110, 111, -1, i32::MAX] {
        let (error, original) = (crossed(io::Error::from_raw_os_error(code)), io::Error::from_raw_os_error(code));
        assert_eq!((error.raw_os_error(), error.kind()), (Some(code), original.kind()));
        assert_eq!(error.to_string(), original.to_string());
    }
    let error = std::fs::File::open("/no/such/file").unwrap_err();
    assert_eq!(crossed(error).kind(), ErrorKind::NotFound);
}

#[test]
fn errors_of_each_kind_keep_kind_and_text() {
    for kind in super::io_error::KINDS {
        let error = crossed(io::Error::from(*kind));
        assert_eq!((error.kind(), error.to_string()), (*kind, kind.to_string()));
        assert!(error.get_ref().is_none() && error.raw_os_error().is_none());
        let error = crossed(io::Error::new(*kind, "ß no"));
        assert_eq!((error.kind(), error.to_string()), (*kind, "ß no".to_owned()));
        assert_eq!(format!("{:?}", error.get_ref().unwrap()), "\"ß no\"");
        assert_eq!(crossed(io::Error::new(*kind, "")).get_ref().unwrap().to_string(), "");
    }
    // A text of std's own, without an error inside.
    let original = io::Read::read_exact(&mut io::empty(), &mut [0]).unwrap_err();
    let error = crossed(io::Read::read_exact(&mut io::empty(), &mut [0]).unwrap_err());
    assert_eq!((error.kind(), error.to_string()), (original.kind(), original.to_string()));
}

#[test]
fn sources_of_an_error_arrive_as_texts() {
    let inner = Layered("outer", Some(Box::new(Layered("", Some(Box::new(Layered("inner", None)))))));
    // Twice: what arrived is sent on.
    let error = crossed(crossed(io::Error::new(ErrorKind::InvalidData, inner)));
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidData, "outer".to_owned()));
    let second = error.source().unwrap();
    assert_eq!(second.to_string(), "");
    let third = second.source().unwrap();
    assert_eq!((third.to_string(), third.source().is_none()), ("inner".to_owned(), true));
    let long = (0..1000).fold(Layered("end", None), |inner, _| Layered("link", Some(Box::new(inner))));
    let error = crossed(io::Error::other(long));
    let chain = std::iter::successors(error.source(), |error| std::error::Error::source(*error));
    assert_eq!(chain.count(), 31, "a long chain is cut");
}

#[test]
fn a_kind_of_a_newer_sender_is_other() {
    let form = |kind| super::io_error::form::Error { kind, code: None, texts: vec!["new".to_owned()] };
    for kind in [0, super::io_error::KINDS.len() as u32 + 1, u32::MAX] {
        // SAFETY: it is the form of an error, used once.
        let error = unsafe { io::Error::from_repr(form(kind).into_repr()) };
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Other, "new".to_owned()));
    }
}

#[test]
fn a_fault_becomes_an_error_that_holds_it() {
    let kinds = [
        (FaultKind::Panic, ErrorKind::Other),
        (FaultKind::Withdrawn, ErrorKind::NotConnected),
        (FaultKind::Revoked, ErrorKind::NotConnected),
        (FaultKind::Gate, ErrorKind::TimedOut),
        (FaultKind::Cancelled, ErrorKind::ConnectionAborted),
        (FaultKind::Refused, ErrorKind::PermissionDenied),
    ];
    for (kind, expected) in kinds {
        let fault = Fault::new(kind, "kv", Some("get"), None, "why".to_owned(), None);
        let error = io::Error::from(fault.clone());
        assert_eq!((error.kind(), error.to_string()), (expected, fault.to_string()));
        assert_eq!(error.downcast::<Fault>().unwrap(), fault);
        let passed = crossed(io::Error::from(fault.clone()));
        assert_eq!((passed.kind(), passed.to_string()), (expected, fault.to_string()));
    }
}

/// The bytes that a manifest has of a type.
fn described<T: Abi>() -> Vec<u8> {
    let mut bytes = vec![0; 1000];
    let mut sink = Sink::new(&mut bytes);
    sink.shape(T::SHAPE);
    let len = sink.len();
    bytes.truncate(len);
    bytes
}

#[test]
fn each_type_has_a_shape_of_its_own() {
    macro_rules! shapes {
        ($($ty:ty),* $(,)?) => { [$(described::<$ty>()),*] };
    }
    let shapes = shapes![
        u8,
        NonZero<u8>,
        i8,
        NonZero<i8>,
        NonZero<u16>,
        (i64, u32),
        SystemTime,
        Duration,
        Vec<u8>,
        OsString,
        PathBuf,
        String,
        &Path,
        &OsStr,
        Ordering,
        u32,
        (u8, u8),
        Range<u8>,
        RangeInclusive<u8>,
        RangeFrom<u8>,
        RangeTo<u8>,
        RangeToInclusive<u8>,
        Range<u16>,
        RangeFull,
        (),
        Bound<u8>,
        Bound<i8>,
        [u8; 4],
        Ipv4Addr,
        Ipv6Addr,
        IpAddr,
        SocketAddr,
        SocketAddrV4,
        SocketAddrV6,
        io::Error,
        Fault,
    ];
    for (place, shape) in shapes.iter().enumerate() {
        assert_eq!(shapes.iter().position(|other| other == shape), Some(place));
    }
}

#[cfg(not(miri))]
proptest::proptest! {
    #[test]
    fn whatever_the_value_is_it_crosses(
        bytes: Vec<u8>,
        seconds in i64::MIN + 1..=i64::MAX,
        nanoseconds in 0..1_000_000_000_u32,
        wide: u128,
        octets: [u8; 16],
        (port, flow, scope) in proptest::prelude::any::<(u16, u32, u32)>(),
        (start, end) in proptest::prelude::any::<(i32, i32)>(),
    ) {
        crosses([PathBuf::from(OsStr::from_bytes(&bytes))]);
        crosses([at(seconds, nanoseconds)]);
        crosses(NonZero::new(wide | 1));
        let address = SocketAddrV6::new(octets.into(), port, flow, scope);
        crosses([SocketAddr::from(address), SocketAddrV4::new([octets[0], octets[5], 0, 1].into(), port).into()]);
        crosses([start..=end]);
        crosses([(Bound::Included(start), Bound::Excluded(end))]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let error = crossed(io::Error::new(ErrorKind::TimedOut, text.clone()));
        assert_eq!(error.to_string(), text);
    }
}
