//! What modules are made of: parameters, buffers, containers of modules, and settings.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use wengert_autograd::{Buffer, Identity, Param};
use wengert_tensor::{Float, Rng};

use super::visitor::{Leaf, Visitor};
use crate::Module;

impl<T: Float> Module<T> for Param<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        visitor.leaf(Leaf::Param(self.clone()));
    }
}

impl<T: Float> Module<T> for Buffer<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        visitor.leaf(Leaf::Buffer(self.clone()));
    }
}

/// A pointer is what it points to.
macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<T: Float, M: Module<T> + ?Sized> Module<T> for $pointer {
            fn visit(&self, visitor: &mut Visitor<T>) {
                (**self).visit(visitor);
            }

            fn identity(&self) -> Option<Identity> {
                (**self).identity()
            }
        }
    )*};
}
pointer!(Box<M>, Arc<M>, &M);

impl<T: Float, M: Module<T>> Module<T> for Option<M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
}

impl<T: Float, M: Module<T>> Module<T> for [M] {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for (i, module) in self.iter().enumerate() {
            visitor.child(i, module);
        }
    }
}

impl<T: Float, M: Module<T>> Module<T> for Vec<M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self[..].visit(visitor);
    }
}

impl<T: Float, M: Module<T>, const N: usize> Module<T> for [M; N] {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self[..].visit(visitor);
    }
}

impl<T: Float, M: Module<T>> Module<T> for BTreeMap<String, M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for (name, module) in self {
            visitor.child(name, module);
        }
    }
}

macro_rules! tuple {
    ($($($name:ident $i:tt)+;)*) => {$(
        impl<T: Float, $($name: Module<T>),+> Module<T> for ($($name,)+) {
            fn visit(&self, visitor: &mut Visitor<T>) {
                $(visitor.child($i, &self.$i);)+
            }
        }
    )*};
}
tuple! {
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 F 5;
}

/// Settings, which hold no parameters.
macro_rules! plain {
    ($($plain:ty),* $(,)?) => {$(
        impl<T: Float> Module<T> for $plain {
            fn visit(&self, _: &mut Visitor<T>) {}
        }
    )*};
}
plain!((), bool, char, f32, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, str, String, Rng);

impl<T: Float, U: Send + Sync> Module<T> for PhantomData<U> {
    fn visit(&self, _: &mut Visitor<T>) {}
}
