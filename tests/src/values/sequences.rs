//! Texts, slices and vectors, borrowed and owned.

use std::{cell::Cell, ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

use super::contract::{Point, Sequences};

/// A text of every length of character.
pub const TEXT: &str = "aß€🦀\0\u{200d}\u{fe0f}\n\"\\ende";

/// Some points.
pub fn points(count: u8) -> Vec<Point> {
    let point = |n: u8| Point { tag: n, x: f64::from(n) / 3.0, y: -f64::from(n), corners: [n.into(), -1, i16::MAX] };
    (0..count).map(point).collect()
}

/// Borrowed values are at the same address on the other side.
///
/// # Panics
/// If one is not, or if it arrives as another value.
pub fn borrowed(peer: &impl Sequences) {
    let long = TEXT.repeat(100_000);
    for text in ["", TEXT, &TEXT[1..3], &long, &long[1..]] {
        assert_eq!(peer.text_place(text), (text.as_ptr().addr(), text.len()));
        assert_eq!(peer.bytes_place(text.as_bytes()), (text.as_ptr().addr(), text.len()));
        assert_eq!(peer.text(text), text.chars().rev().collect::<String>());
    }
    for path in ["", "/", "a/../b/\u{fe0f}", TEXT] {
        let path = Path::new(path);
        let bytes = path.as_os_str().as_bytes();
        let parts = path.iter().filter(|part| *part != "..").count() as u64;
        assert_eq!(peer.path_place(path, OsStr::new("..")), (bytes.as_ptr().addr(), bytes.len(), parts));
        let f = |same: &Path, parent: Option<&Path>| same == path && parent == path.parent();
        assert!(peer.lend_path(path, &f));
    }
    // These bytes are no text in any encoding.
    let path = Path::new(OsStr::from_bytes(b"\xff\xfe/\x80"));
    assert_eq!(peer.path_place(path, OsStr::from_bytes(b"\x80")).2, 1);
    let empty: &[u8] = &[];
    assert_eq!(peer.bytes_place(empty), (empty.as_ptr().addr(), 0));
    let points = points(5);
    assert_eq!(peer.points_place(&points), (points.as_ptr().addr(), Some(points[2])));
    assert_eq!(peer.points_place(&points[..0]).1, None);
    let sum = peer.sum(&[u64::MAX, u64::MAX, 1], &[i8::MIN, -1], &[[1, 2], [u16::MAX, 0]]);
    assert_eq!(sum, 2 * i128::from(u64::MAX) + 1 - 129 + 3 + 65535);
    assert_eq!(peer.count(&[true, false, true], &['🦀', 'ß']), (2, "🦀ß".to_owned()));
}

/// A slice that the callee writes to is the caller's own.
///
/// # Panics
/// If it is not.
pub fn written_by_the_callee(peer: &impl Sequences) {
    let mut numbers: Vec<u64> = (0..1000).collect();
    let place = numbers.as_ptr().addr();
    assert_eq!(peer.add(&mut numbers[10..], 5), place + 80);
    assert!((0..10).all(|n| numbers[n as usize] == n) && (10..1000).all(|n| numbers[n as usize] == n + 5));
    assert_eq!(peer.add(&mut [], 5), <&mut [u64]>::default().as_ptr().addr());
    let mut flipped = points(4);
    peer.flip(&mut flipped);
    for (flipped, point) in flipped.iter().zip(points(4)) {
        assert_eq!(*flipped, Point { x: point.y, y: point.x, ..point });
    }
    let mut room = [7; 4];
    assert_eq!(peer.copy(b"ab", &mut room), 2);
    assert_eq!(room, [b'a', b'b', 7, 7]);
    assert_eq!(peer.copy(b"cdefgh", &mut room), 4);
    assert_eq!(&room, b"cdef");
}

/// Owned values, with and without room to spare, empty and large.
///
/// # Panics
/// If one arrives as another.
pub fn owned(peer: &impl Sequences) {
    for text in ["", "a", TEXT, &TEXT.repeat(10_000)] {
        assert_eq!(peer.string(text.to_owned()), format!("{text}x"));
        let mut roomy = String::with_capacity(text.len() + 1000);
        roomy.push_str(text);
        assert_eq!(peer.string(roomy), format!("{text}x"));
    }
    for count in [0, 1, 2, 1000] {
        let numbers: Vec<u32> = (0..count).collect();
        let mut roomy = Vec::with_capacity(5000);
        roomy.extend_from_slice(&numbers);
        let reversed: Vec<u32> = (0..count).rev().collect();
        assert_eq!(peer.reversed(numbers), reversed);
        assert_eq!(peer.reversed(roomy), reversed);
        let strings: Vec<String> = (0..count).map(|n| TEXT.repeat(n as usize % 5)).collect();
        let expected: Vec<String> = strings.iter().rev().cloned().collect();
        assert_eq!(peer.strings(strings), expected);
        assert_eq!(peer.units(vec![(); count as usize]), u64::from(count));
    }
    assert_eq!(peer.points(points(9)), points(9).into_iter().rev().collect::<Vec<_>>());
    let nested = vec![vec![1, 2, 3], vec![], vec![u32::MAX; 300]];
    assert_eq!(peer.nested(nested), [vec![u32::MAX; 300], vec![], vec![3, 2, 1]]);
    assert_eq!(peer.nested(Vec::with_capacity(3)), Vec::<Vec<u32>>::new());
    let owned = b"de".to_vec();
    assert_eq!(peer.joined(vec![b"abc", b"", &owned]), b"abcde");
    assert_eq!(peer.words(vec!["one", "", TEXT]), ["one", "", TEXT]);
}

/// Values that a component lends to a callback are at the component's address.
///
/// # Panics
/// If it is not.
pub fn lent_back(peer: &impl Sequences) {
    let calls = Cell::new(0);
    let total = peer.lend(&|text, text_place, bytes, bytes_place| {
        assert_eq!((text.as_ptr().addr(), bytes.as_ptr().addr()), (text_place, bytes_place));
        assert_eq!(bytes.len(), text.len() * 2);
        calls.set(calls.get() + 1);
        text.len() as u64
    });
    assert_eq!((calls.get(), total), (3, TEXT.len() as u64 + 5));
}
