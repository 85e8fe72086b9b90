//! What a program demands of files before any of their code runs: their directories, hashes and signatures.
//!
//! Each test offers `guest_2_leaves_a_mark`, whose initialiser leaves a mark: `House::refuse` sees that there is none.

use std::{
    ffi::CString,
    fs,
    io::Cursor,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, chown, symlink},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::{ErrorKind, PublicKey, Trust, report::ContentHash};
use lcr_tests::{
    component,
    guest::{Guest as _, House, library},
};
use minisign::KeyPair;
use tempfile::TempDir;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory below the house's files, with the marked library in it.
fn below(house: &House, directories: &str) -> PathBuf {
    let directory = house.file(directories);
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("guest.so");
    fs::write(&file, library("guest_2_leaves_a_mark")).unwrap();
    set_mode(&file, 0o755);
    file
}

/// The hashes of the first and the last guest of a house, which come and go beside what a test offers.
fn other_guests() -> [ContentHash; 2] {
    ["guest_1", "guest_3"].map(|name| ContentHash::of(&fs::read(component(name)).unwrap()))
}

#[test]
fn every_directory_from_the_root_on_counts() {
    let house = House::open();
    let file = below(&house, "a/b/c");
    for directory in ["a", "a/b", "a/b/c"] {
        let directory = house.file(directory);
        for (mode, who) in [(0o777, "everyone may replace it in "), (0o775, "group 0 may replace it in ")] {
            set_mode(&directory, mode);
            let text = house.refuse(&file, ErrorKind::Untrusted);
            let said = format!("{who}{} (mode {mode:o}); chmod ", directory.display());
            assert!(text.contains(&said), "{text}");
        }
        // As `/tmp` is: others may add files, and cannot replace those of this user.
        set_mode(&directory, 0o1777);
        assert_eq!(house.rt.plan().replace(&file).build().refusals().count(), 0);
        set_mode(&directory, 0o755);
    }
    assert!(!house.has_mark());
    assert_eq!(house.accept(&file), 2);
    house.close();
}

#[test]
fn the_directories_of_links_and_of_what_they_lead_to_count() {
    let house = House::open();
    let file = below(&house, "real/inner");
    let (link, way) = (house.file("links/current"), house.file("links/current/guest.so"));
    fs::create_dir(house.file("links")).unwrap();
    for target in [house.file("real/inner"), PathBuf::from("../real/inner"), PathBuf::from("./.././real/../real/inner")]
    {
        symlink(target, &link).unwrap();
        for directory in ["links", "real", "real/inner"] {
            set_mode(&house.file(directory), 0o777);
            let text = house.refuse(&way, ErrorKind::Untrusted);
            assert!(text.contains("everyone may replace it in "), "{text}");
            set_mode(&house.file(directory), 0o755);
        }
        fs::remove_file(&link).unwrap();
    }
    symlink("inner", house.file("real/first")).unwrap();
    symlink(house.file("real/first"), &link).unwrap();
    assert_eq!(house.accept(&way), 2);
    fs::remove_file(&link).unwrap();
    symlink("current", &link).unwrap();
    for path in [file.join("beyond.so"), way] {
        let error = house.rt.replace(path).unwrap_err();
        assert!(error.kind() == ErrorKind::Io && error.to_string().contains("cannot be opened"), "{error}");
    }
    house.close();
}

/// Whether this process may give files away. Says so if it may not.
fn is_root() -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        eprintln!("SKIPPED: only root can give a file to another user");
    }
    is_root
}

#[test]
fn a_directory_or_a_link_of_another_user_is_refused() {
    if !is_root() {
        return;
    }
    let house = House::open();
    let file = below(&house, "a/b");
    chown(house.file("a"), Some(12_345), None).unwrap();
    let text = house.refuse(&file, ErrorKind::Untrusted);
    let said = format!("the directory {} belongs to user 12345, not to root; chown it", house.file("a").display());
    assert!(text.contains(&said), "{text}");
    chown(house.file("a"), Some(0), None).unwrap();
    chown(&file, Some(12_345), None).unwrap();
    assert!(house.refuse(&file, ErrorKind::Untrusted).contains("it belongs to user 12345, not to root; chown it"));
    chown(&file, Some(0), None).unwrap();
    // Where everyone may add a link, another user's link leads where that user likes.
    let link = house.file("link.so");
    symlink(&file, &link).unwrap();
    let name = CString::new(link.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends.
    assert_eq!(unsafe { libc::lchown(name.as_ptr(), 12_345, u32::MAX) }, 0);
    set_mode(link.parent().unwrap(), 0o1777);
    assert!(house.refuse(&link, ErrorKind::Untrusted).contains("link.so belongs to user 12345"));
    set_mode(link.parent().unwrap(), 0o755);
    assert_eq!(house.accept(&link), 2);
    house.close();
}

/// A link is exchanged all the time, between a directory that only this user may write to and one that everyone may.
#[test]
fn a_link_that_is_exchanged_between_check_and_open_leads_to_no_unchecked_file() {
    let house = House::open();
    let bad = below(&house, "open");
    set_mode(bad.parent().unwrap(), 0o777);
    fs::create_dir(house.file("shut")).unwrap();
    fs::copy(component("guest_3"), house.file("shut/guest.so")).unwrap();
    set_mode(&house.file("shut/guest.so"), 0o755);
    let (link, fresh, stop) = (house.file("current"), house.file("fresh"), AtomicBool::new(false));
    let exchange = |to: &str| {
        symlink(to, &fresh).unwrap();
        fs::rename(&fresh, &link).unwrap();
    };
    exchange("shut");
    let (mut accepted, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for to in ["open", "shut"].iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                exchange(to);
            }
        });
        let end = Instant::now() + Duration::from_secs(60);
        while (accepted < 30 || refused < 30) && Instant::now() < end {
            match house.rt.replace(link.join("guest.so")) {
                Ok(_) => accepted += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
                    refused += 1;
                }
            }
            assert!(!house.has_mark() && house.guest.version() != 2, "an unchecked file was loaded");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
    house.close();
}

#[test]
fn a_file_whose_hash_is_not_listed_is_refused() {
    let house = House::open_to(Trust::default().hashes(other_guests()), "guest_1");
    let bytes = library("guest_2_leaves_a_mark");
    let file = house.put("guest.so", &bytes);
    let text = house.refuse(&file, ErrorKind::Untrusted);
    let hash = ContentHash::of(&bytes);
    assert!(text.contains(&format!("its hash {hash} is not among")) && text.ends_with("list its hash"), "{text}");
    house.close();
    let listed = Trust::default().hashes(other_guests()).hashes([hash]);
    let house = House::open_to(listed, "guest_1");
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    house.refuse(&house.put("guest.so", &changed), ErrorKind::Untrusted);
    assert_eq!(house.accept(&house.put("guest.so", &bytes)), 2);
    house.close();
}

#[test]
fn a_list_of_hashes_is_read_at_each_load_and_must_be_trusted_itself() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("trusted.b3");
    let write = |lines: &str| {
        let [one, three] = other_guests();
        fs::write(&list, format!("# our components\n{one}  guest_1.so\n{three}  guest_3.so\n{lines}")).unwrap();
        set_mode(&list, 0o644);
    };
    write("");
    let house = House::open_to(Trust::default().hashes_in(&list), "guest_1");
    let bytes = library("guest_2_leaves_a_mark");
    let file = house.put("guest.so", &bytes);
    let refused = |said: &str| {
        let text = house.refuse(&file, ErrorKind::Untrusted);
        assert!(text.contains(said) && text.contains("trusted.b3"), "{text}");
    };
    refused("is not among the hashes");
    let line = format!("{}  guest.so\n", ContentHash::of(&bytes));
    write(&format!("nonsense\n{line}"));
    refused("line 4: no hash: `nonsense`");
    write(&line);
    set_mode(&list, 0o666);
    refused("everyone may write to it");
    set_mode(&list, 0o644);
    fs::rename(&list, directory.path().join("away")).unwrap();
    refused("no such file");
    fs::rename(directory.path().join("away"), &list).unwrap();
    assert_eq!(house.accept(&file), 2);
    house.close();
}

/// Signs a file's bytes as `minisign -Sm FILE` does.
fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
    minisign::sign(Some(&pair.pk), &pair.sk, Cursor::new(bytes), Some("of a test"), None).unwrap().into_string()
}

/// A house that takes only what is signed by `pair`, and a directory with its first and its last guest, signed.
fn house_of(pair: &KeyPair) -> (House, TempDir) {
    let guests = tempfile::tempdir().unwrap();
    for name in ["guest_1", "guest_3"] {
        let bytes = fs::read(component(name)).unwrap();
        fs::write(guests.path().join(format!("{name}.minisig")), sign(pair, &bytes)).unwrap();
        fs::write(guests.path().join(name), bytes).unwrap();
    }
    let key: PublicKey = pair.pk.to_base64().parse().unwrap();
    let house = House::begin(Trust::default().signed_by(key), &guests.path().join("guest_1"));
    house.put("guest.so", &library("guest_2_leaves_a_mark"));
    (house, guests)
}

#[test]
fn a_file_without_its_own_signature_by_a_trusted_key_is_refused() {
    let [ours, others] = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let (house, guests) = house_of(&ours);
    let (file, signature) = (house.file("guest.so"), house.file("guest.so.minisig"));
    let bytes = fs::read(&file).unwrap();
    let refused = |said: &str| {
        let text = house.refuse(&file, ErrorKind::Untrusted);
        assert!(text.contains(said) && text.contains("guest.so.minisig") && text.contains("; sign"), "{text}");
    };
    refused("it has no signature");
    fs::write(&signature, sign(&others, &bytes)).unwrap();
    refused("it is made by another key than RW");
    fs::write(&signature, sign(&ours, &library("guest_3"))).unwrap();
    refused("does not fit the file, which was changed after it was signed, or is another");
    let good = sign(&ours, &bytes);
    fs::write(&signature, &good).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    house.put("guest.so", &changed);
    refused("does not fit the file");
    house.put("guest.so", &bytes);
    fs::remove_file(&signature).unwrap();
    fs::create_dir(&signature).unwrap();
    refused("cannot be read: a directory");
    fs::remove_dir(&signature).unwrap();
    fs::write(&signature, "A".repeat(1 << 20)).unwrap();
    refused("it has more than 16384 bytes");
    fs::write(&signature, &good).unwrap();
    assert_eq!(house.accept(&file), 2);
    house.close_by(&guests.path().join("guest_3"));
}

#[test]
fn a_signature_cut_or_malformed_at_any_length_is_refused() {
    let ours = KeyPair::generate_unencrypted_keypair().unwrap();
    let (house, guests) = house_of(&ours);
    let (file, signature) = (house.file("guest.so"), house.file("guest.so.minisig"));
    let good = sign(&ours, &fs::read(&file).unwrap());
    let whole = good.trim_end().len();
    for len in (0..whole).step_by(7).chain([whole - 1]) {
        fs::write(&signature, &good[..len]).unwrap();
        house.refuse(&file, ErrorKind::Untrusted);
    }
    for len in [0, 1, 2, 100, 9_999, 1 << 14] {
        for byte in [b'\n', b'A', b'=', 0, 0xff] {
            fs::write(&signature, vec![byte; len]).unwrap();
            house.refuse(&file, ErrorKind::Untrusted);
        }
    }
    fs::write(&signature, &good).unwrap();
    assert_eq!(house.accept(&file), 2);
    house.close_by(&guests.path().join("guest_3"));
}
