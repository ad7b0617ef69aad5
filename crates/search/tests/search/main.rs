//! Whole searches: what is proposed, stopped, narrowed, found and told.

mod outcome;
mod space;
mod stages;
mod trials;

use wengert::search::*;

#[derive(Clone, Debug, PartialEq, Space)]
struct Config {
    #[space(log(1e-4..=1.0))]
    lr: f64,
    #[space(uniform(1..=3))]
    depth: usize,
    #[space(choice([2u32, 4, 8]))]
    pieces: u32,
    batch_norm: bool,
    update: Update,
}

#[derive(Clone, Debug, PartialEq, Space)]
enum Update {
    Sgd {
        #[space(uniform(0.0..=0.9).step(0.1))]
        momentum: f32,
        decay: Decay,
    },
    Adam,
    Named(#[space(named([("slow", 10), ("fast", 1)]))] i64),
}

#[derive(Clone, Debug, PartialEq, Space)]
enum Decay {
    None,
    Exponential(#[space(uniform(0.5..=1.0))] f64),
}

fn one_stage<C>(
    space: impl Fn(&mut Draw<'_>) -> Result<C, SpaceError> + Send + Sync + 'static,
    stage: Stage,
) -> Search<C> {
    Search::new("test", space).expect("a good space").stage(stage).quiet()
}
