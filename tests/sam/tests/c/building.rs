//! Compilers, ways of linking, and how the tests build and run programs in C.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

/// The name and the flags of each compiler.
pub const LANGUAGES: [(&str, &[&str]); 3] =
    [("cc", &["-std=c99"]), ("cc", &["-std=c17"]), ("c++", &["-x", "c++", "-std=c++17"])];

pub const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The system's libraries that libsam.a needs.
pub const SYSTEM: [&str; 5] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// How a program is linked to libsam.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// libsam.so, which the loader finds.
    Shared,
    /// libsam.a as cargo builds it, and the system's shared libraries.
    Archive,
    /// The installed libsam.a in a program that has no loader at all.
    Static,
}

/// The ways of linking that this machine offers.
pub fn links() -> Vec<Link> {
    let mut links = vec![Link::Shared, Link::Archive];
    if has_static_libc() {
        links.push(Link::Static);
    }
    links
}

pub fn has_static_libc() -> bool {
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
pub fn languages() -> Vec<usize> {
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

pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c")
}

pub fn headers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sam/include")
}

/// The folder of this profile's libraries, which cargo builds anew if the sources have changed.
pub fn libraries() -> &'static Path {
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
pub fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libsam");
        run(&mut install(&prefix));
        prefix
    })
}

pub fn install(prefix: &Path) -> Command {
    let mut install = Command::new("sh");
    install.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sam/c/install.sh"));
    install.env("prefix", prefix).env("from", libraries());
    for other in ["DESTDIR", "libdir", "includedir", "mandir"] {
        install.env_remove(other);
    }
    install
}

/// Runs a command to its end, which must be a success, and returns its output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Compiles and links the suite in one way.
pub fn compile(language: usize, link: Link, into: &Path) -> PathBuf {
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
pub fn folder_with(library: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(library, folder.path().join("libsam.so.4")).unwrap();
    folder
}

/// Prints to standard error, past the test harness, what was not tested.
pub fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// corosync's library, if it is installed where programs are linked.
pub fn corosyncs() -> Option<PathBuf> {
    let path = PathBuf::from(run(Command::new("cc").arg("-print-file-name=libsam.so.4")).trim());
    let is_its = path.is_absolute() && run(Command::new("nm").arg("-D").arg(&path)).contains("COROSYNC_SAM_1.0");
    is_its.then_some(path)
}
