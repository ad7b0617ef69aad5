//! Where the largest and the smallest elements along an axis are.

use crate::compare::is_nan;
use crate::error::checked;
use crate::kernel::parallel::for_each_chunk;
use crate::order::{TOGETHER, line_of, lines, some};
use crate::{Element, ShapeError, Tensor};

/// Where the first element is that none is `better` than, or the first NaN.
fn first<T: Element>(line: &[T], better: impl Fn(T, T) -> bool) -> usize {
    let mut best = 0;
    for (start, elements) in (0..).step_by(TOGETHER).zip(line.chunks(TOGETHER)) {
        if is_nan(line[best]) {
            break;
        }
        if some(elements, |v| better(v, line[best]) | is_nan(v)) {
            for (i, &v) in (start..).zip(elements) {
                let replaced = better(v, line[best]) | is_nan(v);
                best = if replaced && !is_nan(line[best]) { i } else { best };
            }
        }
    }
    best
}

/// The same for each column of rows that lie `step` apart, of which `to` has as many.
fn first_of_columns<T: Element>(rows: &[T], step: usize, to: &mut [i64], better: impl Fn(T, T) -> bool) {
    let mut best = rows[..to.len()].to_vec();
    to.fill(0);
    for (i, row) in (0..).zip(rows.chunks(step)).skip(1) {
        for ((to, best), &v) in to.iter_mut().zip(&mut best).zip(row) {
            let replaced = (better(v, *best) | is_nan(v)) & !is_nan(*best);
            *best = if replaced { v } else { *best };
            *to = if replaced { i } else { *to };
        }
    }
}

fn arg<T: Element>(
    x: &Tensor<T>,
    axis: isize,
    better: impl Fn(T, T) -> bool + Sync,
) -> Result<Tensor<i64>, ShapeError> {
    let (shape, size) = line_of(x, axis)?;
    if size == 0 && shape.count() > 0 {
        return Err(ShapeError::new(format!("there are no elements along axis {axis} of {}", x.shape())));
    }
    let inner =
        x.shape().get(x.shape().axis(axis).map_or(0, |axis| axis + 1)..).map_or(1, |after| after.iter().product());
    let Some(values) = x.as_slice().filter(|_| inner > 1) else {
        return Ok(lines(x, axis, Some(1), |line, to| to[0] = first(line, &better) as i64)?.reshape(shape));
    };
    Tensor::try_build(shape, |out| {
        for_each_chunk(out, COLUMNS, COLUMNS * size, |task, mut left| {
            let mut at = task * COLUMNS;
            while !left.is_empty() {
                let (line, column) = (at / inner, at % inner);
                let (to, rest) = left.split_at_mut(left.len().min(inner - column));
                at += to.len();
                first_of_columns(&values[line * size * inner..][..size * inner][column..], inner, to, &better);
                left = rest;
            }
        });
    })
}

/// Columns of a task.
const COLUMNS: usize = 128;

impl<T: Element> Tensor<T> {
    /// Where the largest element along `axis` is, the first of equal ones; NaN counts as the
    /// largest. The axis is removed.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 5, 2], [7, 3, 7]].argmax(1), tensor![1, 0]);
    /// ```
    /// # Panics
    /// If the axis is out of range or has no elements.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        checked!("argmax", arg(self, axis, |a, b| a > b))
    }

    /// Where the smallest element along `axis` is, the first of equal ones; NaN counts as the
    /// smallest. The axis is removed.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 5, 2], [7, 3, 7]].argmin(1), tensor![0, 1]);
    /// ```
    /// # Panics
    /// If the axis is out of range or has no elements.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor<i64> {
        checked!("argmin", arg(self, axis, |a, b| a < b))
    }
}
