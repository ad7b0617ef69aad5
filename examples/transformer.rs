//! A small causal language model that learns to sort letters.
//!
//! ```text
//! cargo run --release --example transformer -- [STEPS]
//! ```
//!
//! The example makes its data: eight letters, an arrow, the letters in order, as in
//! `gcaebhaf>aabcefgh`. The model predicts each character from those before it. What is measured
//! is how many of 1000 new lines it completes without a mistake, letter by letter: 99.8 % after 1500
//! steps, which take 24 seconds of processor time.

use std::error::Error;

use wengert::prelude::*;
use wengert::train::Progress;
use wengert::{AdamW, Clip, Embedding, LayerNorm, OneCycleLr, Schedule, Summary, TransformerBlock};

const ALPHABET: usize = 16;
const ARROW: i64 = ALPHABET as i64;
const LETTERS: usize = 8;
/// The last letter is only predicted.
const LENGTH: usize = 2 * LETTERS;
const SIZE: usize = 64;

#[derive(Debug, Module)]
struct Model {
    characters: Embedding,
    positions: Embedding,
    blocks: Vec<TransformerBlock>,
    norm: LayerNorm,
    out: Linear,
}

impl Model {
    fn new(rng: &Rng) -> Self {
        let block = |i: u64| TransformerBlock::new(SIZE, 4, 4 * SIZE, &mut rng.fork(i)).batch_first().causal().gelu();
        Self {
            characters: Embedding::new(ALPHABET + 1, SIZE, &mut rng.fork("characters")),
            positions: Embedding::new(LENGTH, SIZE, &mut rng.fork("positions")),
            blocks: (0..2).map(block).collect(),
            norm: LayerNorm::new(SIZE),
            out: Linear::new(SIZE, ALPHABET + 1, &mut rng.fork("out")).weight(Init::xavier_uniform()),
        }
    }

    /// Scores of the next character after each of `text`, `[batch, length, characters]`.
    fn forward<'t>(&self, tape: &'t Tape, text: &Tensor<i64>) -> Var<'t> {
        let places = Tensor::range(0..text.shape()[1] as i64);
        let mut x = self.characters.forward(tape, text) + self.positions.forward(tape, &places);
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.out.forward(self.norm.forward(x))
    }

    /// What comes after the arrow, the likeliest letter each time.
    fn complete(&self, questions: &Tensor<i64>) -> Tensor<i64> {
        let mut text = questions.clone();
        for _ in 0..LETTERS {
            let tape = Tape::new();
            let next = self.forward(&tape, &text).select(1, -1).value().argmax(-1).unsqueeze(1);
            text = Tensor::concat(&[&text, &next], 1);
        }
        text.slice(1, LETTERS as isize + 1..)
    }
}

/// So many lines: what is asked, arrow included, and the answers.
fn lines(count: usize, rng: &mut Rng) -> [Tensor<i64>; 2] {
    let letters = Tensor::integers([count, LETTERS], 0..ALPHABET as i64, rng);
    let arrows = Tensor::full([count, 1], ARROW);
    [Tensor::concat(&[&letters, &arrows], 1), letters.sort(1)]
}

fn shown(text: &Tensor<i64>) -> String {
    text.iter().map(|c| if c == ARROW { '>' } else { (b'a' + c as u8) as char }).collect()
}

fn train(steps: usize) -> Result<(), Box<dyn Error>> {
    let rng = Rng::seed(0);
    let model = Model::new(&rng);
    println!("{}\n", Summary::of(&model, |tape| model.forward(tape, &Tensor::zeros([1, LENGTH]))));

    let mut source = rng.fork("lines");
    let schedule = OneCycleLr::new(0.003, steps as u64);
    let mut optimizer = AdamW::new(&model, 0.0);
    let progress = Progress::new("training", steps);
    for step in 0..steps {
        let [questions, answers] = lines(64, &mut source);
        let text = Tensor::concat(&[&questions, &answers], 1).slice(1, ..LENGTH as isize);
        let tape = Tape::train(step as u64);
        // Only what follows the arrow can be known.
        let scores = model.forward(&tape, &text).slice(1, LETTERS as isize..);
        let loss = scores.reshape([-1, ALPHABET as isize + 1]).cross_entropy(&answers.flatten());
        optimizer.set_lr(schedule.lr(step as u64));
        optimizer.step(&loss.backward().clip_norm(&model, 1.0))?;
        if (step + 1) % (steps / 5).max(1) == 0 {
            let [question, _] = lines(1, &mut rng.fork(step as u64));
            let answer = model.complete(&question);
            let (question, answer) = (shown(&question), shown(&answer));
            progress.line(format_args!("step {:4}  loss {:.4}  {question}{answer}", step + 1, loss.item()));
        }
        progress.step();
    }
    drop(progress);

    let [questions, answers] = lines(1000, &mut rng.fork("test"));
    let found = model.complete(&questions);
    let right = (0..1000).filter(|&i| found.select(0, i) == answers.select(0, i)).count();
    println!("\nof 1000 new lines, {right} were completed without a mistake");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(1500), |steps| steps.parse())?;
    train(steps)
}
