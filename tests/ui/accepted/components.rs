//! Components.

mod component_impls {
    #[lcr::interface(name = "kv", version = 1)]
    pub trait Store {
        fn len(&self) -> u64;
    }

    #[derive(Default)]
    pub struct Cache<T>(pub T);

    #[lcr::component(name = "numbers")]
    impl Store for Cache<u64> {
        fn len(&self) -> u64 {
            0
        }
    }

    #[lcr::component(name = "names")]
    impl Store for Cache<Option<&'static str>> {
        fn len(&self) -> u64 {
            0
        }
    }
}

mod component_contract {
    pub mod kv {
        #[lcr::interface(name = "kv", version = 1)]
        pub trait Store {
            fn len(&self) -> u64;
        }
    }

    pub struct Kept(u64);

    impl Kept {
        fn open(_: &lcr::Context) -> Result<Kept, String> {
            Ok(Kept(0))
        }
    }

    pub fn check(kept: &Kept) -> Result<(), std::fmt::Error> {
        if kept.0 == 0 { Ok(()) } else { Err(std::fmt::Error) }
    }

    impl lcr::Stateful for Kept {
        type State = u64;
        fn save(&self) -> Result<u64, lcr::BoxError> {
            Ok(self.0)
        }
        fn restore(state: u64, _: &lcr::Context) -> Result<Kept, lcr::BoxError> {
            Ok(Kept(state))
        }
    }

    #[lcr::component(
        create = Self::open,
        healthy = check,
        state,
        protected,
        unload,
        deps(super::super::interfaces::interface_results::Store),
        replaces(1),
        name = "kept.1",
        version = "1.2.3-rc.1",
    )]
    impl kv::Store for Kept {
        fn len(&self) -> u64 {
            self.0
        }
    }
}
