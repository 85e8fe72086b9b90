//! An initialiser that leaves a mark: proof that code of a file has run.

use std::{fs, path::Path};

#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = leave_mark;

/// A test keeps its files in `house/files`, and its runtime the copies in
/// `house/lcr-*/*`; whichever of them was mapped, the mark is in the house.
extern "C" fn leave_mark() {
    let here = leave_mark as *const () as usize;
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let image = maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_here = (address(start)?..address(end)?).contains(&here);
        if is_here { rest.find('/').map(|at| Path::new(&rest[at..])) } else { None }
    });
    if let Some(house) = image.and_then(|image| image.ancestors().find(|path| path.join("files").is_dir())) {
        let _ = fs::write(house.join("mark"), "");
    }
}
