#[cfg(unix)]
#[lcr::patch(interface = dyn Store, name = "no-secrets", version = "1.2.3", component = "kv-hash")]
mod no_secrets {
    pub fn get(next: &dyn Fn(&str) -> Option<u64>, key: &str) -> Option<u64> {
        if is_secret(key) { None } else { next(key) }
    }
    #[cfg(feature = "types")]
    pub fn r#type(next: &dyn Fn() -> u64) -> u64 {
        next()
    }
    fn is_secret(key: &str) -> bool {
        key.starts_with("secret/")
    }
}
