use std::collections::BTreeMap;
use std::sync::Arc;

use wengert_autograd::{Buffer, Param};
use wengert_tensor::{Float, Tensor};

use crate::testing::message_of;
use crate::{Module, Visitor};

fn param<T: Float>(name: &str, count: usize) -> Param<T> {
    Param::new(name, Tensor::zeros([count]))
}

fn names<T: Float>(module: &impl Module<T>) -> Vec<String> {
    module.params().into_keys().collect()
}

#[derive(Module)]
struct Dense<T: Float = f32> {
    weight: Param<T>,
    bias: Option<Param<T>>,
    mean: Buffer<T>,
    slope: f32,
}

fn dense<T: Float>(bias: bool) -> Dense<T> {
    Dense {
        weight: param("weight", 6),
        bias: bias.then(|| param("bias", 2)),
        mean: Buffer::new("mean", Tensor::zeros([2])),
        slope: 0.01,
    }
}

#[derive(Module)]
enum Norm<M> {
    Off,
    Affine(Param, #[module(skip)] (), M),
    Named { gamma: Param, r#in: Param },
}

#[derive(Module)]
enum Never {}

#[derive(Module)]
struct Net {
    first: Dense,
    blocks: Vec<(Dense, Norm<bool>)>,
    boxed: Box<dyn Module>,
    pair: [Dense; 2],
    never: Option<Never>,
    name: String,
    #[module(skip)]
    elsewhere: Param,
}

#[test]
fn parameters_are_named_by_their_path_in_order() {
    let affine = Norm::Affine(param("a", 1), (), true);
    let named = Norm::Named { gamma: param("gamma", 1), r#in: param("in", 1) };
    let net = Net {
        first: dense(true),
        blocks: vec![(dense(false), Norm::Off), (dense(false), affine), (dense(false), named)],
        boxed: Box::new(dense::<f32>(true)),
        pair: [dense(false), dense(false)],
        never: None,
        name: "net".into(),
        elsewhere: param("elsewhere", 1),
    };
    let expected = "first.weight first.bias blocks.0.0.weight blocks.1.0.weight blocks.1.1.0 blocks.2.0.weight \
        blocks.2.1.gamma blocks.2.1.in boxed.weight boxed.bias pair.0.weight pair.1.weight";
    assert_eq!(names(&net).join(" "), expected);
    assert_eq!(net.param_count(), 7 * 6 + 2 * 2 + 3);
    let buffers: Vec<String> = net.buffers().into_keys().collect();
    assert_eq!(
        buffers.join(" "),
        "first.mean blocks.0.0.mean blocks.1.0.mean blocks.2.0.mean boxed.mean pair.0.mean pair.1.mean"
    );
    assert!(net.params()["first.weight"].is(&net.first.weight));
    assert_eq!((net.first.slope, net.name.as_str(), net.elsewhere.name()), (0.01, "net", "elsewhere"));
}

#[test]
fn shared_parameters_are_listed_once() {
    let shared = Arc::new(dense::<f64>(true));
    let tied = Dense { weight: shared.weight.clone(), ..dense(true) };
    let all = (shared.clone(), shared, tied);
    assert_eq!(names(&all), ["0.weight", "0.bias", "2.bias"]);
    assert_eq!(all.buffers().len(), 2);
}

#[test]
fn freezing_reaches_every_parameter() {
    let net = (dense::<f32>(true), dense::<f32>(false));
    net.0.freeze();
    let frozen = |name: &str| net.params()[name].is_frozen();
    assert!(frozen("0.weight") && frozen("0.bias") && !frozen("1.weight"));
    net.unfreeze();
    assert!(net.params().values().all(|param| !param.is_frozen()));
}

#[test]
fn a_parameter_alone_has_its_own_name() {
    assert_eq!(names(&param::<f64>("w", 1)), ["w"]);
}

#[test]
fn parts_by_name_are_in_order() {
    let heads: BTreeMap<String, Dense> = ["b", "a"].map(|name| (name.to_string(), dense(false))).into();
    assert_eq!(names(&heads), ["a.weight", "b.weight"]);
}

#[test]
fn a_name_belongs_to_one_parameter() {
    struct Twice(Param, Param);
    impl Module for Twice {
        fn visit(&self, visitor: &mut Visitor) {
            visitor.child("same", &self.0);
            visitor.child("same", &self.1);
        }
    }
    let twice = Twice(param("a", 1), param("b", 1));
    assert_eq!(message_of(|| _ = twice.params()), "two different parts are called `same`");
}
