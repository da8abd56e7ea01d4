//! Components written as text, for guests that no compiler would make.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::root;

/// A core module that answers every event with `"ok"`; each part can be replaced.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    /// What it imports, of the world in `guest-examples/hostile/wasi.wit`.
    pub imports: &'static str,
    /// The pages of its memory, as text: `1` or `1 16`.
    pub memory: &'static str,
    /// What else the module has: tables, globals, functions, a start function.
    pub more: &'static str,
    /// The body of `handle`; it leaves a pointer to the result record on the stack.
    pub handle: &'static str,
    /// The body of `cabi_realloc`; it leaves a pointer to the new memory on the stack.
    pub realloc: &'static str,
    /// The body of what is called after an answer was read.
    pub post_return: &'static str,
    /// The body of `init`; it leaves a pointer to the result record on the stack.
    pub init: &'static str,
}

impl Default for Handler {
    fn default() -> Self {
        Self::USUAL
    }
}

impl Handler {
    /// The one that answers every event.
    pub const USUAL: Self = Self {
        imports: "",
        memory: "2",
        more: "",
        // At 16 lies a result: ok, a list of four bytes at 64. At 48 lies init's: ok.
        handle: "i32.const 16",
        realloc: "i32.const 1024",
        post_return: "",
        init: "i32.const 48",
    };

    /// The component.
    pub fn build(&self) -> Vec<u8> {
        component_of_world(&self.wit(), self.world(), &self.module())
    }

    /// The component, whose texts are in UTF-16.
    pub fn build_utf16(&self) -> Vec<u8> {
        encoder(&self.wit(), self.world(), &self.module(), StringEncoding::UTF16)
            .encode()
            .expect("it makes a component")
    }

    fn world(&self) -> &'static str {
        if self.imports.is_empty() { "function" } else { "hostile" }
    }

    fn wit(&self) -> String {
        if self.imports.is_empty() {
            function_wit()
        } else {
            function_wit() + include_str!("../../guest-examples/hostile/wasi.wit")
        }
    }

    fn module(&self) -> String {
        let Self { imports, memory, more, handle, realloc, post_return, init } = self;
        format!(
            r#"(module
                {imports}
                (memory (export "memory") {memory})
                (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
                (data (i32.const 48) "\00\00\00\00")
                (data (i32.const 64) "\22ok\22")
                {more}
                (func (export "samovar:function/handler@0.1.0#handle")
                    (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                    {handle})
                (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) {init})
                (func (export "cabi_post_samovar:function/handler@0.1.0#handle") (param i32) {post_return})
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc}))"#
        )
    }
}

/// A component of our world around a core module.
pub fn component(core: &str) -> Vec<u8> {
    component_of_world(&function_wit(), "function", core)
}

/// A component of our world around a core module that imports WASI preview 1.
pub fn component_of_preview1(core: &str) -> Vec<u8> {
    encoder(&function_wit(), "function", core, StringEncoding::UTF8)
        .adapter(
            "wasi_snapshot_preview1",
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )
        .expect("the adapter fits the module")
        .encode()
        .expect("it makes a component")
}

/// A component of any world around a core module.
pub fn component_of_world(wit: &str, world: &str, core: &str) -> Vec<u8> {
    encoder(wit, world, core, StringEncoding::UTF8).encode().expect("it makes a component")
}

fn function_wit() -> String {
    std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("the WIT is there")
}

fn encoder(wit: &str, world: &str, core: &str, texts: StringEncoding) -> ComponentEncoder {
    let mut module = wat::parse_str(core).expect("the text is a module");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).expect("the text is WIT");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, texts).expect("it can be embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("the module fits the world");
    encoder
}
