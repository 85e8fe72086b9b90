use crate::{
    error::ErrorKind,
    host::image::stage::samples::{Random, good},
};

use super::*;

const PAGE: u64 = 4096;

fn refusal(bytes: &[u8]) -> String {
    let error = read(bytes, PAGE).expect_err("accepted");
    assert_eq!(error.kind(), ErrorKind::NotALibrary);
    error.to_string()
}

/// The sample with bytes of its file header replaced.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = good().bytes();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn a_library_as_the_linker_made_it_is_accepted() {
    let file = good().bytes();
    let elf = read(&file, PAGE).unwrap();
    assert_eq!(elf.sections(".lcr.manifest").count(), 1);
    assert!(elf.exports("lcr_entry_7") && !elf.exports("COUNT") && !elf.exports("malloc"));
    assert!(elf.mapped > 0 && elf.mapped.is_multiple_of(PAGE));
    // It does not link `lcr`, so its std asks the C library for keys.
    assert!(elf.permanent.is_some_and(|why| why.contains("leaves destructors with threads")));
}

#[test]
fn what_is_no_library_is_called_by_its_name() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "it starts with \"\""),
        (b"\x7fEL", "it starts with \"\\x7fEL\""),
        (b"#!/bin/sh\nexit 0\n", "it starts with \"#!/b\""),
        (b"!<arch>\nlib.rmeta/", "an archive (.rlib or .a)"),
        (b"MZ\x90\0", "not an ELF file"),
        (b"\x7fELF\x02\x01\x01\0", "not an ELF file"),
    ];
    for (bytes, text) in cases {
        let refusal = refusal(bytes);
        assert!(refusal.contains(text) && refusal.contains("cdylib"), "{refusal}");
    }
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(refusal(&program).starts_with("an executable, not a shared library"));
}

#[test]
fn what_another_machine_runs_is_refused_with_both_names() {
    let other = if cfg!(target_arch = "aarch64") { (62, "x86_64") } else { (183, "aarch64") };
    let refused = refusal(&with(18, &[other.0, 0]));
    assert!(refused.contains(other.1) && refused.contains(std::env::consts::ARCH), "{refused}");
    assert!(refusal(&with(4, &[1])).contains("64-bit"));
    assert!(refusal(&with(5, &[2])).contains("little-endian"));
    assert!(refusal(&with(16, &[1, 0])).contains("object file"));
    assert!(refusal(&with(16, &[2, 0])).contains("executable"));
    assert!(refusal(&with(7, &[9])).contains("system ABI 9"));
}

/// PEERS 61: `dlopen` of such a file is a SIGBUS.
#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let file = good().bytes();
    for percent in 0..400 {
        refusal(&file[..file.len() * percent / 400]);
    }
    for missing in 1..64 {
        refusal(&file[..file.len() - missing]);
    }
}

#[test]
fn an_executable_stack_is_refused() {
    let file = good().bytes();
    let view = View::new(&file, header(&file).unwrap()).unwrap();
    let stack = view.segments.iter().position(|s| s.kind == elf::PT_GNU_STACK.0).unwrap();
    let flags = view.headers_at as usize + stack * 56 + 4;
    assert!(refusal(&with(flags, &[7])).contains("noexecstack"));
}

/// Damage in what only the loader reads shows as a contradiction, not as a crash later: these
/// are the fields whose change made `dlopen` itself crash or abort without a check.
#[test]
fn damage_in_the_loaders_tables_is_found() {
    let file = good().bytes();
    let view = View::new(&file, header(&file).unwrap()).unwrap();
    let section = |name: &str| view.sections.iter().find(|s| s.name == name.as_bytes()).unwrap();
    let mut changed = file.clone();
    let mut refused = |at: u64, bytes: &[u8], what: &str| {
        let range = at as usize..at as usize + bytes.len();
        changed[range.clone()].copy_from_slice(bytes);
        assert!(changed == file || read(&changed, PAGE).is_err(), "{what} at {at:#x}");
        changed[range.clone()].copy_from_slice(&file[range]);
    };
    for (number, segment) in view.segments.iter().enumerate() {
        let at = view.headers_at + number as u64 * 56;
        if segment.kind == elf::PT_LOAD.0 {
            // Offset, address, size in the file, alignment.
            for field in [8, 16, 32, 48] {
                refused(at + field, &u64::MAX.to_le_bytes(), "a segment's field");
                refused(at + field, &0x1234_5678_u64.to_le_bytes(), "a segment's field");
            }
            refused(at + 4, &[0], "a segment's rights");
        }
    }
    let dynamic = section(".dynamic");
    for entry in (dynamic.offset..).step_by(16).take(20) {
        refused(entry + 8, &u64::MAX.to_le_bytes(), "a dynamic entry's value");
    }
    let symbols = section(".dynsym");
    for symbol in (symbols.offset + 24..symbols.offset + symbols.size).step_by(24) {
        refused(symbol, &u32::MAX.to_le_bytes(), "a symbol's name");
        refused(symbol + 8, &u64::MAX.to_le_bytes(), "a symbol's value");
    }
    for table in view.tables(elf::SHT_RELA) {
        for relocation in (table.offset..table.offset + table.size).step_by(24) {
            refused(relocation, &0_u64.to_le_bytes(), "a relocation's place");
            refused(relocation + 12, &u32::MAX.to_le_bytes(), "a relocation's symbol");
        }
    }
    let versions = section(".gnu.version");
    refused(versions.offset + 2, &[0xff, 0x7f], "a symbol's version");
    let hash = section(".gnu.hash");
    for word in [0, 4, 8] {
        refused(hash.offset + word, &u32::MAX.to_le_bytes(), "a hash table's size");
    }
    let initialisers = section(".init_array");
    let target = section(".rela.dyn");
    for relocation in (target.offset..target.offset + target.size).step_by(24) {
        let place = u64::from_le_bytes(file[relocation as usize..][..8].try_into().unwrap());
        if view::inside(place, 8, initialisers.addr, initialisers.size) {
            refused(relocation + 16, &initialisers.addr.to_le_bytes(), "an initialiser");
        }
    }
}

#[test]
fn random_damage_never_panics() {
    let file = good().bytes();
    let mut random = Random::new(1);
    let tables = file.len().min(0x6000);
    for _ in 0..3_000 {
        let mut changed = file.clone();
        for _ in 0..=random.below(3) {
            // Headers and loader's tables at the start, section headers at the end.
            let at = if random.below(3) == 0 { file.len() - 1 - random.below(0xa00) } else { random.below(tables) };
            changed[at] = random.below(256) as u8;
        }
        let _ = read(&changed, PAGE).map(|elf| {
            let _ = elf.versioned();
            let renamed = elf.rename(|name| Some(vec![b'x'; name.len()]), Some(Vec::new()), Some(Vec::new()));
            let ends = renamed.iter().flatten().map(|(at, name)| *at as usize + name.len());
            assert!(ends.max().unwrap_or(0) <= file.len());
            elf.exports("lcr_entry_7")
        });
    }
}

#[test]
fn a_renamed_library_needs_the_new_names_and_is_whole() {
    let mut file = good().bytes();
    let new = |name: &[u8]| Some([&b"~"[..], &name[1..]].concat());
    let (needed, patches) = {
        let elf = read(&file, PAGE).unwrap();
        let needed: Vec<Vec<u8>> = elf.needed().iter().map(|name| name.to_vec()).collect();
        (needed, elf.rename(new, None, None).unwrap())
    };
    assert!(patches.len() >= needed.len() && !needed.is_empty());
    for (at, bytes) in patches {
        file[at as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    let elf = read(&file, PAGE).unwrap();
    assert_eq!(elf.needed(), needed.iter().map(|name| new(name).unwrap()).collect::<Vec<_>>());
    // A name that is a part of a renamed one, or of which that is one.
    let error = elf.rename(|name| Some([name, b"longer"].concat()), None, None).unwrap_err();
    assert!(error.to_string().contains("shares its bytes"), "{error}");
}

#[test]
fn looking_for_shared_names_takes_no_longer_than_reading_them() {
    // A table that is one endless name, with a needed library behind it; and a symbol for every
    // byte of it, which each looks for the end.
    let strings: Vec<u8> = [&vec![b'a'; 1 << 20][..], b"\0libfoo.so\0"].concat();
    let mut renamed = names::Renamed::new(&strings);
    renamed.insert((1 << 20) + 1, b"~".to_vec()).unwrap();
    for symbol in 0..1 << 20 {
        renamed.refuse_part(symbol).unwrap();
    }
    for part in [(1 << 20) + 1, (1 << 20) + 4] {
        renamed.refuse_part(part).unwrap_err();
    }
    let tail = b"\0xlibfoo.so\0";
    let mut renamed = names::Renamed::new(tail);
    renamed.insert(2, b"~".to_vec()).unwrap();
    for offset in [1, 2, 5] {
        renamed.refuse_part(offset).unwrap_err();
    }
    renamed.insert(1, b"~".to_vec()).unwrap_err();
    renamed.insert(5, b"~".to_vec()).unwrap_err();
    renamed.refuse_part(0).unwrap();
    renamed.refuse_other(2).unwrap();
}

/// Where the segment of code ends.
fn code_end(file: &[u8]) -> u64 {
    use object::read::elf::ProgramHeader;
    let header = FileHeader64::<Le>::parse(file).unwrap();
    let headers = header.program_headers(Le, file).unwrap();
    let code = headers.iter().find(|phdr| phdr.p_flags(Le).0 & elf::PF_X.0 != 0).unwrap();
    code.p_vaddr(Le) + code.p_memsz(Le)
}

#[test]
fn code_that_ends_where_data_begins_is_accepted() {
    let record = crate::host::image::manifest::tests::record();
    let padded = |padding: u64| {
        let asm = format!(
            "core::arch::global_asm!(
                 \".section .text.pad,\\\"ax\\\",@progbits\", \".globl pad\", \"pad:\", \".fill {padding}, 1, 0xc3\"
             );
             unsafe extern \"C\" {{ fn pad(); }}
             #[unsafe(no_mangle)] pub extern \"C\" fn uses_pad() {{ unsafe {{ pad() }} }}"
        );
        crate::host::image::stage::samples::Sample::new(&record, &record, &asm).bytes()
    };
    let mut padding = 64;
    let mut file = padded(padding);
    for _ in 0..4 {
        let over = code_end(&file) % PAGE;
        if over == 0 {
            break;
        }
        padding += PAGE - over;
        file = padded(padding);
    }
    assert_eq!(code_end(&file) % PAGE, 0, "the padding moved something else");
    read(&file, PAGE).unwrap();
}

/// The sample with `count` more section headers, each a copy of the one called `name`.
fn with_copies(name: &str, count: usize) -> Vec<u8> {
    let mut file = good().bytes();
    let view = View::new(&file, header(&file).unwrap()).unwrap();
    let number = view.sections.iter().position(|s| s.name == name.as_bytes()).unwrap();
    let (sections, table) = (view.sections.len(), u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize);
    let headers = file[table..table + sections * 64].to_vec();
    let at = file.len().next_multiple_of(8);
    file.resize(at, 0);
    file.extend_from_slice(&headers);
    for _ in 0..count {
        file.extend_from_slice(&headers[number * 64..][..64]);
    }
    file[40..48].copy_from_slice(&(at as u64).to_le_bytes());
    file[60..62].copy_from_slice(&((sections + count) as u16).to_le_bytes());
    file
}

/// CASES B3: 60,000 names for the manifest's bytes were read 60,000 times, all at once.
#[test]
fn sections_that_share_bytes_are_refused() {
    assert!(read(&with_copies(".comment", 10), PAGE).is_ok(), "what is not in memory is not read either");
    for name in [".lcr.manifest", ".text", ".dynstr", ".bss"] {
        let refused = refusal(&with_copies(name, 1));
        assert!(refused.contains("overlap") || refused.contains("of one kind"), "{refused}");
        let overlap = refusal(&with_copies(name, 1_000));
        assert!(overlap.contains("overlap") || overlap.contains("of one kind"), "{overlap}");
    }
}

#[test]
fn more_headers_than_a_linker_writes_are_refused() {
    let refused = refusal(&with_copies(".lcr.manifest", 60_000));
    assert!(refused.contains("the limit is 4096"), "{refused}");
    let mut file = good().bytes();
    file[56..58].copy_from_slice(&60_000_u16.to_le_bytes());
    file.resize(60_000 * 56 + 0x1_0000, 0);
    let refused = refusal(&file);
    assert!(refused.contains("60000 program headers"), "{refused}");
}

#[test]
fn a_library_is_judged_by_its_first_bytes_as_far_as_they_go() {
    let file = good().bytes();
    look(&file[..FIRST], file.len() as u64).unwrap();
    for (bytes, len, text) in [
        (&file[..FIRST - 1], file.len() as u64, "the header cannot be read"),
        (&file[..FIRST], file.len() as u64 - 1, "ends before its headers do"),
        (&b"LCRMANI, but no ELF file"[..], 1 << 30, "it starts with \"LCRM\""),
    ] {
        let refused = look(bytes, len).unwrap_err();
        assert!(refused.kind() == ErrorKind::NotALibrary && refused.to_string().contains(text), "{refused}");
    }
}
