//! Porting a function from `lambda_runtime` is a changed `use` line, and nothing else.

const PORTED: &str = include_str!("../src/main.rs");
const ORIGINAL: &str = include_str!("../../ported-original/src/main.rs");

#[test]
fn only_the_use_line_differs_from_the_original() {
    assert_eq!(PORTED.lines().count(), ORIGINAL.lines().count());
    let changed: Vec<_> =
        PORTED.lines().zip(ORIGINAL.lines()).filter(|(ported, original)| ported != original).collect();
    let [(ported, original)] = changed[..] else {
        panic!("these lines differ: {changed:#?}");
    };
    assert!(ported.starts_with("use samovar_sdk::"), "{ported}");
    assert!(original.starts_with("use lambda_runtime::"), "{original}");
}
