//! What of the vault stays, whatever happens to the one who writes.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::testing::{Child, fork};

fn open(vault: &Vault) -> Writer {
    Writer::open(vault.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

/// What is stored, if anything is.
fn found(vault: &Vault) -> Option<Vec<u8>> {
    let writer = open(vault);
    let mut data = vec![0; writer.stored_len().unwrap()?];
    assert_eq!(writer.restore(&mut data).unwrap(), Some(data.len()));
    Some(data)
}

fn stored(vault: &Vault) -> Vec<u8> {
    found(vault).expect("something is stored")
}

#[test]
fn a_new_vault_has_nothing_and_one_with_an_empty_value_has_that() {
    let vault = Vault::create(1).unwrap();
    vault.fill(None).unwrap();
    let mut room = [9];
    assert_eq!((open(&vault).stored_len().unwrap(), open(&vault).restore(&mut room).unwrap()), (None, None));
    assert_eq!(room, [9]);
    // The first goes to one slot, and the second to the other.
    for _ in 0..2 {
        vault.fill(Some(b"")).unwrap();
        assert_eq!((open(&vault).stored_len().unwrap(), open(&vault).restore(&mut room).unwrap()), (Some(0), Some(0)));
    }
}

#[test]
fn the_next_one_finds_what_was_stored_last() {
    let vault = Vault::create(1 << 20).unwrap();
    let mut writer = open(&vault);
    for data in [&b"first"[..], b"second, longer", b"", b"3"] {
        writer.store(data).unwrap();
        assert_eq!(stored(&vault), data);
    }
}

#[test]
fn what_is_too_long_is_refused_and_the_old_stays() {
    let vault = Vault::create(3 * PAGE as u64 - 5).unwrap();
    let mut writer = open(&vault);
    assert_eq!(writer.capacity, 3 * PAGE, "rounded up");
    let all = vec![1; writer.capacity];
    writer.store(&all).unwrap();
    let error = writer.store(&vec![2; writer.capacity + 1]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(stored(&vault), all);
}

#[test]
fn a_buffer_that_is_too_short_is_refused_untouched() {
    let vault = Vault::create(1).unwrap();
    open(&vault).store(b"four").unwrap();
    let mut short = [9; 3];
    assert_eq!(open(&vault).restore(&mut short).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(short, [9; 3]);
}

#[test]
fn an_overwritten_commit_word_is_an_error_until_something_is_stored() {
    let vault = Vault::create(1).unwrap();
    let long = PAGE as u64 + 1;
    for word in [u64::MAX, !SLOT, STORED | long, SLOT | STORED | long, SLOT | 4, 4] {
        let mut writer = open(&vault);
        writer.store(b"data").unwrap();
        writer.commit().store(word, Ordering::Relaxed);
        assert_eq!(writer.stored_len().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(open(&vault).restore(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        open(&vault).store(b"new").unwrap();
        assert_eq!(stored(&vault), b"new");
    }
}

#[test]
fn what_is_no_vault_is_refused() {
    assert!(Writer::open(std::fs::File::open("/dev/null").unwrap().into()).is_err());
    assert!(Writer::open(memory::sealed(c"none", PAGE).unwrap()).is_err());
    assert!(Writer::open(memory::sealed(c"odd", 2 * PAGE).unwrap()).is_err());
}

#[test]
fn a_limit_of_file_sizes_limits_the_capacity_and_raises_no_signal() {
    let mut child = fork(|| {
        use nix::sys::resource::{Resource, setrlimit};
        setrlimit(Resource::RLIMIT_FSIZE, 10 * PAGE as u64, 10 * PAGE as u64).unwrap();
        let vault = Vault::create(DEFAULT_CAPACITY).unwrap();
        assert_eq!(open(&vault).capacity, 4 * PAGE);
        open(&vault).store(&vec![1; 4 * PAGE]).unwrap();
    });
    assert_eq!(child.wait(), Ok(0));
}

/// From here on `fallocate` says ENOSPC in this process.
fn without_memory() {
    const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt, jf, k }
    }
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_fallocate as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSPC as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: sets a flag of this process.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: `program` describes `filter`, which outlives the call.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(set, 0, "{}", io::Error::last_os_error());
}

#[test]
fn without_memory_a_store_is_an_error_and_the_old_stays() {
    let vault = Vault::create(1 << 30).unwrap();
    let mut child = fork(|| {
        let mut writer = open(&vault);
        writer.store(b"a").unwrap();
        writer.store(b"old").unwrap();
        without_memory();
        let error = writer.store(&vec![1; 8 << 20]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        let mut data = [0; 3];
        assert_eq!(writer.restore(&mut data).unwrap(), Some(3));
        assert_eq!(&data, b"old");
        // What has its pages already goes on.
        writer.store(b"new").unwrap();
    });
    assert_eq!(child.wait(), Ok(0));
    assert_eq!(stored(&vault), b"new");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_is_one_value(steps in prop::collection::vec((0..5 * PAGE, any::<u8>(), any::<bool>()), 1..20)) {
        let vault = Vault::create(4 * PAGE as u64).unwrap();
        let mut writer = open(&vault);
        let mut model = None;
        for (len, byte, again) in steps {
            let data = vec![byte; len];
            match writer.store(&data) {
                Ok(()) => model = Some(data),
                Err(_) => prop_assert!(len > 4 * PAGE),
            }
            if again {
                writer = open(&vault);
            }
            prop_assert_eq!(&found(&vault), &model);
        }
    }
}

/// A child that stores `versions` round and round, from the one after `done` on, and the numbers of
/// the newest that it began and finished.
fn storing(vault: &Vault, versions: &[Vec<u8>], progress: &Mapping) -> Child {
    let [begun, done] = counters(progress);
    fork(|| {
        let mut writer = open(vault);
        for version in done.load(Ordering::SeqCst) + 1.. {
            begun.store(version, Ordering::SeqCst);
            writer.store(&versions[version as usize % versions.len()]).unwrap();
            done.store(version, Ordering::SeqCst);
        }
    })
}

fn counters(progress: &Mapping) -> [&AtomicU64; 2] {
    // SAFETY: the page is mapped and aligned; only atomics touch it.
    unsafe { progress.address().cast::<[AtomicU64; 2]>().as_ref() }.each_ref()
}

#[test]
fn a_kill_in_the_middle_of_a_store_leaves_one_version_whole() {
    let mut random = fastrand::Rng::with_seed(0x5a3);
    let lens = [1, 8 << 20, 64, 1 << 20, 4096, 4 << 20, 7, PAGE, PAGE + 1, 300_000, 2 << 20];
    let versions: Vec<Vec<u8>> = lens
        .into_iter()
        .map(|len| {
            let seed = random.u64(..).to_ne_bytes();
            seed.into_iter().cycle().take(len).collect()
        })
        .collect();
    let vault = Vault::create(8 << 20).unwrap();
    let progress = Mapping::new(memory::sealed(c"progress", PAGE).unwrap(), 0, PAGE).unwrap();
    let [begun, done] = counters(&progress);
    let mut killed_in_a_store = 0;
    for _ in 0..300 {
        let goal = begun.load(Ordering::SeqCst) + random.u64(1..12);
        let mut child = storing(&vault, &versions, &progress);
        while begun.load(Ordering::SeqCst) < goal {
            assert_eq!(child.ended(), None);
        }
        for _ in 0..random.u32(..20_000) {
            std::hint::spin_loop();
        }
        child.kill();
        assert_eq!(child.wait(), Err(libc::SIGKILL));
        let (begun, finished) = (begun.load(Ordering::SeqCst), done.load(Ordering::SeqCst));
        killed_in_a_store += u32::from(begun != finished);
        let found = found(&vault);
        let version = [finished, begun].into_iter().find(|&version| {
            let data = &versions[version as usize % versions.len()];
            if version == 0 { found.is_none() } else { found.as_ref() == Some(data) }
        });
        let Some(version) = version else {
            panic!("{:?} bytes are neither version {finished} nor {begun}", found.map(|data| data.len()));
        };
        done.store(version, Ordering::SeqCst);
    }
    assert!(killed_in_a_store > 0, "no kill came in a store: the test shows nothing");
}
