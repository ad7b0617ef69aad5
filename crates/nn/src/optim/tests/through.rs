//! Gradients on their way to an optimizer, and derivatives through its step.

use super::*;
use crate::testing::check;

/// Two steps: with the memory a rule starts with, and with one that depends on the gradient.
fn two_steps<'t>(rule: &impl Rule, p: Var<'t, f64>, scale: Var<'t, f64>, lr: Var<'t, f64>) -> Var<'t, f64> {
    let (mut p, mut memory) = (p, Memory::new(rule, p));
    for _ in 0..2 {
        let [g] = ((p * scale).sin() * &tensor![[1.0, 0.5], [0.7, 2.0], [0.9, 1.5]]).sum(..).grad([p]);
        p = memory.step(rule, p, g, lr);
    }
    assert_eq!(memory.t, 2);
    p
}

/// Every rule, as a pure function of the parameter, the gradient and the learning rate.
#[test]
fn a_step_is_differentiable() {
    fn of(rule: &impl Rule, smooth_in_p: bool) {
        let at = tensor![[0.3, 0.5], [-0.2, 0.1], [0.45, -0.35]];
        let scales = tensor![[1.5, 1.2], [2.0, 1.1], [0.8, 1.4]];
        check(|lr| two_steps(rule, lr.tape().var(&at), lr.tape().var(&scales), lr), &0.02.into());
        if smooth_in_p {
            check(|p| two_steps(rule, p, p.tape().var(&scales), p.tape().scalar(0.02)), &at);
            check(|scale| two_steps(rule, scale.tape().var(&at), scale, scale.tape().scalar(0.02)), &scales);
        }
    }
    of(&SgdRule { momentum: 0.9, dampening: 0.1, nesterov: true }, true);
    of(&AdagradRule::default(), true);
    of(&AdadeltaRule { eps: 1e-3, ..Default::default() }, true);
    of(&RmsPropRule { momentum: 0.9, ..Default::default() }, true);
    of(&RmsPropRule { centered: true, eps: 0.1, ..Default::default() }, true);
    of(&AdamRule::default(), true);
    of(&AdamRule { amsgrad: true, ..Default::default() }, true);
    of(&NAdamRule::default(), true);
    of(&RAdamRule { betas: [0.9, 0.6], eps: 1e-8 }, true);
    of(&MuonRule { steps: 2, ..Default::default() }, true);
    of(&LionRule::default(), false);
}

/// All parameters of a size are updated in one launch: none is added for the learning rate or the
/// decay, which enter as numbers.
#[test]
fn an_update_is_one_launch() {
    wengert_autograd::set_fusion(true);
    let params: Vec<_> = (0..5).map(|_| Param::<f32>::new("p", Tensor::ones([64]))).collect();
    let mut adam = AdamW::new(&params, 0.1);
    for step in 0..3 {
        let tape = Tape::train(step);
        let squares = params.iter().map(|param| param.on(&tape).square().sum(..));
        adam.record(&squares.reduce(|a, b| a + b).unwrap().backward()).unwrap();
        tape.profile();
        tape.commit();
        assert!(tape.explain().launches.len() <= 2, "{}", tape.explain());
    }
}

/// From PyTorch 2.15, f64.
#[test]
fn golden_clip_norm() {
    let clipped = |grads: &[[f64; 2]]| {
        let params: Vec<_> = grads.iter().map(|_| Param::<f64>::new("p", Tensor::zeros([2]))).collect();
        let tape = Tape::train(0);
        let term = |(param, g): (&Param<f64>, &[f64; 2])| (param.on(&tape) * &Tensor::from(*g)).sum(..);
        let loss = params.iter().zip(grads).map(term).reduce(|a, b| a + b).unwrap();
        let gradients = loss.backward();
        let norm = gradients.norm(&params).item();
        let gradients = gradients.clip_norm(&params, 1.0);
        let after: Vec<_> = params.iter().map(|param| gradients.get(param).unwrap().value()).collect();
        (norm, after)
    };
    let (norm, after) = clipped(&[[3.0, 4.0], [0.0, 12.0]]);
    assert_eq!(norm, 13.0);
    assert_close(&after[0], &tensor![0.23076921301775288, 0.3076922840236705], 1e-15);
    assert_close(&after[1], &tensor![0.0, 0.9230768520710115], 1e-15);
    assert_eq!(clipped(&[[0.3, 0.4]]), (0.5, vec![tensor![0.3, 0.4]]));
    let (norm, after) = clipped(&[[f64::NAN, 1.0]]);
    assert!(norm.is_nan() && after[0].iter().all(f64::is_nan));
    let (norm, after) = clipped(&[[3e200, 4e200]]);
    assert_close(&norm.into(), &5e200.into(), 1e-15);
    assert_close(&after[0], &tensor![0.6, 0.8], 1e-15);
}

#[test]
fn a_module_without_gradients_has_the_norm_0() {
    let (used, unused) = (Param::<f32>::new("a", tensor![1.0]), Param::new("b", tensor![1.0]));
    let tape = Tape::train(0);
    let gradients = used.on(&tape).sum(..).backward();
    assert_eq!(gradients.norm(&unused).item(), 0.0);
    assert_eq!(gradients.norm(&()).item(), 0.0);
    let clipped = gradients.clip_norm(&(&used, &unused), 0.5).get(&used).unwrap().value();
    clipped.assert_close(&tensor![0.5], 1e-5, 0.0);
}

#[test]
fn accumulated_batches_are_one_batch() {
    let make = || Linear::<f64>::new(3, 2, &mut Rng::seed(3));
    let x: Tensor<f64> = Tensor::normal([6, 3], 0.0, 1.0, &mut Rng::seed(1));
    let (whole, parts) = (make(), make());
    let (mut first, mut second) = (Adam::new(&whole, 0.1), Adam::new(&parts, 0.1));
    let sums = Accumulator::new(&parts);
    for step in 0..3 {
        let tape = Tape::train(step);
        first.step(&whole.forward(tape.var(&x)).square().sum(..).backward()).unwrap();
        for part in 0..3 {
            let tape = Tape::train(step);
            let x = x.slice(0, 2 * part..2 * part + 2);
            let gradients = parts.forward(tape.var(x)).square().sum(..).backward();
            if part < 2 {
                sums.add(&gradients).unwrap();
            } else {
                second.step(&sums.finish(gradients).unwrap()).unwrap();
            }
        }
        assert_close(&parts.weight.value(), &whole.weight.value(), 1e-12);
    }
    let other = Param::<f64>::new("other", tensor![1.0]);
    let error = sums.add(&other.on(&Tape::train(0)).sum(..).backward()).unwrap_err();
    assert!(error.to_string().contains("`weight`"), "{error}");
}
