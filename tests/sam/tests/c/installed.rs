//! The library, its headers and its archive, as they are installed and as programs use them.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::building::{
    LANGUAGES, STRICT, SYSTEM, corosyncs, folder_with, has_static_libc, headers, install, installed, languages,
    libraries, run, skipped, sources,
};

#[test]
fn the_header_has_the_names_and_values_of_corosyncs_header() {
    let mut includes = vec![vec!["-I".into(), headers().into_os_string()]];
    if has_corosyncs_headers() {
        includes.push(Vec::new());
    } else {
        skipped("corosync's headers are not installed, so ours were not compared with them");
    }
    for (compiler, flags) in languages().into_iter().map(|language| LANGUAGES[language]) {
        for include in &includes {
            let mut command = Command::new(compiler);
            command.args(flags).args(STRICT).args(include).arg("-c").arg(sources().join("programs/values.c"));
            run(command.args(["-o", "/dev/null"]));
        }
    }
}

fn has_corosyncs_headers() -> bool {
    let mut probe = Command::new("cc");
    probe.args(["-fsyntax-only", "-include", "corosync/sam.h", "-x", "c", "/dev/null"]);
    probe.output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_library_has_corosyncs_name_and_twelve_functions_and_no_more() {
    let library = libraries().join("libsam.so");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(&library));
    let symbols: Vec<_> = symbols.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let functions = [
        "sam_data_getsize",
        "sam_data_restore",
        "sam_data_store",
        "sam_finalize",
        "sam_hc_callback_register",
        "sam_hc_send",
        "sam_initialize",
        "sam_mark_failed",
        "sam_register",
        "sam_start",
        "sam_stop",
        "sam_warn_signal_set",
    ];
    assert_eq!(symbols, functions);
    let dynamic = run(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("Library soname: [libsam.so.4]"), "{dynamic}");
}

#[test]
fn the_installed_files_suffice_to_build_and_run_a_program() {
    let place = tempfile::tempdir().unwrap();
    let prefix = place.path().join("usr");
    let mut install = install(&prefix);
    run(&mut install);
    // Installs once more over the first installation, as an update does.
    run(&mut install);
    let (lib, include) = (prefix.join("lib"), prefix.join("include"));
    let pages = |section: &str| fs::read_dir(prefix.join("share/man").join(section)).unwrap().count();
    assert_eq!((pages("man1"), pages("man3")), (1, 13), "the command, a page a function, and the overview");
    let sources = sources();
    each_page_is_found(&sources.join("../../../sam/man"), &prefix.join("share/man"));
    let described = fs::read_to_string(lib.join("pkgconfig/libsam.pc")).unwrap();
    assert!(!described.contains('@') && described.contains(&*prefix.to_string_lossy()), "{described}");
    let program = place.path().join("example");
    let (search, headers) = (format!("-L{}", lib.display()), format!("-I{}", include.display()));
    let mut cc = Command::new("cc");
    cc.arg(sources.join("programs/example.c")).args(["-o".as_ref(), program.as_os_str()]);
    run(cc.args(STRICT).args([&*headers, &*search, "-lsam"]));
    let said = run(Command::new(&program).env("LD_LIBRARY_PATH", &lib).env("SAM_LOG", "0"));
    assert_eq!(said, EXAMPLE);
}

/// `man` finds each page of a folder by its name and section where they are installed.
fn each_page_is_found(pages: &Path, installed: &Path) {
    if Command::new("man").arg("--version").output().is_err() {
        return skipped("man is not installed, so the manual pages were not looked up");
    }
    for page in fs::read_dir(pages).unwrap() {
        let file = page.unwrap().file_name().into_string().unwrap();
        let (name, section) = file.rsplit_once('.').unwrap();
        let found = run(Command::new("man").args(["-w", section, name]).env("MANPATH", installed));
        assert!(Path::new(found.trim()).starts_with(installed) && found.contains(&file), "{file}: {found}");
    }
}

/// The last line of `programs/example.c`.
const EXAMPLE: &str = "instance 2 is done: not possible at this stage\n";

fn example(program: &Path) -> String {
    run(Command::new(program).env("LD_LIBRARY_PATH", installed().join("lib")).env("SAM_LOG", "0"))
}

/// Neither cargo's archive nor the installed one needs a symbol that libc.a lacks.
#[test]
fn a_fully_static_program_is_linked_with_cargos_archive_and_runs() {
    if !has_static_libc() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("example");
    let mut cc = Command::new("cc");
    cc.args(STRICT).arg("-static").arg("-I").arg(headers()).arg(sources().join("programs/example.c"));
    run(cc.arg(libraries().join("libsam.a")).args(SYSTEM).arg("-o").arg(&program));
    assert!(!run(Command::new("readelf").arg("-lW").arg(&program)).contains("INTERP"), "the program has no loader");
    assert_eq!(example(&program), EXAMPLE);
}

#[test]
fn pkg_configs_line_links_a_program_with_and_without_a_loader() {
    let mut config = Command::new("pkg-config");
    config.env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig"));
    // pkg-config leaves the system's own folders out of the line.
    config.env_remove("PKG_CONFIG_SYSROOT_DIR").env_remove("PKG_CONFIG_LIBDIR");
    config.args(["--static", "--cflags", "--libs", "libsam"]);
    if Command::new("pkg-config").arg("--version").output().is_err() {
        return skipped("pkg-config is not installed, so its line was not linked with");
    }
    let line = run(&mut config);
    let place = tempfile::tempdir().unwrap();
    let mut ways: Vec<&[&str]> = vec![&[]];
    if has_static_libc() {
        ways.push(&["-static", "-Wl,--fatal-warnings"]);
    }
    for way in ways {
        let program = place.path().join("example");
        let mut cc = Command::new("cc");
        cc.args(STRICT).args(way).arg(sources().join("programs/example.c")).arg("-o").arg(&program);
        run(cc.args(line.split_whitespace()));
        assert_eq!(example(&program), EXAMPLE, "{way:?}");
    }
}

/// Runs a program with the libraries of a folder, and returns its status and the output of program and loader.
fn said_with(program: &Path, libraries: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    let output = command.env("LD_LIBRARY_PATH", libraries).env("SAM_LOG", "0").output().unwrap();
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_program_that_was_linked_to_either_library_starts_with_the_other_without_a_remark() {
    let Some(theirs) = corosyncs() else { return };
    let place = tempfile::tempdir().unwrap();
    let ours = installed().join("lib");
    let folder = folder_with(&theirs);
    for (linked, library) in [("ours", ours.join("libsam.so")), ("theirs", theirs.clone())] {
        let program = place.path().join(linked);
        let mut cc = Command::new("cc");
        cc.arg(sources().join("programs/example.c")).arg("-I").arg(headers()).arg(library);
        run(cc.args(["-Wl,--allow-shlib-undefined", "-o"]).arg(&program));
        // The loader binds all symbols at the start.
        let mut bound = Command::new(&program);
        bound.env("LD_BIND_NOW", "1");
        for libraries in [&*ours, folder.path()] {
            let (_, said) = said_with(&program, libraries);
            assert!(!said.contains("version information"), "linked to {linked}: {said}");
            assert!(said.starts_with("instance 2 is done"), "linked to {linked}: {said}");
        }
    }
}

/// The source of corosync's own test program is not part of this repository. `COROSYNC_TESTSAM` names the
/// file of Debian's source package, which `.ci/run` fetches.
#[test]
fn corosyncs_own_test_program_ends_well_with_no_variable_set() {
    let Some(source) = env::var_os("COROSYNC_TESTSAM").filter(|source| !source.is_empty()) else {
        return skipped("COROSYNC_TESTSAM names no test/testsam.c of corosync's source, so it was not run");
    };
    let place = tempfile::tempdir().unwrap();
    // The header of cmap lies beside it. The functions below answer as if no daemon ran.
    let (folder, stand_in) = (Path::new(&source).parent().unwrap(), place.path().join("without_a_daemon.c"));
    fs::write(&stand_in, WITHOUT_A_DAEMON).unwrap();
    fs::write(place.path().join("config.h"), "").unwrap();
    let program = place.path().join("testsam");
    let mut cc = Command::new("cc");
    cc.arg("-w").arg("-I").arg(place.path()).arg("-I").arg(headers()).arg("-I").arg(folder.join("../include"));
    cc.arg(&source).arg(&stand_in).arg("-o").arg(&program);
    run(cc.arg(installed().join("lib/libsam.so")).arg("-lpthread"));
    let mut testsam = Command::new("timeout");
    testsam.arg("60").arg(&program).env("LD_LIBRARY_PATH", installed().join("lib"));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SAM_")) {
        testsam.env_remove(name);
    }
    let output = testsam.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let results = |word: &str| said.lines().filter(|line| line.starts_with("test") && line.ends_with(word)).count();
    assert!(results(" passed") >= 6 && results(" skipped") <= 3 && results(" failed") == 0, "{said}");
}

/// The functions of the daemon's cluster map that corosync's test program calls.
const WITHOUT_A_DAEMON: &str = "
int cmap_initialize(void *handle) { (void)handle; return 2; }
int cmap_get_string(void) { return 2; }
int cmap_get_uint64(void) { return 2; }
int cmap_set_uint8(void) { return 2; }
";

/// Names of Rust's own in an archive would collide with those of another Rust library.
#[test]
fn the_installed_archive_has_the_twelve_functions_and_no_other_name() {
    let names = |kind: &str, library: PathBuf| -> BTreeSet<String> {
        let symbols = run(Command::new("nm").args([kind, "--defined-only"]).arg(library));
        let names = symbols.lines().filter_map(|line| line.split(' ').nth(2)?.split('@').next());
        // The symbol version itself is a name, too.
        names.filter(|name| *name != "COROSYNC_SAM_1.0").map(str::to_owned).collect()
    };
    let archive = names("-g", installed().join("lib/libsam.a"));
    assert_eq!(archive, names("-D", installed().join("lib/libsam.so")));
    assert_eq!(archive.len(), 12);
}
