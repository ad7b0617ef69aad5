//! Classes as targets: one for each row of an input whose last axis is that of the classes.

use wengert_autograd::Var;
use wengert_tensor::{Float, Shape, Tensor};

use crate::Reduction;

/// The class and the weight of every row.
pub(super) struct Targets {
    /// None where it is ignored.
    classes: Vec<Option<usize>>,
    weights: Vec<f64>,
    rows: Shape,
    weighted: bool,
}

impl Targets {
    #[track_caller]
    pub(super) fn new(
        op: &str,
        x: &Shape,
        classes: &Tensor<i64>,
        ignore_index: Option<i64>,
        class_weights: Option<&[f64]>,
    ) -> Self {
        let Some((&count, rows)) = x.split_last().filter(|(count, _)| **count > 0) else {
            panic!("{op}: logits of shape {x} have no classes on the last axis");
        };
        let given = classes.shape();
        assert!(*given == *rows, "{op}: logits of shape {x} take classes of shape {rows:?}, not {given}");
        check_count(op, class_weights, count);
        let mut targets = Vec::with_capacity(classes.count());
        for (row, class) in classes.iter().enumerate() {
            let ignored = ignore_index == Some(class);
            let in_range = usize::try_from(class).ok().filter(|&class| class < count);
            assert!(ignored || in_range.is_some(), "{op}: class {class} (row {row}) is not one of {count}");
            targets.push(in_range.filter(|_| !ignored));
        }
        let weight_of = |class: usize| class_weights.map_or(1.0, |weights| weights[class]);
        let weights = targets.iter().map(|class| class.map_or(0.0, weight_of)).collect();
        Self { classes: targets, weights, rows: given.clone(), weighted: class_weights.is_some() }
    }

    /// 1 where the class of the row is, else 0: the shape of `x`. Never in memory: the numbers of
    /// the classes are compared where it is read.
    #[track_caller]
    pub(super) fn one_hot<'t, T: Float>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let shape = x.shape();
        let count = shape[shape.len() - 1];
        assert!(count <= T::MAX_EXACT_INTEGER, "{count} classes are more than {} can count", T::NAME);
        let number = |class: &Option<usize>| T::from_f64(class.map_or(-1.0, |class| class as f64));
        let chosen = Tensor::from_vec(self.classes.iter().map(number).collect(), &self.rows);
        x.tape().var(chosen).unsqueeze(-1).eq(&Tensor::<T>::arange(T::ZERO, T::from_f64(count as f64), T::ONE))
    }

    /// The element of each row at its class; 0 where there is none. The others are not read, so
    /// that they may be infinite.
    #[track_caller]
    pub(super) fn pick<'t, T: Float>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.one_hot(x).where_(x, 0.0).sum(-1)
    }

    /// The losses of the rows times the weights of their classes.
    #[track_caller]
    pub(super) fn weigh<'t, T: Float>(&self, loss: Var<'t, T>) -> Var<'t, T> {
        if self.weighted { loss * &from_numbers(self.weights.clone(), &self.rows) } else { loss }
    }

    /// The losses of the rows, 0 where they are ignored, reduced; the mean is over the weights.
    #[track_caller]
    pub(super) fn reduce<'t, T: Float>(&self, mut loss: Var<'t, T>, reduction: Reduction) -> Var<'t, T> {
        if self.classes.contains(&None) {
            let kept = self.classes.iter().map(|class| f64::from(class.is_some())).collect();
            loss = loss.tape().var(from_numbers(kept, &self.rows)).where_(loss, 0.0);
        }
        match reduction {
            Reduction::Mean => loss.sum(..) / self.weights.iter().sum::<f64>(),
            other => other.of(loss),
        }
    }
}

/// Weights of classes, refused if one is negative or not finite.
#[track_caller]
pub(super) fn checked_weights(op: &str, weights: Vec<f64>) -> Vec<f64> {
    let wrong = weights.iter().find(|w| **w < 0.0 || !w.is_finite());
    assert!(wrong.is_none(), "{op}: a class weight of {}", wrong.unwrap_or(&0.0));
    weights
}

#[track_caller]
pub(super) fn check_count(op: &str, weights: Option<&[f64]>, count: usize) {
    if let Some(weights) = weights {
        assert!(weights.len() == count, "{op}: {} weights for {count} classes", weights.len());
    }
}

/// `x` with its axis of classes as the last.
#[track_caller]
pub(super) fn classes_last<'t, T: Float>(op: &str, x: Var<'t, T>, axis: isize) -> Var<'t, T> {
    let (shape, rank) = (x.shape(), x.rank());
    match shape.axis(axis) {
        Ok(axis) if axis + 1 == rank => x,
        Ok(axis) => {
            let order: Vec<usize> = (0..rank).filter(|&other| other != axis).chain([axis]).collect();
            x.permute(&order[..])
        }
        Err(error) => panic!("{op}: {error}"),
    }
}

pub(super) fn from_numbers<T: Float>(values: Vec<f64>, shape: &Shape) -> Tensor<T> {
    Tensor::from_vec(values.into_iter().map(T::from_f64).collect(), shape.clone())
}
