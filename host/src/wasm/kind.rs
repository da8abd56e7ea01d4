//! What uploaded bytes are, found out before any work is done on them.

use wasmparser::{Encoding, Parser, Payload};

use super::program_error::{ProgramError, shortened};

/// What WebAssembly is made of that can become a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A component.
    Component,
    /// A core module that can be made a component.
    Core(CoreModule),
}

/// What of a core module decides how it becomes a component.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CoreModule {
    /// It exports `_start`: it is a command.
    pub(super) starts: bool,
    /// It carries the description of a component's world.
    pub(super) described: bool,
}

/// The interface that WASI commands and reactors of the first preview import.
pub(super) const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// How deep components may be nested; those that tools make are nested three or four deep.
const DEPTH_MAX: usize = 100;

/// How many names an error lists.
const SHOWN_MAX: usize = 5;

/// A maker of modules that need a host of their own, told by what its modules import.
struct Foreign {
    /// The imported module; with a `*` at its end, how its name begins.
    module: &'static str,
    /// A part of the imported name.
    part: &'static str,
    what: &'static str,
    instead: &'static str,
}

const fn foreign(
    module: &'static str,
    part: &'static str,
    what: &'static str,
    instead: &'static str,
) -> Foreign {
    Foreign { module, part, what, instead }
}

const FOREIGN: &[Foreign] = &[
    foreign("env", "emscripten", EMSCRIPTEN, WASI_INSTEAD),
    foreign("env", "invoke_", EMSCRIPTEN, WASI_INSTEAD),
    foreign("env", "__syscall", EMSCRIPTEN, WASI_INSTEAD),
    foreign("env", "_embind", EMSCRIPTEN, WASI_INSTEAD),
    foreign("a", "", EMSCRIPTEN, WASI_INSTEAD),
    foreign("__wbindgen*", "", WASM_BINDGEN, RUST_INSTEAD),
    foreign("wbg", "", WASM_BINDGEN, RUST_INSTEAD),
    foreign("./*", "__wb", WASM_BINDGEN, RUST_INSTEAD),
    foreign("gojs", "", GO, GO_INSTEAD),
    foreign("go", "runtime.", GO, GO_INSTEAD),
    foreign(
        "env",
        "abort",
        "an AssemblyScript module without WASI",
        "build it with AssemblyScript's WASI shim",
    ),
    foreign("wasi_unstable", "", "a module for a WASI older than preview 1", WASI_INSTEAD),
];

const EMSCRIPTEN: &str = "an Emscripten module, which needs the JavaScript that came with it";
const WASM_BINDGEN: &str = "a wasm-bindgen module, which needs the JavaScript that came with it";
const GO: &str = "a Go module for browsers";
const WASI_INSTEAD: &str = "build it for WASI instead, for example with `zig cc -target wasm32-wasi`";
const RUST_INSTEAD: &str = "build it with `cargo build --target wasm32-wasip2` instead";
const GO_INSTEAD: &str = "build it with GOOS=wasip1 GOARCH=wasm, which makes a WASI command";

impl Foreign {
    fn made(&self, (module, name): (&str, &str)) -> bool {
        let of_module = match self.module.strip_suffix('*') {
            Some(beginning) => module.starts_with(beginning),
            None => module == self.module,
        };
        of_module && name.contains(self.part)
    }
}

impl Kind {
    /// Looks at the bytes' beginning and, of a core module, at its imports and exports.
    pub(super) fn of(wasm: &[u8]) -> Result<Self, ProgramError> {
        if !wasm.starts_with(b"\0asm") {
            return Err(ProgramError::NotWasm { beginning: beginning(wasm) });
        }
        if Parser::is_component(wasm) {
            return check_depth(wasm).map(|()| Self::Component);
        }
        if !Parser::is_core_wasm(wasm) {
            let version = format!("{:02x?}", &wasm[4..wasm.len().min(8)]);
            return Err(malformed(format!("an unknown version of WebAssembly ({version})")));
        }
        core_module(wasm).map(Self::Core)
    }
}

/// Refuses components within components within components: what checks them takes time with the square of their depth.
fn check_depth(wasm: &[u8]) -> Result<(), ProgramError> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| malformed(shortened(&error.to_string())))? {
            Payload::ComponentSection { .. } | Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(malformed(format!("components are nested more than {DEPTH_MAX} deep")));
        }
    }
    Ok(())
}

fn core_module(wasm: &[u8]) -> Result<CoreModule, ProgramError> {
    let mut found = CoreModule::default();
    let (mut unknown, mut exports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| malformed(shortened(&error.to_string())))? {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(malformed("a component within a core module".to_owned()));
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(|error| malformed(shortened(&error.to_string())))?;
                    if import.module != PREVIEW_1 {
                        unknown.push((import.module, import.name));
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(|error| malformed(shortened(&error.to_string())))?.name);
                }
            }
            Payload::CustomSection(section) => {
                found.described |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    found.starts = exports.contains(&"_start");
    if !found.described {
        refuse_foreign(&unknown)?;
        if !found.starts {
            return Err(ProgramError::CoreModule { reason: not_a_command(&exports) });
        }
        if !exports.contains(&"memory") {
            let reason = "it exports no `memory`, which a WASI command must".to_owned();
            return Err(ProgramError::CoreModule { reason });
        }
    }
    Ok(found)
}

/// Refuses a module that imports what only a host of another kind has.
fn refuse_foreign(unknown: &[(&str, &str)]) -> Result<(), ProgramError> {
    let Some(&first) = unknown.first() else { return Ok(()) };
    let known = FOREIGN.iter().find_map(|maker| {
        let import = unknown.iter().find(|import| maker.made(**import))?;
        Some((maker, *import))
    });
    let reason = match known {
        Some((Foreign { what, instead, .. }, import)) => {
            format!("it is {what} (it imports {}); {instead}", shown(import))
        }
        None => format!(
            "it imports {}, which no WASI host provides; a core module may import {PREVIEW_1} only",
            shown(first)
        ),
    };
    Err(ProgramError::CoreModule { reason })
}

fn not_a_command(exports: &[&str]) -> String {
    let shown: Vec<String> = exports.iter().take(SHOWN_MAX).map(|name| cut(name)).collect();
    let exports = match exports.len() {
        0 => "it exports nothing".to_owned(),
        count if count > SHOWN_MAX => format!("it exports {}, ...", shown.join(", ")),
        _ => format!("it exports {}", shown.join(", ")),
    };
    format!(
        "{exports}, but neither `_start`, as a WASI command does, nor the description of a component's world; build \
         for wasm32-wasip2 with samovar-sdk, or a command for WASI"
    )
}

fn malformed(reason: String) -> ProgramError {
    ProgramError::Compile { reason }
}

fn shown((module, name): (&str, &str)) -> String {
    format!("{}.{}", cut(module), cut(name))
}

/// A name out of a module as a message may show it: short, and on one line.
fn cut(name: &str) -> String {
    const CHARS_MAX: usize = 80;
    name.chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn beginning(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing (it is empty)".to_owned(),
        [b'P', b'K', ..] => "a zip header (a zip within a zip)".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "an ELF header (a program for this machine)".to_owned(),
        [b'#', b'!', ..] => "#! (a script)".to_owned(),
        _ => format!("{:02x?}", &bytes[..bytes.len().min(8)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core module that imports functions and exports others.
    fn module(imports: &[(&str, &str)], exports: &[&str]) -> Vec<u8> {
        fn name(bytes: &mut Vec<u8>, name: &str) {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
        }
        let section = |id: u8, content: Vec<u8>| [vec![id, content.len() as u8], content].concat();
        let mut imported = vec![imports.len() as u8];
        for (module, field) in imports {
            name(&mut imported, module);
            name(&mut imported, field);
            imported.extend([0, 0]);
        }
        let functions = vec![exports.len() as u8; 1].into_iter().chain(vec![0; exports.len()]).collect();
        let mut exported = vec![exports.len() as u8];
        for (index, export) in exports.iter().enumerate() {
            name(&mut exported, export);
            exported.extend([0, (imports.len() + index) as u8]);
        }
        let code: Vec<u8> =
            [vec![exports.len() as u8], exports.iter().flat_map(|_| [2, 0, 0x0b]).collect()].concat();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, vec![1, 0x60, 0, 0]),
            section(2, imported),
            section(3, functions),
            section(7, exported),
            section(10, code),
        ]
        .concat()
    }

    fn refused(wasm: &[u8]) -> String {
        Kind::of(wasm).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_is_not_webassembly_is_named() {
        assert!(refused(b"").contains("empty"));
        assert!(refused(b"PK\x03\x04rest").contains("zip"));
        assert!(refused(b"\x7fELF").contains("ELF"));
        assert!(refused(b"hello, world").contains("68, 65"));
        assert!(refused(b"\0asm\x07\0\0\0").contains("unknown version"));
    }

    #[test]
    fn a_command_is_a_core_module_that_can_be_started() {
        let command =
            Kind::of(&module(&[(PREVIEW_1, "fd_write")], &["_start", "memory"])).expect("a command");
        assert_eq!(command, Kind::Core(CoreModule { starts: true, described: false }));
        assert!(refused(&module(&[], &["add"])).contains("it exports add, but neither `_start`"));
        assert!(refused(&module(&[], &["_start"])).contains("exports no `memory`"));
    }

    #[test]
    fn modules_for_other_hosts_are_told_apart() {
        for (import, what) in [
            (("env", "emscripten_memcpy_big"), "an Emscripten module"),
            (("a", "b"), "an Emscripten module"),
            (("__wbindgen_placeholder__", "__wbindgen_describe"), "a wasm-bindgen module"),
            (("gojs", "runtime.wasmExit"), "a Go module for browsers"),
            (("env", "abort"), "an AssemblyScript module"),
            (("wasi_unstable", "fd_write"), "older than preview 1"),
            (("acme", "magic"), "imports acme.magic, which no WASI host provides"),
        ] {
            let message = refused(&module(&[(PREVIEW_1, "fd_write"), import], &["_start"]));
            assert!(message.contains(what), "{message}");
        }
    }
}
