use super::*;
use crate::{
    abi::{
        interface::{InterfaceInfo, Method, Need, interface_bytes, interface_len},
        manifest::{Declaration, PatchInfo, manifest_bytes, manifest_len, manifest_record},
        shape::{Kind, Part, Shape as Constant},
    },
    host::{
        image::{link::link_need, stage::samples::Sample},
        runtime::Runtime,
    },
};

const BYTES: Constant = Constant::of::<[usize; 2]>(Kind::Str, "", &[]);
const COUNT: Constant = Constant::of::<u64>(Kind::Scalar, "u64", &[]);
const METHODS: &[Method] = &[
    Method::new(false, &Constant::method("get", &[Part::of(&BYTES), Part::result(&COUNT)])),
    Method::new(true, &Constant::method("len", &[Part::result(&COUNT)])),
];

const fn declaration(component: &'static str, version: u32) -> Declaration {
    Declaration {
        component,
        component_version: "1.2.3-rc.1",
        type_name: "HashStore",
        interface: InterfaceInfo {
            name: "kv.store",
            version,
            replaces: &[1],
            deps: &[Need { interface: "log.journal", version: 3, methods: METHODS }],
            methods: METHODS,
        },
        replaces: &[2],
        deps: &[],
        flags: Flags {
            state: true,
            protected: false,
            unload: false,
            healthy: true,
            panic_abort: false,
            incremental: false,
        },
        state_version: 4,
        kept: None,
        source: None,
        downgrades_to: &[],
        patch: None,
    }
}

const KV: Declaration = declaration("kv", 3);
const RECORD: [u8; manifest_len(&KV)] = manifest_bytes(&KV);
const OTHER: [u8; manifest_len(&declaration("kv-b", 3))] = manifest_bytes(&declaration("kv-b", 3));
const NEWER: [u8; manifest_len(&declaration("kv", 4))] = manifest_bytes(&declaration("kv", 4));

const FREE: Declaration = Declaration {
    interface: InterfaceInfo { deps: &[], ..declaration("free", 3).interface },
    ..declaration("free", 3)
};
const FREE_RECORD: [u8; manifest_len(&FREE)] = manifest_bytes(&FREE);

/// A record as `#[lcr::component]` makes it.
pub(in crate::host) fn record() -> Vec<u8> {
    RECORD.to_vec()
}

/// A second one of the same component, of another version of the interface.
pub(in crate::host) fn newer() -> Vec<u8> {
    NEWER.to_vec()
}

/// One that needs nothing.
pub(in crate::host) fn free() -> Vec<u8> {
    FREE_RECORD.to_vec()
}

/// `record` with another body and a checksum and length that fit.
fn with_body(body: &[u8]) -> Vec<u8> {
    let total = (HEADER + body.len()) as u32;
    [&MAGIC[..], &total.to_le_bytes(), &fnv1a(body).to_le_bytes(), body].concat()
}

/// The record with the only occurrence of `from` replaced.
fn replaced(from: &[u8], to: &[u8]) -> Vec<u8> {
    let body = &RECORD[HEADER..];
    let at = body.windows(from.len()).position(|window| window == from).unwrap();
    with_body(&[&body[..at], to, &body[at + from.len()..]].concat())
}

fn refusal(record: &[u8]) -> String {
    let error = Manifest::decode(record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadManifest, "{error}");
    error.to_string()
}

#[test]
fn what_the_macros_encode_is_what_is_decoded() {
    let manifest = Manifest::decode(&RECORD).unwrap();
    assert_eq!((manifest.component.name.as_str(), manifest.component.version.to_string()), ("kv", "1.2.3-rc.1".into()));
    let [export] = &manifest.exports[..] else { panic!("{manifest}") };
    assert_eq!((export.interface.as_str(), export.interface_version), ("kv.store", 3));
    assert_eq!(export.replaces, [1, 2]);
    assert_eq!((export.state_version, export.has_health_check, export.protected), (Some(4), true, false));
    assert_eq!(export.record(), RECORD);
    let text = manifest.to_string();
    for part in [
        "kv 1.2.3-rc.1 (",
        "HashStore implements kv.store v3",
        "needs log.journal v3",
        "state v4",
        "fn get(&self, &str) -> u64",
        "fn len(&self) -> u64 (has a default)",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
}

/// The record that a component of the same declaration had before needs were typed.
fn untyped() -> Vec<u8> {
    const LEN: usize = interface_len("log.journal", 3, METHODS);
    const JOURNAL: [u8; LEN] = interface_bytes("log.journal", 3, METHODS);
    let named = 2 + "log.journal".len() + 4;
    let record = replaced(&JOURNAL, &JOURNAL[..named]);
    let mut body = record[HEADER..].to_vec();
    let at = body.windows(8).position(|window| window == [0x32, 0, 0, 0, 4, 0, 0, 0]).unwrap();
    body[at] = 0x12;
    with_body(&body)
}

#[test]
fn a_need_says_what_its_methods_are_unless_the_record_is_older_than_that() {
    let export = |record: &[u8]| Manifest::decode(record).unwrap().exports.remove(0);
    let [need] = &export(&RECORD).deps[..] else { panic!("one need") };
    assert_eq!(need.methods.as_deref(), Some(&*export(&RECORD).methods));
    let [old] = &export(&untyped()).deps[..] else { panic!("one need") };
    assert_eq!((&old.interface, old.version, &old.methods), (&need.interface, need.version, &None));
    // A component without needs is one that a host of that time reads.
    assert!(FREE_RECORD.windows(8).any(|window| window == [0x12, 0, 0, 0, 4, 0, 0, 0]));
}

#[test]
fn an_interface_is_decoded_from_its_own_bytes() {
    const LEN: usize = interface_len("kv.store", 3, METHODS);
    const BYTES: [u8; LEN] = interface_bytes("kv.store", 3, METHODS);
    let interface = InterfaceManifest::decode(&BYTES).unwrap();
    assert_eq!((interface.name.as_str(), interface.version), ("kv.store", 3));
    assert_eq!(interface.methods, Manifest::decode(&RECORD).unwrap().exports[0].methods);
    for end in 0..LEN {
        assert!(InterfaceManifest::decode(&BYTES[..end]).is_err());
    }
}

#[test]
fn a_section_may_hold_several_records_and_padding() {
    let section = [&[0; 5], &RECORD[..], &[0; 16], &NEWER[..], &[0; 3]].concat();
    let manifest = Manifest::decode(&section).unwrap();
    assert_eq!(manifest.exports.iter().map(|export| export.interface_version).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_section_without_records_is_no_component() {
    for section in [&[][..], &[0; 64]] {
        let error = Manifest::decode(section).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoManifest);
    }
}

#[test]
fn a_library_holds_one_component_and_implements_an_interface_once() {
    let two = refusal(&[&RECORD[..], &OTHER].concat());
    assert!(two.contains("kv 1.2.3-rc.1 and kv-b 1.2.3-rc.1"), "{two}");
    let twice = refusal(&[&RECORD[..], &RECORD].concat());
    assert!(twice.contains("implements kv.store v3 twice, by HashStore and HashStore"), "{twice}");
}

#[test]
fn another_binary_contract_is_named() {
    let mut record = record();
    record[7] = 9;
    let error = Manifest::decode(&record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("contract 9"), "{error}");
}

#[test]
fn every_single_changed_byte_is_noticed() {
    for at in 0..RECORD.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut record = record();
            record[at] ^= flip;
            assert!(Manifest::decode(&record).is_err(), "byte {at} ^ {flip}");
        }
    }
}

/// With a checksum that fits, as an attacker would write it: no panic, and whatever
/// is accepted has names that are safe.
#[test]
fn changed_bytes_behind_a_right_checksum_never_panic() {
    let body = &RECORD[HEADER..];
    for at in 0..body.len() {
        for value in [0, 1, 7, b'/', 0x7f, 0x80, 0xff] {
            let mut changed = body.to_vec();
            changed[at] = value;
            if let Ok(manifest) = Manifest::decode(&with_body(&changed)) {
                assert!(is_component_name(&manifest.component.name));
                assert!(!manifest.to_string().replace('\n', "").contains(char::is_control));
            }
        }
        assert!(Manifest::decode(&with_body(&body[..at])).is_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let cases: [(&[u8], &[u8], &str); 8] = [
        (b"\x02\0kv", b"\x02\0..", "component name \"..\""),
        (b"\x02\0kv", b"\x04\0../k", "component name \"../k\""),
        (b"\x02\0kv", b"\x02\0\xffv", "\"\\xffv\" found for a name"),
        (b"\x02\0kv", b"\x02\0\x1bv", "\"\\x1bv\" found for a name"),
        (b"1.2.3-rc.1", b"1.2.3.rc.1", "version \"1.2.3.rc.1\""),
        (b"kv.store", b"kv.Store", "interface name \"kv.Store\""),
        (b"log.journal\x03", b"log.journal\x00", "version 0 of log.journal"),
        (b"\x03\0len", b"\x03\0get", "method `get` without a name of its own"),
    ];
    for (from, to, text) in cases {
        let refusal = refusal(&replaced(from, to));
        assert!(refusal.contains(text), "{refusal}\nlacks\n{text}");
    }
    // Flags that are not known; a replaced version that is not older.
    let flags = replaced(&[0x32, 0, 0, 0, 4, 0, 0, 0], &[0x32, 8, 0, 0, 4, 0, 0, 0]);
    assert!(refusal(&flags).contains("flags 0x832"), "{}", refusal(&flags));
    let replaces = replaced(&[2, 0, 1, 0, 0, 0, 2, 0, 0, 0], &[2, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
    assert!(refusal(&replaces).contains("version 3 replaces 3"));
}

#[test]
fn a_patch_is_no_implementation_and_stands_in_a_library_of_its_own() {
    let patch = |component| Declaration {
        patch: Some(PatchInfo { component }),
        flags: Flags { state: false, ..KV.flags },
        state_version: 0,
        ..declaration("kv", 3)
    };
    let record = manifest_record(&patch(Some("kv-hash")));
    let manifest = Manifest::decode(&record).unwrap();
    let read = manifest.exports[0].patch.as_ref().unwrap();
    assert_eq!((&*read.interface, read.component.as_deref()), ("kv.store", Some("kv-hash")));
    assert_eq!(manifest.exports[0].interface, "patch of kv.store", "no interface is called so");
    assert!(Manifest::decode(&manifest_record(&patch(None))).unwrap().exports[0].patch.is_some());
    let beside = Manifest::decode(&[record, RECORD.to_vec()].concat()).unwrap_err();
    assert!(beside.to_string().contains("a library of a component and a patch"), "{beside}");
    let with_state = Declaration { patch: Some(PatchInfo { component: None }), ..declaration("kv", 3) };
    assert!(refusal(&manifest_record(&with_state)).contains("with state version 4"));
    let hostile = manifest_record(&patch(Some("kv-hash")));
    for at in HEADER..hostile.len() {
        let mut changed = hostile[HEADER..].to_vec();
        changed[at - HEADER] ^= 0x55;
        drop(Manifest::decode(&with_body(&changed)));
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    for total in [0, HEADER as u32 - 1, RECORD.len() as u32 - 1, RECORD.len() as u32 + 1, u32::MAX] {
        let mut record = record();
        record[8..12].copy_from_slice(&total.to_le_bytes());
        assert!(Manifest::decode(&record).is_err(), "{total}");
    }
    assert!(refusal(b"LCRMANI").contains("8 bytes expected"));
    assert!(refusal(b"something").contains("\"somethin\" found for a record"));
}

/// A record with this export's interface, whose methods and needs are `count` each.
fn large(component: &str, interface: &str, needs: &[String], methods: impl Iterator<Item = String>) -> Vec<u8> {
    let mut body = Vec::new();
    let name = |body: &mut Vec<u8>, name: &str| {
        body.extend_from_slice(&(name.len() as u16).to_le_bytes());
        body.extend_from_slice(name.as_bytes());
    };
    for item in [component, "1.0.0", "T", "rustc", "target"] {
        name(&mut body, item);
    }
    let flags = if needs.is_empty() { 0 } else { Flags::TYPED_NEEDS };
    body.extend_from_slice(&flags.to_le_bytes());
    body.extend_from_slice(&0_u32.to_le_bytes());
    name(&mut body, interface);
    body.extend_from_slice(&1_u32.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    let put_methods = |body: &mut Vec<u8>, methods: &[String]| {
        body.extend_from_slice(&(methods.len() as u16).to_le_bytes());
        for method in methods {
            body.push(0);
            // A method without arguments that returns nothing.
            let mut node = |kind: u8, title: &str, size: u32, align: u16, parts: u16| {
                body.push(kind);
                body.extend_from_slice(&(title.len() as u16).to_le_bytes());
                body.extend_from_slice(title.as_bytes());
                body.extend_from_slice(&size.to_le_bytes());
                body.extend_from_slice(&align.to_le_bytes());
                body.extend_from_slice(&parts.to_le_bytes());
            };
            node(Kind::Method as u8, method, 0, 0, 1);
            body.extend_from_slice(&2_u16.to_le_bytes());
            body.extend_from_slice(b"->");
            body.extend_from_slice(&0_i64.to_le_bytes());
            let mut node = |kind: u8| {
                body.push(kind);
                body.extend_from_slice(&0_u16.to_le_bytes());
                body.extend_from_slice(&1_u32.to_le_bytes());
                body.extend_from_slice(&1_u16.to_le_bytes());
                body.extend_from_slice(&0_u16.to_le_bytes());
            };
            node(Kind::Unit as u8);
        }
    };
    body.extend_from_slice(&(needs.len() as u16).to_le_bytes());
    for need in needs {
        name(&mut body, need);
        body.extend_from_slice(&1_u32.to_le_bytes());
        put_methods(&mut body, &["call".to_owned()]);
    }
    let methods: Vec<_> = methods.collect();
    put_methods(&mut body, &methods);
    // No notes on them: not pure, without names of arguments and secrets.
    body.resize(body.len() + 5 * methods.len(), 0);
    with_body(&body)
}

/// A manifest whose exports each need the next one, for `count` of them.
pub(crate) fn chain(count: usize) -> Vec<u8> {
    let interface = |at: usize| format!("chain.i{at}");
    let record = |at: usize| {
        let needs: Vec<String> = (at + 1 < count).then(|| interface(at + 1)).into_iter().collect();
        large("chain", &interface(at), &needs, ["call".to_owned()].into_iter())
    };
    (0..count).flat_map(record).collect()
}

/// A manifest of one export with `count` methods in descending order.
pub(crate) fn descending(count: usize) -> Vec<u8> {
    large("many", "many.methods", &[], (0..count).rev().map(|at| format!("m{at}")))
}

/// CASES B5: each export was compared with each.
#[test]
fn ten_thousand_exports_are_decoded() {
    assert_eq!(Manifest::decode(&chain(10_000)).unwrap().exports.len(), 10_000);
    let refused = refusal(&chain(EXPORTS + 1));
    assert!(refused.contains("more than 16384"), "{refused}");
}

#[test]
fn a_method_is_found_by_its_name_among_many() {
    let manifest = Manifest::decode(&descending(60_000)).unwrap();
    let export = &manifest.exports[0];
    for at in [0, 1, 31_234, 59_999] {
        assert_eq!(export.method(&format!("m{at}")), Some(59_999 - at));
    }
    assert_eq!(export.method("n"), None);
}

/// CASES B5: 60,000 methods in reverse order took 13 s, while all threads waited.
#[test]
fn methods_are_linked_in_any_order() {
    let manifest = Manifest::decode(&descending(60_000)).unwrap();
    let export = &manifest.exports[0];
    let mut methods = export.methods.clone();
    methods.reverse();
    let need = DependencyManifest { interface: "many.methods".to_owned(), version: 1, methods: Some(methods) };
    link_need(&need, export).unwrap();
}

/// CASES B4: a stack of 2 MiB overflowed. B5: it took 29 s.
#[test]
fn a_plan_of_a_long_chain_of_needs_is_refused_on_a_small_stack() {
    let planned = |record: Vec<u8>| {
        let sample = Sample::new(&record, &record, "");
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let plan = move || {
            let rt = Runtime::builder().linked(false).build().unwrap();
            let plan = rt.plan().add(sample.path()).build();
            let text = plan.to_string();
            assert!(!sample.has_run());
            (plan.refusals().map(ToString::to_string).collect::<Vec<_>>(), text)
        };
        thread.spawn(plan).unwrap().join().unwrap()
    };
    let (refused, _) = planned(chain(9_000));
    let [refused] = &refused[..] else { panic!("{} refusals", refused.len()) };
    assert!(refused.contains("nested 65 deep, the limit is 64"), "{refused}");
    let (refused, text) = planned(chain(64));
    assert!(refused.is_empty() && text.contains("chain.i63 v1: new"), "{text}");
}
