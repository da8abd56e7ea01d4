//! Packages that want too much: of the network, of memory, of the compiler.

use super::BadPackage;

/// More than the largest request takes, in base64.
const BEYOND_A_REQUEST_BYTES: usize = 60_000_000;
/// One more than the largest package has; in base64 it is within a request.
const BEYOND_A_PACKAGE_BYTES: usize = 52_428_801;

pub(super) fn all() -> Vec<BadPackage> {
    [sizes(), counts(), depths()].into_iter().flatten().collect()
}

fn sizes() -> Vec<BadPackage> {
    let padded = |bytes: usize| {
        let mut module = b"\0asm\x0d\0\x01\0".to_vec();
        module.resize(bytes, 0);
        module
    };
    vec![
        BadPackage::new("60 MB", padded(BEYOND_A_REQUEST_BYTES), &["70167211"]).long(),
        BadPackage::new("50 MiB and a byte", padded(BEYOND_A_PACKAGE_BYTES), &["52428800"]).long(),
        BadPackage::new("50 MiB of zeros", vec![0; 52_428_800], &["not WebAssembly"]).long(),
        BadPackage::new("50 MiB of a component", padded(52_428_800), &["could not be compiled"]).long(),
    ]
}

fn component(name: &str, text: &str, expected: &'static [&'static str]) -> BadPackage {
    let component =
        wat::parse_str(format!("(component {text})")).unwrap_or_else(|error| panic!("{name}: {error}"));
    BadPackage::new(format!("a component: {name}"), component, expected).long()
}

fn in_module(name: &str, text: &str, expected: &'static [&'static str]) -> BadPackage {
    component(name, &format!("(core module {text})"), expected)
}

fn repeated(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

/// Many of one thing.
fn counts() -> Vec<BadPackage> {
    const REFUSED: &[&str] = &["could not be compiled|exports neither"];
    const INVALID: &[&str] = &["could not be compiled"];
    let imports = repeated(10_000, |n| format!("(import \"env\" \"f{n}\" (func (param i32) (result i32)))"));
    let core = wat::parse_str(format!("(module {imports})")).expect("a module");
    let instances = repeated(10_000, |n| format!("(import \"a:b/c{n}\" (instance (export \"f\" (func))))"));
    let handler = r#"(import "samovar:function/handler@0.1.0" (instance $i)) (export "samovar:function/handler@0.1.0" (instance $i))"#;
    let functions = repeated(50_000, |n| format!("(func (result i32) i32.const {n})"));
    let targets = repeated(70_000, |_| " 0".to_owned());
    let bodies = repeated(2_000, |n| {
        let lines =
            repeated(100, |line| format!("local.get 0 i32.const {} i32.mul local.set 0 ", n * line + 3));
        format!("(func (param i32) {lines})")
    });
    vec![
        BadPackage::new("a module: 10,000 imports", core, &["core WebAssembly module|env"]).long(),
        in_module("a module with 10,000 imports", &imports, REFUSED),
        component("10,000 imports", &instances, REFUSED),
        component("10,000 imports and a handler", &format!("{instances}{handler}"), REFUSED),
        with_section("1,000,001 types", 1, 1_000_001, b"\x60\0\0"),
        in_module(
            "a type with 1,001 parameters",
            &format!("(type (func (param {})))", " i32".repeat(1_001)),
            INVALID,
        ),
        in_module(
            "a type with 1,001 results",
            &format!("(type (func (result {})))", " i32".repeat(1_001)),
            INVALID,
        ),
        in_module("50,001 locals", &format!("(func (local {}))", " i32".repeat(50_001)), INVALID),
        in_module("50,000 functions", &functions, REFUSED),
        in_module("2,000 functions that compute", &bodies, REFUSED),
        in_module("a jump to 70,000 places", &format!("(func i32.const 0 br_table {targets})"), REFUSED),
        BadPackage::new("a component: a function of 8 MB", with_body(&vec![1; 8_000_000]), INVALID).long(),
        in_module(
            "a table of four billion elements",
            "(table 4294967295 funcref)",
            &["4294967295 which exceeds the limit"],
        ),
        in_module("101 tables", &"(table 1 funcref)".repeat(101), INVALID),
        in_module("101 memories", &"(memory 1)".repeat(101), INVALID),
        with_section("1,000,001 globals", 6, 1_000_001, b"\x7f\0\x41\0\x0b"),
        in_module(
            "a name of 100,001 bytes",
            &format!("(func (export \"{}\"))", "n".repeat(100_001)),
            INVALID,
        ),
        component("1,001 modules", &"(core module)".repeat(1_001), INVALID),
        component("1,001 components", &"(component)".repeat(1_001), INVALID),
        component(
            "5,000 instances",
            &format!("(core module $m) {}", "(core instance (instantiate $m))".repeat(5_000)),
            INVALID,
        ),
    ]
}

/// One thing within another.
fn depths() -> Vec<BadPackage> {
    const REFUSED: &[&str] = &["could not be compiled|exports neither"];
    let nested = |open: &str, inside: &str, close: &str, depth: usize| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    let blocks = b"\x02\x40".repeat(100_000);
    let ends = b"\x0b".repeat(100_001);
    let lists = repeated(2_000, |n| match n {
        0 => "(type (list u8))".to_owned(),
        _ => format!("(type (list {}))", n - 1),
    });
    let doubling = repeated(60, |n| match n {
        0 => "(type (tuple u8 u8))".to_owned(),
        _ => format!("(type (tuple {0} {0}))", n - 1),
    });
    vec![
        component("50 components within each other", &nested("(component ", "", ")", 50), REFUSED),
        BadPackage::new(
            "a component: 10,000 components within each other",
            nested_components(10_000),
            REFUSED,
        )
        .long(),
        BadPackage::new(
            "a component: 100,000 blocks within each other",
            with_body(&[blocks, ends].concat()),
            REFUSED,
        )
        .long(),
        component("a list within 2,000 lists", &lists, REFUSED),
        component("a type of 2^60 parts", &doubling, REFUSED),
        component("types within types", &nested("(type (component ", "", "))", 40), REFUSED),
    ]
}

/// Components in components, written by hand because a text so deep is not read.
fn nested_components(depth: usize) -> Vec<u8> {
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    // The lengths are found from the inside out, and the bytes are written from the outside in.
    let mut lengths = vec![HEADER.len()];
    for level in 1..depth {
        let inner = lengths[level - 1];
        lengths.push(HEADER.len() + 1 + leb128(inner).len() + inner);
    }
    let mut component = HEADER.to_vec();
    for inner in lengths.iter().rev().skip(1) {
        component.push(4);
        component.extend(leb128(*inner));
        component.extend(HEADER);
    }
    component
}

/// A component with a module with one section of many equal items, written by hand because so long a text takes long.
fn with_section(name: &str, id: u8, count: usize, item: &[u8]) -> BadPackage {
    let items = [leb128(count), item.repeat(count)].concat();
    let module = [&b"\0asm\x01\0\0\0"[..], &[id], &leb128(items.len()), &items].concat();
    let package = [&b"\0asm\x0d\0\x01\0\x01"[..], &leb128(module.len()), &module].concat();
    BadPackage::new(format!("a component: {name}"), package, &["could not be compiled"]).long()
}

/// A component with a module with one function of that body.
fn with_body(body: &[u8]) -> Vec<u8> {
    let function = [&leb128(body.len() + 1)[..], &[0], body].concat();
    let code = [&[1][..], &function].concat();
    let module =
        [&b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a"[..], &leb128(code.len()), &code].concat();
    [&b"\0asm\x0d\0\x01\0\x01"[..], &leb128(module.len()), &module].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
