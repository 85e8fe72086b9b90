//! Libraries for tests: real ones, compiled here, with a manifest, an entry and a constructor
//! that leaves a mark. They do not link `lcr`, so each can be wrong in its own way.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};
use tempfile::TempDir;

/// `ImageTable` and `Export` in their C layout, written out by hand; what sources include as `layout.rs`.
const LAYOUT: &str = r##"
#[repr(C)]
pub struct Export {
    manifest: *const u8, manifest_len: usize, thunks: *const usize, thunk_count: usize,
    create: extern "C" fn(), destroy: extern "C" fn(),
    healthy: Option<extern "C" fn()>, save: Option<extern "C" fn()>, restore: Option<extern "C" fn()>,
    incremental: usize, state: usize,
    identity: extern "C" fn(), crossings: usize, downgrade: Option<extern "C" fn()>,
}
#[repr(C)]
pub struct Table {
    abi: u32, count: usize, exports: *const *const Export, holds: *const [core::sync::atomic::AtomicUsize; 7],
    flush: extern "C" fn(), allocate: extern "C" fn(), free: extern "C" fn(), objects: *const u32,
    point_count: usize, points: usize,
}

extern "C" fn nothing() {}
#[unsafe(no_mangle)]
pub static COUNT: [core::sync::atomic::AtomicUsize; 7] = [const { core::sync::atomic::AtomicUsize::new(0) }; 7];
static THUNKS: [usize; 2] = [0; 2];
"##;

/// A component with a table and one export.
pub(in crate::host) const SOURCE: &str = r##"
#[used]
#[unsafe(link_section = ".lcr.manifest")]
static FILE: [u8; include_bytes!("file.record").len()] = *include_bytes!("file.record");
static REGISTERED: &[u8] = include_bytes!("registered.record");

#[used]
#[unsafe(link_section = ".init_array")]
static MARK: extern "C" fn() = { extern "C" fn mark() { let _ = std::fs::write(env!("MARK"), ""); } mark };

include!("layout.rs");

#[unsafe(no_mangle)]
pub extern "C" fn lcr_entry_7(_host: *const u8) -> *const Table {
    let export = Box::leak(Box::new(Export {
        manifest: REGISTERED.as_ptr(), manifest_len: REGISTERED.len(), thunks: THUNKS.as_ptr(), thunk_count: 2,
        create: nothing, destroy: nothing, healthy: Some(nothing), save: Some(nothing), restore: Some(nothing),
        incremental: 0, state: 0,
    identity: nothing, crossings: 0, downgrade: None,
    }));
    let exports = Box::leak(Box::new(export as *const Export));
    Box::leak(Box::new(Table {
        abi: 7, count: 1, exports, holds: &COUNT, flush: nothing, allocate: nothing, free: nothing, objects: &0,
        point_count: 0, points: 0,
    }))
}
"##;

/// A compiled library in a directory of its own.
pub(in crate::host) struct Sample {
    directory: PathBuf,
    /// Removes the directory, unless it is shared.
    _own: Option<TempDir>,
}

impl Sample {
    /// Compiles a component with this record in its section, `registered` at run time, and
    /// `more` source.
    pub(in crate::host) fn new(record: &[u8], registered: &[u8], more: &str) -> Sample {
        Sample::compile(record, registered, &format!("{SOURCE}\n{more}"), &[])
    }

    /// Compiles any source, which may include the records.
    pub(in crate::host) fn compile(record: &[u8], registered: &[u8], source: &str, flags: &[&str]) -> Sample {
        let own = tempfile::tempdir().unwrap();
        let sample = Sample { directory: own.path().to_owned(), _own: Some(own) };
        let inputs = [
            ("file.record", record),
            ("registered.record", registered),
            ("a.rs", source.as_bytes()),
            ("layout.rs", LAYOUT.as_bytes()),
        ];
        for (name, contents) in inputs {
            std::fs::write(sample.directory.join(name), contents).unwrap();
        }
        let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "--crate-type=cdylib", "-Cstrip=debuginfo", "-Copt-level=1"])
            .args(flags)
            .arg(sample.directory.join("a.rs"))
            .arg("-o")
            .arg(sample.path())
            .env("MARK", sample.mark())
            .output()
            .expect("rustc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sample
    }

    pub(in crate::host) fn path(&self) -> PathBuf {
        self.directory.join("component.so")
    }

    pub(in crate::host) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    fn mark(&self) -> PathBuf {
        self.directory.join("mark")
    }

    /// Whether any code of the library has run.
    pub(in crate::host) fn has_run(&self) -> bool {
        self.mark().exists()
    }
}

/// Writes a file that no other user may write to, whatever the umask.
pub(in crate::host) fn write(path: &Path, contents: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, contents).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A component without fault, compiled once for all tests and all their processes.
pub(in crate::host) fn good() -> &'static Sample {
    static GOOD: OnceLock<Sample> = OnceLock::new();
    GOOD.get_or_init(|| {
        let record = crate::host::image::manifest::tests::record();
        let hash = blake3::hash(&[SOURCE.as_bytes(), LAYOUT.as_bytes(), &record].concat());
        let directory = Path::new(env!("OUT_DIR")).join(format!("sample-{hash}"));
        let shared = Sample { directory, _own: None };
        if !shared.path().exists() {
            std::fs::create_dir_all(&shared.directory).unwrap();
            let fresh = shared.directory.join(std::process::id().to_string());
            write(&fresh, &Sample::new(&record, &record, "").bytes());
            std::fs::rename(fresh, shared.path()).unwrap();
        }
        shared
    })
}

/// A small deterministic generator (xorshift64), so that a failure can be repeated.
pub(in crate::host) struct Random(u64);

impl Random {
    pub(in crate::host) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(in crate::host) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
