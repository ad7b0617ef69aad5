//! Functions whose smallest value is known; each gives how far it is above that.

use std::f64::consts::PI;

use wengert::search::{Domain, Draw, SpaceError};

/// Branin's function of two numbers, with three equal minima.
pub(super) fn branin_space(draw: &mut Draw<'_>) -> Result<[f64; 2], SpaceError> {
    Ok([draw.value("x", Domain::uniform(-5.0..=10.0))?, draw.value("y", Domain::uniform(0.0..=15.0))?])
}

pub(super) fn branin(&[x, y]: &[f64; 2]) -> f64 {
    let a = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    a * a + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0 - 0.397_887_357_729_738_16
}

/// Hartmann's function of six numbers, with several local minima.
pub(super) fn hartmann_space(draw: &mut Draw<'_>) -> Result<[f64; 6], SpaceError> {
    let mut x = [0.0; 6];
    for (i, x) in x.iter_mut().enumerate() {
        *x = draw.value(&format!("x{i}"), Domain::uniform(0.0..=1.0))?;
    }
    Ok(x)
}

pub(super) fn hartmann(x: &[f64; 6]) -> f64 {
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
        [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
        [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
        [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
    ];
    let term = |k: usize| (0..6).map(|i| A[k][i] * (x[i] - 1e-4 * P[k][i]).powi(2)).sum::<f64>();
    let weights = [1.0, 1.2, 3.0, 3.2];
    3.322_368_011_391_339 - (0..4).map(|k| weights[k] * (-term(k)).exp()).sum::<f64>()
}

/// Numbers on both scales, whole numbers and a choice, which depend on each other as those of a
/// network do.
pub(super) struct Mixed {
    lr: f64,
    width: usize,
    depth: usize,
    dropout: f64,
    activation: usize,
}

pub(super) fn mixed_space(draw: &mut Draw<'_>) -> Result<Mixed, SpaceError> {
    let activations = ["sigmoid", "tanh", "relu", "maxout"].into_iter().enumerate().map(|(i, name)| (name, i));
    Ok(Mixed {
        lr: draw.value("lr", Domain::log(1e-5..=1.0))?,
        width: draw.value("width", Domain::log(8..=512))?,
        depth: draw.value("depth", Domain::uniform(1..=5))?,
        dropout: draw.value("dropout", Domain::uniform(0.0..=0.5))?,
        activation: draw.value("act", Domain::named(activations))?,
    })
}

pub(super) fn mixed(c: &Mixed) -> f64 {
    let depth = c.depth as f64;
    let saturates = if c.activation == 0 && c.depth > 2 { 0.1 } else { 0.0 };
    0.3 * (c.lr.log10() + 2.5 + 0.15 * depth).powi(2)
        + 0.1 * ((c.width as f64).log2() - 7.0).powi(2)
        + 0.08 * (depth - 3.0).powi(2)
        + 2.0 * (c.dropout - 0.2).powi(2)
        + [0.6, 0.25, 0.05, 0.0][c.activation]
        + saturates
}

/// An optimizer with options of its own.
pub(super) enum Update {
    Sgd { lr: f64, momentum: f64 },
    Adam { lr: f64, beta: f64 },
    RmsProp { lr: f64 },
}

pub(super) fn conditional_space(draw: &mut Draw<'_>) -> Result<(Update, f64), SpaceError> {
    fn lr(draw: &mut Draw<'_>) -> Result<f64, SpaceError> {
        draw.value("lr", Domain::log(1e-5..=1.0))
    }
    let sgd = |draw: &mut Draw<'_>| {
        Ok(Update::Sgd { lr: lr(draw)?, momentum: draw.value("momentum", Domain::uniform(0.0..=0.99))? })
    };
    let adam = |draw: &mut Draw<'_>| {
        Ok(Update::Adam { lr: lr(draw)?, beta: draw.value("beta", Domain::uniform(0.8..=0.999))? })
    };
    let rmsprop = |draw: &mut Draw<'_>| Ok(Update::RmsProp { lr: lr(draw)? });
    let update = draw.variant("update", &[("sgd", &sgd), ("adam", &adam), ("rmsprop", &rmsprop)])?;
    Ok((update, draw.value("l2", Domain::log(1e-7..=1e-1))?))
}

pub(super) fn conditional((update, l2): &(Update, f64)) -> f64 {
    let penalty = 0.05 * (l2.log10() + 4.0).powi(2);
    penalty
        + match *update {
            Update::Sgd { lr, momentum } => {
                0.1 + 0.3 * ((lr / (1.0 - momentum)).log10() + 0.5).powi(2) + 0.3 * (momentum - 0.9).powi(2)
            }
            Update::Adam { lr, beta } => 0.4 * (lr.log10() + 2.7).powi(2) + 20.0 * (beta - 0.93).powi(2),
            Update::RmsProp { lr } => 0.15 + 0.4 * (lr.log10() + 3.0).powi(2),
        }
}
