//! One figure of every kind, with what real data are like: noise, NaN, long names.
//!
//! ```text
//! cargo run -p wengert-report --example gallery -- gallery.html
//! ```

use std::io;

use wengert_report::{Axis, Finding, Image, Images, Matrix, Page, Parallel, Plot, Ridges, Rows, Severity, Table};

/// A number of 0 … 1 that looks random.
fn noise(i: usize) -> f64 {
    let bits = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((bits ^ bits >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("gallery.html".into());
    let loss = |step: f64| 2.2 * (-step / 300.0).exp() + 0.1;
    let steps = || (0..1200).step_by(4).map(f64::from);
    let epochs = || (1..=24).map(|epoch| f64::from(50 * epoch));
    let validation = |step: f64| loss(step) + 1e-4 * step;

    let losses = Plot::new("Loss")
        .caption("Mean of each stretch of steps, with the smallest and largest; validation after each epoch.")
        .x(Axis::new("step"))
        .y(Axis::new("loss").log())
        .band("training", steps().map(|s| (s, 0.7 * loss(s), (1.2 + noise(s as usize)) * loss(s))))
        .line("training", steps().map(|s| (s, loss(s) * (0.9 + 0.3 * noise(s as usize)))))
        .line("validation", epochs().map(|s| (s, validation(s))))
        .gap("gap", epochs().map(|s| (s, loss(s), validation(s))))
        .rule_y(10f64.ln(), "ln 10, a guess");
    let broken = Plot::new("A loss that becomes NaN")
        .x(Axis::new("step"))
        .y(Axis::new("loss"))
        .line("training", (0..60).map(|s| (f64::from(s), if s < 40 { f64::from(s).exp2() } else { f64::NAN })));
    let ratio = |layer: usize, s: f64| 1e-3 * 10f64.powf(1.2 * noise(layer) - 0.6) * (0.7 + noise(s as usize + layer));
    let names =
        ["fc1.weight", "fc1.bias", "norm.weight", "norm.bias", "encoder.layers.11.attention.out.weight", "out.bias"];
    let ratios = names.iter().enumerate().fold(Plot::new("Update to weight"), |plot, (layer, name)| {
        plot.line(*name, epochs().map(|s| (s, ratio(layer, s))))
    });
    let ratios = ratios.x(Axis::new("step")).y(Axis::new("ratio").log()).rule_y(1e-3, "healthy");

    let trials = |stage: usize| (0..40).map(move |i| (noise(i + 100 * stage), noise(7 * i + 31 * stage)));
    let rate = |u: f64, stage: usize| if stage == 0 { 10f64.powf(-6.0 + 6.0 * u) } else { 10f64.powf(-3.5 + u) };
    let score = |rate: f64, v: f64| 0.97 - 0.06 * (rate.log10() + 2.8).powi(2) - 0.05 * v;
    let scatter = ["coarse", "fine"].iter().enumerate().fold(Plot::new("Learning rate"), |plot, (stage, name)| {
        plot.labelled_points(
            *name,
            trials(stage).enumerate().map(|(i, (u, v))| {
                let rate = rate(u, stage);
                (rate, score(rate, v), format!("trial {i}: rate {rate:.2e}"))
            }),
        )
    });
    let scatter = scatter.x(Axis::new("learning rate").log()).y(Axis::new("accuracy"));
    let mut best = f64::MIN;
    let so_far: Vec<(f64, f64)> = trials(0)
        .chain(trials(1))
        .enumerate()
        .map(|(i, (u, v))| {
            best = best.max(score(rate(u, i / 40), v));
            (i as f64, best)
        })
        .collect();
    let best_so_far = Plot::new("Best so far").x(Axis::new("trial")).y(Axis::new("accuracy")).steps("best", so_far);
    let curves = (0..30).fold(Plot::new("Every trial"), |plot, trial| {
        let end = noise(trial);
        plot.context("trials", (0..20).map(|e| (f64::from(e), end * (1.0 - (-f64::from(e) / 5.0).exp()))))
    });
    let curves = curves
        .x(Axis::new("epoch"))
        .y(Axis::new("accuracy").range(0.0, 1.0))
        .line("best", (0..20).map(|e| (f64::from(e), 1.0 - (-f64::from(e) / 5.0).exp())));

    let importance = Rows::new("Importance")
        .caption(
            "Share of the variance of the score that each parameter explains; 80 % of resamples lie in the interval.",
        )
        .axis(Axis::new("share"))
        .bar("learning rate", 0.62, Some((0.51, 0.72)))
        .bar("width", 0.18, Some((0.09, 0.25)))
        .bar("dropout of the second hidden layer", 0.04, Some((0.0, 0.09)))
        .bar("activation", 0.01, None);
    let narrowing = Rows::new("Learning rate, stage by stage")
        .axis(Axis::new("learning rate").log())
        .range("coarse", (1e-6, 1.0), Some(1.4e-3))
        .range("fine", (3e-4, 6e-3), Some(1.7e-3))
        .range("finer", (1e-3, 3e-3), Some(1.6e-3));

    let bell = |centre: f64, sd: f64| -> Vec<u64> {
        (0..40).map(|i| (1e4 * (-((f64::from(i) - 20.0 - centre) / sd).powi(2)).exp()) as u64).collect()
    };
    let ridges = (0..14).fold(Ridges::new("Activations of fc1"), |ridges, i| {
        ridges.row((100 * i).to_string(), (-3.0, 3.0), bell(0.4 * f64::from(i), 12.0 - 0.7 * f64::from(i)))
    });
    let ridges = ridges.caption("The earliest histogram is at the top.").axis(Axis::new("activation"));

    let counts: Vec<Vec<u64>> = (0..10)
        .map(|row| {
            let wrong =
                |column: usize| u64::from(noise(row * 10 + column) > 0.8) * (1 + (row as u64 + column as u64) % 3);
            (0..10).map(|column| if row == column { 30 + row as u64 } else { wrong(column) }).collect()
        })
        .collect();
    let confusion = Matrix::confusion("Confusion", (0..10).map(|d| d.to_string()), &counts)
        .caption("Rows are labels, columns predictions; errors are orange.");
    let sines: Vec<Vec<f64>> =
        (0..6).map(|i| (0..6).map(|j| (f64::from(i - j) * 0.9).cos() * 0.98f64.powi(i + j)).collect()).collect();
    let heat = Matrix::new("Correlation", names, names, &sines);

    let blob = |i: usize| -> Vec<f64> {
        (0..64).map(|p| (-((p % 8) as f64 - 8.0 * noise(i)).powi(2) / 6.0).exp() * (noise(i * 64 + p) + 0.5)).collect()
    };
    let worst = (0..12).fold(Images::new("Worst confused").size(64.0), |images, i| {
        images.image(Image::grey(8, &blob(i), 0.0, 1.2), format!("{} as {}: 0.99", i % 10, (i + 3) % 10))
    });
    let weights = (0..32).fold(Images::new("Weights of fc1"), |images, i| {
        let weights: Vec<f64> = blob(i).iter().map(|w| w - 0.6).collect();
        images.image(Image::signed(8, &weights, 0.6), "")
    });

    let axes = [
        Axis::new("learning rate").log(),
        Axis::new("width"),
        Axis::new("activation").categories(["relu", "tanh", "maxout"]),
        Axis::new("dropout"),
    ];
    let parallel = (0..60).fold(Parallel::new("Trials", axes), |parallel, i| {
        let rate = rate(noise(i), 0);
        let activation = (3.0 * noise(i + 900)).floor();
        let dropout = (activation < 2.0).then(|| 0.5 * noise(i + 700));
        let values = [Some(rate), Some((16.0 + 240.0 * noise(i + 500)).round()), Some(activation), dropout];
        parallel.line(values, score(rate, 0.0), format!("trial {i}"))
    });

    let findings = [
        Finding {
            severity: Severity::Serious,
            title: "The loss becomes NaN at step 40".into(),
            evidence: vec![
                "It grew from 2.3 to 1e12 in 40 steps; the first NaN is the output of `ln` in fc2 <&>.".into(),
            ],
            advice: vec!["Divide the learning rate by 10.".into(), "Clip the gradient at a norm of 1.".into()],
        },
        Finding {
            severity: Severity::Warning,
            title: "The gap between training and validation is large".into(),
            evidence: vec!["Accuracy 0.999 on training, 0.941 on validation data.".into()],
            advice: vec!["More weight decay or dropout.".into()],
        },
        Finding { severity: Severity::Note, title: "Few steps".into(), evidence: vec![], advice: vec![] },
        Finding { severity: Severity::Good, title: "Gradients are right".into(), evidence: vec![], advice: vec![] },
    ];
    let table = Table::new(["layer", "type", "output", "parameters"])
        .row(["fc1".into(), "Linear".into(), "[32, 64]".into(), 4096.0.into()])
        .row(["encoder.layers.11.attention.out".into(), "Linear".into(), "[32, 64]".into(), 4160.0.into()]);

    Page::new("Gallery")
        .subtitle("One figure of every kind")
        .key_figures([
            ("test accuracy", "0.9861"),
            ("final loss", "0.1032"),
            ("epochs", "24"),
            ("steps", "1,200"),
            ("seconds", "4.2"),
        ])
        .section("Diagnosis")
        .findings(&findings)
        .section("Curves")
        .wide(&losses)
        .figures(&[&broken, &ratios, &curves])
        .section("Distributions")
        .figures(&[&ridges, &confusion, &heat])
        .section("Pictures")
        .wide(&worst)
        .figures(&[&weights])
        .section("Search")
        .figures(&[&scatter, &best_so_far, &importance, &narrowing])
        .wide(&parallel)
        .section("Layers")
        .table(&table)
        .write(&path)?;
    println!("{path}");
    Ok(())
}
