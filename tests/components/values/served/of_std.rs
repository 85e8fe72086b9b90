//! Types of std.

use std::{
    cmp::Ordering,
    error::Error,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lcr_tests::values::contract::{Answer, OfStd, Visit};

#[derive(Default)]
pub struct Std;

/// An error of this image with a source.
#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outer one")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn flip(bound: Bound<String>) -> Bound<String> {
    match bound {
        Bound::Included(text) => Bound::Excluded(text),
        Bound::Excluded(text) => Bound::Included(text),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[lcr::component(name = "values", version = "1.0.0")]
impl OfStd for Std {
    fn joined(&self, path: PathBuf, name: &OsStr) -> PathBuf {
        path.join(name)
    }
    fn parts(&self, path: &Path) -> Vec<OsString> {
        path.iter().map(OsStr::to_owned).collect()
    }
    fn doubled(&self, mut text: OsString) -> OsString {
        text.push(text.clone());
        text
    }
    fn later(&self, at: SystemTime, by: Duration) -> Option<SystemTime> {
        at.checked_add(by)
    }
    fn between(&self, a: SystemTime, b: SystemTime) -> Result<Duration, Duration> {
        b.duration_since(a).map_err(|error| error.duration())
    }
    fn half(&self, v: NonZero<u8>) -> io::Result<NonZero<u8>> {
        NonZero::new(v.get() / 2).ok_or(io::ErrorKind::InvalidInput.into())
    }
    fn complements(&self, v: Vec<NonZero<i128>>) -> Vec<Option<NonZero<i128>>> {
        v.into_iter().map(|number| NonZero::new(!number.get())).collect()
    }
    fn order(&self, a: &str, b: &str) -> Ordering {
        a.cmp(b)
    }
    fn reversed(&self, v: Vec<Ordering>) -> Vec<Ordering> {
        v.into_iter().map(Ordering::reverse).collect()
    }
    fn inclusive(&self, v: Range<u64>) -> Option<RangeInclusive<u64>> {
        v.end.checked_sub(1).map(|last| v.start..=last)
    }
    fn ends(&self, v: RangeInclusive<i32>) -> (RangeFrom<i32>, RangeTo<i32>, RangeToInclusive<i32>, RangeFull) {
        (*v.start().., ..*v.end(), ..=*v.end(), ..)
    }
    fn mirrored(&self, (a, b, c, ..): (RangeFrom<i8>, RangeTo<i8>, RangeToInclusive<i8>, RangeFull)) -> [i8; 3] {
        [c.end, b.end, a.start]
    }
    fn flipped(&self, (a, b): (Bound<String>, Bound<String>)) -> (Bound<String>, Bound<String>) {
        (flip(b), flip(a))
    }
    fn address(&self, v: IpAddr) -> IpAddr {
        match v {
            IpAddr::V4(address) => (!address).into(),
            IpAddr::V6(address) => (!address).into(),
        }
    }
    fn addresses(&self, v: Ipv4Addr, w: Ipv6Addr) -> (Ipv6Addr, Ipv4Addr) {
        (!w, !v)
    }
    fn socket(&self, mut v: SocketAddr) -> SocketAddr {
        v.set_port(v.port().wrapping_add(1));
        v
    }
    fn sockets(&self, v: SocketAddrV4, w: SocketAddrV6) -> [SocketAddr; 2] {
        [w.into(), v.into()]
    }
    fn visit(&self, v: Visit) -> Visit {
        Visit {
            path: v.path.join("next"),
            at: v.at + Duration::from_nanos(1),
            from: v.from.map(|from| self.socket(from)),
            count: v.count.saturating_add(1),
            lines: v.lines.start + 1..v.lines.end + 1,
        }
    }
    fn answer(&self, v: Answer) -> Answer {
        match v {
            Answer::Order(order) => Answer::Failed(io::Error::other(format!("{order:?}"))),
            Answer::Failed(error) if error.raw_os_error().is_some() => Answer::Failed(error),
            Answer::Failed(error) => Answer::Order(error.to_string().as_str().cmp("m")),
            Answer::Visits(visits) => Answer::Visits(visits.into_iter().rev().map(|visit| self.visit(visit)).collect()),
        }
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }
    fn fail(&self, how: &str) -> io::Result<NonZero<u64>> {
        match how {
            "kind" => Err(io::ErrorKind::AddrInUse.into()),
            "text" => Err(io::Error::new(io::ErrorKind::InvalidData, "a text of the component")),
            "sources" => Err(io::Error::new(io::ErrorKind::TimedOut, Outer(io::Error::from_raw_os_error(2)))),
            "panic" => panic!("not this one"),
            _ => NonZero::new(how.len() as u64).ok_or(io::ErrorKind::InvalidInput.into()),
        }
    }
    fn told(&self, error: io::Error) -> (String, String, Option<i32>) {
        (error.to_string(), error.kind().to_string(), error.raw_os_error())
    }
    fn asked(&self, f: &dyn Fn(&Path, SystemTime, PathBuf) -> io::Result<Ordering>) -> io::Result<Ordering> {
        f(Path::new("/lent"), UNIX_EPOCH, PathBuf::from("/given")).map(Ordering::reverse)
    }
    async fn awaited(&self, path: &Path, at: SystemTime) -> io::Result<(PathBuf, SystemTime)> {
        let parent = path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it has no parent"))?;
        assert_ne!(parent, Path::new("/panic"), "not below this one");
        Ok((parent.to_owned(), at + Duration::from_secs(1)))
    }
}
