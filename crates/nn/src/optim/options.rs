//! The options of an optimizer, which are fields of its rule.

use wengert_tensor::Float;

/// `new`, with the rule's defaults, and a method for each option: a number from 0 up
/// (`non_negative`), a share that a moving mean keeps (`keeping`), two of them (`betas`), or
/// something to switch on (`flag`).
macro_rules! options {
    ($optimizer:ident by $rule:ident { $(#[$doc:meta])* new $(with decoupled_weight_decay $decay:literal)?; $($(#[$docs:meta])* $kind:ident $name:ident;)* }) => {
        impl<T: Float> $optimizer<T> {
            $(#[$doc])*
            ///
            /// # Panics
            /// If `lr` is negative or not finite.
            #[track_caller]
            pub fn new(module: &(impl crate::Module<T> + ?Sized), lr: f64) -> Self {
                Self::by(module, lr, $rule::default())$(.decoupled_weight_decay($decay))?
            }

            $(crate::optim::options::options!(@$kind $rule $name $(#[$docs])*);)*
        }
    };
    (@non_negative $rule:ident $name:ident $(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If it is negative or not finite.
        #[track_caller]
        pub fn $name(self, $name: f64) -> Self {
            let $name = crate::optim::options::non_negative($rule::NAME, stringify!($name), $name);
            self.with(|rule| rule.$name = $name)
        }
    };
    (@keeping $rule:ident $name:ident $(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If it is not from 0 up to, but not, 1.
        #[track_caller]
        pub fn $name(self, $name: f64) -> Self {
            let $name = crate::optim::options::keeping($rule::NAME, stringify!($name), $name);
            self.with(|rule| rule.$name = $name)
        }
    };
    (@betas $rule:ident $name:ident $(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If one is not from 0 up to, but not, 1.
        #[track_caller]
        pub fn $name(self, first: f64, second: f64) -> Self {
            let first = crate::optim::options::keeping($rule::NAME, "beta", first);
            let second = crate::optim::options::keeping($rule::NAME, "beta", second);
            self.with(|rule| rule.$name = [first, second])
        }
    };
    (@flag $rule:ident $name:ident $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $name(self) -> Self {
            self.with(|rule| rule.$name = true)
        }
    };
}
pub(super) use options;

/// The option `what` of an optimizer, refused unless it is finite and not negative.
#[track_caller]
pub(crate) fn non_negative(optimizer: &str, what: &str, value: f64) -> f64 {
    assert!(value >= 0.0 && value.is_finite(), "{optimizer}: {what}: {value} is not a finite number from 0 up");
    value
}

/// How much a moving mean keeps at each step, refused unless it is from 0 to below 1.
#[track_caller]
pub(super) fn keeping(optimizer: &str, what: &str, value: f64) -> f64 {
    assert!((0.0..1.0).contains(&value), "{optimizer}: {what} {value} is not from 0 to below 1");
    value
}

/// 1 − βᵗ: what a moving mean that began at 0 falls short of after t steps.
pub(super) fn bias_correction(beta: f64, t: u64) -> f64 {
    // Our own `pow`: the platform's may differ in the last bit.
    1.0 - Float::pow(beta, t as f64)
}
