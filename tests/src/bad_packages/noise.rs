//! What is no WebAssembly at all, or only the beginning of some.

use fastrand::Rng;

use super::BadPackage;
use crate::guest;
use crate::zip::{Entry, Zip};

const NOT_WASM: &[&str] = &["not WebAssembly"];
const DAMAGED: &[&str] = &["not WebAssembly|could not be compiled|exports neither"];
const VERSION: &[&str] = &["unknown version of WebAssembly"];
const ZIP: &[&str] = &["zip"];

pub(super) fn all() -> Vec<BadPackage> {
    [formats(), random(), with_a_good_beginning(), cut_off()].into_iter().flatten().collect()
}

/// Files that people upload by mistake.
fn formats() -> Vec<BadPackage> {
    let formats: &[(&str, &[u8], &[&str])] = &[
        ("empty", b"", &["empty"]),
        ("a blank", b" ", NOT_WASM),
        ("blank lines", b"\n\r\n\t\n", NOT_WASM),
        ("zeros", &[0; 64], NOT_WASM),
        ("JSON", b"{\"FunctionName\": \"f\"}", NOT_WASM),
        ("a JSON null", b"null", NOT_WASM),
        ("base64 of a module", b"AGFzbQEAAAA=", NOT_WASM),
        ("WebAssembly text", b"(module (func (export \"run\")))", NOT_WASM),
        ("a component's text", b"(component)", NOT_WASM),
        ("WIT", b"package samovar:function@0.1.0;\n", NOT_WASM),
        ("ELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0", &["not WebAssembly", "ELF"]),
        ("a shell script", b"#!/bin/sh\nexec ./bootstrap\n", &["not WebAssembly", "script"]),
        ("a Python script", b"#!/usr/bin/env python3\nprint(1)\n", &["not WebAssembly", "script"]),
        ("Python", b"def handler(event, context):\n    return event\n", NOT_WASM),
        ("JavaScript", b"exports.handler = async (event) => event;\n", NOT_WASM),
        ("Rust", b"fn main() {}\n", NOT_WASM),
        ("HTML", b"<!DOCTYPE html><title>404 Not Found</title>", NOT_WASM),
        ("XML", b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", NOT_WASM),
        ("a Windows program", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", NOT_WASM),
        ("a macOS program", b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0", NOT_WASM),
        ("a Java class", b"\xca\xfe\xba\xbe\0\0\0\x41", NOT_WASM),
        ("LLVM bitcode", b"BC\xc0\xde5\x14\0\0", NOT_WASM),
        ("a static library", b"!<arch>\n/               0           ", NOT_WASM),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", NOT_WASM),
        ("bzip2", b"BZh91AY&SY", NOT_WASM),
        ("xz", b"\xfd7zXZ\0\0\x04", NOT_WASM),
        ("zstd", b"\x28\xb5\x2f\xfd\x24\0\x01\0\0\x99\xe9\xd8\x51", NOT_WASM),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\x04", NOT_WASM),
        ("rar", b"Rar!\x1a\x07\x01\0", NOT_WASM),
        ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", NOT_WASM),
        ("PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NOT_WASM),
        ("UTF-16", b"\xff\xfe{\0}\0", NOT_WASM),
        ("a cut magic number", b"\0as", NOT_WASM),
        ("a magic number alone", b"\0asm", VERSION),
        ("WebAssembly of no known version", b"\0asm\x02\0\0\0", VERSION),
        ("WebAssembly of an old version", b"\0asm\x0b\0\0\0", VERSION),
        ("a component of an old version", b"\0asm\x0a\0\x01\0", VERSION),
        ("WebAssembly of an unknown layer", b"\0asm\x01\0\x02\0", VERSION),
        ("a component without anything", b"\0asm\x0d\0\x01\0", &["exports neither", "nothing"]),
    ];
    formats.iter().map(|(name, bytes, expected)| BadPackage::new(*name, *bytes, expected)).collect()
}

fn random() -> Vec<BadPackage> {
    let lengths = [1, 2, 3, 4, 7, 8, 16, 64, 333, 1000, 4096, 65_536, 1 << 20];
    let cases = lengths.into_iter().flat_map(|length| (0..4).map(move |seed| (length, seed)));
    cases
        .map(|(length, seed)| {
            BadPackage::new(format!("{length} random bytes, seed {seed}"), bytes(length, seed), NOT_WASM)
        })
        .collect()
}

fn with_a_good_beginning() -> Vec<BadPackage> {
    let beginnings: [(&str, &[u8], &[&str]); 5] = [
        ("a module", b"\0asm\x01\0\0\0", &["could not be compiled|core WebAssembly module"]),
        ("a component", b"\0asm\x0d\0\x01\0", &["could not be compiled"]),
        (
            "a component with a module",
            b"\0asm\x0d\0\x01\0\x01\x80\x08\0asm\x01\0\0\0",
            &["could not be compiled"],
        ),
        ("a zip", b"PK\x03\x04", ZIP),
        ("an empty zip", b"PK\x05\x06", ZIP),
    ];
    let cases = beginnings.into_iter().flat_map(|beginning| {
        [1, 17, 300, 1024, 5000, 100_000].into_iter().map(move |length| (beginning, length))
    });
    cases
        .map(|((name, beginning, expected), length)| {
            let package = [beginning, &bytes(length, length as u64)].concat();
            BadPackage::new(format!("the beginning of {name} and {length} random bytes"), package, expected)
        })
        .collect()
}

/// A component and a zip with it, cut at many points, as by uploads that broke off.
fn cut_off() -> Vec<BadPackage> {
    let component = guest("echo");
    let zip = Zip::of([Entry::deflated("echo.wasm", &component), Entry::stored("asset", b"text")]).build();
    let cut = |name: &'static str, whole: Vec<u8>, parts: usize, expected: &'static [&'static str]| {
        (1..parts).map(move |part| {
            let length = whole.len() * part / parts;
            BadPackage::new(format!("{name} cut at {length} bytes"), &whole[..length], expected)
        })
    };
    let short = [2, 5, 8, 9, 12].map(|length| {
        BadPackage::new(format!("a component cut at {length} bytes"), &component[..length], DAMAGED)
    });
    let components = cut("a component", component.clone(), 41, DAMAGED).map(BadPackage::long);
    short.into_iter().chain(components).chain(cut("a zip", zip, 31, ZIP)).collect()
}

fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    (0..length).map(|_| rng.u8(..)).collect()
}
