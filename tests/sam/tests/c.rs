//! libsam for C: the suite of `tests/sam/c`, compiled as C99, C17 and C++17, linked in each
//! way, and the same binaries with corosync's own library.
//!
//! `c/DIFFERENCES.md` lists each difference with the reason for ours. The test fails if a difference is not
//! listed, or if a listed difference does not exist. Where corosync's library is not installed (`libsam4` and
//! `libsam-dev` in Debian), the tests say so and pass.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tempfile::TempDir;

/// The name and the flags of each compiler.
const LANGUAGES: [(&str, &[&str]); 3] =
    [("cc", &["-std=c99"]), ("cc", &["-std=c17"]), ("c++", &["-x", "c++", "-std=c++17"])];

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The system's libraries that libsam.a needs.
const SYSTEM: [&str; 5] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// How a program is linked to libsam.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    /// libsam.so, which the loader finds.
    Shared,
    /// libsam.a as cargo builds it, and the system's shared libraries.
    Archive,
    /// The installed libsam.a in a program that has no loader at all.
    Static,
}

/// The ways of linking that this machine offers.
fn links() -> Vec<Link> {
    let mut links = vec![Link::Shared, Link::Archive];
    if has_static_libc() {
        links.push(Link::Static);
    }
    links
}

fn has_static_libc() -> bool {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("nothing.c");
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut probe = Command::new("cc");
    let has = probe.arg("-static").arg(&source).arg("-o").arg(place.path().join("nothing")).output();
    let has = has.unwrap().status.success();
    if !has {
        skipped("the C library is not there as an archive, so no fully static program was linked");
    }
    has
}

/// The languages whose compiler is installed. A C compiler must be.
fn languages() -> Vec<usize> {
    let is_there = |&language: &usize| {
        let compiler = LANGUAGES[language].0;
        let is_there = Command::new(compiler).arg("--version").output().is_ok();
        if !is_there && compiler == "c++" {
            skipped("no C++ compiler is installed, so nothing was shown of C++17");
        }
        is_there || compiler == "cc"
    };
    (0..LANGUAGES.len()).filter(is_there).collect()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c")
}

fn headers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sam/include")
}

/// The folder of this profile's libraries, which cargo builds anew if the sources have changed.
fn libraries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut folder = env::current_exe().unwrap();
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--locked", "--package", "sam-c", "--target-dir"])
            .arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        run(&mut cargo);
        folder
    })
}

/// The folder of an installation, which a program's linker searches.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libsam");
        run(&mut install(&prefix));
        prefix
    })
}

fn install(prefix: &Path) -> Command {
    let mut install = Command::new("sh");
    install.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sam/c/install.sh"));
    install.env("prefix", prefix).env("from", libraries());
    for other in ["DESTDIR", "libdir", "includedir", "mandir"] {
        install.env_remove(other);
    }
    install
}

/// Runs a command to its end, which must be a success, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Compiles and links the suite in one way.
fn compile(language: usize, link: Link, into: &Path) -> PathBuf {
    let (compiler, flags) = LANGUAGES[language];
    let program = into.join(format!("{}-{link:?}", flags[flags.len() - 1]));
    let mut command = Command::new(compiler);
    command.args(flags).args(STRICT).arg("-I").arg(headers());
    command.args(["suite.c", "life.c", "health.c", "recovery.c", "data.c", "crowd.c"].map(|name| sources().join(name)));
    command.args(["-x", "none", "-o"]).arg(&program);
    match link {
        Link::Shared => command.arg(libraries().join("libsam.so")).arg("-lpthread"),
        Link::Archive => command.arg(libraries().join("libsam.a")).args(SYSTEM),
        Link::Static => {
            let search = format!("-L{}", installed().join("lib").display());
            command.args(["-static", "-Wl,--fatal-warnings", &search, "-lsam"]).args(SYSTEM)
        }
    };
    run(&mut command);
    program
}

/// A folder in which the loader finds this library under the name that programs ask for.
fn folder_with(library: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(library, folder.path().join("libsam.so.4")).unwrap();
    folder
}

/// The cases of a program: the name of each, and the reason why it is not run with corosync's library.
fn cases(program: &Path, folder: &Path) -> Vec<(String, String)> {
    let list = run(Command::new(program).env("LD_LIBRARY_PATH", folder));
    let cases = list.lines().map(|line| line.split_once('\t').unwrap());
    cases.map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
}

/// Runs cases at one time, because most of them wait, and returns the output of each.
fn run_all(jobs: &[(PathBuf, String)], folder: &Path, patience: u32) -> Vec<String> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); jobs.len()]));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((program, case)) = jobs.get(index) else { return };
            let mut command = Command::new(program);
            command.arg(case).env("LD_LIBRARY_PATH", folder).env("SAM_LOG", "0");
            let said = run(command.env("SUITE_PATIENCE", patience.to_string()));
            results.lock().unwrap()[index] = said;
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap()
}

/// The facts of a case that are not as wanted: the fact, what was wanted, and what it was.
fn otherwise(case: &str, said: &str) -> Vec<(String, String, String)> {
    let facts = said.lines().filter_map(|line| line.strip_prefix("no "));
    let parts = facts.map(|fact| {
        let (what, values) = fact.split_once(' ').unwrap().1.rsplit_once(" = ").unwrap();
        let (was, wanted) = values.split_once(", not ").unwrap();
        (format!("{case}: {what}"), wanted.to_owned(), was.to_owned())
    });
    parts.collect()
}

/// Prints to standard error, past the test harness, what was not tested.
fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// corosync's library, if it is installed where programs are linked.
fn corosyncs() -> Option<PathBuf> {
    let path = PathBuf::from(run(Command::new("cc").arg("-print-file-name=libsam.so.4")).trim());
    let is_its = path.is_absolute() && run(Command::new("nm").arg("-D").arg(&path)).contains("COROSYNC_SAM_1.0");
    is_its.then_some(path)
}

#[test]
fn every_case_holds_in_c99_c17_and_cpp17_linked_in_each_way() {
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&libraries().join("libsam.so"));
    let mut jobs = Vec::new();
    let (languages, links) = (languages(), links());
    for (&language, &link) in languages.iter().flat_map(|language| links.iter().map(move |link| (language, link))) {
        let program = compile(language, link, built.path());
        jobs.extend(cases(&program, folder.path()).into_iter().map(|(case, _)| (program.clone(), case)));
    }
    assert!(jobs.len() >= languages.len() * links.len() * 50, "{} cases", jobs.len());
    for ((program, case), said) in jobs.iter().zip(run_all(&jobs, folder.path(), 60)) {
        let all_well = said.lines().all(|line| line.starts_with("ok "));
        assert!(all_well && said.contains("ok 0 its status = "), "{}, {case}:\n{said}", program.display());
    }
}

#[test]
fn valgrind_finds_no_error_in_a_c_programs_supervisor() {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        return skipped(&format!("there is no valgrind, so nothing was shown with it: {error}"));
    }
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&libraries().join("libsam.so"));
    let program = compile(1, Link::Shared, built.path());
    // The processes are the suite, a supervisor, and the instances that end by themselves.
    for (case, processes) in [("three instances", 5), ("NULL erases", 4), ("a hang is warned by SIGTERM", 3)] {
        let logs = tempfile::tempdir().unwrap();
        let mut command = Command::new("valgrind");
        command.arg("--error-exitcode=99").arg(format!("--log-file={}/%p", logs.path().display()));
        command.arg(&program).arg(case).env("LD_LIBRARY_PATH", folder.path()).env("SAM_LOG", "0");
        let said = run(&mut command);
        assert!(said.lines().all(|line| line.starts_with("ok ")) && said.contains("its status = "), "{case}: {said}");
        // A process that was killed, as a standby child is, has no summary.
        let logs = fs::read_dir(logs.path()).unwrap().map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
        let logs: Vec<_> = logs.filter(|log| log.contains("ERROR SUMMARY")).collect();
        assert!(logs.len() >= processes, "{case}: {logs:#?}");
        assert!(logs.iter().all(|log| log.contains("ERROR SUMMARY: 0 errors")), "{case}: {logs:#?}");
    }
}

#[test]
fn corosyncs_library_differs_from_this_one_exactly_as_listed() {
    let Some(library) = corosyncs() else {
        return skipped("corosync's libsam.so.4 is not installed, so nothing was compared with it");
    };
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&library);
    let program = compile(1, Link::Shared, built.path());
    let (own, shared): (Vec<_>, Vec<_>) =
        cases(&program, folder.path()).into_iter().partition(|(_, reason)| !reason.is_empty());
    let jobs: Vec<_> = shared.into_iter().map(|(case, _)| (program.clone(), case)).collect();
    let mut found = BTreeSet::new();
    for ((_, case), said) in jobs.iter().zip(run_all(&jobs, folder.path(), 10)) {
        found.extend(otherwise(case, &said));
    }
    let text = fs::read_to_string(sources().join("DIFFERENCES.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches('`')).collect())
        .collect();
    let differences = rows.iter().filter(|row| row.len() == 4);
    let listed: BTreeSet<_> =
        differences.map(|row| (row[0].to_owned(), row[1].to_owned(), row[2].to_owned())).collect();
    let (new, gone): (Vec<_>, Vec<_>) = (found.difference(&listed).collect(), listed.difference(&found).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "differences that are not listed: {new:#?}\nlisted, but not found: {gone:#?}"
    );
    let not_run: BTreeSet<_> = rows.iter().filter(|row| row.len() == 2).map(|row| (row[0], row[1])).collect();
    let own: BTreeSet<_> = own.iter().map(|(case, reason)| (case.as_str(), reason.as_str())).collect();
    assert_eq!(own, not_run, "the cases that are not run with corosync's library differ from the list");
}

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
