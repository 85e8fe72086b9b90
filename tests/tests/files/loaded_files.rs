//! What may happen to a file after it was loaded, which users may have been able to write it, and bad
//! files beside good ones.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use lcr::{ErrorKind, Handle, Runtime, Trust};
use lcr_tests::{
    component,
    guest::{Guest as _, House, library},
    interfaces::Counter,
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The loader knows images by path and inode. Hosts that load a file in place ran the old code of a new
/// file, and crashed when a mapped file was overwritten.
#[test]
fn a_file_may_be_overwritten_or_replaced_while_it_is_loaded() {
    let house = House::open();
    let versions = [library("guest_1"), library("guest_2_leaves_a_mark"), library("guest_3")];
    let file = house.file("guest.so");
    for round in 0..9 {
        let (expected, bytes) = (round % 3 + 1, &versions[round % 3]);
        if round % 2 == 0 {
            house.put("guest.so", bytes);
        } else {
            fs::rename(house.put("fresh.so", bytes), &file).unwrap();
        }
        assert_eq!(house.accept(&file), u32::try_from(expected).unwrap(), "round {round}");
        // The image is mapped from a private copy, so the file may become anything.
        house.put("guest.so", &vec![0xcc; bytes.len()]);
        house.refuse(&file, ErrorKind::NotALibrary);
        house.put("guest.so", b"");
        house.guest.settle();
        assert_eq!(&*house.guest.bytes(), format!("of version {expected}").as_bytes());
        fs::remove_file(&file).unwrap();
        house.refuse(&file, ErrorKind::NotFound);
    }
    let (mapped, stored) = (house.mapped(), house.stored());
    assert_eq!(mapped.len(), 10, "each load is an image of its own: {mapped:?}");
    assert_eq!(stored.len(), mapped.len());
    house.close();
}

#[test]
fn a_second_name_of_a_loaded_file_is_a_new_image() {
    let house = House::open();
    let file = house.put("guest.so", &library("guest_1"));
    house.accept(&file);
    fs::hard_link(&file, house.file("hard.so")).unwrap();
    symlink(&file, house.file("soft.so")).unwrap();
    assert_eq!(house.accept(&house.file("hard.so")), 1);
    // The inode is the same; its bytes are not.
    fs::write(&file, library("guest_2_leaves_a_mark")).unwrap();
    assert_eq!(house.accept(&house.file("hard.so")), 2);
    assert_eq!(house.accept(&house.file("soft.so")), 2);
    assert_eq!(house.mapped().len(), 5);
    house.close();
}

#[test]
fn a_file_that_other_users_may_change_is_refused_unless_anyone_is_trusted() {
    let (house, trusting) = (House::open(), House::open_to(Trust::anyone(), "guest_1"));
    let file = house.put("guest.so", &library("guest_2_leaves_a_mark"));
    for mode in [0o775, 0o757, 0o666, 0o722] {
        set_mode(&file, mode);
        let text = house.refuse(&file, ErrorKind::Untrusted);
        let who = if mode & 0o002 == 0 { " may" } else { "everyone may" };
        let said = format!("{who} write to it (mode {mode:o})");
        assert!(text.contains(&said) && text.contains("chmod go-w it"), "{text}");
    }
    assert_eq!(trusting.accept(&file), 2);
    set_mode(&file, 0o755);
    let directory = file.parent().unwrap();
    symlink(&file, directory.parent().unwrap().join("link.so")).unwrap();
    let link = directory.parent().unwrap().join("link.so");
    set_mode(directory, 0o777);
    for path in [&file, &link] {
        let text = house.refuse(path, ErrorKind::Untrusted);
        assert!(text.contains("everyone may replace it in ") && text.ends_with("chmod o-w that directory"), "{text}");
    }
    assert_eq!(trusting.accept(&component("guest_1")), 1);
    assert_eq!(trusting.accept(&link), 2);
    assert!(!house.has_mark());
    // With the sticky bit, as `/tmp` has it, other users may add files and not replace them.
    set_mode(directory, 0o1777);
    assert_eq!(house.accept(&link), 2);
    fs::remove_file(&link).unwrap();
    set_mode(directory, 0o755);
    house.close();
    trusting.close();
}

#[test]
fn a_symbolic_link_is_followed_to_a_library_or_refused() {
    let house = House::open();
    let (target, link) = (house.put("target.so", &library("guest_2_leaves_a_mark")), house.file("link.so"));
    symlink(&link, &link).unwrap();
    let error = house.rt.replace(&link).unwrap_err();
    assert_eq!((error.kind(), house.guest.version()), (ErrorKind::Io, 1), "{error}");
    fs::remove_file(&link).unwrap();
    symlink(house.file("nowhere"), &link).unwrap();
    house.refuse(&link, ErrorKind::NotFound);
    fs::remove_file(&link).unwrap();
    symlink(&target, &link).unwrap();
    assert_eq!(house.accept(&link), 2);
    house.close();
}

/// Writes bad files of every kind into the directory.
fn broken_files(house: &House) -> Vec<(PathBuf, ErrorKind)> {
    assert!(Command::new("mkfifo").arg(house.file("a_fifo.so")).status().unwrap().success());
    fs::create_dir(house.file("b_directory.so")).unwrap();
    let marked = library("guest_2_leaves_a_mark");
    house.put("c_cut.so", &marked[..marked.len() / 2]);
    house.put("d_text.so", b"not a library\n");
    set_mode(&house.put("e_open.so", &marked), 0o777);
    house.put("f_plain.so", &library("library_without_a_component"));
    symlink(house.file("nowhere"), house.file("g_dangling.so")).unwrap();
    house.put("readme.txt", b"only libraries are looked at\n");
    let kinds = [
        ("a_fifo.so", ErrorKind::NotALibrary),
        ("b_directory.so", ErrorKind::NotALibrary),
        ("c_cut.so", ErrorKind::NotALibrary),
        ("d_text.so", ErrorKind::NotALibrary),
        ("e_open.so", ErrorKind::Untrusted),
        ("f_plain.so", ErrorKind::NoManifest),
        ("g_dangling.so", ErrorKind::NotFound),
    ];
    kinds.map(|(name, kind)| (house.file(name), kind)).into()
}

#[test]
fn broken_files_in_a_directory_do_not_stand_in_the_way_of_good_ones() {
    let house = House::open();
    let expected = broken_files(&house);
    let stored = house.stored();
    let directory = house.file("").canonicalize().unwrap();
    let load = |rt: &Runtime| {
        let loaded = rt.load_directory(house.file("")).unwrap();
        let refused: Vec<_> = loaded.refused.iter().map(|(path, error)| (path.clone(), error.kind())).collect();
        for (path, error) in &loaded.refused {
            assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        }
        (loaded.report, refused)
    };
    let (report, refused) = load(&house.rt);
    assert!(report.is_none(), "the directory has no good file");
    assert_eq!((refused, house.stored(), house.guest.version()), (expected.clone(), stored, 1));
    house.put("d_counter.so", &library("counter_v1"));
    let (report, refused) = load(&house.rt);
    assert_eq!((report.unwrap().members.len(), refused), (1, expected));
    let counter: Handle<dyn Counter> = house.rt.service().unwrap();
    assert_eq!((counter.version(), house.guest.version(), house.stored().len()), (1, 1, 2));
    assert!(!house.has_mark());
    let missing = house.rt.load_directory(directory.join("missing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    drop(counter);
    house.close();
}
