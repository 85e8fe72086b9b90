//! How types of the standard library lie in memory: by their names and parameters, since both images have the same
//! library wherever descriptions are compared.
//!
//! Only types are here whose values mean the same in each image of a process. Left out is what std identifies
//! by statics or thread-locals of its own copy: thread identities (`ThreadId`, `ReentrantLock`), parked threads
//! (channels), standard streams. Locks are here on Linux, where they are words that the kernel knows.

use std::{
    cell::{Cell, OnceCell, RefCell},
    cmp::{self, Reverse},
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque, hash_map::RandomState},
    ffi::{CString, OsString},
    fs::File,
    hash::BuildHasherDefault,
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream, UdpSocket},
    num::{NonZero, Saturating, Wrapping},
    ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::PathBuf,
    sync::{Arc, Weak, atomic},
    time::{Duration, Instant, SystemTime},
};

use crate::abi::shape::{Kind, Part};

use super::layout::{InMemory, Layout, STD_IS_FIXED};

macro_rules! scalars {
    ($($ty:ty)*) => {$(
        // SAFETY: a scalar of this name is the same wherever the target is.
        unsafe impl Layout for $ty {
            type Itself = Self;
            const MEMORY: InMemory = InMemory::of::<$ty>(Kind::Scalar, stringify!($ty), &[], &[], true);
        }
    )*};
}

scalars!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char);

macro_rules! named {
    ($($ty:ty, $kind:ident $name:literal;)*) => {$(
        // SAFETY: the same std has the same type, and no value of it points into an image.
        unsafe impl Layout for $ty {
            type Itself = Self;
            const MEMORY: InMemory = InMemory::of::<$ty>(Kind::$kind, $name, &[], &[], STD_IS_FIXED);
        }
    )*};
}

named! {
    (), Unit "";
    String, String "";
    Box<str>, Struct "std::Box<str>";
    Duration, Duration "";
    Instant, Struct "std::Instant";
    SystemTime, Struct "std::SystemTime";
    OsString, Struct "std::OsString";
    CString, Struct "std::CString";
    PathBuf, Struct "std::PathBuf";
    RandomState, Struct "std::RandomState";
    Ipv4Addr, Struct "std::Ipv4Addr";
    Ipv6Addr, Struct "std::Ipv6Addr";
    IpAddr, Struct "std::IpAddr";
    SocketAddrV4, Struct "std::SocketAddrV4";
    SocketAddrV6, Struct "std::SocketAddrV6";
    SocketAddr, Struct "std::SocketAddr";
    cmp::Ordering, Struct "std::Ordering";
    RangeFull, Struct "std::RangeFull";
    OwnedFd, Struct "std::OwnedFd";
    File, Struct "std::File";
    TcpListener, Struct "std::TcpListener";
    TcpStream, Struct "std::TcpStream";
    UdpSocket, Struct "std::UdpSocket";
    UnixDatagram, Struct "std::UnixDatagram";
    UnixListener, Struct "std::UnixListener";
    UnixStream, Struct "std::UnixStream";
    atomic::AtomicBool, Struct "std::AtomicBool";
    atomic::AtomicU8, Struct "std::AtomicU8";
    atomic::AtomicU16, Struct "std::AtomicU16";
    atomic::AtomicU32, Struct "std::AtomicU32";
    atomic::AtomicU64, Struct "std::AtomicU64";
    atomic::AtomicUsize, Struct "std::AtomicUsize";
    atomic::AtomicI8, Struct "std::AtomicI8";
    atomic::AtomicI16, Struct "std::AtomicI16";
    atomic::AtomicI32, Struct "std::AtomicI32";
    atomic::AtomicI64, Struct "std::AtomicI64";
    atomic::AtomicIsize, Struct "std::AtomicIsize";
}

macro_rules! parametric {
    ($ty:ty, $itself:ty, <$($parameter:ident),*>, $kind:ident $name:literal $(, $points:ident)?) => {
        // SAFETY: the same std has the same type for the same parameters. What of it may point into an image says so.
        unsafe impl<$($parameter: Layout),*> Layout for $ty {
            type Itself = $itself;
            const MEMORY: InMemory = InMemory::of::<$ty>(
                Kind::$kind,
                $name,
                &[$(Part::of($parameter::MEMORY.shape())),*],
                &[$(&$parameter::MEMORY),*],
                STD_IS_FIXED,
            )$(.$points())?;
        }
    };
}

macro_rules! generic {
    ($($($path:ident)::+<$($parameter:ident),*>, $kind:ident $name:literal $(, $points:ident)?;)*) => {$(
        parametric!(
            $($path)::+<$($parameter),*>,
            $($path)::+<$($parameter::Itself),*>,
            <$($parameter),*>, $kind $name $(, $points)?
        );
    )*};
}

generic! {
    Option<T>, Option "";
    Result<T, E>, Result "";
    Vec<T>, Vec "";
    Box<T>, Box "";
    VecDeque<T>, Struct "std::VecDeque";
    LinkedList<T>, Struct "std::LinkedList";
    BinaryHeap<T>, Struct "std::BinaryHeap";
    BTreeMap<K, V>, Struct "std::BTreeMap";
    BTreeSet<K>, Struct "std::BTreeSet";
    // While it is empty, it points to a static of std.
    HashMap<K, V, S>, Struct "std::HashMap", pointing;
    HashSet<K, S>, Struct "std::HashSet", pointing;
    Arc<T>, Struct "std::Arc";
    Weak<T>, Struct "std::Weak";
    Cell<T>, Struct "std::Cell";
    RefCell<T>, Struct "std::RefCell";
    OnceCell<T>, Struct "std::OnceCell";
    Reverse<T>, Struct "std::Reverse";
    Wrapping<T>, Struct "std::Wrapping";
    Saturating<T>, Struct "std::Saturating";
    Range<T>, Struct "std::Range";
    RangeInclusive<T>, Struct "std::RangeInclusive";
    RangeFrom<T>, Struct "std::RangeFrom";
    RangeTo<T>, Struct "std::RangeTo";
    RangeToInclusive<T>, Struct "std::RangeToInclusive";
    Bound<T>, Struct "std::Bound";
    PhantomData<T>, Struct "std::PhantomData";
    BuildHasherDefault<T>, Struct "std::BuildHasherDefault";
}

parametric!(Box<[T]>, Box<[T::Itself]>, <T>, Struct "std::Box<[_]>");
// The default one is a static of std.
parametric!(Arc<[T]>, Arc<[T::Itself]>, <T>, Struct "std::Arc<[_]>", pointing);
// A static of the image, and what that holds.
parametric!(&'static T, &'static T::Itself, <T>, Struct "&'static", pointing);
parametric!(&'static [T], &'static [T::Itself], <T>, Struct "&'static [_]", pointing);

#[cfg(target_os = "linux")]
generic! {
    std::sync::Mutex<T>, Struct "std::Mutex";
    std::sync::RwLock<T>, Struct "std::RwLock";
    std::sync::OnceLock<T>, Struct "std::OnceLock";
}

// SAFETY: the same std has the same type; the default one is a static of std.
unsafe impl Layout for Arc<str> {
    type Itself = Self;
    const MEMORY: InMemory = InMemory::of::<Arc<str>>(Kind::Struct, "std::Arc<str>", &[], &[], STD_IS_FIXED).pointing();
}

// SAFETY: a text in a static of the image.
unsafe impl Layout for &'static str {
    type Itself = Self;
    const MEMORY: InMemory = InMemory::of::<&'static str>(Kind::Struct, "&'static str", &[], &[], true).pointing();
}

macro_rules! nonzero {
    ($($ty:ident)*) => {$(
        // SAFETY: a scalar of this name without zero.
        unsafe impl Layout for NonZero<$ty> {
            type Itself = Self;
            const MEMORY: InMemory =
                InMemory::of::<NonZero<$ty>>(
                    Kind::Struct,
                    concat!("std::NonZero<", stringify!($ty), ">"),
                    &[],
                    &[],
                    true,
                );
        }
    )*};
}

nonzero!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

// SAFETY: an array is its elements, one after the other.
unsafe impl<T: Layout, const N: usize> Layout for [T; N] {
    type Itself = [T::Itself; N];
    const MEMORY: InMemory =
        InMemory::of::<[T; N]>(Kind::Array, "", &[Part::new("", N as i64, T::MEMORY.shape())], &[&T::MEMORY], true);
}

macro_rules! tuples {
    ($(($($parameter:ident $place:tt),*))*) => {$(
        // SAFETY: the compiler says where each field is, and around a mark lays it out by its usual rules.
        unsafe impl<$($parameter: Layout),*> Layout for ($($parameter,)*) {
            type Itself = ($($parameter::Itself,)*);
            const MEMORY: InMemory = InMemory::of::<Self>(
                Kind::Tuple,
                "",
                &[$(Part::new("", std::mem::offset_of!(Self, $place) as i64, $parameter::MEMORY.shape())),*],
                &[$(&$parameter::MEMORY),*],
                STD_IS_FIXED,
            );
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::abi::shape::Sink;

    /// The name of a type and the bytes of its description.
    fn described<T: Layout>() -> (&'static str, Vec<u8>) {
        let mut bytes = vec![0; 500];
        let mut sink = Sink::new(&mut bytes);
        sink.shape(T::MEMORY.shape());
        let len = sink.len();
        bytes.truncate(len);
        assert!(!T::MEMORY.points());
        (std::any::type_name::<T>(), bytes)
    }

    #[test]
    fn types_whose_fields_look_alike_have_descriptions_of_their_own() {
        macro_rules! descriptions {
            ($($ty:ty),* $(,)?) => { [$(described::<$ty>()),*] };
        }
        let all = descriptions![
            u8,
            i8,
            bool,
            NonZero<u8>,
            NonZero<i8>,
            cmp::Ordering,
            Wrapping<u8>,
            Saturating<u8>,
            Reverse<u8>,
            Cell<u8>,
            (u8, u8),
            [u8; 2],
            Range<u8>,
            RangeInclusive<u8>,
            RangeFrom<u8>,
            RangeTo<u8>,
            RangeToInclusive<u8>,
            Bound<u8>,
            Bound<i8>,
            Option<u8>,
            (),
            RangeFull,
            PhantomData<u8>,
            [u8; 0],
            [u8; 4],
            Ipv4Addr,
            Ipv6Addr,
            [u8; 16],
            IpAddr,
            SocketAddrV4,
            SocketAddrV6,
            SocketAddr,
            String,
            Vec<u8>,
            OsString,
            PathBuf,
            Duration,
            Instant,
            SystemTime,
        ];
        for (place, (name, bytes)) in all.iter().enumerate() {
            let first = all.iter().position(|(_, other)| other == bytes);
            assert_eq!(first, Some(place), "{name}");
        }
    }
}
