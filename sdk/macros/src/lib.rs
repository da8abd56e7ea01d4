//! The attribute macros of `samovar-sdk`, which re-exports them as `samovar_sdk::tokio::{main,
//! test}`.
//!
//! They move the body of an async function into an async function inside it, and need no parser for
//! that: what precedes `async` and what follows `fn` stays as it was written.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Makes an async `main` the set-up of a function.
#[proc_macro_attribute]
pub fn main(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(item, |name| match name {
        "main" => "::samovar_sdk::__export_main!(main); ::samovar_sdk::__private::start(main)".to_owned(),
        other => format!("::samovar_sdk::__private::block_on({other}())"),
    })
}

/// Makes an async function a unit test.
#[proc_macro_attribute]
pub fn test(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut output = source("#[::core::prelude::v1::test]");
    output.extend(expand(item, |name| format!("::samovar_sdk::__private::block_on({name}())")));
    output
}

/// `async fn f() -> T { body }` becomes `fn f() -> T { async fn f() -> T { body } <call of f> }`.
fn expand(item: TokenStream, call: impl Fn(&str) -> String) -> TokenStream {
    let tokens: Vec<TokenTree> = item.into_iter().collect();
    let function = match AsyncFunction::find(&tokens) {
        Ok(function) => function,
        // Errors are string literals without quotes of their own, so `Debug` writes them as Rust
        // does.
        Err(reason) => return source(&format!("::core::compile_error!({reason:?});")),
    };
    let mut body: TokenStream = function.item.iter().cloned().collect();
    body.extend(source(&call(&function.name)));
    let mut output: TokenStream = function.attributes.iter().cloned().collect();
    output.extend(function.signature.iter().cloned());
    output.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]);
    output
}

/// The parts of an async function without parameters.
struct AsyncFunction<'a> {
    name: String,
    /// The attributes and the visibility.
    attributes: &'a [TokenTree],
    /// From `fn` up to the body.
    signature: &'a [TokenTree],
    /// From `async` to the end.
    item: &'a [TokenTree],
}

impl<'a> AsyncFunction<'a> {
    fn find(tokens: &'a [TokenTree]) -> Result<Self, &'static str> {
        let is = |token: Option<&TokenTree>, word: &str| match token {
            Some(TokenTree::Ident(ident)) => ident.to_string() == word,
            _ => false,
        };
        let start = (0..tokens.len())
            .find(|&at| is(tokens.get(at), "async") && is(tokens.get(at + 1), "fn"))
            .ok_or("this attribute is for an `async fn`")?;
        let Some(TokenTree::Ident(name)) = tokens.get(start + 2) else {
            return Err("the function has no name");
        };
        match tokens.get(start + 3) {
            Some(TokenTree::Group(parameters)) if parameters.stream().is_empty() => {}
            _ => return Err("the function takes no parameters"),
        }
        let end = tokens.len() - 1;
        match &tokens[end] {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {}
            _ => return Err("the function has no body"),
        }
        Ok(Self {
            name: name.to_string(),
            attributes: &tokens[..start],
            signature: &tokens[start + 1..end],
            item: &tokens[start..],
        })
    }
}

fn source(text: &str) -> TokenStream {
    text.parse().expect("the macro's own text is Rust")
}
