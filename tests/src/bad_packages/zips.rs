//! Zips that lie, hide, explode, or hold no component.

use super::BadPackage;
use crate::Handler;
use crate::zip::{Entry, Zip};

pub(super) fn all() -> Vec<BadPackage> {
    let zips = [without_a_component(), names(), kinds(), structure(), contents(), bombs()];
    zips.into_iter()
        .flatten()
        .map(|(name, zip, expected)| BadPackage::new(format!("a zip: {name}"), zip.build(), expected))
        .chain([BadPackage::new("a zip: one flipped bit in its component", one_flipped_bit(), &["checksum"])])
        .collect()
}

type Case = (String, Zip, &'static [&'static str]);

fn case(name: &str, zip: Zip, expected: &'static [&'static str]) -> Case {
    (name.to_owned(), zip, expected)
}

fn good() -> Entry {
    Entry::deflated("f.wasm", &Handler::default().build())
}

fn asset() -> Entry {
    Entry::stored("asset", b"the content of an asset")
}

/// A zip that would be good without this entry.
fn with(entry: Entry) -> Zip {
    Zip::of([good(), entry])
}

fn without_a_component() -> Vec<Case> {
    let jar = ["META-INF/MANIFEST.MF", "com/acme/Handler.class"]
        .map(|name| Entry::stored(name, b"\xca\xfe\xba\xbe"));
    let docx = ["[Content_Types].xml", "word/document.xml", "_rels/.rels"]
        .map(|name| Entry::deflated(name, b"<?xml?>"));
    let lambda = [Entry::deflated("bootstrap", b"\x7fELF\x02\x01\x01")];
    let python = [Entry::deflated("lambda_function.py", b"def lambda_handler(event, context): pass")];
    let left_over = [Entry::stored("__MACOSX/._f.wasm", b"\0asm"), Entry::stored(".DS_Store", b"Bud1")];
    let several = ["a.wasm", "b/c.wasm"].map(|name| Entry { name: name.into(), ..good() });
    vec![
        case("empty", Zip::of([]), &["hold a WebAssembly component", "no file"]),
        case("a jar", Zip::of(jar), &["hold a WebAssembly component", "Handler.class"]),
        case("a docx", Zip::of(docx), &["hold a WebAssembly component", "word/document.xml"]),
        case("a native function", Zip::of(lambda), &["hold a WebAssembly component", "bootstrap"]),
        case("a Python function", Zip::of(python), &["hold a WebAssembly component", "lambda_function.py"]),
        case("only what macOS left", Zip::of(left_over), &["hold a WebAssembly component", "no file"]),
        case(
            "only a folder",
            Zip::of([Entry::folder("f.wasm/")]),
            &["hold a WebAssembly component", "no file"],
        ),
        case("a zip in it", Zip::of([Entry::stored("f.zip", &with(asset()).build())]), &["f.zip"]),
        case("several components", Zip::of(several), &["Handler", "a.wasm", "b/c.wasm"]),
        case("no wasm by that name", Zip::of([Entry::stored("f.wasm", b"text")]), &["not WebAssembly"]),
        case("an empty wasm", Zip::of([Entry::stored("f.wasm", b"")]), &["not WebAssembly", "empty"]),
        case(
            "a zip named wasm",
            Zip::of([Entry::stored("f.wasm", &with(asset()).build())]),
            &["zip within a zip"],
        ),
    ]
}

fn names() -> Vec<Case> {
    let names: &[(&str, &[&str])] = &[
        ("../../../etc/passwd", &["etc/passwd", ".."]),
        ("a/../../b", &[".."]),
        ("..", &[".."]),
        ("/etc/passwd", &["absolute"]),
        ("//server/share", &["absolute"]),
        (r"..\..\windows\system32", &["backslash"]),
        ("C:/windows", &["drive"]),
        ("nul\0.txt", &["NUL"]),
        ("line\nfeed", &["control character"]),
        ("escape\u{1b}[31m", &["control character"]),
        ("a/./b", &["empty part"]),
        ("a//b", &["empty part"]),
        ("", &["empty"]),
        ("f.wasm", &["twice", "f.wasm"]),
        ("f.wasm/inside", &["file and a folder"]),
    ];
    let named = |name: &str| with(Entry { mode: 0, ..Entry::stored(name, b"x") });
    let long = [
        ("a part of 256 bytes", "p".repeat(256), &["255 bytes"]),
        ("5,000 bytes", "p/".repeat(2500), &["4096 bytes"]),
        ("100 folders", "p/".repeat(100), &["63 folders"]),
        ("60,000 bytes", "é".repeat(30_000), &["4096 bytes"]),
    ];
    let not_utf8 = with(Entry { name: b"caf\xe9".to_vec(), ..asset() });
    let names = names.iter().map(|(name, expected)| (format!("the name {name:?}"), named(name), *expected));
    let long =
        long.iter().map(|(what, name, expected)| (format!("a name of {what}"), named(name), &expected[..]));
    names.chain(long).chain([case("a name in Latin-1", not_utf8, &["UTF-8"])]).collect()
}

fn kinds() -> Vec<Case> {
    let link = Entry { mode: 0o120_777, ..Entry::stored("link", b"/etc/passwd") };
    vec![
        case("a symbolic link", with(link), &["symbolic link"]),
        case("a pipe", with(Entry { mode: 0o010_644, ..asset() }), &["pipe"]),
        case("a device", with(Entry { mode: 0o020_644, ..asset() }), &["device"]),
        case("a socket", with(Entry { mode: 0o140_644, ..asset() }), &["socket"]),
        case(
            "a file with a folder's mode",
            with(Entry { mode: 0o040_755, ..asset() }),
            &["file and a folder"],
        ),
        case("encrypted", with(Entry { flags: 1, ..asset() }), &["encrypted"]),
        case("encrypted with AES", with(Entry { flags: 1, method: 99, ..asset() }), &["encrypted"]),
        case("bzip2", with(Entry { method: 12, ..asset() }), &["bzip2"]),
        case("LZMA", with(Entry { method: 14, ..asset() }), &["LZMA"]),
        case("zstd", with(Entry { method: 93, ..asset() }), &["zstd"]),
        case("deflate64", with(Entry { method: 9, ..asset() }), &["deflate64"]),
        case("an unknown method", with(Entry { method: 1000, ..asset() }), &["method 1000"]),
    ]
}

fn structure() -> Vec<Case> {
    let good = || with(asset());
    let unicode_path = [&b"\x75\x70\x0a\0\x01\0\0\0\0"[..], b"../up"].concat();
    let listed_twice =
        Entry { name: b"copy".to_vec(), is_listed_only: true, offset: Some(0), ..self::good() };
    let outside = Entry { offset: Some(1 << 30), ..asset() };
    let hidden = Entry { behind: with(asset()).build(), ..asset() };
    vec![
        case(
            "a program in front of it",
            Zip { before: b"PK\x03\x04MZ".to_vec(), ..good() },
            &["before its first entry"],
        ),
        case("more behind it", Zip { behind: b"more".to_vec(), ..good() }, &["followed by other bytes"]),
        case("a second zip behind it", Zip { behind: good().build(), ..good() }, &["zip cannot be read"]),
        case("a zip as its comment", Zip { comment: good().build(), ..good() }, &["zip cannot be read"]),
        case("one of several parts", Zip { disk: 1, ..good() }, &["several parts"]),
        case("fewer entries than it has", Zip { count: Some(1), ..good() }, &["directory"]),
        case("more entries than it has", Zip { count: Some(3), ..good() }, &["directory"]),
        case("10,001 entries", Zip { count: Some(10_001), ..good() }, &["10001 entries", "10000"]),
        case(
            "2^40 entries",
            Zip { count: Some(u16::MAX), count_64: Some(1 << 40), ..good() },
            &["entries", "10000"],
        ),
        case(
            "2^64 - 1 entries",
            Zip { count: Some(u16::MAX), count_64: Some(u64::MAX), ..good() },
            &["10000"],
        ),
        case("a contradicting zip64 end", Zip { count_64: Some(3), ..good() }, &["zip64"]),
        case("a directory elsewhere", Zip { directory_offset: Some(4), ..good() }, &["directory"]),
        case("a directory of 4 GiB", Zip { directory_bytes: Some(u32::MAX), ..good() }, &["directory"]),
        case(
            "two names for one entry",
            with(Entry { local_name: Some(b"other".to_vec()), ..asset() }),
            &["names"],
        ),
        case("a second name aside", with(Entry { extra: unicode_path, ..asset() }), &["names"]),
        case("damaged extra fields", with(Entry { extra: vec![1, 0, 9, 0], ..asset() }), &["extra fields"]),
        case("an entry that is nowhere", with(outside), &["not within the zip"]),
        case(
            "an entry over the directory",
            with(Entry { packed_size: Some(60), size: 60, ..asset() }),
            &["overlaps"],
        ),
        case("one content for two entries", with(listed_twice), &["names|overlaps"]),
        case("something hidden between entries", with(hidden), &["belong to no entry|followed"]),
    ]
}

fn contents() -> Vec<Case> {
    let text = || Entry::deflated("asset", &b"text ".repeat(100));
    vec![
        case("a wrong checksum", with(Entry { crc: 1, ..asset() }), &["asset", "checksum"]),
        case("less than it says", with(Entry { size: 1000, ..text() }), &["smaller"]),
        case("more than it says", with(Entry { size: 10, ..text() }), &["larger"]),
        case("no deflate data", with(Entry { packed: vec![0xff; 50], ..text() }), &["deflate"]),
        case("cut data", with(Entry { packed: text().packed[..9].to_vec(), ..text() }), &["cut off"]),
        case(
            "data behind data",
            with(Entry { packed: [text().packed, vec![0; 9]].concat(), ..text() }),
            &["after its end"],
        ),
    ]
}

fn bombs() -> Vec<Case> {
    let zeros = |name: &str, bytes: usize| Entry::deflated(name, &vec![0; bytes]);
    let mebibyte = zeros("", 1 << 20);
    let many = |count: usize| {
        let entries =
            (0..count).map(|number| Entry { name: format!("{number}").into_bytes(), ..mebibyte.clone() });
        Zip::of(entries)
    };
    let kernel = zeros("kernel", 1 << 20);
    let overlapping =
        (0..500).map(|number| Entry { is_listed_only: number > 0, offset: Some(0), ..kernel.clone() });
    let lying = Entry { size: 5, ..zeros("small", 64 << 20) };
    vec![
        case("a bomb", with(zeros("bomb", 64 << 20)), &["bomb", "200 times"]),
        case("a bomb that lies", with(lying), &["larger than the zip says"]),
        case("a bomb of many entries", many(100), &["200 times"]),
        case("a bomb beyond all limits", many(2_000), &["262144000"]),
        case("a bomb of overlapping entries", Zip::of(overlapping), &["overlaps|twice"]),
        case("a bomb named as its component", Zip::of([zeros("f.wasm", 64 << 20)]), &["200 times"]),
    ]
}

fn one_flipped_bit() -> Vec<u8> {
    let mut zip = Zip::of([Entry::stored("f.wasm", &Handler::default().build())]).build();
    zip[100] ^= 1;
    zip
}
