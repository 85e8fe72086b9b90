//! Where a key stands in a scan.
//!
//! All engines order keys by one function of the key alone, so a cursor that one
//! engine gave means the same to the engine that replaces it in the middle of a scan.
//! A page never ends within a group of keys of one position; the cursor that follows
//! it is the last position plus one.
//!
//! The function is public and not keyed. A client that chooses keys can make many share one
//! position, and so one long page. The look-ups of the engines do not depend on it for their
//! speed.

/// The position of `key`: FNV-1a, finished as in `SplitMix64` so that the high bits,
/// which choose a shard, depend on every bit of the key.
pub fn of(key: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The cursor of the page that follows one whose last key stands at `last`; 0, which
/// means the end, if no position follows.
pub fn after(last: u64) -> u64 {
    last.wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_never_change() {
        // A component built years later must agree with these.
        assert_eq!(of(b""), 0xf52a_15e9_a9b5_e89b);
        assert_eq!(of(b"a"), 0x02c0_bdbf_4814_20f8);
        assert_eq!(of(b"key:000000000001"), 0x64b7_3d36_d72c_8ee3);
    }

    #[test]
    fn positions_of_similar_keys_spread_over_the_high_bits() {
        let mut shards = [0u32; 64];
        for number in 0..64_000u32 {
            shards[(of(format!("key:{number}").as_bytes()) >> 58) as usize] += 1;
        }
        assert!(shards.iter().all(|keys| (800..1200).contains(keys)), "{shards:?}");
    }
}
