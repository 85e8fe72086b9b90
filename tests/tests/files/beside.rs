//! Components with private libraries beside them, which the tests compile from C.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use lcr::{ErrorKind, Handle};
use lcr_tests::{empty_runtime, interfaces::Tone, player::player, program, tone};

#[test]
fn a_library_beside_a_component_is_loaded_with_it() {
    let (directory, file) = player(1);
    let rt = empty_runtime();
    let plan = rt.plan().add(&file).build();
    let text = plan.to_string();
    assert!(text.contains("with libtone.so.1, libhum.so, libovertone.so"), "{text}");
    plan.commit().unwrap();
    // The library is loaded from a copy, as the component is.
    drop(directory);
    let tone: Handle<dyn Tone> = rt.service().unwrap();
    assert_eq!((tone.builds(), tone.next(), tone.next()), ([1; 3], 1, 2));
}

#[test]
fn the_next_version_of_a_component_has_libraries_of_its_own_under_the_same_names() {
    let rt = empty_runtime();
    let (_first, file) = player(1);
    rt.load(&file).unwrap();
    let tone: Handle<dyn Tone> = rt.service().unwrap();
    let pinned = Handle::pin(&tone).unwrap();
    assert_eq!((tone.builds(), tone.next()), ([1; 3], 1));
    for build in 2..5 {
        let (_directory, file) = player(build);
        rt.replace(&file).unwrap();
        assert_eq!((tone.builds(), tone.next()), ([i32::try_from(build).unwrap(); 3], 1));
    }
    assert_eq!(
        (pinned.builds(), pinned.next()),
        ([1; 3], 2),
        "the first version keeps the libraries that it was loaded with"
    );
    // The libraries of another runtime are its own, too.
    let other = empty_runtime();
    other.load(&file).unwrap();
    assert_eq!(other.service::<dyn Tone>().unwrap().next(), 1);
}

#[test]
fn a_library_beside_a_component_is_checked_as_the_component_is() {
    let rt = empty_runtime();
    let refused = |file: &Path, kind: ErrorKind, name: &str, text: &str| {
        let error = rt.load(file).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(name) && error.to_string().contains(text), "{error}");
    };
    let (directory, file) = player(1);
    let beside = directory.path().join("beside");
    let (hum, deep) = (beside.join("libhum.so"), beside.join("deep/libovertone.so"));

    fs::set_permissions(&deep, fs::Permissions::from_mode(0o757)).unwrap();
    refused(&file, ErrorKind::Untrusted, "libovertone.so", "everyone may write to it");
    fs::set_permissions(&deep, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o777)).unwrap();
    refused(&file, ErrorKind::Untrusted, "libtone.so.1", "");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();

    let whole = fs::read(&hum).unwrap();
    for (bytes, text) in [(&whole[..whole.len() / 2], "damaged library"), (b"no library", "not an ELF file")] {
        fs::write(&hum, bytes).unwrap();
        refused(&file, ErrorKind::NotALibrary, "libhum.so", text);
    }
    fs::remove_file(&hum).unwrap();
    refused(&file, ErrorKind::Load, "libhum.so", "it is not beside the file");
    fs::create_dir(&hum).unwrap();
    refused(&file, ErrorKind::NotALibrary, "libhum.so", "a directory");
    fs::remove_dir(&hum).unwrap();
    fs::write(&hum, whole).unwrap();
    // A refused file does not stand in the way of a good one.
    rt.load(&file).unwrap();
    assert_eq!(rt.service::<dyn Tone>().unwrap().builds(), [1; 3]);
}

/// What the component in `file` prints in a process of its own.
fn played(file: &Path, preload: Option<&Path>) -> String {
    let mut command = Command::new(program("plays"));
    if let Some(preload) = preload {
        command.env("LD_PRELOAD", preload);
    }
    let output = command.arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_library_that_the_program_has_is_not_loaded_once_more() {
    let (directory, _file) = player(1);
    let (_next, file) = player(2);
    let own = directory.path().join("beside/libtone.so.1");
    assert_eq!(played(&file, Some(&own)), "[1, 1, 2]");
    assert_eq!(played(&file, None), "[2, 2, 2]");
}

#[test]
fn two_names_of_one_file_are_one_library() {
    let (directory, file) = player(1);
    let beside = directory.path().join("beside");
    let all = "static int count;\nint tone_build(void) { return ++count; }\nint tone_overtone(void) \
               { return ++count; }\n\
               int hum_build(void) { return ++count; }\nint tone_next(void) { return ++count; }\n";
    fs::write(directory.path().join("all.c"), all).unwrap();
    fs::remove_file(beside.join("libhum.so")).unwrap();
    let map = format!("-Wl,--version-script={}", directory.path().join("all.map").display());
    fs::write(directory.path().join("all.map"), "TONE_1 { global: *; };").unwrap();
    tone::library(directory.path(), "all", &beside.join("libtone.so.1"), 1, &["-Wl,-soname,a", &map]);
    symlink("libtone.so.1", beside.join("libhum.so")).unwrap();
    let rt = empty_runtime();
    rt.load(&file).unwrap();
    let tone: Handle<dyn Tone> = rt.service().unwrap();
    assert_eq!((tone.builds(), tone.next()), ([1, 2, 3], 4));
}

/// The C library would assert that the versions are there, and so end the process.
#[test]
fn a_library_without_the_versions_that_are_needed_of_it_is_refused() {
    let (directory, file) = player(1);
    let tone = directory.path().join("beside/libtone.so.1");
    let rt = empty_runtime();
    let source = "int tone_build(void) { return 1; }\nint tone_overtone(void) { return 1; }\n\
                  int tone_next(void) { return 1; }\n";
    fs::write(directory.path().join("bare.c"), source).unwrap();
    for flags in [&["-nostdlib", "-Wl,-soname,libtone.so.1"][..], &["-nostdlib"]] {
        tone::library(directory.path(), "bare", &tone, 1, flags);
        let error = rt.load(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotALibrary, "{error}");
        assert!(error.to_string().contains("needs versions of symbols of `libtone.so.1`"), "{error}");
    }
    // If the library has other versions, the loader refuses it.
    fs::write(directory.path().join("other.map"), "TONE_2 { global: *; };").unwrap();
    let map = format!("-Wl,--version-script={}", directory.path().join("other.map").display());
    tone::library(directory.path(), "bare", &tone, 1, &["-Wl,-soname,libtone.so.1", &map]);
    let error = rt.load(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Load, "{error}");
    assert!(error.to_string().contains("version `TONE_1' not found"), "{error}");
}

#[test]
fn libraries_that_need_each_other_and_inherit_their_run_path_are_loaded_too() {
    let (directory, file) = player(1);
    let beside = directory.path().join("beside");
    let (deep, sources) = (beside.join("deep"), directory.path());
    fs::write(
        sources.join("overtone.c"),
        "int under_build(void);\nint overtone_build(void) { return under_build(); }\n",
    )
    .unwrap();
    fs::write(sources.join("under.c"), "int under_build(void) { return BUILD + 10; }\n").unwrap();
    tone::library(sources, "under", &deep.join("libunder.so"), 1, &[]);
    // `RPATH`, the older list, also holds for libraries that are needed in turn. `libunder.so` is found by
    // it alone.
    let [up, down] = [&beside, &deep].map(|directory| format!("-L{}", directory.display()));
    let map = format!("-Wl,--version-script={}", tone::sources().join("tone.map").display());
    let old = "-Wl,--disable-new-dtags,-rpath,$ORIGIN/none:$ORIGIN/deep";
    let flags = ["-Wl,-soname,libtone.so.1", &map, &down, old, "-lovertone", "-Wl,--allow-shlib-undefined"];
    tone::library(&tone::sources(), "tone", &beside.join("libtone.so.1"), 1, &flags);
    let flags = [&*up, &down, "-Wl,--no-as-needed", "-l:libtone.so.1", "-lunder", "-Wl,-soname,libovertone.so"];
    tone::library(sources, "overtone", &deep.join("libovertone.so"), 1, &flags);
    tone::library(
        &tone::sources(),
        "tone",
        &beside.join("libtone.so.1"),
        1,
        &["-Wl,-soname,libtone.so.1", &map, &down, old, "-lovertone", "-Wl,--allow-shlib-undefined"],
    );
    assert_eq!(played(&file, None), "[1, 11, 1]");
}

#[test]
fn more_than_64_libraries_beside_a_component_are_refused() {
    let (directory, file) = player(1);
    let beside = directory.path().join("beside");
    let many = directory.path().join("many");
    fs::create_dir(&many).unwrap();
    fs::write(directory.path().join("one.c"), "int one;\n").unwrap();
    let names: Vec<String> = (0..64).map(|number| format!("libone{number}.so")).collect();
    tone::library(directory.path(), "one", &many.join("one"), 1, &[]);
    let one = fs::read(many.join("one")).unwrap();
    for name in &names {
        fs::write(beside.join(name), &one).unwrap();
    }
    let search = format!("-L{}", beside.display());
    let needs = names.iter().map(|name| format!("-l:{name}"));
    let flags: Vec<String> =
        ["-Wl,--no-as-needed".to_owned(), "-Wl,-rpath,$ORIGIN".to_owned(), search].into_iter().chain(needs).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    tone::library(&tone::sources(), "hum", &beside.join("libhum.so"), 1, &flags);
    let rt = empty_runtime();
    let error = rt.load(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotALibrary, "{error}");
    assert!(error.to_string().contains("more than 64 libraries beside one component"), "{error}");
}

#[test]
fn a_library_whose_name_is_the_end_of_another_one_is_refused() {
    let (directory, file) = player(1);
    let beside = directory.path().join("beside");
    fs::write(directory.path().join("other.c"), "int other;\n").unwrap();
    tone::library(directory.path(), "other", &beside.join("libother.so"), 1, &[]);
    let search = format!("-L{}", beside.display());
    // The linker keeps `other.so` as the end of `libother.so`.
    let flags = ["-Wl,-O2,-soname,other.so", "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN", &search, "-lother"];
    tone::library(&tone::sources(), "hum", &beside.join("libhum.so"), 1, &flags);
    let rt = empty_runtime();
    let error = rt.load(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotALibrary, "{error}");
    let text = error.to_string();
    assert!(text.contains("libhum.so: the name ") && text.contains("shares its bytes with another name"), "{text}");
}
