//! Scalars.

use lcr_tests::values::contract::Numbers;

#[derive(Default)]
pub struct Complement;

#[lcr::component(name = "values", version = "1.0.0")]
impl Numbers for Complement {
    fn u8(&self, v: u8) -> u8 {
        !v
    }
    fn u16(&self, v: u16) -> u16 {
        !v
    }
    fn u32(&self, v: u32) -> u32 {
        !v
    }
    fn u64(&self, v: u64) -> u64 {
        !v
    }
    fn u128(&self, v: u128) -> u128 {
        !v
    }
    fn usize(&self, v: usize) -> usize {
        !v
    }
    fn i8(&self, v: i8) -> i8 {
        !v
    }
    fn i16(&self, v: i16) -> i16 {
        !v
    }
    fn i32(&self, v: i32) -> i32 {
        !v
    }
    fn i64(&self, v: i64) -> i64 {
        !v
    }
    fn i128(&self, v: i128) -> i128 {
        !v
    }
    fn isize(&self, v: isize) -> isize {
        !v
    }
    fn f32_to_bits(&self, v: f32) -> u32 {
        v.to_bits()
    }
    fn f32_from_bits(&self, bits: u32) -> f32 {
        f32::from_bits(bits)
    }
    fn f64_to_bits(&self, v: f64) -> u64 {
        v.to_bits()
    }
    fn f64_from_bits(&self, bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    fn bool(&self, v: bool) -> bool {
        !v
    }
    fn char_to_number(&self, v: char) -> u32 {
        v.into()
    }
    fn char_from_number(&self, number: u32) -> Option<char> {
        char::from_u32(number)
    }
    fn unit(&self, before: u8, (): (), after: u8) -> (u8, ()) {
        (after - before, ())
    }
    fn many(
        &self,
        a: u8,
        b: i128,
        c: f32,
        d: bool,
        e: u64,
        f: f64,
        g: i16,
        h: char,
        i: u128,
        j: f32,
        k: i8,
        l: &str,
    ) -> String {
        format!("{a},{b},{c},{d},{e},{f},{g},{h},{i},{j},{k},{l}")
    }
}
