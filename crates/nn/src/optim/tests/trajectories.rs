//! Twenty steps of every optimizer on a small problem, against PyTorch 2.15 in f64.

use super::*;

const TARGET: [[f64; 3]; 2] = [[0.3, -0.7, 1.1], [0.2, 0.9, -0.4]];
const WEIGHTS: [[f64; 3]; 2] = [[1.0, 0.5, 2.0], [0.1, 3.0, 0.7]];
const START: [[f64; 3]; 2] = [[1.0, -2.0, 0.5], [0.1, -0.3, 2.0]];

fn values<T: Float>(values: [[f64; 3]; 2]) -> Tensor<T> {
    Tensor::nested(values).cast()
}

/// Σ c·(p − a)² + 0.3·Σ sin(3p + phase).
fn loss<T: Float>(p: Var<'_, T>, phase: f64) -> Var<'_, T> {
    let square = ((p - &values(TARGET)).square() * &values(WEIGHTS)).sum(..);
    square + (p * 3.0 + phase).sin().sum(..) * 0.3
}

type Case<T> = (Box<dyn Optimizer<T>>, [f64; 6]);

#[rustfmt::skip]
fn cases<T: Float>(p: &Param<T>) -> Vec<Case<T>> {
    vec![
        (Box::new(Sgd::new(p, 0.05).momentum(0.9).dampening(0.3)), [0.5422734886052883, -0.22621865083333542, 1.222573347836303, 0.05319324422374004, 1.514221030930797, -0.5119922453153611]),
        (Box::new(Sgd::new(p, 0.05).nesterov(0.9).weight_decay(0.1)), [0.34225682966230947, -0.5728306992816562, 1.1897712124152828, -0.10141346207329535, 0.8825530277673551, -0.1521337526439961]),
        (Box::new(Adagrad::new(p, 0.3).lr_decay(0.1).initial_accumulator(0.2).weight_decay(0.1)), [0.2146124322008766, -0.9617303669487669, 1.0734043458708875, -0.2225587632561145, 0.731061328839236, 0.7888940261354538]),
        (Box::new(Adadelta::new(p, 1.5).rho(0.8).eps(1e-4).weight_decay(0.1)), [0.3879878909119615, -1.359313298804369, 0.9611878535061612, 0.01499358052304669, 0.36445508253322184, 1.3450584040233684]),
        (Box::new(RmsProp::new(p, 0.05).alpha(0.9).weight_decay(0.1)), [0.17957283393129628, -0.9575462215493449, 1.1045836579113584, -0.13563519712811978, 0.7255814716539655, 0.802354434249812]),
        (Box::new(RmsProp::new(p, 0.02).alpha(0.9).eps(1e-3).momentum(0.8).centered()), [0.23221507744371792, -0.517885632963382, 1.0442503534711902, 0.02880608192220062, 1.0088958779283579, -0.28490022751884153]),
        (Box::new(Adam::new(p, 0.1).betas(0.8, 0.95).eps(1e-3).weight_decay(0.1)), [0.24190293978079927, -0.6391311808125092, 1.0453971190141869, 0.017972395436534616, 1.005515951156694, 0.28029173315945527]),
        (Box::new(Adam::new(p, 0.1).amsgrad()), [0.16718641035105686, -0.6118250717309994, 1.1825141004204063, -0.014127768500857923, 1.1631965306130738, 0.23506047183284162]),
        (Box::new(AdamW::new(p, 0.1)), [0.1685201220047486, -0.5982401672571179, 1.1775098015304395, -0.013180792920596505, 1.1553987051707129, 0.21749058276167893]),
        (Box::new(AdamW::new(p, 0.1).betas(0.5, 0.6).amsgrad()), [0.2352591810434809, -0.9518703429825371, 1.097130049557262, -0.04510879338639838, 0.7812574713018489, 0.5624200931292916]),
        (Box::new(NAdam::new(p, 0.1).weight_decay(0.1)), [0.13589184829232187, -0.8114677473025728, 1.14380670533847, -0.12300378015622326, 0.8503840072549047, 0.5855977132024729]),
        (Box::new(NAdam::new(p, 0.1).betas(0.8, 0.95).momentum_decay(0.1).decoupled_weight_decay(0.1)), [0.14426083006418883, -0.7072864870323071, 1.1164754454300954, -0.1416339997382759, 0.8426525212862455, 0.274392593803546]),
        (Box::new(RAdam::new(p, 0.1).weight_decay(0.1)), [0.5010291375614051, -1.3561668151051423, 1.2121216315966419, -0.03858320576217026, 1.3405216957512138, 0.12715825930088798]),
        (Box::new(RAdam::new(p, 0.1).betas(0.8, 0.7).decoupled_weight_decay(0.1)), [0.23718306727006724, -0.5504179490633418, 1.0317392669476075, 0.038833085432329426, 0.8819700797339953, -0.5803096242410887]),
        // With PyTorch's iteration done in f64 instead of bf16.
        (Box::new(Muon::new(p, 0.05)), [0.4708000314567119, -1.4173881210890356, 1.138951536943312, 0.09847504293021317, 0.34192214332311976, 1.455395112513058]),
        (Box::new(Muon::new(p, 0.05).match_adamw()), [0.7501405723185615, -1.6650538012591454, 0.738443693021258, 0.09078438043636175, -0.05305485017822635, 1.698045589775138]),
    ]
}

fn run<T: Float>(tolerance: f64) {
    let param = Param::<T>::new("p", values(START));
    for (i, (mut optimizer, expected)) in cases(&param).into_iter().enumerate() {
        param.set(values(START));
        for step in 0..20 {
            let tape = Tape::train(step);
            optimizer.step(&loss(param.on(&tape), step as f64).backward()).unwrap();
        }
        for (got, want) in param.value().iter().zip(expected) {
            assert!((got.to_f64() - want).abs() <= tolerance, "case {i}: {got} instead of {want}");
        }
    }
}

#[test]
fn twenty_steps_in_f64() {
    run::<f64>(1e-12);
}

#[test]
fn twenty_steps_in_f32() {
    run::<f32>(5e-6);
}

/// The other orientation, and plain momentum.
#[test]
fn muon_on_a_tall_matrix() {
    let param = Param::<f64>::new("p", values(START).t());
    let mut optimizer = Muon::new(&param, 0.05).momentum(0.8).plain_momentum();
    for step in 0..20 {
        let tape = Tape::train(step);
        optimizer.step(&loss(param.on(&tape).t(), step as f64).backward()).unwrap();
    }
    let expected = [
        0.35459905363880906,
        0.11223188714067613,
        -1.3380880633461478,
        0.4525602106689748,
        1.1947512400292586,
        1.3507447635297969,
    ];
    assert_close(&param.value().flatten(), &Tensor::from(expected), 1e-12);
}

/// From the paper's equations: there is no Lion in PyTorch.
#[test]
fn lion() {
    let param = Param::<f64>::new("p", values(START));
    let mut optimizer = Lion::new(&param, 0.05).betas(0.7, 0.9).weight_decay(0.1);
    let (mut p, mut m) = (values::<f64>(START).to_vec(), [0.0; 6]);
    for step in 0..20 {
        let tape = Tape::train(step);
        optimizer.step(&loss(param.on(&tape), step as f64).backward()).unwrap();
        for (i, (a, c)) in TARGET.iter().flatten().zip(WEIGHTS.iter().flatten()).enumerate() {
            let g = 2.0 * c * (p[i] - a) + 0.9 * (3.0 * p[i] + step as f64).cos();
            p[i] -= 0.05 * ((0.7 * m[i] + 0.3 * g).signum() + 0.1 * p[i]);
            m[i] = 0.9 * m[i] + 0.1 * g;
        }
    }
    assert_close(&param.value().flatten(), &Tensor::from_vec(p, [6]), 1e-13);
}

fn lbfgs(make: impl Fn(&Param<f64>) -> Lbfgs<f64>, expected: [f64; 6], last: f64) {
    let param = Param::new("p", values(START));
    let mut optimizer = make(&param);
    let mut before = 0.0;
    for step in 0..20 {
        let first = optimizer.step(step, |tape| {
            let p = param.on(tape);
            loss(p, 0.1 * step as f64) + p.powi(4).sum(..)
        });
        before = first.unwrap();
    }
    assert_close(&param.value().flatten(), &Tensor::from(expected), 1e-10);
    assert_close(&before.into(), &last.into(), 1e-12);
}

#[test]
fn lbfgs_with_fixed_steps() {
    let (expected, last) = (
        [
            0.4905359402405807,
            -0.6138389276275297,
            0.7752989607197309,
            -0.5630941788474169,
            0.7375677065554183,
            -0.5400960630164032,
        ],
        1.0283734304840852,
    );
    lbfgs(|p| Lbfgs::new(p, 0.1).iterations(4), expected, last);
}

#[test]
fn lbfgs_with_line_search() {
    let (expected, last) = (
        [
            0.4946549092324281,
            -0.6249211382638296,
            0.76428193204643,
            -0.5654421360306517,
            0.7287570732238859,
            -0.5512365747775206,
        ],
        1.0252844415307374,
    );
    lbfgs(|p| Lbfgs::new(p, 1.0).iterations(3).history(4).strong_wolfe(), expected, last);
}

/// Rosenbrock's.
pub(super) fn valley(x: Var<'_, f64>) -> Var<'_, f64> {
    let (a, b) = (x.select(0, 0), x.select(0, 1));
    (1.0 - a).square() + (b - a * a).square() * 100.0
}

/// Where the line search has to go on and to turn back.
#[test]
fn lbfgs_in_a_curved_valley() {
    let x = Param::<f64>::new("x", tensor![-1.2, 1.0]);
    let mut optimizer = Lbfgs::new(&x, 1.0).iterations(5).strong_wolfe();
    let expected = [
        [-1.0276177663827242, 1.0584120782656612],
        [-0.7745797354515831, 0.5476256792320806],
        [-0.2560895768966468, 0.03726198161622369],
        [0.21682779600948238, 0.06691881400560815],
        [0.5136224431368508, 0.2558152810317753],
        [0.7887038200403467, 0.6122685417325051],
        [0.9452890215102754, 0.8950994053215234],
        [1.0014241818074148, 1.0026291765163013],
    ];
    for (step, expected) in expected.into_iter().enumerate() {
        optimizer.step(step as u64, |tape| valley(x.on(tape))).unwrap();
        assert_close(&x.value(), &Tensor::from(expected), 1e-9);
    }
}
