//! Texts, slices and vectors.

use std::{ffi::OsStr, mem, os::unix::ffi::OsStrExt as _, path::Path};

use lcr_tests::values::{
    contract::{Point, Sequences},
    sequences::TEXT,
};

#[derive(Default)]
pub struct Reversal;

#[lcr::component(name = "values", version = "1.0.0")]
impl Sequences for Reversal {
    fn text_place(&self, v: &str) -> (usize, usize) {
        (v.as_ptr().addr(), v.len())
    }
    fn bytes_place(&self, v: &[u8]) -> (usize, usize) {
        (v.as_ptr().addr(), v.len())
    }
    fn path_place(&self, v: &Path, within: &OsStr) -> (usize, usize, u64) {
        let parts = v.iter().filter(|part| *part != within).count();
        (v.as_os_str().as_bytes().as_ptr().addr(), v.as_os_str().len(), parts as u64)
    }
    fn lend_path(&self, path: &Path, f: &dyn Fn(&Path, Option<&Path>) -> bool) -> bool {
        f(path, path.parent())
    }
    fn points_place(&self, v: &[Point]) -> (usize, Option<Point>) {
        (v.as_ptr().addr(), v.get(v.len() / 2).copied())
    }
    fn text(&self, v: &str) -> String {
        v.chars().rev().collect()
    }
    fn sum(&self, wide: &[u64], narrow: &[i8], arrays: &[[u16; 2]]) -> i128 {
        let wide: i128 = wide.iter().map(|&n| i128::from(n)).sum();
        let narrow: i128 = narrow.iter().map(|&n| i128::from(n)).sum();
        wide + narrow + arrays.iter().flatten().map(|&n| i128::from(n)).sum::<i128>()
    }
    fn count(&self, flags: &[bool], chars: &[char]) -> (u64, String) {
        (flags.iter().filter(|flag| **flag).count() as u64, chars.iter().collect())
    }
    fn add(&self, v: &mut [u64], by: u64) -> usize {
        v.iter_mut().for_each(|n| *n += by);
        v.as_ptr().addr()
    }
    fn flip(&self, v: &mut [Point]) {
        v.iter_mut().for_each(|point| mem::swap(&mut point.x, &mut point.y));
    }
    fn copy(&self, from: &[u8], to: &mut [u8]) -> u64 {
        let len = from.len().min(to.len());
        to[..len].copy_from_slice(&from[..len]);
        len as u64
    }
    fn string(&self, mut v: String) -> String {
        v.push('x');
        v.reserve(v.len());
        v
    }
    fn reversed(&self, mut v: Vec<u32>) -> Vec<u32> {
        v.reverse();
        v
    }
    fn points(&self, mut v: Vec<Point>) -> Vec<Point> {
        v.reverse();
        v
    }
    fn strings(&self, mut v: Vec<String>) -> Vec<String> {
        v.reverse();
        v
    }
    fn nested(&self, mut v: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        v.reverse();
        v.iter_mut().for_each(|inner| inner.reverse());
        v
    }
    fn joined(&self, v: Vec<&[u8]>) -> Vec<u8> {
        v.concat()
    }
    fn words(&self, v: Vec<&str>) -> Vec<String> {
        v.into_iter().map(str::to_owned).collect()
    }
    fn units(&self, v: Vec<()>) -> u64 {
        v.len() as u64
    }
    fn lend(&self, f: &dyn Fn(&str, usize, &[u8], usize) -> u64) -> u64 {
        let owned = "owned".to_owned();
        let texts = ["", TEXT, &owned];
        texts
            .iter()
            .map(|text| {
                let bytes = [text.as_bytes(), text.as_bytes()].concat();
                f(text, text.as_ptr().addr(), &bytes, bytes.as_ptr().addr())
            })
            .sum()
    }
}
