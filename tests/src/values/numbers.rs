//! Scalars and `()`.

use super::contract::Numbers;

/// Every integer at its borders.
///
/// # Panics
/// If one arrives as another.
pub fn integers(peer: &impl Numbers) {
    macro_rules! edges {
        ($($ty:ident)*) => {$(
            for v in [$ty::MIN, $ty::MAX, 0, 1, $ty::MAX / 3, $ty::MIN / 3 + 1, (0x0123_4567_89ab_cdef_u128 as $ty).rotate_left(7)] {
                assert_eq!(peer.$ty(v), !v, "{v} as {}", stringify!($ty));
            }
            for shift in 0..$ty::BITS {
                assert_eq!(peer.$ty(1 << shift), !(1 << shift), "1 << {shift} as {}", stringify!($ty));
            }
        )*};
    }
    edges! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }
}

/// Every float by its bits: signed zeros, subnormals, infinities, NaNs with their payload.
///
/// # Panics
/// If one bit changes.
pub fn floats(peer: &impl Numbers) {
    let singles = [
        0,
        1 << 31,
        1,
        0x007f_ffff,
        0x0080_0000,
        0x3f80_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0xffc0_0001,
        0x7fff_ffff,
        0x7fd5_5555,
    ];
    for bits in singles {
        assert_eq!(peer.f32_to_bits(f32::from_bits(bits)), bits, "{bits:#x}");
        assert_eq!(peer.f32_from_bits(bits).to_bits(), bits, "{bits:#x}");
    }
    let doubles = [
        0,
        1 << 63,
        1,
        0x000f_ffff_ffff_ffff,
        0x0010_0000_0000_0000,
        0x3ff0_0000_0000_0000,
        0x7fef_ffff_ffff_ffff,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0001,
        0x7fff_ffff_ffff_ffff,
        0x7ffd_5555_5555_5555,
    ];
    for bits in doubles {
        assert_eq!(peer.f64_to_bits(f64::from_bits(bits)), bits, "{bits:#x}");
        assert_eq!(peer.f64_from_bits(bits).to_bits(), bits, "{bits:#x}");
    }
}

/// `bool`, `char`, `()`, and as many arguments as a method may take.
///
/// # Panics
/// If one arrives as another.
pub fn others(peer: &impl Numbers) {
    assert!(peer.bool(false));
    assert!(!peer.bool(true));
    for v in ['\0', 'a', '\u{7f}', 'ß', '\u{d7ff}', '\u{e000}', '\u{fffd}', '🦀', char::MAX] {
        assert_eq!(peer.char_to_number(v), u32::from(v));
        assert_eq!(peer.char_from_number(v.into()), Some(v));
    }
    assert_eq!(peer.char_from_number(0xd800), None);
    assert_eq!(peer.unit(3, (), 10), (7, ()));
    let many = peer.many(255, i128::MIN, 1.5, true, u64::MAX, -0.0, i16::MIN, '🦀', u128::MAX, f32::MAX, -1, "end");
    let expected =
        format!("255,{},1.5,true,{},-0,{},🦀,{},{},-1,end", i128::MIN, u64::MAX, i16::MIN, u128::MAX, f32::MAX);
    assert_eq!(many, expected);
}
