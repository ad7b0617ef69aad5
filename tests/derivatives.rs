//! Derivatives of higher order, of functions and of whole networks.

use std::f64::consts::FRAC_1_SQRT_2;

use wengert::prelude::*;
use wengert::transform::checkpoint;

type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

/// Value and five derivatives, to 17 digits from 50.
#[rustfmt::skip]
const FUNCTIONS: [(Function, f64, [f64; 6]); 40] = [
    (|x| x.exp(), 0.7, [2.0137527074704766, 2.0137527074704766, 2.0137527074704766, 2.0137527074704766, 2.0137527074704766, 2.0137527074704766]),
    (|x| x.exp2(), 0.7, [1.624504792712471, 1.1260209168747677, 0.7804982237832697, 0.5410001432474186, 0.3749927239744748, 0.259925149353401]),
    (|x| x.expm1(), -0.3, [-0.2591817793182821, 0.7408182206817179, 0.7408182206817179, 0.7408182206817179, 0.7408182206817179, 0.7408182206817179]),
    (|x| x.ln(), 1.7, [0.5306282510621704, 0.5882352941176471, -0.34602076124567477, 0.40708324852432326, -0.7183822032782176, 1.6903110665369825]),
    (|x| x.log2(), 1.7, [0.765534746362977, 0.8486441416993903, -0.499202436293759, 0.5872969838750106, -1.0364064421323718, 2.4386033932526394]),
    (|x| x.log10(), 1.7, [0.2304489213782739, 0.2554673422960305, -0.1502749072329591, 0.17679400850936366, -0.31198942678123004, 0.7340927688970118]),
    (|x| x.ln1p(), 0.4, [0.33647223662121295, 0.7142857142857143, -0.5102040816326531, 0.7288629737609329, -1.5618492294877133, 4.462426369964895]),
    (|x| x.sqrt(), 1.3, [1.140175425099138, 0.4385290096535146, -0.16866500371289023, 0.19461346582256564, -0.37425666504339544, 1.007614098193757]),
    (|x| x.rsqrt(), 1.3, [0.8770580193070292, -0.33733000742578045, 0.3892269316451313, -0.7485133300867909, 2.015228196387514, -6.975789910572163]),
    (|x| x.recip(), -1.3, [-0.7692307692307692, -0.5917159763313609, -0.9103322712790167, -2.100766779874654, -6.4638977842297045, -24.8611453239604]),
    (|x| x.powf(2.5), 1.3, [1.9268964684175434, 3.7055701315721987, 4.275657844121768, 1.6444837862006798, -0.6324937639233383, 0.7298004968346211]),
    (|x| x.powi(-3), 1.3, [0.45516613563950836, -1.050383389937327, 3.2319488921148523, -12.4305726619802, 57.371873824524, -308.9254744397446]),
    (|x| x.pow(x), 1.3, [1.4064566732378863, 1.7754606438173386, 3.3231678183679807, 6.0943033287285555, 13.490717163551947, 27.49407188362862]),
    (|x| x.sin(), 0.7, [0.644217687237691, 0.7648421872844885, -0.644217687237691, -0.7648421872844885, 0.644217687237691, 0.7648421872844885]),
    (|x| x.cos(), 0.7, [0.7648421872844885, -0.644217687237691, -0.7648421872844885, 0.644217687237691, 0.7648421872844885, -0.644217687237691]),
    (|x| x.tan(), 0.7, [0.8422883804630794, 1.7094497158631172, 2.8796992653148323, 10.695511122934484, 47.55361602910468, 276.1312312134534]),
    (|x| x.asin(), 0.4, [0.41151684606748806, 1.0910894511799618, 0.5195664053237914, 2.0411537352006093, 7.334015585352838, 46.31622292356361]),
    (|x| x.acos(), 0.4, [1.1592794807274085, -1.0910894511799618, -0.5195664053237914, -2.0411537352006093, -7.334015585352838, -46.31622292356361]),
    (|x| x.atan(), 0.4, [0.3805063771123649, 0.8620689655172413, -0.5945303210463734, -0.6662839804830045, 4.453675413308147, -5.393408238612085]),
    (|x| x.sinh(), 0.7, [0.7585837018395335, 1.255169005630943, 0.7585837018395335, 1.255169005630943, 0.7585837018395335, 1.255169005630943]),
    (|x| x.cosh(), 0.7, [1.255169005630943, 0.7585837018395335, 1.255169005630943, 0.7585837018395335, 1.255169005630943, 0.7585837018395335]),
    (|x| x.tanh(), 0.7, [0.6043677771171635, 0.6347395899824586, -0.7672323100919165, 0.12159227738323637, 2.7749834227807857, -7.503529089750026]),
    (|x| x.asinh(), 0.7, [0.6526665660823557, 0.8192319205190405, -0.38487405661968344, -0.007380135313896182, 1.0505548322666916, -3.4102667518669283]),
    (|x| x.acosh(), 1.7, [1.123230982587296, 0.727392967453308, -0.6542688067040336, 1.3806232522419386, -4.824456305418171, 23.801809928200417]),
    (|x| x.atanh(), 0.4, [0.42364893019360184, 1.1904761904761905, 1.1337868480725624, 4.994061116510097, 22.367223533404296, 156.55220083930345]),
    (|x| x.erf(), 0.4, [0.42839235504666845, 0.9615412988393077, -0.7692330390714462, -1.3076961664214586, 4.123089089422952, 4.547705726990389]),
    (|x| x.erfc(), 0.4, [0.5716076449533315, -0.9615412988393077, 0.7692330390714462, 1.3076961664214586, -4.123089089422952, -4.547705726990389]),
    (|x| x.lgamma(), 2.3, [0.15418945495963046, 0.6000398803639695, 0.5425374586652585, -0.2881302433729398, 0.30025713443427243, -0.46144783621493224]),
    (|x| x.digamma(), 2.3, [0.6000398803639695, 0.5425374586652585, -0.2881302433729398, 0.30025713443427243, -0.46144783621493224, 0.9314559566526457]),
    (|x| x.sigmoid(), 0.7, [0.668187772168166, 0.22171287329310904, -0.07457878844034181, -0.07322671581020833, 0.12384214122158327, 0.054853002736231234]),
    (|x| x.softplus(), 0.7, [1.103186048885458, 0.668187772168166, 0.22171287329310904, -0.07457878844034181, -0.07322671581020833, 0.12384214122158327]),
    (|x| -(-x).softplus(), 0.7, [-0.4031860488854579, 0.3318122278318339, -0.22171287329310904, 0.07457878844034181, 0.07322671581020833, -0.12384214122158327]),
    (|x| x * x.sigmoid(), 0.7, [0.46773144051771626, 0.8233867834733424, 0.3912205946779789, -0.2749950663881712, -0.20621736438572502, 0.6576078080232782]),
    (|x| x * (x * -FRAC_1_SQRT_2).erfc() * 0.5, 0.7, [0.5306254434438489, 0.9766141011336599, 0.4715034393838095, -0.7672079142821324, -0.25295691142041343, 2.808745988409353]),
    (|x| x.atan2(0.5), 0.7, [0.9505468408120751, 0.6756756756756758, -1.2783053323593865, 3.010680512506663, -6.7230083221238734, 2.0549735862347673]),
    (|x| x.hypot(0.5), 0.7, [0.8602325267042626, 0.8137334712067349, 0.3927285092696598, -1.1144998236030885, 3.679140344326798, -12.313228511319734]),
    (|x| x.xlogy(x), 1.3, [0.3410735438077384, 1.262364264467491, 0.7692307692307692, -0.5917159763313609, 0.9103322712790167, -2.100766779874654]),
    (|x| x.logaddexp(0.5), 0.7, [1.2981388693815918, 0.549833997312478, 0.24751657271185995, -0.024669480438633137, -0.12007014989029276, 0.048603782546399805]),
    (|x| x.tanh(), 9.0, [0.999999969540041, 6.091991712323229e-08, -1.2183983053522824e-07, 2.4367964622551136e-07, -4.873592330712444e-07, 9.747182286233875e-07]),
    (|x| x.sigmoid(), -30.0, [9.357622968839299e-14, 9.357622968838423e-14, 9.357622968836672e-14, 9.35762296883317e-14, 9.357622968826165e-14, 9.357622968812153e-14]),
];

#[test]
fn elementary_functions_to_fifth_order() {
    for (number, (f, at, expected)) in FUNCTIONS.into_iter().enumerate() {
        let tape = Tape::new();
        let x = tape.scalar(at);
        let mut d = f(x);
        for (order, expected) in expected.into_iter().enumerate() {
            // Each order loses some digits to cancellation.
            let tolerance = [1e-14, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10][order];
            let error = (d.item() - expected).abs() / expected.abs();
            assert!(error <= tolerance, "function {number}, order {order}: {} against {expected}", d.item());
            [d] = d.grad([x]);
        }
    }
}

/// Linear, batch norm, maxout, linear, cross entropy.
#[derive(Module)]
struct Net<T: Float> {
    first: Linear<T>,
    norm: BatchNorm<T>,
    pieces: Maxout<T>,
    last: Linear<T>,
}

impl Net<f64> {
    fn new() -> Self {
        let mut rng = Rng::seed(3);
        Self {
            first: Linear::new(4, 6, &mut rng),
            norm: BatchNorm::new(6),
            pieces: Maxout::new(6, 5, 3, &mut rng),
            last: Linear::new(5, 3, &mut rng),
        }
    }

    fn loss<'t>(&self, tape: &'t Tape<f64>) -> Var<'t, f64> {
        let x = tape.var(Tensor::normal([8, 4], 0.0, 1.0, &mut Rng::seed(5)));
        let h = self.pieces.forward(self.norm.forward(self.first.forward(x)));
        self.last.forward(h).cross_entropy(&tensor![0i64, 1, 2, 0, 1, 2, 0, 1])
    }

    /// The gradient with respect to every parameter, in train mode.
    fn gradient(&self) -> Vec<Tensor<f64>> {
        let tape = Tape::train(0);
        let gradients = self.loss(&tape).backward();
        self.params().iter().map(|(_, param)| gradients.get(param).expect("it is used").value()).collect()
    }
}

/// Hessian times vector against differences of the gradient, along a direction in all parameters.
#[test]
fn hessian_vector_products_of_a_batch_normalised_maxout_network() {
    let net = Net::new();
    let params = net.params();
    let mut rng = Rng::seed(7);
    let v: Vec<Tensor<f64>> = params.iter().map(|(_, p)| Tensor::normal(p.shape(), 0.0, 1.0, &mut rng)).collect();

    let tape = Tape::train(0);
    let gradients = net.loss(&tape).backward();
    let slope = params.iter().zip(&v).map(|((_, p), v)| (gradients.get(p).expect("it is used") * v).sum(..));
    let products = slope.reduce(|a, b| a + b).expect("there are parameters").backward();
    let products: Vec<Tensor<f64>> = params.iter().map(|(_, p)| products.get(p).expect("it is used").value()).collect();

    let start: Vec<Tensor<f64>> = params.iter().map(|(_, p)| p.value()).collect();
    let central = |step: f64| -> Vec<Tensor<f64>> {
        let at = |step: f64| {
            params.iter().zip(start.iter().zip(&v)).for_each(|((_, p), (x, v))| p.set(x + &(v * step)));
            net.gradient()
        };
        at(step).iter().zip(at(-step)).map(|(ahead, behind)| &(ahead - &behind) / (2.0 * step)).collect()
    };
    // Richardson: the error of the coarse differences is four times that of the fine ones.
    let (coarse, fine) = (central(2e-4), central(1e-4));
    for (((name, _), product), (coarse, fine)) in params.iter().zip(&products).zip(coarse.iter().zip(&fine)) {
        let expected = fine + &(&(fine - coarse) / 3.0);
        let scale = expected.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        let error = product.max_abs_diff(&expected);
        assert!(error <= 1e-8 * scale.max(1.0), "{name}: {error} of {scale}");
    }
    let largest = products.iter().flat_map(|p| p.to_vec()).fold(0.0, |largest: f64, v| largest.max(v.abs()));
    assert!(largest > 0.1, "the network is curved along the direction");
}

/// A checkpoint draws the same dropout mask again, and moves the running statistics once.
#[test]
fn a_checkpointed_layer_trains_as_without() {
    let run = |saving: bool| {
        let (norm, dropout) = (BatchNorm::<f64>::new(4), Dropout::new(0.5));
        let tape = Tape::train(11);
        let x = tape.var(Tensor::normal([16, 4], 1.0, 2.0, &mut Rng::seed(2)));
        let layer = |x| dropout.forward(norm.forward(x)).tanh();
        let y = if saving { checkpoint(layer, x) } else { layer(x) };
        let [dx] = y.square().sum(..).grad([x]);
        tape.compute([y, dx]);
        tape.commit();
        let statistics: Vec<Tensor<f64>> = norm.buffers().into_iter().map(|(_, buffer)| buffer.value()).collect();
        (y.value(), dx.value(), statistics)
    };
    let (plain, saving) = (run(false), run(true));
    assert_eq!(plain.0, saving.0);
    plain.1.assert_close(&saving.1, 1e-13, 1e-15);
    assert_eq!(plain.2, saving.2);
    assert!(plain.2.iter().all(|statistic| statistic.iter().all(|v| v != 0.0)));
}

/// Nothing on the way of a training step is NaN or infinite; and a step that detects anomalies
/// is the same step.
#[test]
fn a_training_step_without_anomalies() {
    let step = |detect: bool| {
        let net = Net::new();
        let mut optimizer = Adam::new(&net, 0.01);
        for seed in 0..3 {
            let tape = Tape::train(seed);
            if detect {
                tape.detect_anomaly();
            }
            optimizer.step(&net.loss(&tape).backward()).expect("every parameter is used");
        }
        net.params().iter().map(|(_, param)| param.value()).collect::<Vec<_>>()
    };
    for (plain, detecting) in step(false).iter().zip(&step(true)) {
        plain.assert_close(detecting, 1e-12, 1e-14);
    }
}
