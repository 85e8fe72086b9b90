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

mod kept_states {
    use std::{
        collections::{BTreeMap, HashMap},
        sync::{Arc, Mutex},
    };

    #[lcr::interface(name = "kept", version = 1)]
    pub trait Store {
        fn len(&self) -> u64;
    }

    #[derive(Default, lcr::Layout)]
    pub struct Entry<T> {
        pub value: T,
        pub next: Option<Box<Entry<T>>>,
    }

    #[derive(Default)]
    pub struct Moves {
        state: Arc<lcr::State<HashMap<String, Entry<Mutex<&'static str>>>>>,
    }

    #[lcr::component(state = state, name = "moves")]
    impl Store for Moves {
        fn len(&self) -> u64 {
            self.state.read().len() as u64
        }
    }

    /// Serde knows it, and nothing describes it.
    type Numbers = BTreeMap<u64, Box<std::path::Path>>;

    #[derive(Default)]
    pub struct Copies(lcr::State<Numbers>);

    #[lcr::component(state = 0, state_version = 2, name = "copies")]
    impl Store for Copies {
        fn len(&self) -> u64 {
            self.0.read().len() as u64
        }
    }
}
