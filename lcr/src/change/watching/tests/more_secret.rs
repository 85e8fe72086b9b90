//! A watch over a replacement by a version that keeps more secret.

use super::*;

/// The first version of a vault.
mod vault_1 {
    #[lcr::interface(name = "watch.vault", version = 1)]
    pub(super) trait Vault {
        fn open(&self, code: &str) -> usize;
        fn put(&self, thing: Thing) -> usize;
        fn knock(&self, #[abi(secret)] sign: &str, loud: bool) -> usize;
    }

    #[derive(Clone, Debug, lcr::Abi)]
    pub(super) struct Thing {
        pub(super) name: String,
    }

    pub(super) struct Steel;

    impl Vault for Steel {
        fn open(&self, code: &str) -> usize {
            code.len()
        }
        fn put(&self, thing: Thing) -> usize {
            thing.name.len()
        }
        fn knock(&self, sign: &str, _: bool) -> usize {
            sign.len()
        }
    }
}

/// The next version, which keeps more secret.
mod vault_2 {
    #[lcr::interface(name = "watch.vault", version = 1)]
    pub(super) trait Vault {
        fn open(&self, #[abi(secret)] code: &str) -> usize;
        fn put(&self, thing: Thing) -> usize;
        fn knock(&self, #[abi(secret)] sign: &str, loud: bool) -> usize;
    }

    #[derive(Clone, Debug, lcr::Abi)]
    pub(super) struct Thing {
        #[abi(secret)]
        pub(super) name: String,
    }

    pub(super) struct Glass;

    impl Vault for Glass {
        fn open(&self, code: &str) -> usize {
            100 + code.len()
        }
        fn put(&self, thing: Thing) -> usize {
            100 + thing.name.len()
        }
        fn knock(&self, sign: &str, _: bool) -> usize {
            100 + sign.len()
        }
    }
}

#[test]
fn what_a_new_version_keeps_secret_is_never_printed() {
    use vault_1::Vault as _;

    let rt = Runtime::builder().linked(false).build().unwrap();
    rt.provide::<dyn vault_1::Vault, _>("vault", Arc::new(vault_1::Steel)).unwrap();
    let vault = rt.service::<dyn vault_1::Vault>().unwrap();
    let call = |word: &str| {
        let thing = vault_1::Thing { name: word.to_owned() };
        (vault.open(word), vault.put(thing), vault.knock(word, true))
    };
    let trace = rt.watch(Watch::trace("watch.vault.*").values()).unwrap();
    let record = rt.watch(Watch::record("watch.vault.*")).unwrap();
    let take = || {
        let lines = |watching: &Watching| std::iter::from_fn(|| watching.next_line()).collect::<Vec<_>>();
        (lines(&trace), lines(&record))
    };
    assert_eq!(call("hidden"), (6, 6, 6));
    let (traced, recorded) = take();
    for lines in [&traced, &recorded] {
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].contains("hidden") && lines[1].contains("hidden") && !lines[2].contains("hidden"),
            "{lines:?}"
        );
    }
    rt.provide::<dyn vault_2::Vault, _>("vault", Arc::new(vault_2::Glass)).unwrap();
    assert_eq!(call("hidden"), (106, 106, 106));
    let (traced, recorded) = take();
    for lines in [&traced, &recorded] {
        let [knocked] = &lines[..] else { panic!("{lines:?}") };
        assert!(knocked.contains("watch.vault.knock") && !knocked.contains("hidden"), "{knocked}");
    }
    rt.provide::<dyn vault_1::Vault, _>("vault", Arc::new(vault_1::Steel)).unwrap();
    assert_eq!(call("shown"), (5, 5, 5));
    assert_eq!(take().0.len(), 3, "it fits again");
}
