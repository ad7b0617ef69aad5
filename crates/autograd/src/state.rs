//! What outlives a tape: parameters, which are trained, and buffers, which are not.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use wengert_tensor::{Float, Shape, Tensor};

use crate::{Tape, Var};

/// Identifies a parameter or buffer for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateId(usize);

/// A named value shared between a model, an optimizer and tapes.
pub(crate) struct Slot<T: Float>(Arc<Inner<T>>);

struct Inner<T: Float> {
    name: String,
    value: RwLock<Tensor<T>>,
    trainable: AtomicBool,
}

impl<T: Float> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Float> Slot<T> {
    fn new(name: &str, value: Tensor<T>, trainable: bool) -> Self {
        let inner = Inner {
            name: name.to_owned(),
            value: RwLock::new(value.contiguous()),
            trainable: AtomicBool::new(trainable),
        };
        Self(Arc::new(inner))
    }

    pub(crate) fn id(&self) -> StateId {
        StateId(Arc::as_ptr(&self.0) as *const () as usize)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn value(&self) -> Tensor<T> {
        self.0.value.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    pub(crate) fn set(&self, value: Tensor<T>) {
        *self.0.value.write().unwrap_or_else(|e| e.into_inner()) = value;
    }

    pub(crate) fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }
}

macro_rules! state {
    ($(#[$doc:meta])* $name:ident, $lower:literal, $trainable:literal) => {
        $(#[$doc])*
        pub struct $name<T: Float = f32>(Slot<T>);

        impl<T: Float> Clone for $name<T> {
            /// Another handle to the same value.
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T: Float> $name<T> {
            #[doc = concat!("A ", $lower, " with this name and value.")]
            pub fn new(name: &str, value: impl Into<Tensor<T>>) -> Self {
                Self(Slot::new(name, value.into(), $trainable))
            }

            /// The name given by the layer; a model adds the path to it.
            pub fn name(&self) -> &str {
                self.0.name()
            }

            /// The present value.
            pub fn value(&self) -> Tensor<T> {
                self.0.value()
            }

            /// The shape of the value.
            pub fn shape(&self) -> Shape {
                self.0.value().shape().clone()
            }

            /// Replaces the value at once (tapes keep what they have read).
            ///
            /// # Panics
            /// If the shape differs.
            #[track_caller]
            pub fn set(&self, value: impl Into<Tensor<T>>) {
                let (old, value) = (self.shape(), value.into());
                assert!(old == *value.shape(), "set: {} of shape {old} cannot hold {}", self.name(), value.shape());
                self.0.set(value.contiguous());
            }

            /// Records on `next`'s tape that this takes its value when the step is committed;
            /// until then the tape reads the recorded value, everybody else the old one.
            ///
            /// # Panics
            /// If the shape differs.
            #[track_caller]
            pub fn assign(&self, next: Var<'_, T>) {
                next.tape().assign(&self.0, next, false);
            }

            /// Its present value on a tape.
            #[track_caller]
            pub fn on<'t>(&self, tape: &'t Tape<T>) -> Var<'t, T> {
                tape.state_leaf(&self.0)
            }

            /// What tells it from all others.
            pub fn id(&self) -> StateId {
                self.0.id()
            }

            /// Whether both are handles to the same value.
            pub fn is(&self, other: &Self) -> bool {
                self.id() == other.id()
            }
        }

        impl<T: Float> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} {})"), self.name(), self.shape())
            }
        }
    };
}

state! {
    /// A shared, trainable tensor that outlives tapes.
    ///
    /// An operand like any other: `x.matmul(&weight) + &bias` puts each on x's tape once.
    ///
    /// ```
    /// use wengert_autograd::{Param, Tape};
    /// use wengert_tensor::tensor;
    ///
    /// let w = Param::<f32>::new("w", tensor![2.0, 3.0]);
    /// let tape = Tape::new();
    /// let loss = w.on(&tape).square().sum(..);
    /// let gradients = loss.backward();
    /// assert_eq!(gradients.get(&w).unwrap().value(), tensor![4.0, 6.0]);
    /// ```
    Param, "parameter", true
}

state! {
    /// State that is kept but not trained, such as a running mean.
    ///
    /// ```
    /// use wengert_autograd::{Buffer, Tape};
    /// use wengert_tensor::tensor;
    ///
    /// let count = Buffer::<f32>::new("count", tensor![1.0]);
    /// let tape = Tape::new();
    /// count.assign(count.on(&tape) + 1.0);
    /// assert_eq!(count.value(), tensor![1.0]);
    /// tape.commit();
    /// assert_eq!(count.value(), tensor![2.0]);
    /// ```
    Buffer, "buffer", false
}

impl<T: Float> Buffer<T> {
    /// As [`Buffer::assign`], and the new value may be written over the old one, which saves memory
    /// and time: for state that a step does nothing with but replace it, such as an optimizer's.
    ///
    /// After the commit, the old value is gone: what was computed from it has to have been computed
    /// by then. While the commit runs nobody else may read the buffer, and if it panics, the buffer may be
    /// full of NaN.
    ///
    /// ```
    /// use wengert_autograd::{Buffer, Tape};
    /// use wengert_tensor::tensor;
    ///
    /// let mean = Buffer::<f32>::new("mean", tensor![1.0, 2.0]);
    /// for _ in 0..2 {
    ///     let tape = Tape::new();
    ///     mean.overwrite(mean.on(&tape) * 0.5);
    ///     tape.commit();
    /// }
    /// assert_eq!(mean.value(), tensor![0.25, 0.5]);
    /// ```
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn overwrite(&self, next: Var<'_, T>) {
        next.tape().assign(&self.0, next, true);
    }
}

impl<T: Float> Param<T> {
    pub(crate) fn slot(&self) -> &Slot<T> {
        &self.0
    }

    /// Excludes it from training: gradients and optimizers pass it by.
    pub fn freeze(&self) {
        self.0.0.trainable.store(false, Ordering::Relaxed);
    }

    /// Includes it in training again.
    pub fn unfreeze(&self) {
        self.0.0.trainable.store(true, Ordering::Relaxed);
    }

    /// Whether it was excluded from training.
    pub fn is_frozen(&self) -> bool {
        !self.0.is_trainable()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use wengert_tensor::{Tensor, tensor};

    use super::*;
    use crate::ops::testing::message_of;
    use crate::{Cotangents, Lowering, Op};

    #[test]
    fn a_buffer_is_written_over_itself() {
        let sum = Buffer::<f32>::new("sum", Tensor::zeros([1000]));
        let x = Tensor::<f32>::ones([1000]);
        let place = || sum.value().buffer().as_ptr();
        let before = place();
        for _ in 0..2 {
            let tape = Tape::train(0);
            sum.overwrite(sum.on(&tape) * 0.5 + &x);
            tape.commit();
        }
        assert_eq!(sum.value().to_vec(), vec![1.5; 1000]);
        assert_eq!(place(), before);
    }

    #[test]
    fn an_old_value_is_gone_and_says_so() {
        let sum = Buffer::<f64>::new("sum", tensor![1.0, 2.0]);
        let tape = Tape::new();
        let (double, triple) = (sum.on(&tape) * 2.0, sum.on(&tape) * 3.0);
        sum.overwrite(double);
        tape.commit();
        assert_eq!((sum.value(), double.value()), (tensor![2.0, 4.0], tensor![2.0, 4.0]));
        assert_eq!(sum.on(&tape).value(), tensor![2.0, 4.0]);
        let message = message_of(|| _ = triple.value());
        assert!(message.contains("a value of shape [2]") && message.contains("is gone"), "{message}");
        // Whoever shares it keeps it.
        let (held, tape) = (sum.value(), Tape::new());
        sum.overwrite(sum.on(&tape) + 1.0);
        tape.commit();
        assert_eq!((held, sum.value()), (tensor![2.0, 4.0], tensor![3.0, 5.0]));
    }

    /// The old value has no part in the run.
    #[test]
    fn a_buffer_is_replaced_by_what_does_not_depend_on_it() {
        let sum = Buffer::<f64>::new("sum", tensor![1.0, 2.0]);
        let tape = Tape::new();
        let x = tape.var(tensor![5.0, 7.0]);
        sum.overwrite(x * 2.0);
        tape.commit();
        assert_eq!(sum.value(), tensor![10.0, 14.0]);
    }

    #[derive(Clone)]
    struct Fails;

    impl Op for Fails {
        fn name(&self) -> &'static str {
            "fails"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, wengert_tensor::ShapeError> {
            Ok(x[0].clone())
        }
        fn lower<T: Float>(&self) -> Lowering<'_, T> {
            Lowering::kernel(|_| panic!("on purpose"))
        }
        fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
            Cotangents::none(1)
        }
    }

    #[test]
    fn a_panic_in_the_step_gives_it_back() {
        let sum = Buffer::<f64>::new("sum", tensor![1.0, 2.0]);
        let tape = Tape::new();
        let old = sum.on(&tape);
        sum.overwrite(tape.record(Fails, &[old]));
        assert!(catch_unwind(AssertUnwindSafe(|| tape.commit())).is_err());
        assert_eq!(sum.value(), tensor![1.0, 2.0]);
        let message = message_of(|| _ = (old * 2.0).value());
        assert!(message.contains("is gone"), "{message}");
    }
}
