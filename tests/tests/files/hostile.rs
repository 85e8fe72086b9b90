//! Files that a runtime must refuse. It refuses each by reading alone and with a reason; the guest that was
//! there serves on, and the next good file is accepted.

use std::{
    env, fs,
    os::unix::{fs::symlink, net::UnixListener},
    process::Command,
};

use lcr::ErrorKind;
use lcr_tests::{
    component,
    guest::{Guest as _, House, library},
    manifests::{MANIFEST, section, sum_up},
};

/// A seeded generator (Knuth's MMIX), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Accepts the unbroken library, whose initialiser leaves the mark that was missing.
fn accept_marked(house: &House, name: &str) {
    assert!(!house.has_mark(), "no code of a refused file has run");
    assert_eq!(house.accept(&house.put(name, &library("guest_2_leaves_a_mark"))), 2);
    assert!(house.has_mark(), "an accepted library leaves the mark, so a missing mark proves something");
}

#[test]
fn a_library_cut_anywhere_is_refused() {
    let house = House::open();
    let whole = library("guest_2_leaves_a_mark");
    for len in (0..100).map(|part| whole.len() * part / 100).chain([63, 64, whole.len() - 1]) {
        let text = house.refuse(&house.put("cut.so", &whole[..len]), ErrorKind::NotALibrary);
        assert!(text.ends_with("copy or build it again") || text.contains("not an ELF file"), "{len}: {text}");
    }
    accept_marked(&house, "cut.so");
    house.close();
}

#[test]
fn a_manifest_with_any_byte_changed_is_refused() {
    let house = House::open();
    let whole = library("guest_2_leaves_a_mark");
    let (_, record) = section(&whole, MANIFEST);
    let mut random = Random(1);
    for at in record.clone() {
        let mut changed = whole.clone();
        changed[at] ^= u8::try_from(1 + random.below(255)).unwrap();
        let is_abi = at == record.start + 7;
        let kind = if is_abi { ErrorKind::Mismatch } else { ErrorKind::BadManifest };
        let text = house.refuse(&house.put("changed.so", &changed), kind);
        assert_eq!(text.contains("binary contract"), is_abi, "{text}");
    }
    for _ in 0..50 {
        let mut changed = whole.clone();
        for _ in 0..2 + random.below(20) {
            changed[record.start + 8 + random.below(record.len() - 8)] ^= u8::try_from(1 + random.below(255)).unwrap();
        }
        if changed != whole {
            house.refuse(&house.put("changed.so", &changed), ErrorKind::BadManifest);
        }
    }
    accept_marked(&house, "changed.so");
    house.close();
}

/// CASES B14: a component whose panics abort took the place of one that unwinds, and its first panic ended
/// the host. The component of this test only says that its panics abort.
#[test]
fn a_component_that_aborts_takes_the_place_of_one_that_unwinds_only_if_the_plan_allows_it() {
    let house = House::open();
    let mut aborting = library("guest_2_leaves_a_mark");
    let (_, record) = section(&aborting, MANIFEST);
    // Five names follow the header, then the flags.
    let name = |at: usize| at + 2 + usize::from(u16::from_le_bytes([aborting[at], aborting[at + 1]]));
    let flags = (0..5).fold(record.start + 20, |at, _| name(at));
    aborting[flags] |= 1;
    sum_up(&mut aborting, &record);
    let file = house.put("aborting.so", &aborting);
    let text = house.refuse(&file, ErrorKind::Invalid);
    assert!(text.contains("panic = \"abort\"") && text.contains("allow_panic_abort()"), "{text}");
    let plan = house.rt.plan().replace(&file).allow_panic_abort().build();
    assert!(plan.to_string().contains("a panic in it ends the process"), "{plan}");
    let report = plan.commit().unwrap();
    assert!(report.members[0].panic_abort && report.to_string().contains("(a panic ends the process)"), "{report}");
    // A component whose panics abort may replace another such component without the plan's word.
    let report = house.rt.replace(&file).unwrap();
    assert!(report.members[0].panic_abort);
    house.close();
}

/// The manifest is changed and its checksum is right, so the runtime believes what it reads. The changed
/// manifest must fit like any other.
#[test]
fn a_forged_manifest_is_refused_or_fits() {
    let house = House::open();
    let whole = library("guest_2_leaves_a_mark");
    let (_, record) = section(&whole, MANIFEST);
    let (body, mut random, mut accepted) = (record.start + 20..record.end, Random(2), 0);
    for _ in 0..200 {
        let mut forged = whole.clone();
        forged[body.start + random.below(body.len())] ^= u8::try_from(1 + random.below(255)).unwrap();
        sum_up(&mut forged, &record);
        let file = house.put("forged.so", &forged);
        match house.rt.replace(&file) {
            Ok(_) => {
                accepted += 1;
                assert_eq!(house.guest.version(), 2);
                let present = house.rt.status().components.remove(0).id.name;
                house.rt.plan().replace_component(&present, component("guest_1")).commit().unwrap();
            }
            Err(error) => assert!(error.to_string().contains("forged.so"), "{error}"),
        }
        assert_eq!(house.guest.version(), 1);
    }
    println!("{accepted} of 200 fitted: names, versions and texts that the linker does not compare");
    assert!(accepted < 200);
    house.close();
}

#[test]
fn a_path_that_is_no_regular_file_is_refused_and_never_opened() {
    let house = House::open();
    let fifo = house.file("fifo.so");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = UnixListener::bind(house.file("socket.so")).unwrap();
    fs::create_dir(house.file("directory.so")).unwrap();
    symlink(&fifo, house.file("link.so")).unwrap();
    for (name, found) in
        [("fifo.so", "a FIFO"), ("link.so", "a FIFO"), ("socket.so", "a socket"), ("directory.so", "a directory")]
    {
        let text = house.refuse(&house.file(name), ErrorKind::NotALibrary);
        assert!(text.contains(found), "{text}");
    }
    for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"] {
        let text = house.refuse(device.as_ref(), ErrorKind::NotALibrary);
        assert!(text.starts_with(&format!("{device}: a device")), "{text}");
    }
    house.refuse(&house.file("missing.so"), ErrorKind::NotFound);
    house.close();
}

#[test]
fn a_file_of_another_kind_is_refused_by_what_it_is() {
    let house = House::open();
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"#!/bin/sh\nexit 0\n", "not an ELF file: it starts with \"#!/b\""),
        (b"!<arch>\n", "an archive"),
        (&[0; 4096], "not an ELF file"),
        (&[0xff; 100], "not an ELF file"),
    ] {
        let text = house.refuse(&house.put("other.so", bytes), ErrorKind::NotALibrary);
        assert!(text.contains(found), "{text}");
    }
    let program = fs::read(env::current_exe().unwrap()).unwrap();
    let text = house.refuse(&house.put("program.so", &program), ErrorKind::NotALibrary);
    assert!(text.contains("an executable, not a shared library"), "{text}");
    house.refuse(&house.put("program.so", &library("library_without_a_component")), ErrorKind::NoManifest);
    accept_marked(&house, "program.so");
    house.close();
}

#[test]
fn a_library_for_another_system_is_refused_by_what_it_is_for() {
    let house = House::open();
    let whole = library("guest_2_leaves_a_mark");
    for (at, value, found) in [
        (0x04, 1, "not a 64-bit little-endian library"),
        (0x05, 2, "not a 64-bit little-endian library"),
        (0x07, 9, "system ABI 9"),
        (0x10, 1, "an object file"),
        (0x10, 2, "an executable"),
        (0x10, 4, "ELF type 4"),
        (0x12, 8, "built for machine 8"),
        (0x12, 0xf4, "built for machine 244"),
    ] {
        let mut changed = whole.clone();
        changed[at] = value;
        let text = house.refuse(&house.put("foreign.so", &changed), ErrorKind::NotALibrary);
        assert!(text.contains(found), "{text}");
    }
    accept_marked(&house, "foreign.so");
    house.close();
}

#[test]
fn a_library_whose_manifest_is_gone_is_refused() {
    let house = House::open();
    let whole = library("guest_2_leaves_a_mark");
    let (header, record) = section(&whole, MANIFEST);
    let mut unnamed = whole.clone();
    unnamed[header..header + 4].fill(0);
    let mut blank = whole.clone();
    blank[record].fill(0);
    for changed in [unnamed, blank] {
        let text = house.refuse(&house.put("bare.so", &changed), ErrorKind::NoManifest);
        assert!(text.ends_with("put #[lcr::component] on an impl in it"), "{text}");
    }
    accept_marked(&house, "bare.so");
    house.close();
}

#[test]
fn a_component_that_does_not_fit_is_refused_before_its_initialisers() {
    let house = House::open();
    for (name, kind, found) in [
        ("guest_2_calls_what_nothing_defines", ErrorKind::Load, "undefined symbol: lcr_tests_guest_defined_nowhere"),
        ("guest_2_of_another_shape", ErrorKind::Mismatch, "bytes"),
        ("guest_2_needs_what_nothing_provides", ErrorKind::Dependency, "test.nowhere v3"),
    ] {
        let file = house.put(&format!("{name}.so"), &library(name));
        for _ in 0..3 {
            let text = house.refuse(&file, kind);
            assert!(text.contains(found), "{text}");
        }
    }
    accept_marked(&house, "guest.so");
    house.close();
}
