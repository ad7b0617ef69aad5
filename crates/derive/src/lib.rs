//! The derive macros of the traits `Module` and `Space`; documented there, in `wengert-nn` and
//! `wengert-search`.
#![forbid(unsafe_code)]

mod module;
mod space;

use proc_macro::TokenStream;

/// Implements `Module` by visiting every field in order.
///
/// - A struct with a parameter `T: Float` becomes a `Module<T>`, any other a `Module<f32>`.
///   Further type parameters must be modules themselves.
/// - The parameters of a field `fc` are called `fc.…`, those of field number 0 of a tuple
///   struct `0.…`. Of an enum, the fields of the present variant are visited.
/// - Every field must be a `Module`. Numbers, flags and strings are: they hold no parameters.
///   A field of any other type that holds none is marked `#[module(skip)]`.
///
/// The generated code names the trait `::wengert::Module`. A crate that depends on `wengert-nn`
/// but not on `wengert` says so once, in its root: `extern crate wengert_nn as wengert;`.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    module::derive(input).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Implements `Space` by drawing every field in order.
///
/// - A field with `#[space(…)]` is a parameter, whose domain is a method of `Domain` of the field's
///   type, and what follows: `#[space(log(1e-4..=1.0).within(1e-6..=10.0))]`.
/// - A field without it is a space itself: its parameters are called `field.…`.
/// - Of an enum one variant is chosen, and its fields, called `Variant.…`, exist only then.
///
/// The generated code names the trait `::wengert::search::Space`.
#[proc_macro_derive(Space, attributes(space))]
pub fn derive_space(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    space::derive(input).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// What a derive macro makes of a source, or its error.
#[cfg(test)]
fn derived(derive: fn(syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>, source: &str) -> String {
    match syn::parse_str(source).and_then(derive) {
        Ok(tokens) => tokens.to_string(),
        Err(error) => format!("error: {error}"),
    }
}
