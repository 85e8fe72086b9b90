//! Patterns of methods: `kv.store.get`, `kv.store.*`, `*`.

/// Whether a pattern means a name. A `*` stands for any text. The work is in proportion to both lengths, multiplied.
pub(in crate::change) fn means(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut of) = (0, 0);
    // Where the last `*` is, and up to where it stands for the name.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        if pattern.get(of) == Some(&b'*') {
            star = Some((of, at));
            of += 1;
        } else if pattern.get(of) == Some(&name[at]) {
            (at, of) = (at + 1, of + 1);
        } else if let Some((place, upto)) = star {
            star = Some((place, upto + 1));
            (at, of) = (upto + 1, place + 1);
        } else {
            return false;
        }
    }
    pattern[of..].iter().all(|&byte| byte == b'*')
}

/// Whether one of the patterns means a name, and only together with others: by a `*`. Notes which patterns mean one.
pub(in crate::change) fn is_meant(patterns: &[String], found: &mut [bool], name: &str) -> Option<bool> {
    let mut is_open = None;
    for (pattern, found) in patterns.iter().zip(found) {
        if means(pattern, name) {
            *found = true;
            is_open = Some(is_open.unwrap_or(true) && pattern.contains('*'));
        }
    }
    is_open
}

/// The first pattern that means nothing.
pub(in crate::change) fn lonely<'p>(patterns: &'p [String], found: &[bool]) -> Option<&'p str> {
    patterns.iter().zip(found).find(|(_, found)| !**found).map(|(pattern, _)| &**pattern)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::means;

    #[test]
    fn a_star_stands_for_any_text() {
        for pattern in ["kv.shop.get", "kv.shop.*", "*", "kv.*", "*.get", "kv.*.get", "k*t", "**", "kv.shop.get*"] {
            assert!(means(pattern, "kv.shop.get"), "{pattern}");
        }
        for pattern in ["", "kv.shop", "kv.shop.put", "shop.*", "*.put", "kv.shop.get.*", "kv.shop.ge"] {
            assert!(!means(pattern, "kv.shop.get"), "{pattern}");
        }
    }
}
