//! From the fields of a type to its `impl Module`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Generics, Ident, Member, Result, TypeParamBound, WherePredicate};

pub(crate) fn derive(mut input: DeriveInput) -> Result<TokenStream> {
    if let Some(attribute) = input.attrs.iter().find(|attribute| attribute.path().is_ident("module")) {
        return Err(Error::new_spanned(attribute, "`#[module(skip)]` stands on a field"));
    }
    let body = match &input.data {
        Data::Struct(data) => {
            let visits = visited(&data.fields)?.into_iter().map(|(member, field)| {
                let at = place(field);
                visit(&member, at, quote_spanned!(at=> &self.#member))
            });
            quote!(#(#visits)*)
        }
        Data::Enum(data) if data.variants.is_empty() => quote!(match *self {}),
        Data::Enum(data) => {
            let arms = data.variants.iter().map(|variant| arm(&variant.ident, &variant.fields));
            let arms = arms.collect::<Result<Vec<_>>>()?;
            quote!(match self { #(#arms)* })
        }
        Data::Union(data) => return Err(Error::new(data.union_token.span(), "a union cannot be a module")),
    };
    let element = bound(&mut input.generics);
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::wengert::Module<#element> for #name #type_generics #where_clause {
            #[allow(unused_variables)]
            fn visit(&self, visitor: &mut ::wengert::Visitor<#element>) {
                #body
            }
        }
    })
}

/// The match arm that visits the fields of one variant.
fn arm(variant: &Ident, fields: &Fields) -> Result<TokenStream> {
    let visited = visited(fields)?;
    let bindings = (0..visited.len()).map(|i| format_ident!("field{i}")).collect::<Vec<_>>();
    let members = visited.iter().map(|(member, _)| member);
    let visits = visited.iter().zip(&bindings).map(|((member, field), binding)| {
        let at = place(field);
        visit(member, at, quote!(#binding))
    });
    Ok(quote!(Self::#variant { #(#members: #bindings,)* .. } => { #(#visits)* }))
}

/// The statement that visits one field.
fn visit(member: &Member, at: Span, value: TokenStream) -> TokenStream {
    let name = match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    };
    quote_spanned!(at=> visitor.child(#name, #value);)
}

/// Where a field's type stands, so that the compiler's message about it points there; names
/// still mean what they mean in the generated code.
fn place(field: &Field) -> Span {
    field.ty.span().resolved_at(Span::call_site())
}

/// The fields that are not marked `#[module(skip)]`.
fn visited(fields: &Fields) -> Result<Vec<(Member, &Field)>> {
    let mut visited = Vec::new();
    for (member, field) in fields.members().zip(fields) {
        let mut skip = false;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                skip = meta.path.is_ident("skip");
                if skip { Ok(()) } else { Err(meta.error("the only option is `skip`")) }
            })?;
        }
        if !skip {
            visited.push((member, field));
        }
    }
    Ok(visited)
}

/// The element type of the module: the first type parameter bounded by `Float`, else `f32`. The
/// other type parameters get the bound that they are modules over it.
fn bound(generics: &mut Generics) -> TokenStream {
    let float = generics.type_params().map(|param| &param.ident).find(|ident| is_float(generics, ident)).cloned();
    let element = float.as_ref().map_or_else(|| quote!(f32), |ident| quote!(#ident));
    for param in generics.type_params_mut().filter(|param| Some(&param.ident) != float.as_ref()) {
        param.bounds.push(syn::parse_quote!(::wengert::Module<#element>));
    }
    element
}

fn is_float(generics: &Generics, ident: &Ident) -> bool {
    let inline = generics.type_params().filter(|param| param.ident == *ident).flat_map(|param| &param.bounds);
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let apart = predicates.filter_map(|predicate| match predicate {
        WherePredicate::Type(bound) if is_ident(&bound.bounded_ty, ident) => Some(&bound.bounds),
        _ => None,
    });
    inline.chain(apart.flatten()).any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Float"),
        _ => false,
    })
}

fn is_ident(ty: &syn::Type, ident: &Ident) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.is_ident(ident))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(source: &str) -> String {
        crate::derived(derive, source)
    }

    fn header(source: &str) -> String {
        let all = derived(source);
        let start = all.find("impl").expect("an impl");
        all[start..].split(" {").next().expect("a header").to_string()
    }

    #[test]
    fn the_element_type_is_the_parameter_bounded_by_float() {
        assert_eq!(header("struct A;"), "impl :: wengert :: Module < f32 > for A");
        assert_eq!(
            header("struct A<T: Float = f32>(P<T>);"),
            "impl < T : Float > :: wengert :: Module < T > for A < T >"
        );
        assert_eq!(
            header("struct A<'a, U, const N: usize>(&'a [U; N]) where U: Send + wengert::Float;"),
            "impl < 'a , U , const N : usize > :: wengert :: Module < U > for A < 'a , U , N > where U : Send + wengert :: Float"
        );
        assert_eq!(
            header("struct A<M, T: Float>(M, P<T>);"),
            "impl < M : :: wengert :: Module < T > , T : Float > :: wengert :: Module < T > for A < M , T >"
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(derived("union U { a: f32 }"), "error: a union cannot be a module");
        assert_eq!(derived("struct A(#[module(omit)] f32);"), "error: the only option is `skip`");
        assert_eq!(derived("#[module(skip)] struct A;"), "error: `#[module(skip)]` stands on a field");
    }
}
