//! Every rule for packages, most of them against zips that were written by hand.

#[expect(unreachable_pub, reason = "the tests of behaviour share it and use more of it")]
#[path = "../../../../tests/src/zip.rs"]
mod by_hand;

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use self::by_hand::{Entry as Written, Zip};
use super::*;

const WASM: &[u8] = b"\0asm and so on";

fn read(zip: &Zip, handler: &str) -> Result<Package, PackageError> {
    Package::read_within(&zip.build().into(), handler, 262_144_000)
}

fn refused(zip: &Zip) -> PackageError {
    let error = read(zip, "").expect_err("it is refused");
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 1200, "{message}");
    error
}

/// A zip with a component and one more entry.
fn with(entry: Written) -> Zip {
    Zip::of([Written::stored("f.wasm", WASM), entry])
}

fn named(name: &str) -> Zip {
    with(Written { mode: 0, ..Written::stored(name, b"asset") })
}

fn asset() -> Written {
    Written::stored("asset", b"the content of an asset")
}

#[test]
fn what_is_no_zip_is_the_component_itself() {
    let bytes = Bytes::from_static(WASM);
    let package = Package::read(&bytes, "anything").expect("a package");
    assert_eq!(package.component.as_ptr(), bytes.as_ptr(), "it is not copied");
    assert!(package.assets.is_empty());
}

#[test]
fn a_zip_gives_its_component_and_every_other_file() {
    let entries = [
        Written::folder("assets/"),
        Written::deflated("assets/text.txt", &b"a text ".repeat(1000)),
        Written::stored("fun/f.wasm", WASM),
        Written::stored("inner.zip", b"PK and so on"),
        Written::stored("empty", b""),
    ];
    let package = read(&Zip { comment: b"a comment".to_vec(), ..Zip::of(entries) }, "").expect("a package");
    assert_eq!(package.component, WASM);
    let assets: Vec<(&str, usize)> =
        package.assets.iter().map(|(path, bytes)| (path.as_str(), bytes.len())).collect();
    assert_eq!(assets, [("assets/text.txt", 7000), ("inner.zip", 12), ("empty", 0)]);
}

#[test]
fn what_a_library_writes_is_read() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (name, options) in [("f.wasm", options), ("grüße.txt", options.large_file(true))] {
        zip.start_file(name, options).expect("a file");
        zip.write_all(&WASM.repeat(5000)).expect("its bytes");
    }
    zip.add_directory("folder", options).expect("a folder");
    let zip = zip.finish().expect("a zip").into_inner();
    let package = Package::read(&zip.into(), "").expect("a package");
    assert_eq!((package.component.len(), package.assets[0].0.as_str()), (WASM.len() * 5000, "grüße.txt"));
}

#[test]
fn sizes_may_stand_behind_the_content() {
    let descriptor = |bytes: usize| Written { flags: 1 << 3, behind: vec![7; bytes], ..asset() };
    for bytes in [0, 12, 16, 24] {
        assert!(read(&with(descriptor(bytes)), "").is_ok(), "{bytes} bytes");
    }
    assert!(matches!(refused(&with(descriptor(25))), PackageError::Damaged { .. }));
    let none = Written { flags: 0, ..descriptor(12) };
    assert!(refused(&with(none)).to_string().contains("the 12 bytes behind \"asset\" belong to no entry"));
}

#[test]
fn one_component_is_taken_whatever_the_handler_says() {
    for name in ["a.wasm", "deep/er/b.wasm"] {
        let zip = Zip::of([Written::stored(name, WASM), asset()]);
        assert_eq!(read(&zip, "bootstrap").expect("a package").component, WASM);
    }
    let bootstrap = Zip::of([asset(), Written::stored("bootstrap", WASM)]);
    assert_eq!(read(&bootstrap, "").expect("a package").component, WASM);
    // Another file that looks like one is an asset as long as one is named so.
    let both = Zip::of([Written::stored("data.bin", WASM), Written::stored("f.wasm", b"\0asm it")]);
    assert_eq!(read(&both, "").expect("a package").component, &b"\0asm it"[..]);
}

#[test]
fn the_handler_names_one_of_several_components() {
    let zip =
        Zip::of(["a.wasm", "a.b.wasm", "deep/c.wasm"].map(|name| Written::stored(name, name.as_bytes())));
    let handlers = [
        ("a.wasm", "a.wasm"),
        ("a", "a.wasm"),
        ("a.handler", "a.wasm"),
        ("a.b", "a.b.wasm"),
        ("a.b.handler", "a.b.wasm"),
        ("deep/c.main", "deep/c.wasm"),
    ];
    for (handler, expected) in handlers {
        let package = read(&zip, handler).expect("a package");
        assert_eq!(package.component, expected, "{handler}");
        assert_eq!(package.assets.len(), 2);
    }
    for handler in ["", "bootstrap", "c", "b", "wasm", ".a"] {
        let message = read(&zip, handler).expect_err(handler).to_string();
        assert!(
            message.contains("Handler must name one") && message.contains(r#""deep/c.wasm""#),
            "{message}"
        );
    }
    let unnamed = Zip::of([Written::stored("a", WASM), Written::stored("b", WASM)]);
    assert!(read(&unnamed, "b.handler").is_ok());
    assert!(matches!(refused(&unnamed), PackageError::WhichComponent { .. }));
}

#[test]
fn a_zip_without_a_component_is_refused_with_what_it_holds() {
    assert!(refused(&Zip::of([])).to_string().ends_with("it holds no file"));
    assert!(refused(&Zip::of([asset()])).to_string().ends_with(r#"it holds "asset""#));
    let many = Zip::of((0..20).map(|number| Written::stored(&format!("class-{number}"), b"")));
    assert!(refused(&many).to_string().contains("20 files, among them \"class-0\""));
}

#[test]
fn what_macos_leaves_in_zips_is_not_there() {
    let left_over = ["__MACOSX/._f.wasm", ".DS_Store", "folder/.DS_Store", "__MACOSX/deep/._x"];
    let entries = left_over.map(|name| Written::stored(name, WASM));
    let package = read(&Zip::of(entries.into_iter().chain([Written::stored("f.wasm", WASM)])), "");
    assert_eq!(package.expect("a package").assets, []);
}

#[test]
fn only_names_that_are_harmless_everywhere_are_taken() {
    let (long_part, long, deep) = ("p".repeat(256), "p/".repeat(2049), "p/".repeat(65));
    let bad = [
        ("../../etc/passwd", ".."),
        ("a/../b", ".."),
        ("..", ".."),
        ("a/./b", "empty part"),
        ("a//b", "empty part"),
        ("a//", "empty part"),
        ("./a", "empty part"),
        ("/", "empty"),
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("C:/windows", "drive"),
        ("c:", "drive"),
        (r"a\b", "backslash"),
        (r"\\server\share", "backslash"),
        ("a\0b", "NUL"),
        ("a\nb", "control character"),
        ("a\u{9b}b", "control character"),
        ("a\u{7f}", "control character"),
        (&long_part, "255 bytes"),
        (&long, "4096 bytes"),
        (&deep, "63 folders"),
    ];
    for (name, word) in bad {
        let error = refused(&named(name));
        assert!(matches!(error, PackageError::Name { .. }), "{name:?}: {error}");
        assert!(error.to_string().contains(word), "{name:?}: {error}");
    }
    let not_utf8 = refused(&with(Written { name: b"\xff\xfe".to_vec(), ..asset() }));
    assert!(not_utf8.to_string().contains("not UTF-8"), "{not_utf8}");
    for good in ["a b", "...", "..a", "é/ü", "ab:c", &"p".repeat(255), "p/".repeat(63).trim_end_matches('/')]
    {
        assert!(read(&named(good), "").is_ok(), "{good}");
    }
}

#[test]
fn names_make_one_tree_of_files_and_folders() {
    let tree = |names: &[&str]| {
        let entries = names.iter().map(|name| match name.ends_with('/') {
            true => Written::folder(name),
            false => Written::stored(name, WASM),
        });
        read(&Zip::of([Written::stored("f.wasm", WASM)].into_iter().chain(entries)), "")
    };
    assert!(tree(&["a/", "a/b", "a.b", "a!", "c/d", "c/", "c-"]).is_ok());
    for twice in [["a", "a"], ["a/", "a/"], ["f.wasm", "b"]] {
        assert!(matches!(tree(&twice), Err(PackageError::Duplicate { .. })), "{twice:?}");
    }
    for both in [&["a", "a/"][..], &["a", "a/b"], &["a/b/c", "a!", "a"], &["x/y", "x/y/z/"]] {
        assert!(matches!(tree(both), Err(PackageError::FileAndFolder { .. })), "{both:?}");
    }
}

#[test]
fn only_files_and_folders_are_taken() {
    let kinds =
        [(0o120_777, "symbolic link"), (0o010_644, "pipe"), (0o140_644, "socket"), (0o060_644, "device")];
    for (mode, word) in kinds {
        let error = refused(&with(Written { mode, ..asset() }));
        assert!(matches!(error, PackageError::Special { .. }) && error.to_string().contains(word), "{error}");
    }
    for entry in
        [Written { mode: 0o040_755, ..asset() }, Written { mode: 0o100_644, ..Written::folder("x/") }]
    {
        assert!(matches!(refused(&with(entry)), PackageError::FileAndFolder { .. }));
    }
    assert!(read(&with(Written { mode: 0, ..asset() }), "").is_ok(), "not every system has modes");
}

#[test]
fn what_is_encrypted_or_compressed_otherwise_is_refused_by_name() {
    for entry in [
        Written { flags: 1, ..asset() },
        Written { flags: 1 << 13, ..asset() },
        Written { method: 99, ..asset() },
    ] {
        assert!(matches!(refused(&with(entry)), PackageError::Encrypted { .. }));
    }
    for (method, word) in
        [(12, "bzip2"), (14, "LZMA"), (93, "zstd"), (9, "deflate64"), (6, "implode"), (77, "method 77")]
    {
        let error = refused(&with(Written { method, ..asset() })).to_string();
        assert!(error.contains(word) && error.contains("asset"), "{error}");
    }
    assert!(refused(&with(Written { flags: 1 << 5, ..asset() })).to_string().contains("a patch"));
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let many = Zip::of((0..10_001).map(|number| Written::stored(&number.to_string(), b"")));
    assert_eq!(refused(&many), PackageError::Entries { entries: 10_001 });
    let claimed = Zip { count: Some(u16::MAX), count_64: Some(1 << 40), ..with(asset()) };
    assert_eq!(refused(&claimed), PackageError::Entries { entries: 1 << 40 });
    let allowed =
        Zip::of((0..9_999).map(|number| Written::stored(&number.to_string(), b"")).chain([asset()]));
    assert!(matches!(refused(&allowed), PackageError::NoComponent { .. }));
}

#[test]
fn zip64_is_read_and_must_not_contradict_the_rest() {
    let zip = Zip { count_64: Some(2), ..with(asset()) };
    assert!(read(&zip, "").is_ok());
    assert!(
        read(&Zip { count: Some(u16::MAX), directory_offset: Some(u32::MAX), ..zip.clone() }, "").is_ok()
    );
    for bad in [
        Zip { count: Some(1), ..zip.clone() },
        Zip { directory_offset: Some(1), ..zip.clone() },
        Zip { directory_offset: Some(u32::MAX), ..with(asset()) },
    ] {
        assert!(matches!(refused(&bad), PackageError::Damaged { .. }), "{bad:?}");
    }
    let wide = |sizes: &[u64]| {
        let fields: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        [&[1, 0, fields.len() as u8, 0][..], &fields].concat()
    };
    let entry =
        Written { packed_size: Some(u32::MAX), extra: wide(&[23]), local_extra: wide(&[23]), ..asset() };
    assert!(read(&with(entry.clone()), "").is_ok());
    for lie in [wide(&[22]), wide(&[u64::MAX]), wide(&[]), Vec::new(), vec![1, 0, 9, 0]] {
        assert!(read(&with(Written { extra: lie.clone(), ..entry.clone() }), "").is_err(), "{lie:?}");
        assert!(read(&with(Written { local_extra: lie.clone(), ..entry.clone() }), "").is_err(), "{lie:?}");
    }
}

#[test]
fn every_byte_belongs_to_one_thing_only() {
    let good = with(asset());
    let bad = [
        Zip { before: b"PK\x03\x04 of another".to_vec(), ..good.clone() },
        Zip { behind: b"more".to_vec(), ..good.clone() },
        Zip { comment: Zip::of([]).build(), ..good.clone() },
        Zip { disk: 1, ..good.clone() },
        Zip { count: Some(1), ..good.clone() },
        Zip { count: Some(3), ..good.clone() },
        Zip { directory_offset: Some(0), ..good.clone() },
        Zip { directory_bytes: Some(1 << 30), ..good.clone() },
        with(Written { behind: Written::stored("hidden", WASM).packed, ..asset() }),
    ];
    for zip in bad {
        let bytes = Bytes::from([b"PK\x03\x04", &zip.build()[4..]].concat());
        let error = Package::read(&bytes, "").expect_err("refused");
        assert!(matches!(error, PackageError::Damaged { .. }), "{error}: {zip:?}");
    }
}

#[test]
fn entries_that_overlap_are_refused() {
    // One kernel of data that many entries claim, whole and nested.
    let kernel = Written::deflated("kernel", &[0; 100_000]);
    let shared = Zip::of((0..50).map(|number| Written {
        name: b"kernel".to_vec(),
        is_listed_only: number > 0,
        offset: Some(0),
        ..kernel.clone()
    }));
    assert!(matches!(refused(&shared), PackageError::Overlap { .. }));
    let inner = Zip::of([Written::stored("inner", WASM)]).build();
    let outer = Written { packed: inner[..50].to_vec(), size: 50, ..asset() };
    let nested = Zip::of([
        outer,
        Written { is_listed_only: true, offset: Some(35), ..Written::stored("inner", WASM) },
    ]);
    assert!(matches!(refused(&nested), PackageError::Overlap { .. }), "{:?}", refused(&nested));
    let into_the_directory = with(Written { packed_size: Some(60), size: 60, ..asset() });
    assert!(matches!(refused(&into_the_directory), PackageError::Overlap { .. }));
}

#[test]
fn both_headers_of_an_entry_must_agree() {
    let good = Zip::of([Written::stored("f.wasm", WASM)]).build();
    assert!(Package::read(&good.clone().into(), "").is_ok());
    let cases = [
        (30, b'g', "names"),
        (8, 8, "ways of compression"),
        (6, 1, "flags"),
        (18, 1, "sizes"),
        (22, 1, "sizes"),
        (14, 1, "checksums"),
    ];
    for (at, byte, word) in cases {
        let mut zip = good.clone();
        zip[at] = byte;
        let error = Package::read(&zip.into(), "").expect_err("refused");
        assert!(matches!(error, PackageError::Contradiction { what, .. } if what == word), "{error}");
    }
    let unicode_path = |name: &[u8]| [&[0x75, 0x70, 5 + name.len() as u8, 0, 1, 0, 0, 0, 0], name].concat();
    assert!(read(&with(Written { extra: unicode_path(b"asset"), ..asset() }), "").is_ok());
    let renamed = with(Written { extra: unicode_path(b"../up"), ..asset() });
    assert!(matches!(refused(&renamed), PackageError::Contradiction { what: "names", .. }));
}

#[test]
fn content_must_be_what_was_packed() {
    let deflated = || Written::deflated("asset", &b"text ".repeat(100));
    let cases = [
        (Written { crc: 1, ..asset() }, "checksum"),
        (Written { size: 22, ..asset() }, "larger"),
        (Written { size: 24, ..asset() }, "smaller"),
        (Written { size: 499, ..deflated() }, "larger"),
        (Written { size: 501, ..deflated() }, "smaller"),
        (Written { packed: [deflated().packed, vec![0]].concat(), ..deflated() }, "after its end"),
        (Written { packed: deflated().packed[..10].to_vec(), ..deflated() }, "cut off"),
        (Written { packed: vec![0xff; 20], ..deflated() }, "not deflate data"),
        (Written { packed: Vec::new(), ..deflated() }, "cut off"),
    ];
    for (entry, word) in cases {
        let error = refused(&with(entry));
        assert!(matches!(error, PackageError::Content { .. }) && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_bomb_is_refused_by_what_it_declares_and_by_what_it_is() {
    let large = Written::deflated("bomb", &vec![0; 3 << 20]);
    assert!(matches!(refused(&with(large.clone())), PackageError::Ratio { .. }));
    // One that lies is found out after so many bytes as it said.
    let lying = Written { size: 1000, ..large };
    assert!(refused(&with(lying)).to_string().contains("larger than the zip says"));
    // Many small ones make a large one.
    let small = Written::deflated("small", &vec![0; 1 << 20]);
    let many = (0..250).map(|number| Written { name: format!("{number}").into_bytes(), ..small.clone() });
    assert!(matches!(refused(&Zip::of(many.clone().take(50))), PackageError::TotalRatio));
    assert!(matches!(refused(&Zip::of(many)), PackageError::Unzipped { .. }));
}

#[test]
fn damage_anywhere_is_refused_or_harmless_and_never_a_panic() {
    let zip = with(Written::deflated("asset", &b"text ".repeat(100))).build();
    let good = Package::read(&zip.clone().into(), "").expect("a package");
    for cut in 2..zip.len() {
        Package::read(&zip[..cut].to_vec().into(), "").expect_err("it is cut off");
    }
    for at in 2..zip.len() {
        for bit in 0..8 {
            let mut damaged = zip.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(read) = Package::read(&damaged.into(), "") {
                assert_eq!(read.component, good.component, "bit {bit} of byte {at}");
            }
        }
    }
}
