//! The structure that ARCHITECTURE.md promises, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use samovar_tests::root;

/// The parts of `host/src`, from the ground up. Each may use only parts above it.
const PARTS: &[&str] = &[
    "sync",
    "failpoint",
    "heap",
    "urgency",
    "function",
    "timestamp",
    "invocation",
    "policy",
    "metrics",
    "telemetry",
    "logs",
    "store",
    "cpu",
    "wasm",
    "artifact",
    "pool",
    "concurrency",
    "version",
    "registry",
    "sqs",
    "events",
    "sources",
    "host",
    "http",
    "cli",
];

#[test]
fn every_part_uses_only_parts_below_it() {
    let source = root().join("host/src");
    let mut seen = BTreeSet::new();
    for (part, files) in parts(&source) {
        let Some(rank) = PARTS.iter().position(|known| *known == part) else {
            panic!("{part} is not in the list of parts: ARCHITECTURE.md says where it belongs");
        };
        seen.insert(part.clone());
        for file in files {
            for used in uses_of_crate(&std::fs::read_to_string(&file).expect("it can be read")) {
                let Some(used_rank) = PARTS.iter().position(|known| *known == used) else { continue };
                assert!(used_rank <= rank, "{} uses {used}, which stands above {part}", file.display());
            }
        }
    }
    assert_eq!(seen.len(), PARTS.len(), "a part of the list is gone");
}

#[test]
fn only_their_own_part_knows_wasmtime_axum_clap_sql_and_the_aws_sdk() {
    let source = root().join("host/src");
    let only = [
        ("wasmtime", vec!["wasm", "host"]),
        ("wasmtime_wasi", vec!["wasm"]),
        ("rusqlite", vec!["store"]),
        ("aws_config", vec!["sqs"]),
        ("aws_credential_types", vec!["sqs"]),
        ("aws_sdk_sqs", vec!["sqs"]),
        ("aws_smithy_http_client", vec!["sqs"]),
        ("axum", vec!["http", "cli"]),
        ("prometheus", vec!["http"]),
        ("clap", vec!["cli"]),
        ("anyhow", vec!["cli"]),
    ];
    for (part, files) in parts(&source) {
        for file in files {
            let text = std::fs::read_to_string(&file).expect("it can be read");
            for (library, owners) in &only {
                let used = code_lines(&text).any(|line| line.contains(&format!("{library}::")));
                assert!(!used || owners.contains(&part.as_str()), "{} uses {library}", file.display());
            }
        }
    }
    // The host itself knows wasmtime in one place only: the hook by which embedders link their own functions.
    let text = std::fs::read_to_string(source.join("host/mod.rs")).expect("it can be read");
    assert!(!code_lines(&text).any(|line| line.contains("wasmtime::")));
}

#[test]
fn without_default_features_there_is_no_http_no_sql_and_no_aws_sdk() {
    let tree = |features: &[&str]| {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["tree", "--offline", "--package", "samovar", "--edges", "normal", "--prefix", "none"]);
        let output = cargo.args(features).current_dir(root()).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let lean = tree(&["--no-default-features"]);
    let names: BTreeSet<&str> = lean.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("wasmtime"), "the tree was read");
    // TLS is there for the requests that functions send.
    let unwanted = names.iter().find(|name| {
        ["axum", "rusqlite", "clap", "ureq", "rustls", "prometheus"].contains(*name)
            || name.starts_with("aws-")
    });
    assert_eq!(unwanted, None, "it is pulled in without default features");
    let full = tree(&[]);
    for library in ["axum", "rusqlite", "aws-sdk-sqs"] {
        assert!(full.contains(library), "with them {library} is there, so the test can tell");
    }
}

#[test]
fn the_embedding_example_of_the_readme_is_the_one_that_is_compiled() {
    let example = std::fs::read_to_string(root().join("host/examples/embed.rs")).expect("it is there");
    let code = &example[example.find("use samovar").expect("it begins with its use line")..];
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    assert!(readme.contains(code), "README.md shows another program than host/examples/embed.rs");
}

#[test]
fn the_function_of_the_readme_is_the_example_hello() {
    let example =
        std::fs::read_to_string(root().join("guest-examples/hello/src/main.rs")).expect("it is there");
    let begin = example.find("use samovar_sdk").expect("it begins with its use line");
    let end = example.find("#[cfg(test)]").expect("it has tests");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    assert!(readme.contains(example[begin..end].trim_end()), "README.md shows another function than hello");
}

#[test]
fn a_function_for_lambda_runtime_ports_by_its_use_lines() {
    let read = |package: &str| {
        let path = root().join("guest-examples").join(package).join("src/main.rs");
        std::fs::read_to_string(path).expect("it is there")
    };
    let (original, ported) = (read("ported-original"), read("ported"));
    assert!(original.contains("use lambda_runtime::") && ported.contains("use samovar_sdk::"));
    let mut changed = 0;
    assert_eq!(original.lines().count(), ported.lines().count());
    for (before, after) in original.lines().zip(ported.lines()).filter(|(before, after)| before != after) {
        assert!(before.starts_with("use ") && after.starts_with("use "), "{before:?} became {after:?}");
        changed += 1;
    }
    assert_eq!(changed, 1, "one line changes");
}

fn parts(source: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut parts: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(source).expect("it is there") {
        let path = entry.expect("it can be read").path();
        let part = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        match part.as_str() {
            "lib" | "main" => {}
            _ if path.is_dir() => parts.entry(part).or_default().extend(files_below(&path)),
            _ => parts.entry(part).or_default().push(path),
        }
    }
    parts
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// The parts named in `crate::PART` anywhere in the code.
fn uses_of_crate(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for line in code_lines(text) {
        for after in line.split("crate::").skip(1) {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
            used.push(after[..end].to_owned());
        }
    }
    used
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"))
}
