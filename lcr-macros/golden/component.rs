#[lcr::component]
impl Store for HashStore {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.map.get(key)
    }
}

#[cfg(unix)]
#[lcr::component(
    create = Self::open,
    healthy = health::check,
    state,
    incremental = entries,
    deps(Journal, other::Clock),
    replaces(1),
    unload,
    name = "kv-cache",
    version = "1.2.3"
)]
impl ::kv::Store for Cache<u64> {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}

#[lcr::component(state = counts, state_version = 2, migrate = Self::migrate, downgrade = older, downgrades_to(1))]
impl Store for Kept {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}
