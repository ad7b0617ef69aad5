//! Convolutions and pooling.

use wengert::prelude::*;
use wengert::{Conv, Interpolation, Pool};

use super::one;
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    one(match op {
        "conv1d" => convolved(c, 1, |x, w| Some(x.conv1d(w, conv(c)?)))?,
        "conv2d" => convolved(c, 2, |x, w| Some(x.conv2d(w, conv(c)?)))?,
        "conv_transpose1d" => convolved(c, 1, |x, w| Some(x.conv_transpose1d(w, conv(c)?)))?,
        "conv_transpose2d" => convolved(c, 2, |x, w| Some(x.conv_transpose2d(w, conv(c)?)))?,
        "max_pool1d" => c.x(0)?.max_pool1d(pool(c)?),
        "max_pool2d" => c.x(0)?.max_pool2d(pool(c)?),
        "avg_pool1d" => c.x(0)?.avg_pool1d(mean_pool(c)?),
        "avg_pool2d" => c.x(0)?.avg_pool2d(mean_pool(c)?),
        "adaptive_max_pool1d" => c.x(0)?.adaptive_max_pool1d(bins::<1, T>(c)?[0]),
        "adaptive_max_pool2d" => c.x(0)?.adaptive_max_pool2d(bins(c)?),
        "adaptive_avg_pool1d" => c.x(0)?.adaptive_avg_pool1d(bins::<1, T>(c)?[0]),
        "adaptive_avg_pool2d" => c.x(0)?.adaptive_avg_pool2d(bins(c)?),
        "interpolate" | "upsample" | "resize" => interpolate(c)?,
        _ => return None,
    })
}

/// To `size`, or by `scale_factor`, the axes after batch and channels.
fn interpolate<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    let old = &x.shape()[2..];
    let align_corners = a.flag("align_corners")?;
    let by = match a.text("mode").as_deref() {
        None | Some("nearest") => Interpolation::Nearest,
        Some("linear" | "bilinear") => Interpolation::Linear { align_corners },
        Some("cubic" | "bicubic") => Interpolation::Cubic { align_corners },
        _ => return None,
    };
    let scale = a.f64("scale_factor", usize::MAX);
    let sizes = match scale {
        // Of a part of an element it is not clear where it lies.
        Some(scale) => {
            let scaled = old.iter().map(|&n| n as f64 * scale);
            scaled.map(|n| (n.fract() == 0.0).then_some(n as usize)).collect::<Option<Vec<_>>>()?
        }
        None => a.ints("size", 0)?.into_iter().map(|n| n.try_into().ok()).collect::<Option<_>>()?,
    };
    match (old.len(), &sizes[..]) {
        (1, &[size]) => Some(x.interpolate1d(size, by)),
        (2, &[size]) => Some(x.interpolate2d([size; 2], by)),
        (2, &[rows, columns]) => Some(x.interpolate2d([rows, columns], by)),
        _ => None,
    }
}

/// A convolution of the first two inputs, the third, if there is one, added to the channels. What
/// has no batch is a batch of one.
fn convolved<'t, T: Float>(
    c: &Call<'t, T>,
    axes: usize,
    by: impl Fn(Var<'t, T>, Var<'t, T>) -> Option<Var<'t, T>>,
) -> Option<Var<'t, T>> {
    let x = c.x(0)?;
    let alone = x.rank() == axes + 1;
    let mut y = by(if alone { x.unsqueeze(0) } else { x }, c.x(1)?)?;
    if c.count() == 3 {
        let bias = c.x(2)?;
        let shape: Shape = [bias.count()].into_iter().chain(vec![1; axes]).collect();
        y = y + bias.reshape(shape);
    }
    Some(if alone { y.squeeze(0) } else { y })
}

fn conv<const D: usize, T: Float>(c: &Call<'_, T>) -> Option<Conv<D>> {
    let groups = c.args.int("groups", usize::MAX);
    let groups = groups.map_or_else(|| Some(c.args.letter("g").unwrap_or(1)), |n| n.try_into().ok())?;
    let options = Conv::new().stride(setting(c, "stride", "s")?.unwrap_or([1; D])).groups(groups);
    let options = options.padding(setting(c, "padding", "p")?.unwrap_or([0; D]));
    let options = options.dilation(setting(c, "dilation", "d")?.unwrap_or([1; D]));
    Some(options.output_padding(setting(c, "output_padding", "op")?.unwrap_or([0; D])))
}

fn pool<const D: usize, T: Float>(c: &Call<'_, T>) -> Option<Pool<D>> {
    let pool = Pool::new(setting::<D, T>(c, "kernel", "k")??);
    let pool = pool.padding(setting(c, "padding", "p")?.unwrap_or([0; D]));
    let pool = setting(c, "stride", "s")?.map_or(pool, |stride| pool.stride(stride));
    Some(if c.args.flag("ceil_mode")? { pool.ceil_mode() } else { pool })
}

fn mean_pool<const D: usize, T: Float>(c: &Call<'_, T>) -> Option<Pool<D>> {
    let pool = pool(c)?;
    let excluded = c.args.named("count_include_pad").is_some() && !c.args.flag("count_include_pad")?;
    Some(if excluded { pool.exclude_padding() } else { pool })
}

fn bins<const D: usize, T: Float>(c: &Call<'_, T>) -> Option<[usize; D]> {
    setting(c, "out", "o")?
}

/// A number for every axis, or one for all: an attribute, or in the expression a letter (`k3`) or
/// the beginning of the name (`pad(0,2)`). The inner `None` is for a setting that is absent, the
/// outer one for one that is not understood.
fn setting<const D: usize, T: Float>(c: &Call<'_, T>, name: &str, letter: &str) -> Option<Option<[usize; D]>> {
    let given: Vec<usize> = if c.args.named(name).is_some() {
        let given = c.args.ints(name, usize::MAX)?;
        given.into_iter().map(|n| n.try_into().ok()).collect::<Option<_>>()?
    } else {
        let words = [letter, &name[..3], name];
        match c.args.letter(letter).map(|n| vec![n]).or_else(|| words.iter().find_map(|word| c.args.word(word))) {
            Some(given) => given,
            None => return Some(None),
        }
    };
    match given[..] {
        [n] => Some(Some([n; D])),
        _ => given.try_into().ok().map(Some),
    }
}
