//! From the fields of a type to its `impl Space`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Member, Meta, Result};

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    if let Some(attribute) = input.attrs.iter().find(|attribute| attribute.path().is_ident("space")) {
        return Err(Error::new_spanned(attribute, "`#[space(…)]` stands on a field"));
    }
    let body = match &input.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields)?;
            quote!(Ok(Self { #fields }))
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| {
                let (name, label) = (&variant.ident, variant.ident.unraw().to_string());
                let fields = fields(&variant.fields)?;
                Ok(quote!((#label, &|draw: &mut ::wengert::search::Draw<'_>| Ok(Self::#name { #fields }))))
            });
            let variants = variants.collect::<Result<Vec<_>>>()?;
            quote!(draw.variant("", &[#(#variants),*]))
        }
        Data::Union(data) => return Err(Error::new(data.union_token.span(), "a union cannot be a space")),
    };
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::wengert::search::Space for #name #type_generics #where_clause {
            #[allow(unused_variables)]
            fn draw(
                draw: &mut ::wengert::search::Draw<'_>,
            ) -> ::core::result::Result<Self, ::wengert::search::SpaceError> {
                #body
            }
        }
    })
}

/// What draws each field.
fn fields(fields: &Fields) -> Result<TokenStream> {
    let drawn = fields.members().zip(fields).map(|(member, field)| {
        let name = match &member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let value = value(&name, field)?;
        Ok(quote!(#member: #value?))
    });
    let drawn = drawn.collect::<Result<Vec<_>>>()?;
    Ok(quote!(#(#drawn),*))
}

fn value(name: &str, field: &Field) -> Result<TokenStream> {
    let mut domains = field.attrs.iter().filter(|attribute| attribute.path().is_ident("space"));
    let ty = &field.ty;
    let value = match (domains.next(), domains.next()) {
        (None, _) => {
            let draw = format_ident!("draw", span = ty.span());
            quote_spanned!(ty.span()=> #draw.field::<#ty>(#name))
        }
        (Some(domain), None) => {
            let Meta::List(list) = &domain.meta else {
                return Err(Error::new_spanned(domain, "a domain is missing: `#[space(uniform(0.0..=1.0))]`"));
            };
            let domain = &list.tokens;
            quote!(draw.value(#name, ::wengert::search::Domain::<#ty>::#domain))
        }
        (Some(_), Some(second)) => return Err(Error::new_spanned(second, "a field has one domain")),
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(source: &str) -> String {
        crate::derived(derive, source)
    }

    #[test]
    fn a_field_has_a_domain_of_its_type_or_is_a_space() {
        let all = derived("struct A { #[space(log(1..=8).within(1..=64))] width: usize, update: Update }");
        assert!(
            all.contains(":: wengert :: search :: Domain :: < usize > :: log (1 ..= 8) . within (1 ..= 64)"),
            "{all}"
        );
        assert!(all.contains("update : draw . field :: < Update > (\"update\") ?"), "{all}");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(derived("union U { a: f32 }"), "error: a union cannot be a space");
        assert_eq!(derived("#[space(log(1..=2))] struct A;"), "error: `#[space(…)]` stands on a field");
        let missing = "error: a domain is missing: `#[space(uniform(0.0..=1.0))]`";
        assert_eq!(derived("struct A(#[space] f32);"), missing);
        let twice = "struct A(#[space(log(1..=2))] #[space(log(1..=2))] u8);";
        assert_eq!(derived(twice), "error: a field has one domain");
    }
}
