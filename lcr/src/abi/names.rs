//! The rules for names of components and interfaces. Two places apply them: the constant that
//! encodes a name in a component's image, and the host that decodes the name from a file.
//! `lcr-macros`, which cannot see this crate, applies the same rules earlier and reports the
//! author's line.

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// Letters, digits, `_`, `-` and `.`, the last two not in front: safe as a part of a file
/// name, and on a terminal. Packages are called so.
pub const fn is_component_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > LONGEST || matches!(bytes[0], b'.' | b'-') {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'_' | b'-' | b'.')) {
            return false;
        }
        i += 1;
    }
    true
}

/// `[a-z0-9_]+(\.[a-z0-9_]+)*`
pub const fn is_interface_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > LONGEST {
        return false;
    }
    let (mut i, mut in_word) = (0, false);
    while i < bytes.len() {
        match bytes[i] {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => in_word = true,
            b'.' if in_word => in_word = false,
            _ => return false,
        }
        i += 1;
    }
    in_word
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_called_as_a_package_may_be() {
        let longest = "x".repeat(128);
        for name in ["kv", "kv-hash", "_1.2", "Kv_9", &longest] {
            assert!(is_component_name(name), "{name}");
        }
        for name in ["", ".", "-kv", "../kv", "kv hash", "kv\n", "k\u{e4}", &(longest + "x")] {
            assert!(!is_component_name(name), "{name}");
        }
    }

    #[test]
    fn an_interface_is_called_by_words_with_dots_between() {
        let longest = "x".repeat(128);
        for name in ["kv", "kv.store", "a_1.2.c", &longest] {
            assert!(is_interface_name(name), "{name}");
        }
        for name in ["", ".", ".kv", "kv.", "kv..store", "Kv", "kv-store", "kv store", &(longest + "x")] {
            assert!(!is_interface_name(name), "{name}");
        }
    }
}
