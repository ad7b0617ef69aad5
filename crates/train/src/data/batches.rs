//! The batches of one epoch, made here or by workers.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use wengert_tensor::Rng;

use super::{Batch, DataError, Dataset, LoaderState, collate};

/// Batches that a worker has ready, besides the one that it makes.
const READY: usize = 1;

type Change<I> = dyn Fn(I, &mut Rng) -> I + Send + Sync;

/// A random change of every example.
pub(super) struct Augment<D: Dataset> {
    pub(super) seed: u64,
    pub(super) f: Arc<Change<D::Item>>,
}

impl<D: Dataset> Clone for Augment<D> {
    fn clone(&self) -> Self {
        Self { seed: self.seed, f: self.f.clone() }
    }
}

/// Everything that the batches of an epoch depend on.
pub(super) struct Plan<D: Dataset> {
    pub(super) data: Arc<D>,
    pub(super) augment: Option<Augment<D>>,
    pub(super) order: Vec<usize>,
    pub(super) size: usize,
    pub(super) epoch: u64,
    /// The number of batches.
    pub(super) end: usize,
}

impl<D: Dataset> Plan<D> {
    fn batch(&self, number: usize) -> Result<Batch<D>, DataError> {
        let start = number * self.size;
        let indices = &self.order[start..self.order.len().min(start + self.size)];
        DataError::guard(indices, || match &self.augment {
            None => self.data.batch(indices),
            Some(Augment { seed, f }) => {
                let draws = Rng::seed(*seed).fork("augment").fork(self.epoch);
                collate::batch(&*self.data, indices, |index, item| f(item, &mut draws.fork(index as u64)))
            }
        })
    }
}

/// The batches of an epoch, of [`Loader::epoch`](crate::Loader::epoch).
///
/// An error stands for the batch that could not be made; the next one may be had all the same.
/// Dropping this waits for its workers, which end after the batch that they make.
pub struct Batches<D: Dataset> {
    plan: Arc<Plan<D>>,
    state: LoaderState,
    /// The next batch is that of worker `next`, and so on in turns.
    next: usize,
    ready: Vec<Receiver<Result<Batch<D>, DataError>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<D: Dataset + 'static> Batches<D> {
    pub(super) fn new(plan: Plan<D>, state: LoaderState, workers: usize) -> Self {
        let plan = Arc::new(plan);
        let mut this = Self { plan, state, next: 0, ready: Vec::new(), threads: Vec::new() };
        let workers = workers.min(this.len());
        if (0..workers).any(|i| this.spawn(i, workers).is_err()) {
            // Where the system refuses threads, the caller does the work of all of them.
            this.dismiss();
        }
        this
    }

    /// Worker `i` of `workers`, which take turns.
    fn spawn(&mut self, i: usize, workers: usize) -> io::Result<()> {
        let (send, receive) = sync_channel(READY);
        let (plan, first) = (self.plan.clone(), self.state.batch() + i);
        let work = move || {
            // Nobody receives any more when the rest of the epoch is not wanted.
            (first..plan.end).step_by(workers).try_for_each(|number| send.send(plan.batch(number))).ok();
        };
        self.threads.push(Builder::new().name(format!("wengert-loader-{}", i + 1)).spawn(work)?);
        self.ready.push(receive);
        Ok(())
    }
}

impl<D: Dataset> Batches<D> {
    /// Where in the epoch this is: what [`Loader::resume`](crate::Loader::resume) goes on from.
    pub fn state(&self) -> LoaderState {
        self.state.clone()
    }

    fn dismiss(&mut self) {
        // A worker that waits for room in its queue learns from this that nobody wants more.
        self.ready.clear();
        for thread in self.threads.drain(..) {
            // What workers do cannot panic outside of `DataError::guard`.
            thread.join().ok();
        }
    }
}

impl<D: Dataset> Iterator for Batches<D> {
    type Item = Result<Batch<D>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.state.batch();
        if number == self.plan.end {
            return None;
        }
        self.state.advance();
        let workers = self.ready.len();
        if workers == 0 {
            return Some(self.plan.batch(number));
        }
        let batch = self.ready[self.next].recv();
        self.next = (self.next + 1) % workers;
        Some(batch.expect("a worker sends every batch of its turns"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.plan.end - self.state.batch();
        (left, Some(left))
    }
}

impl<D: Dataset> ExactSizeIterator for Batches<D> {}

impl<D: Dataset> Drop for Batches<D> {
    fn drop(&mut self) {
        self.dismiss();
    }
}

impl<D: Dataset> fmt::Debug for Batches<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batches of {}, {} workers", self.state, self.threads.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::error::Error;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;
    use wengert_tensor::{Rng, Tensor, tensor};

    use crate::Loader;

    /// Numbers, some of which fail or panic; counts how many were asked for.
    struct Numbers {
        len: usize,
        bad: Vec<usize>,
        asked: AtomicUsize,
    }

    fn numbers(len: usize) -> Numbers {
        Numbers { len, bad: Vec::new(), asked: AtomicUsize::new(0) }
    }

    impl Dataset for Numbers {
        type Item = (usize, f32);

        fn len(&self) -> usize {
            self.len
        }

        fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.bad.contains(&index) {
                if index == 8 {
                    return Err("it is missing".into());
                }
                panic!("it is odd");
            }
            Ok((index, 0.0))
        }
    }

    fn loader(len: usize, size: usize, workers: usize) -> Loader<Numbers> {
        let noise = |(index, _), rng: &mut Rng| (index, rng.unit() as f32);
        Loader::new(numbers(len), size).shuffle(3).augment(5, noise).workers(workers)
    }

    type Seen = Vec<(Vec<usize>, Vec<f32>)>;

    fn seen(batches: Batches<Numbers>) -> Seen {
        batches.map(|batch| batch.map(|(i, v)| (i.to_vec(), v.to_vec())).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn batches_do_not_depend_on_workers_nor_on_interruptions(
            len in 0usize..40, size in 1usize..9, workers in 1usize..5, drop_last: bool, epoch: u64, stop in 0usize..50,
        ) {
            let with = |workers| {
                let loader = loader(len, size, workers);
                if drop_last { loader.drop_last() } else { loader }
            };
            let all = seen(with(0).epoch(epoch));
            let mut examples: Vec<usize> = all.iter().flat_map(|(indices, _)| indices).copied().collect();
            prop_assert!(all.len() == with(0).len() && all.iter().rev().skip(1).all(|(indices, _)| indices.len() == size));
            examples.sort_unstable();
            examples.dedup();
            prop_assert_eq!(examples.len(), if drop_last { len / size * size } else { len });

            let workers = with(workers);
            let mut batches = workers.epoch(epoch);
            prop_assert_eq!(batches.len(), all.len());
            let stop = stop.min(all.len());
            let before = batches.by_ref().take(stop).map(|batch| batch.unwrap().0.to_vec());
            prop_assert!(before.eq(all[..stop].iter().map(|(indices, _)| indices.clone())));
            let state = serde_json::to_string(&batches.state()).unwrap();
            drop(batches);
            let rest = workers.resume(&serde_json::from_str(&state).unwrap()).unwrap();
            prop_assert_eq!((rest.state().epoch(), rest.state().batch()), (epoch, stop));
            prop_assert_eq!(&seen(rest), &all[stop..]);
        }
    }

    #[test]
    fn every_epoch_and_every_seed_has_its_order() {
        let orders = [loader(50, 50, 0).epoch(0), loader(50, 50, 0).epoch(1), loader(50, 50, 0).shuffle(4).epoch(0)];
        assert_eq!(orders.map(|batches| seen(batches)[0].0.clone()).into_iter().collect::<HashSet<_>>().len(), 3);
        let plain = Loader::new(numbers(5), 2);
        assert_eq!(
            seen(plain.epoch(7)).into_iter().flat_map(|(indices, _)| indices).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn what_augmentation_draws_belongs_to_the_example_and_the_epoch() {
        let draws = |size, epoch| -> Vec<u32> {
            let mut of: Vec<(usize, f32)> = Vec::new();
            for (indices, values) in seen(loader(20, size, 2).epoch(epoch)) {
                of.extend(indices.into_iter().zip(values));
            }
            of.sort_by_key(|(index, _)| *index);
            of.into_iter().map(|(_, value)| value.to_bits()).collect()
        };
        assert_eq!(draws(3, 0), draws(20, 0));
        assert!(draws(3, 0).iter().zip(draws(3, 1)).all(|(a, b)| *a != b));
        assert_eq!(draws(3, 0).into_iter().collect::<HashSet<_>>().len(), 20);
    }

    #[test]
    fn failures_reach_the_caller_with_the_number_of_the_example() {
        for workers in 0..4 {
            let data = Numbers { bad: vec![3, 8], ..numbers(11) };
            let told: Vec<_> =
                Loader::new(data, 2).workers(workers).epoch(0).map(|batch| batch.map_err(|e| e.to_string())).collect();
            assert_eq!(told.len(), 6);
            assert_eq!(told[1].as_ref().unwrap_err(), "example 3: panicked: it is odd");
            assert_eq!(told[4].as_ref().unwrap_err(), "example 8: it is missing");
            assert_eq!(told[5].as_ref().unwrap().0, tensor![10usize]);
            assert_eq!(told.iter().filter(|batch| batch.is_ok()).count(), 4);
        }
    }

    #[test]
    fn a_panic_of_many_at_once_names_all_of_them() {
        struct AtOnce;
        impl Dataset for AtOnce {
            type Item = f32;
            fn len(&self) -> usize {
                4
            }
            fn item(&self, _: usize) -> Result<f32, Box<dyn Error + Send + Sync>> {
                Ok(0.0)
            }
            fn batch(&self, indices: &[usize]) -> Result<Tensor<f32>, DataError> {
                assert!(!indices.contains(&2), "no two");
                Ok(Tensor::zeros([indices.len()]))
            }
        }
        let mut batches = Loader::new(AtOnce, 2).workers(1).epoch(0);
        assert!(batches.next().unwrap().is_ok());
        assert_eq!(batches.next().unwrap().unwrap_err().to_string(), "one of the examples [2, 3]: panicked: no two");
    }

    #[test]
    fn queues_are_bounded_and_workers_end_with_the_epoch() {
        let data = Arc::new(numbers(10_000));
        let batches = Loader::new(data.clone(), 10).workers(3).epoch(0);
        // Each worker has one batch ready and one in its hands.
        while data.asked.load(Ordering::SeqCst) < 60 {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(20));
        assert_eq!(data.asked.load(Ordering::SeqCst), 60);
        drop(batches);
        assert_eq!(Arc::strong_count(&data), 1);
    }

    #[test]
    fn the_state_of_another_loader_is_refused() {
        let state = loader(10, 2, 0).epoch(4).state();
        assert!(loader(10, 2, 3).resume(&state).is_ok());
        for other in [loader(11, 2, 0), loader(10, 3, 0), loader(10, 2, 0).shuffle(1), loader(10, 2, 0).drop_last()] {
            assert!(other.resume(&state).is_err());
        }
        let error = loader(11, 2, 0).resume(&state).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the saved state is that of another loader; load the same data in the same way, or begin anew
  saved: 10 examples in batches of 2, shuffled by the seed 3, augmented by the seed 5, at batch 0 of epoch 4
  here:  11 examples in batches of 2, shuffled by the seed 3, augmented by the seed 5, at batch 0 of epoch 4"
        );
        let beyond = serde_json::to_string(&state).unwrap().replace(r#""batch":0"#, r#""batch":6"#);
        assert!(loader(10, 2, 0).resume(&serde_json::from_str(&beyond).unwrap()).is_err());
    }
}
