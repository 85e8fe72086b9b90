use crate::host::{
    image::{
        manifest::tests::record,
        stage::{
            Store, Trust,
            samples::{Random, SOURCE, Sample, good},
        },
    },
    service::host_table::HOST_TABLE,
};

use super::*;
use std::{ffi::OsStr, os::unix::process::ExitStatusExt, process::Command};

fn store() -> Store {
    Store::new(None, Trust::default()).unwrap()
}

fn open(store: &Store, path: &Path) -> Result<Image> {
    Image::open(&store.stage(path)?, &HOST_TABLE).map(|(image, _)| image).map_err(|refused| refused.error)
}

fn refusal(sample: &Sample, kind: ErrorKind) -> String {
    let error = open(&store(), &sample.path()).expect_err("opened");
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.contains("component.so: ") && !text.contains('\n'), "{text}");
    error.to_string()
}

#[test]
fn what_registered_is_paired_with_the_manifest() {
    let store = store();
    let staged = store.stage(&good().path()).unwrap();
    let (image, exports) = Image::open(&staged, &HOST_TABLE).unwrap();
    let ([manifest], [export]) = (&staged.manifest.exports[..], &exports[..]) else { panic!("{image:?}") };
    assert_eq!((manifest.record(), export.export.thunk_count), (export.export.manifest(), 2));
    assert_eq!((image.holds().all(), image.mapped_bytes()), (0, staged.mapped));
    drop(staged);
    assert!(image.path().exists(), "debuggers find it");
}

#[test]
fn only_opening_runs_code() {
    let sample = Sample::new(&record(), &record(), "");
    let store = store();
    Manifest::read(sample.path()).unwrap();
    let staged = store.stage(&sample.path()).unwrap();
    assert!(!sample.has_run());
    Image::open(&staged, &HOST_TABLE).unwrap();
    assert!(sample.has_run());
}

#[test]
fn the_bytes_that_an_image_is_said_to_take_are_those_it_maps() {
    let store = store();
    let image = open(&store, &good().path()).unwrap();
    let path = image.path().to_str().unwrap();
    let mut addresses = Vec::new();
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines().filter(|line| line.ends_with(path)) {
        let range = line.split(' ').next().unwrap().split('-');
        addresses.extend(range.map(|address| usize::from_str_radix(address, 16).unwrap()));
    }
    let span = addresses.iter().max().unwrap() - addresses.iter().min().unwrap();
    // The last segment's zeroed pages are mapped without the file's name.
    assert!((span..span + 0x10_0000).contains(&image.mapped_bytes()), "{span} {}", image.mapped_bytes());
}

#[test]
fn each_load_of_one_file_is_an_image_of_its_own() {
    let store = store();
    let (one, two) = (open(&store, &good().path()).unwrap(), open(&store, &good().path()).unwrap());
    assert!(!std::ptr::eq(one.table, two.table));
}

#[test]
fn an_unresolved_symbol_is_named_before_any_code_runs() {
    let more = "unsafe extern \"C\" { fn nobody_has_this(); }
        #[unsafe(no_mangle)] pub extern \"C\" fn caller() { unsafe { nobody_has_this() } }";
    let sample = Sample::new(&record(), &record(), more);
    let text = refusal(&sample, ErrorKind::Load);
    assert!(text.contains("undefined symbol: nobody_has_this; link what defines it"), "{text}");
    assert!(!sample.has_run());
}

#[test]
fn what_registers_something_else_than_its_file_says_is_refused() {
    let mut other = record();
    *other.last_mut().unwrap() ^= 1;
    let text = refusal(&Sample::new(&record(), &other, ""), ErrorKind::BadManifest);
    assert!(text.contains("HashStore as kv.store"), "{text}");
    let two = [record(), crate::host::image::manifest::tests::newer()].concat();
    let text = refusal(&Sample::new(&two, &record(), ""), ErrorKind::BadManifest);
    assert!(text.contains("registers 1 implementations, its manifest has 2"), "{text}");
}

#[test]
fn an_image_that_is_refused_when_it_is_mapped_is_counted() {
    let rt = crate::Runtime::builder().linked(false).build().unwrap();
    let free = crate::host::image::manifest::tests::free();
    let mut other = free.clone();
    *other.last_mut().unwrap() ^= 1;
    let unresolved = "unsafe extern \"C\" { fn nobody_has_this(); }
        #[unsafe(no_mangle)] pub extern \"C\" fn caller() { unsafe { nobody_has_this() } }";
    let mut bytes = 0;
    for (sample, retained) in [
        (Sample::new(&free, &free, unresolved), 0),
        (Sample::new(&free, &other, ""), 1),
        (Sample::new(&free, &[], ""), 2),
    ] {
        rt.load(sample.path()).unwrap_err();
        let status = rt.status();
        assert_eq!(status.retained_images, retained);
        assert_eq!(status.retained_image_bytes > bytes, retained > 0);
        bytes = status.retained_image_bytes;
    }
}

/// A component without a std, so that it leaves nothing with threads.
const WITHOUT_STD: &str = r##"
#![no_std]
#[used]
#[unsafe(link_section = ".lcr.manifest")]
static FILE: [u8; include_bytes!("file.record").len()] = *include_bytes!("file.record");

struct RuntimeInner<T>(T);
unsafe impl<T> Sync for RuntimeInner<T> {}
include!("layout.rs");
static EXPORT: RuntimeInner<Export> = RuntimeInner(Export {
    manifest: FILE.as_ptr(), manifest_len: FILE.len(), thunks: THUNKS.as_ptr(), thunk_count: 2,
    create: nothing, destroy: nothing, healthy: Some(nothing), save: Some(nothing), restore: Some(nothing),
    incremental: 0, state: 0,
    identity: nothing, crossings: 0, downgrade: None,
});
static EXPORTS: RuntimeInner<*const Export> = RuntimeInner(&EXPORT.0);
static TABLE: RuntimeInner<Table> = RuntimeInner(Table {
    abi: 7, count: 1, exports: &EXPORTS.0, holds: &COUNT, flush: nothing, allocate: nothing, free: nothing, objects: &0,
    point_count: 0, points: 0,
});

#[unsafe(no_mangle)]
pub extern "C" fn lcr_entry_7(_host: *const u8) -> *const Table { &TABLE.0 }

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"##;

#[test]
fn an_image_is_unmapped_only_when_nothing_holds_it() {
    let sample = Sample::compile(&record(), &record(), WITHOUT_STD, &["-Cpanic=abort"]);
    let store = store();
    let image = open(&store, &sample.path()).unwrap();
    let path = image.path().to_owned();

    // SAFETY: the sample exports a counter of this name and type.
    let count = unsafe { image.library.get::<*const std::sync::atomic::AtomicUsize>("COUNT") }.unwrap().into_raw();
    // SAFETY: a static of the image, which is mapped.
    let count = unsafe { &*count.cast::<std::sync::atomic::AtomicUsize>() };
    count.store(3, std::sync::atomic::Ordering::Relaxed);
    // SAFETY: nothing runs in the image, nothing but `count` points into it.
    let held = unsafe { image.unload(false) }.unwrap_err();
    assert!(held.error.to_string().contains("3 of its values"), "{}", held.error);
    count.store(0, std::sync::atomic::Ordering::Relaxed);

    let other = still_mapped(&path).expect("it is mapped");
    // SAFETY: as above.
    let held = unsafe { held.image.unload(false) }.unwrap_err();
    assert!(held.error.to_string().contains("another library uses it"), "{}", held.error);
    assert_eq!(held.error.kind(), ErrorKind::Load);
    drop(other);

    // SAFETY: nothing points into the image any more.
    unsafe { held.image.unload(false) }.unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains(path.to_str().unwrap()) && !path.exists());
}

#[test]
fn an_image_that_leaves_destructors_with_threads_itself_is_never_unmapped() {
    let image = open(&store(), &good().path()).unwrap();
    // SAFETY: nothing points into the image.
    let held = unsafe { image.unload(false) }.unwrap_err();
    assert!(held.error.to_string().contains("leaves destructors with threads"), "{}", held.error);
}

#[test]
fn an_image_that_starts_threads_of_c11_is_never_unmapped() {
    for function in ["thrd_create", "tss_create"] {
        let more = format!(
            "{WITHOUT_STD}\nunsafe extern \"C\" {{ fn {function}(); }}
            #[used] static C11: unsafe extern \"C\" fn() = {function};"
        );
        let sample = Sample::compile(&record(), &record(), &more, &["-Cpanic=abort"]);
        let image = open(&store(), &sample.path()).unwrap();
        // SAFETY: nothing points into the image.
        let held = unsafe { image.unload(false) }.unwrap_err();
        assert!(held.error.to_string().contains("threads of C11"), "{}", held.error);
    }
}

#[test]
fn a_library_that_is_linked_to_stay_is_not_unmapped() {
    let sample = Sample::compile(&record(), &record(), SOURCE, &["-Clink-arg=-Wl,-z,nodelete"]);
    let image = open(&store(), &sample.path()).unwrap();
    // SAFETY: nothing points into the image.
    let held = unsafe { image.unload(false) }.unwrap_err();
    assert!(held.error.to_string().contains("nodelete"), "{}", held.error);
}

const DAMAGED: &str = "LCR_TEST_DAMAGED";

/// PEERS 61, the other way round: what the checks accept, the loader survives. Headers are
/// changed at random; each file that is still accepted is opened, in a process of its own.
#[test]
fn the_loader_survives_whatever_is_accepted() {
    if let Some(directory) = std::env::var_os(DAMAGED) {
        return open_all(&directory);
    }
    let mut random = Random::new(2);
    let (file, tables) = (good().bytes(), 0x400);
    let accepted = tempfile::tempdir().unwrap();
    let mut count = 0;
    while count < 40 {
        let mut changed = file.clone();
        let at = match random.below(2) {
            0 => random.below(tables),
            _ => file.len() - 1 - random.below(0x900),
        };
        changed[at] = random.below(256) as u8;
        let path = accepted.path().join(format!("{at:x}.so"));
        crate::host::image::stage::samples::write(&path, &changed);
        if changed == file || store().stage(&path).is_err() {
            std::fs::remove_file(&path).unwrap();
        } else {
            count += 1;
        }
    }
    let test = "host::image::library::tests::the_loader_survives_whatever_is_accepted";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DAMAGED, accepted.path())
        .output()
        .unwrap();
    let (signal, last) = (output.status.signal(), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "killed by {signal:?}, see {:?}:\n{last}", accepted.keep());
}

/// What the child of the test above does.
fn open_all(directory: &OsStr) {
    let store = store();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        let _ = open(&store, &path);
    }
}
