//! Certified nonlinear regressions of the Statistical Reference Datasets of the National Institute
//! of Standards and Technology, solved with Jacobians of ours from the starting points that come with them.
//!
//! The certified parameters have 11 digits, and so has the sum of squares, which no mistyped
//! number would give.

use wengert::prelude::*;

/// The model at the parameters `b` and the predictors `x`.
type Model = for<'t> fn(b: [Var<'t, f64>; 7], x: &Tensor<f64>) -> Var<'t, f64>;

struct Problem {
    name: &'static str,
    model: Model,
    x: &'static [f64],
    y: &'static [f64],
    /// The two that come with the problem, far and near.
    starts: &'static [&'static [f64]],
    certified: &'static [f64],
    sum_of_squares: f64,
}

const PROBLEMS: [Problem; 8] = [
    Problem {
        name: "Misra1a",
        model: |[b1, b2, ..], x| b1 * (1.0 - (-b2 * x).exp()),
        x: &[77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
        y: &[10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78],
        starts: &[&[500.0, 0.0001], &[250.0, 0.0005]],
        certified: &[2.3894212918E+02, 5.5015643181E-04],
        sum_of_squares: 1.2455138894E-01,
    },
    Problem {
        name: "BoxBOD",
        model: |[b1, b2, ..], x| b1 * (1.0 - (-b2 * x).exp()),
        x: &[1.0, 2.0, 3.0, 5.0, 7.0, 10.0],
        y: &[109.0, 149.0, 149.0, 191.0, 213.0, 224.0],
        starts: &[&[1.0, 1.0], &[100.0, 0.75]],
        certified: &[2.1380940889E+02, 5.4723748542E-01],
        sum_of_squares: 1.1680088766E+03,
    },
    Problem {
        name: "Eckerle4",
        model: |[b1, b2, b3, ..], x| b1 / b2 * (((x - b3) / b2).square() * -0.5).exp(),
        x: &[
            400.0, 405.0, 410.0, 415.0, 420.0, 425.0, 430.0, 435.0, 436.5, 438.0, 439.5, 441.0, 442.5, 444.0, 445.5,
            447.0, 448.5, 450.0, 451.5, 453.0, 454.5, 456.0, 457.5, 459.0, 460.5, 462.0, 463.5, 465.0, 470.0, 475.0,
            480.0, 485.0, 490.0, 495.0, 500.0,
        ],
        y: &[
            0.0001575, 0.0001699, 0.0002350, 0.0003102, 0.0004917, 0.0008710, 0.0017418, 0.0046400, 0.0065895,
            0.0097302, 0.0149002, 0.0237310, 0.0401683, 0.0712559, 0.1264458, 0.2073413, 0.2902366, 0.3445623,
            0.3698049, 0.3668534, 0.3106727, 0.2078154, 0.1164354, 0.0616764, 0.0337200, 0.0194023, 0.0117831,
            0.0074357, 0.0022732, 0.0008800, 0.0004579, 0.0002345, 0.0001586, 0.0001143, 0.0000710,
        ],
        starts: &[&[1.0, 10.0, 500.0], &[1.5, 5.0, 450.0]],
        certified: &[1.5543827178E+00, 4.0888321754E+00, 4.5154121844E+02],
        sum_of_squares: 1.4635887487E-03,
    },
    Problem {
        name: "Rat43",
        model: |[b1, b2, b3, b4, ..], x| b1 / (1.0 + (b2 - b3 * x).exp()).pow(b4.recip()),
        x: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
        y: &[
            16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96, 637.56,
            717.41,
        ],
        starts: &[&[100.0, 10.0, 1.0, 1.0], &[700.0, 5.0, 0.75, 1.3]],
        certified: &[6.9964151270E+02, 5.2771253025E+00, 7.5962938329E-01, 1.2792483859E+00],
        sum_of_squares: 8.7864049080E+03,
    },
    Problem {
        name: "MGH09",
        model: |[b1, b2, b3, b4, ..], x| b1 * (b2 * x + &(x * x)) / (b3 * x + &(x * x) + b4),
        x: &[4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        y: &[0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
        starts: &[&[25.0, 39.0, 41.5, 39.0], &[0.25, 0.39, 0.415, 0.39]],
        certified: &[1.9280693458E-01, 1.9128232873E-01, 1.2305650693E-01, 1.3606233068E-01],
        sum_of_squares: 3.0750560385E-04,
    },
    Problem {
        name: "MGH10",
        model: |[b1, b2, b3, ..], x| b1 * (b2 / (b3 + x)).exp(),
        x: &[50.0, 55.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0, 120.0, 125.0],
        y: &[
            34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0, 5147.0,
            4427.0, 3820.0, 3307.0, 2872.0,
        ],
        // From (2, 400000, 25000) plain Levenberg and Marquardt do not arrive.
        starts: &[&[0.02, 4000.0, 250.0]],
        certified: &[5.6096364710E-03, 6.1813463463E+03, 3.4522363462E+02],
        sum_of_squares: 8.7945855171E+01,
    },
    Problem {
        name: "MGH17",
        model: |[b1, b2, b3, b4, b5, ..], x| b1 + b2 * (-b4 * x).exp() + b3 * (-b5 * x).exp(),
        x: &[
            0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0,
            170.0, 180.0, 190.0, 200.0, 210.0, 220.0, 230.0, 240.0, 250.0, 260.0, 270.0, 280.0, 290.0, 300.0, 310.0,
            320.0,
        ],
        y: &[
            0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
            0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420,
            0.414, 0.411, 0.406,
        ],
        // From (50, 150, -100, 1, 2) it takes thousands of steps.
        starts: &[&[0.5, 1.5, -1.0, 0.01, 0.02]],
        certified: &[3.7541005211E-01, 1.9358469127E+00, -1.4646871366E+00, 1.2867534640E-02, 2.2122699662E-02],
        sum_of_squares: 5.4648946975E-05,
    },
    Problem {
        name: "Thurber",
        model: |[b1, b2, b3, b4, b5, b6, b7], x| {
            let (x2, x3) = (x * x, &(x * x) * x);
            (b1 + b2 * x + b3 * &x2 + b4 * &x3) / (1.0 + b5 * x + b6 * &x2 + b7 * &x3)
        },
        x: &[
            -3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322, -1.501,
            -1.460, -1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545, -0.400, -0.309, -0.109, -0.103,
            0.010, 0.119, 0.377, 0.790, 0.963, 1.006, 1.115, 1.572, 1.841, 2.047, 2.200,
        ],
        y: &[
            80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696, 101.060, 401.672,
            390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109, 1080.914, 1122.643, 1178.351,
            1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509, 1425.208, 1421.384, 1442.962, 1464.350,
            1468.705, 1447.894, 1457.628,
        ],
        starts: &[&[1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03], &[1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05]],
        certified: &[
            1.2881396800E+03,
            1.4910792535E+03,
            5.8323836877E+02,
            7.5416644291E+01,
            9.6629502864E-01,
            3.9797285797E-01,
            4.9727297349E-02,
        ],
        sum_of_squares: 5.6427082397E+03,
    },
];

impl Problem {
    fn residuals<'t>(&self, b: Var<'t, f64>) -> Var<'t, f64> {
        let unused = b.tape().scalar(0.0);
        let parameter = |k: usize| if k < self.certified.len() { b.select(0, k as isize) } else { unused };
        let x = Tensor::from_slice(self.x, [self.x.len()]);
        (self.model)(std::array::from_fn(parameter), &x) - &Tensor::from_slice(self.y, [self.y.len()])
    }

    fn sum_of_squares(&self, b: &Tensor<f64>) -> f64 {
        let tape = Tape::new();
        self.residuals(tape.var(b)).square().sum(..).item()
    }

    /// The step that solves the linear least squares of `J δ = −r`, damped in units of the largest
    /// length that each column of J had so far (Moré 1978).
    fn step(&self, b: &Tensor<f64>, damping: f64, lengths: &mut [f64]) -> Tensor<f64> {
        let tape = Tape::new();
        let r = self.residuals(tape.var(b));
        let j = tape.var(jacobian(|b| self.residuals(b), b));
        lengths
            .iter_mut()
            .zip(j.norm(0, 2.0).value().iter())
            .for_each(|(largest, length)| *largest = largest.max(length));
        let scale = tape.var(Tensor::from_slice(lengths, [lengths.len()]));
        let scaled = j / scale;
        let normal = scaled.t().matmul(scaled) + &(Tensor::eye(b.count()) * damping);
        (-normal.solve(scaled.t().matmul(r)) / scale).value()
    }

    /// Levenberg (1944) and Marquardt (1963): damping that grows where a step does not go down.
    fn solve(&self, start: &[f64]) -> Tensor<f64> {
        let mut b = Tensor::from_slice(start, [start.len()]);
        let (mut least, mut damping, mut lengths) = (self.sum_of_squares(&b), 100.0, vec![0.0; start.len()]);
        for _ in 0..10_000 {
            let next = &b + &self.step(&b, damping, &mut lengths);
            let sum = self.sum_of_squares(&next);
            if sum <= least {
                let settled = b.iter().zip(next.iter()).all(|(b, next)| (b - next).abs() <= 1e-9 * next.abs());
                (b, least, damping) = (next, sum, (damping / 5.0).max(1e-20));
                if settled {
                    break;
                }
            } else if damping < 1e12 {
                damping *= 1.5;
            } else {
                break; // Rounding is all that is left.
            }
        }
        // A sum of squares is flat at its minimum and a gradient is not: the last digits are those
        // of Gauss and Newton.
        (0..30).fold(b, |b, _| &b + &self.step(&b, 0.0, &mut vec![0.0; start.len()]))
    }
}

#[test]
fn certified_parameters_to_nine_digits() {
    for problem in &PROBLEMS {
        for (number, start) in problem.starts.iter().enumerate() {
            let found = problem.solve(start);
            let name = format!("{} from start {}", problem.name, number + 1);
            for (k, (found, certified)) in found.iter().zip(problem.certified).enumerate() {
                let error = (found - certified).abs() / certified.abs();
                assert!(error <= 1e-9, "{name}: b{} is {found}, not {certified} ({error:.1e})", k + 1);
            }
            let error = problem.sum_of_squares(&found) / problem.sum_of_squares - 1.0;
            assert!(error.abs() <= 1e-9, "{name}: the sum of squares is off by {error:.1e}");
        }
    }
}
