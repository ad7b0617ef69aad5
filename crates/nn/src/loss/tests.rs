//! Every loss against PyTorch 2.15 in f64 and against finite differences, and the rules that hold
//! for all.

use super::*;
use crate::testing::{assert_close, check, line_of_panic, message_of};
use crate::{Activation, Selection};
use proptest::prelude::*;
use wengert_autograd::{Param, Tape};
use wengert_tensor::{Rng, tensor};

fn x() -> Tensor<f64> {
    tensor![
        [-0.717241, 0.587138, -0.328483],
        [0.975897, 0.060276, -0.855345],
        [0.449034, -0.466586, 0.837793],
        [1.3, -2.1, 0.25]
    ]
}

fn y() -> Tensor<f64> {
    tensor![[0.2, -0.3, 1.5], [0.9, 0.1, 0.4], [0.449034, -2.0, 0.3], [1.0, -1.0, 0.7]]
}

fn signs() -> Tensor<f64> {
    tensor![[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]]
}

fn probabilities() -> Tensor<f64> {
    Tape::new().var(y()).sigmoid().value()
}

fn distributions() -> Tensor<f64> {
    (Tape::new().var(y()) * 2.0).softmax(-1).value()
}

fn weights() -> Tensor<f64> {
    tensor![0.5, 2.0, 1.25]
}

fn classes() -> Tensor<i64> {
    tensor![0, 2, 1, 2]
}

type Recorded = dyn for<'t> Fn(Var<'t, f64>, Reduction) -> Var<'t, f64>;

/// A loss of x: its mean, its sum, its values, and the sum of the mean's gradient times 1, 2, ….
type Case = (Box<Recorded>, f64, f64, &'static [f64], f64);

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    vec![
        (Box::new(|x, r| Mse::new().reduction(r).of(x, &y())), 0.8915003492057502, 10.698004190469002, &[0.8413310520809999, 0.787013831044, 3.3433500812890005, 0.0057603546089999985, 0.0015779961760000003, 1.5758910690250003, 0.0, 2.351358495396, 0.289221310849, 0.09000000000000002, 1.2100000000000002, 0.20249999999999996], -1.5746778333333333),
        (Box::new(|x, r| L1::new().reduction(r).of(x, &y())), 0.7437529166666668, 8.925035000000001, &[0.917241, 0.887138, 1.828483, 0.07589699999999999, 0.039724, 1.2553450000000002, 0.0, 1.533414, 0.537793, 0.30000000000000004, 1.1, 0.44999999999999996], -0.41666666666666663),
        (Box::new(|x, r| Huber::new().delta(0.7).reduction(r).of(x, &y())), 0.3408053775680833, 4.089664530817, &[0.3970687, 0.37599659999999996, 1.0349381000000002, 0.0028801773044999993, 0.0007889980880000001, 0.6337415000000001, 0.0, 0.8283898, 0.1446106554245, 0.04500000000000001, 0.525, 0.10124999999999998], -0.42957458333333326),
        (Box::new(|x, r| SmoothL1::new().beta(0.7).reduction(r).of(x, &y())), 0.48686482509726187, 5.842377901167143, &[0.567241, 0.537138, 1.4784830000000002, 0.004114539006428571, 0.001127140125714286, 0.9053450000000002, 0.0, 1.183414, 0.20658665060642858, 0.06428571428571431, 0.7500000000000001, 0.14464285714285713], -0.6136779761904761),
        (Box::new(|x, r| Bce::new().weight(weights()).reduction(r).of(x.sigmoid(), &probabilities())), 0.8775062948602398, 10.530075538322878, &[0.3959308243342577, 1.5586829941129894, 1.0136155328442071, 0.3009424093382724, 1.3841912316870326, 1.0829401135208623, 0.3342822723153104, 1.084884171553851, 0.8950812256496106, 0.2953161508069929, 1.3605930161134894, 0.8236155960460025], -0.18691665137740682),
        (Box::new(|x, r| BceWithLogits::new().weight(weights()).pos_weight(tensor![3.0, 0.5, 1.5]).reduction(r).of(x, &probabilities())), 0.9890944126115953, 11.869132951339143, &[1.008852314068544, 1.3705591522908749, 1.4585886732672657, 0.5283049883795097, 1.0358868278224336, 1.5355526970526514, 0.6355957881963775, 0.9712349528623891, 1.0241641677021707, 0.4715074485039553, 0.7647480464765519, 1.0641378947164217], -0.6215868939922344),
        (Box::new(|x, r| KlDiv::new().reduction(r).of(x.log_softmax(-1), &distributions())), 0.11555120235039752, 1.3866144282047703, &[-0.05923801655376759, -0.07894964386524794, 1.2097400725536558, -0.003782627665317395, -0.08878500983632315, 0.19341130652148714, 0.28390201696000517, -0.014863453485013115, -0.08063456285623649, -0.07961335973406197, -0.008470607853463756, 0.11389831401905376], -0.06401390071229177),
        (Box::new(|x, r| KlDiv::new().log_target().reduction(r).of(x.log_softmax(-1), &distributions().ln())), 0.11555120235039751, 1.38661442820477, &[-0.059238016553767585, -0.07894964386524794, 1.2097400725536556, -0.0037826276653174186, -0.08878500983632318, 0.1934113065214871, 0.2839020169600051, -0.014863453485013108, -0.08063456285623648, -0.07961335973406199, -0.008470607853463754, 0.11389831401905372], -0.0640139007122918),
        (Box::new(|x, r| Hinge::new().reduction(r).of(x, &signs())), 1.6274770833333336, 19.529725000000003, &[1.717241, 1.587138, 1.328483, 1.975897, 1.060276, 1.855345, 0.5509660000000001, 1.466586, 1.837793, 2.3, 3.1, 0.75], -1.5),
        (Box::new(|x, r| MarginRanking::new().margin(0.3).reduction(r).of(x, &y(), &signs())), 0.88434775, 10.612173, &[1.217241, 1.187138, 2.128483, 0.375897, 0.260276, 1.5553450000000002, 0.3, 0.0, 0.837793, 0.6000000000000001, 1.4000000000000001, 0.75], -0.8333333333333334),
        (Box::new(|x, r| HingeEmbedding::new().margin(0.8).reduction(r).of(x, &signs())), -0.23466958333333335, -2.8160350000000003, &[-0.717241, 0.212862, -0.328483, 0.0, 0.739724, -0.855345, 0.449034, -0.466586, 0.0, 0.0, -2.1, 0.25], 3.4166666666666665),
        (Box::new(|x, r| MultiMargin::new().margin(0.8).class_weights(weights().to_vec()).reduction(r).of(x, &classes())), 1.4193871041666666, 5.677548416666666, &[0.5488561666666667, 1.811192916666667, 2.5466659999999997, 0.7708333333333334], -0.3958333333333335),
        (Box::new(|x, r| MultiMargin::new().squared().reduction(r).of(x, &classes())), 2.67555074970425, 10.702202998817, &[2.4129371194016667, 3.895178359401667, 2.9932541866803333, 1.4008333333333332], -1.034575166666667),
        (Box::new(|x, r| CosineEmbedding::new().margin(0.2).reduction(r).of(x, &y(), &signs().select(1, 0))), 0.7094442997611237, 2.8377771990444947, &[1.5354356506025733, 0.22160547911077888, 0.3680994170169385, 0.712636652314204], 3.5909930205308753),
        (Box::new(|x, r| TripletMargin::new().margin(1.2).reduction(r).of(x, &y(), &probabilities())), 1.1963342891302968, 4.785337156521187, &[1.7136198322083382, 0.9089559242218286, 2.1627614000910205, 0.0], 4.188206994191607),
        (Box::new(|x, r| TripletMargin::new().margin(0.9).norm(3.0).swap().reduction(r).of(x, &y(), &probabilities())), 1.5677823612630077, 6.271129445052031, &[1.9590861941258, 1.7050730447137523, 1.8483090237774598, 0.7586611824350196], -1.2195115978103985),
        (Box::new(|x, r| Nll::new().class_weights(weights().to_vec()).ignore_index(1).reduction(r).of(x.log_softmax(-1), &classes())), 1.8241596630338661, 5.472478989101599, &[0.909082808238413, 2.845296287547318, 0.0, 1.718099893315868], -1.0738494756170511),
        (Box::new(|x, r| CrossEntropy::new().class_weights(weights().to_vec()).ignore_index(1).label_smoothing(0.2).reduction(r).of(x, &classes())), 1.878033088302152, 5.634099264906456, &[0.9754939507099369, 2.662172087547318, 0.0, 1.9964332266492013], -0.9866597679922338),
        (Box::new(|x, r| CrossEntropy::new().class_weights(weights().to_vec()).label_smoothing(0.2).reduction(r).of_probabilities(x, &distributions())), 1.268884372249369, 5.075537488997476, &[1.6152299495589664, 1.312758170178266, 0.8917812298910698, 1.2557681393691738], -0.5063682684916868),
    ]
}

#[rustfmt::skip]
fn sequences() -> Vec<Case> {
    vec![
        (Box::new(|x, r| Ctc::new().reduction(r).of(x.log_softmax(-1), &tensor![[1, 1, 2], [3, 2, 1], [2, 1, 1]], &[6, 5, 4], &[3, 3, 1])), 2.416657824094305, 13.124065398791075, &[4.4290793050298385, 4.3820585847324, 4.312927509028835], 1.1690676980229768),
        (Box::new(|x, r| Ctc::new().blank(3).zero_infinity().reduction(r).of(x.log_softmax(-1), &tensor![[1, 0, 2], [0, 2, 1], [2, 1, 1]], &[3, 2, 6], &[3, 3, 0])), 3.3684870415907877, 12.75882376928727, &[3.98004396677236, 0.0, 8.77877980251491], -2.5564633094883398),
    ]
}

#[track_caller]
fn compare(cases: &[Case], x: &Tensor<f64>) {
    for (i, (loss, mean, sum, values, slope)) in cases.iter().enumerate() {
        let tape = Tape::new();
        let v = tape.var(x);
        let found = loss(v, Reduction::Mean);
        let ramp: Tensor<f64> = Tensor::range(1.0..x.count() as f64 + 1.0).reshape(x.shape().clone());
        let gradient = (found.grad([v])[0] * &ramp).sum(..).item();
        let got = [found.item(), loss(v, Reduction::Sum).item(), gradient];
        for (got, want) in got.iter().zip([mean, sum, slope]) {
            assert!((got - want).abs() <= 1e-13 * want.abs().max(1.0), "case {i}: {got} instead of {want}");
        }
        assert_close(&loss(v, Reduction::None).value().flatten(), &Tensor::from_slice(values, [values.len()]), 1e-13);
    }
}

#[test]
fn every_loss_has_pytorchs_values() {
    compare(&cases(), &x());
    compare(&sequences(), &sequence());
}

fn sequence() -> Tensor<f64> {
    let at = |i: usize| (1.7 * (i / 12) as f64 + 2.3 * (i / 4 % 3) as f64 + 1.1 * (i % 4 * (i / 12 + 1)) as f64).sin();
    (0..72).map(at).collect::<Tensor<f64>>().reshape([6, 3, 4])
}

#[test]
fn every_loss_has_the_gradient_of_finite_differences() {
    // Away from the kinks, of which the third row has one.
    let x = x() + 0.01;
    for (loss, ..) in cases() {
        check(|x| loss(x, Reduction::Mean), &x);
        check(|x| loss(x, Reduction::None), &x);
    }
    sequences().iter().for_each(|(loss, ..)| check(|x| loss(x, Reduction::Sum), &sequence()));
}

/// With respect to the target too, where it is one of numbers.
#[test]
fn targets_have_gradients() {
    let away = y() + 0.01;
    check(|y| Mse::new().of(y.tape().var(x()), y), &away);
    check(|y| Huber::new().of(y.tape().var(x()), y), &away);
    check(|y| BceWithLogits::new().of(y.tape().var(x()), y), &away);
    check(|y| KlDiv::new().of(y.tape().var(x()), y), &(distributions() + 0.01));
    check(|y| CrossEntropy::new().of_probabilities(y.tape().var(x()), y), &away);
    check(|y| TripletMargin::new().of(y.tape().var(x()), &signs(), y), &away);
}

#[test]
fn batch_mean_of_the_divergence() {
    let tape = Tape::new();
    let log = tape.var(x()).log_softmax(-1);
    let loss = KlDiv::new().batch_mean().of(log, &distributions()).item();
    assert_close(&loss.into(), &0.3466536070511926.into(), 1e-13);
}

/// PyTorch has the classes on axis 1.
#[test]
fn classes_on_another_axis() {
    let tape = Tape::new();
    let x = tape.var(x().t().reshape([1, 3, 4]));
    let classes = classes().reshape([1, 4]);
    let loss = CrossEntropy::new().class_axis(1).of(x, &classes).item();
    assert_close(&loss.into(), &1.8601751001615057.into(), 1e-13);
    let nll = Nll::new().class_axis(-2).of(x.log_softmax(1), &classes).item();
    assert_close(&nll.into(), &loss.into(), 1e-14);
    let message = message_of(|| _ = Nll::new().class_axis(3).of(x, &classes));
    assert_eq!(message, "nll: axis 3 is out of range for 3 axes (shape [1, 3, 4])");
}

#[test]
fn golden_edges() {
    let tape = Tape::new();
    // Logits of ±1000, with second derivatives.
    let x = tape.var(tensor![1000.0, -1000.0, 1000.0, -1000.0, 0.0]);
    let loss = BceWithLogits::new().reduction(Reduction::None).of(x, &tensor![1.0, 0.0, 0.0, 1.0, 0.5]);
    assert_close(&loss.value(), &tensor![0.0, 0.0, 1000.0, 1000.0, 2f64.ln()], 1e-15);
    let [dx] = (loss * &tensor![1.0, -0.5, 0.75, 2.0, -1.25]).sum(..).grad([x]);
    assert_close(&dx.value(), &tensor![0.0, 0.0, 0.75, -2.0, 0.0], 1e-15);
    let [ddx] = (dx * &tensor![0.5, 1.0, -2.0, 0.25, 1.75]).sum(..).grad([x]);
    assert_close(&ddx.value(), &tensor![0.0, 0.0, 0.0, 0.0, -1.25 * 1.75 * 0.25], 1e-15);
    // The sign of 0 is 0.
    let (x, t) = (tape.var(tensor![1.0, 2.0]), tape.var(tensor![1.0, 5.0]));
    let loss = L1::new().of(x, t);
    let [dx, dt] = loss.grad([x, t]);
    assert_eq!((loss.item(), dx.value(), dt.value()), (1.5, tensor![0.0, -0.5], tensor![0.0, 0.5]));
    // At the margin there is no slope.
    let [a, b] = [tensor![1.0, 2.0], tensor![1.0, 1.0]].map(|v| tape.var(v));
    let loss = MarginRanking::new().reduction(Reduction::None).of(a, b, &tensor![1.0, 1.0]);
    assert_eq!(loss.value(), tensor![0.0, 0.0]);
    assert_eq!(loss.sum(..).grad([a, b]).map(|g| g.value()), [tensor![0.0, 0.0], tensor![0.0, 0.0]]);
    // At |d| = 1 the straight line begins.
    let x = tape.var(tensor![0.0, 1.0, 2.0, -1.0]);
    let loss = SmoothL1::new().reduction(Reduction::None).of(x, &Tensor::zeros([4]));
    assert_eq!(loss.value(), tensor![0.0, 0.5, 1.5, 0.5]);
    let [dx] = (loss * &tensor![1.0, -0.5, 0.75, 2.0]).sum(..).grad([x]);
    assert_eq!(dx.value(), tensor![0.0, -0.5, 0.75, -2.0]);
    let [ddx] = (dx * &tensor![0.5, 1.0, -2.0, 0.25]).sum(..).grad([x]);
    assert_eq!(ddx.value(), tensor![0.5, 0.0, 0.0, 0.0]);
}

#[test]
fn probabilities_of_0_and_1() {
    let tape = Tape::<f32>::new();
    let p = tape.var(tensor![0.0, 0.0, 1.0, 1.0]);
    let loss = Bce::new().reduction(Reduction::None).of(p, &tensor![0.0, 1.0, 0.0, 1.0]);
    assert_eq!(loss.value(), tensor![0.0, 100.0, 100.0, 0.0]);
    assert!(loss.sum(..).grad([p])[0].value().iter().all(f32::is_finite));
    for wrong in [1.5, -0.1, f32::NAN] {
        let message = message_of(|| _ = Bce::new().of(tape.var(tensor![wrong]), &tensor![1.0]));
        assert_eq!(message, format!("bce: a prediction of {wrong} is not from 0 to 1"));
    }
}

/// A class that has no part in the target may be impossible.
#[test]
fn impossible_classes() {
    let tape = Tape::<f64>::new();
    let x = tape.var(tensor![[f64::NEG_INFINITY, 0.0, 0.0]]);
    let loss = CrossEntropy::new().of_probabilities(x, &tensor![[0.0, 0.5, 0.5]]);
    assert_close(&loss.value(), &2f64.ln().into(), 1e-15);
    assert_eq!(loss.grad([x])[0].value(), tensor![[0.0, 0.0, 0.0]]);
    let log = tape.var(tensor![f64::NEG_INFINITY, 0.0]);
    let loss = KlDiv::new().of(log, &tensor![0.0, 1.0]);
    assert_eq!((loss.item(), loss.grad([log])[0].value()), (0.0, tensor![0.0, -0.5]));
}

#[test]
fn labels_that_do_not_fit_their_times() {
    let tape = Tape::<f32>::new();
    let x = tape.var(Tensor::zeros([2, 1, 3]));
    let of = |ctc: Ctc, labels: &Tensor<i64>| ctc.of(x.log_softmax(-1), labels, &[2], &[2]);
    // Twice the same needs a blank between.
    let loss = of(Ctc::new(), &tensor![[1, 1]]);
    assert_eq!((loss.item(), loss.grad([x])[0].value()), (f32::INFINITY, Tensor::zeros([2, 1, 3])));
    assert_eq!(of(Ctc::new().zero_infinity(), &tensor![[1, 1]]).item(), 0.0);
    assert!((of(Ctc::new(), &tensor![[1, 2]]).item() - 9f32.ln() / 2.0).abs() < 1e-6);
    let message = message_of(|| _ = of(Ctc::new(), &tensor![[1, 0]]));
    assert_eq!(message, "ctc: label 0 of entry 0 is not a class");
    let message = message_of(|| _ = Ctc::new().of(x, &tensor![[1, 2]], &[3], &[2]));
    assert_eq!(message, "ctc: 3 of 2 times count for entry 0");
    let message = message_of(|| _ = Ctc::new().of(x, &tensor![[1, 2]], &[2], &[3]));
    assert_eq!(message, "ctc: 3 of 2 labels count for entry 0");
    let message = message_of(|| _ = Ctc::new().blank(3).of(x, &tensor![[1, 2]], &[2], &[2]));
    assert!(message.starts_with("ctc: input of shape [2, 1, 3]"), "{message}");
    let none = Ctc::new().of(x.log_softmax(-1), &Tensor::zeros([1, 0]), &[2], &[0]);
    assert!((none.item() - 9f32.ln()).abs() < 1e-6);
}

#[test]
fn losses_do_not_broadcast() {
    let tape = Tape::<f64>::new();
    let x = tape.var(Tensor::zeros([3]));
    let column = Tensor::<f64>::zeros([3, 1]);
    let message = message_of(|| _ = x.mse(&column));
    assert_eq!(
        message,
        "mse: a prediction of shape [3] and a target of shape [3, 1]: a loss does not broadcast; reshape one"
    );
    let refused: [&dyn Fn(); 9] = [
        &|| _ = x.mae(&column),
        &|| _ = x.bce_with_logits(&column),
        &|| _ = Bce::new().of(x, &column),
        &|| _ = Huber::new().of(x, &column),
        &|| _ = SmoothL1::new().of(x, &column),
        &|| _ = Hinge::new().of(x, &column),
        &|| _ = KlDiv::new().of(x, &column),
        &|| _ = MarginRanking::new().of(x, x, &column),
        &|| _ = TripletMargin::new().of(x, x, &column),
    ];
    for f in refused {
        let message = message_of(f);
        assert!(message.contains(": a prediction of shape [3] and a target of shape [3, 1]"), "{message}");
    }
    let message = message_of(|| _ = BceWithLogits::new().weight(Tensor::ones([2, 3])).of(x, &Tensor::zeros([3])));
    assert_eq!(message, "bce_with_logits: weights of shape [2, 3] do not broadcast to [3]");
}

#[test]
fn mistakes_panic_at_the_users_line() {
    let tape = Tape::<f64>::new();
    let (x, other, classes) = (tape.var(Tensor::zeros([2, 3])), Tensor::<f64>::zeros([3]), tensor![0]);
    assert_eq!(line_of_panic(|| _ = x.mae(&other)), line!());
    assert_eq!(line_of_panic(|| _ = Bce::new().of(x, &other)), line!());
    assert_eq!(line_of_panic(|| _ = Nll::new().of(x, &classes)), line!());
    assert_eq!(line_of_panic(|| _ = MultiMargin::new().of(x, &classes)), line!());
    assert_eq!(line_of_panic(|| _ = CrossEntropy::new().of_probabilities(x, &other)), line!());
    assert_eq!(line_of_panic(|| _ = CosineEmbedding::new().of(x, x, x)), line!());
    assert_eq!(line_of_panic(|| _ = TripletMargin::new().norm(f64::NAN).of(x, x, x)), line!());
    assert_eq!(line_of_panic(|| _ = Ctc::new().of(x, &classes, &[1], &[1])), line!());
    assert_eq!(line_of_panic(|| _ = CrossEntropy::new().of_probabilities(tape.scalar(0.0), 0.0)), line!());
    assert_eq!(line_of_panic(|| _ = Huber::new().delta(0.0)), line!());
    assert_eq!(line_of_panic(|| _ = Hinge::new().margin(f64::NAN)), line!());
    assert_eq!(line_of_panic(|| _ = CosineEmbedding::new().margin(f64::INFINITY)), line!());
    assert_eq!(line_of_panic(|| _ = CrossEntropy::new().ignore_index(0).of_probabilities(x, x)), line!());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Of any number of rows, none too: the sum and the mean of the losses that are kept.
    #[test]
    fn reductions_agree(rows in 0usize..5, seed: u64) {
        let mut rng = Rng::seed(seed);
        let mut normal = || Tensor::<f64>::normal([rows, 3], 0.0, 2.0, &mut rng);
        let (x, y) = (normal(), normal());
        let tape = Tape::new();
        let (x, signs) = (tape.var(x), Tensor::from_vec(y.iter().map(f64::signum).collect(), [rows, 3]));
        let p = tape.var(&y).softmax(-1).value();
        let classes: Tensor<i64> = (0..rows).map(|row| (row % 3) as i64).collect();
        let agree = |of: &dyn Fn(Reduction) -> f64, kept: Tensor<f64>| {
            let (sum, mean): (f64, f64) = (kept.iter().sum(), kept.iter().sum::<f64>() / kept.count() as f64);
            assert_close(&of(Reduction::Sum).into(), &sum.into(), 1e-12);
            assert_close(&of(Reduction::Mean).into(), &mean.into(), 1e-12);
        };
        macro_rules! agree {
            ($($loss:ident($($target:expr),*)),*) => {$(
                let of = |reduction| $loss::new().reduction(reduction).of(x, $($target),*);
                agree(&|reduction| of(reduction).item(), of(Reduction::None).value());
                prop_assert_eq!(of(Reduction::Mean).grad([x])[0].shape(), [rows, 3]);
            )*};
        }
        agree!(Mse(&y), L1(&y), Huber(&y), SmoothL1(&y), BceWithLogits(&p), KlDiv(&p), Hinge(&signs), HingeEmbedding(&signs));
        agree!(MarginRanking(&y, &signs), CosineEmbedding(&y, &signs.select(1, 0)), TripletMargin(&y, &p));
        agree!(MultiMargin(&classes), Nll(&classes), CrossEntropy(&classes));
    }
}

#[test]
fn penalties() {
    let net = (Param::<f64>::new("w", tensor![[3.0, -4.0], [0.0, 1.0]]), Param::new("b", tensor![2.0]));
    let tape = Tape::new();
    let [l1, l2] = [l1_penalty(&net, &tape), l2_penalty(&net, &tape)];
    assert_eq!((l1.item(), l2.item()), (10.0, 30.0));
    assert_eq!(elastic_penalty(&net, &tape, 0.5, 2.0).item(), 65.0);
    let gradients = l1.backward();
    assert_eq!(gradients.get(&net.0).unwrap().value(), tensor![[1.0, -1.0], [0.0, 1.0]]);
    net.1.freeze();
    assert_eq!(l2_penalty(&net, &tape).item(), 26.0);
    assert_eq!(l1_penalty(&Selection::new(&net, "0"), &tape).item(), 8.0);
}

/// From PyTorch 2.15's `renorm`.
#[test]
fn max_norm_shortens_what_is_longer() {
    let (w, b) = (Param::<f64>::new("w", x()), Param::new("b", tensor![5.0]));
    let tape = Tape::new();
    max_norm(&(&w, &b), &tape, 1.0);
    tape.commit();
    let expected = tensor![
        -0.717241,
        0.587138,
        -0.328483,
        0.7512183768778763,
        0.04639878889338821,
        -0.6584207990910999,
        0.42406419949175866,
        -0.4406401710874048,
        0.7912051601544626,
        0.5236786503366607,
        -0.8459424351592213,
        0.10070743275705014
    ];
    assert_close(&w.value().flatten(), &expected, 1e-14);
    assert_eq!(b.value(), tensor![5.0]);
}
