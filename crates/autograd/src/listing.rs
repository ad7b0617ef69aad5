//! What is on a tape, to read and to draw.

use std::fmt;
use std::panic::Location;

use wengert_tensor::{Float, Shape};

use crate::Tape;
use crate::nodes::Kind;

/// The entries of a tape, in order. It prints as a table, a line an entry.
///
/// ```text
/// #0  leaf w           [2]  src/main.rs:5:13
/// #1  exp       #0     [2]  src/main.rs:6:11
/// #2  sum       #1     []   src/main.rs:6:17
/// #3  scalar 1         []   src/main.rs:7:20
/// #4  expand    #3     [2]  src/main.rs:6:17  vjp of #2
/// #5  chain     #4 #1  [2]  src/main.rs:6:11  vjp of #1
/// ```
#[derive(Clone, Debug)]
pub struct Listing {
    /// One for each entry, by number.
    pub entries: Vec<Entry>,
}

/// An entry of a tape: an operation, or a value from outside.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of the operation; `leaf` for a tensor from outside, `scalar` for a number.
    pub op: &'static str,
    /// The name of the parameter or buffer that it holds, or the number that it is.
    pub label: Option<String>,
    /// The entries that it is computed from.
    pub inputs: Vec<usize>,
    /// The shape of its value.
    pub shape: Shape,
    /// The line of the program that recorded it; for a gradient that of the operation that it
    /// differentiates.
    pub at: &'static Location<'static>,
    /// The entry whose vjp rule recorded it.
    pub vjp_of: Option<usize>,
    /// Whether its value is in memory.
    pub computed: bool,
}

impl<T: Float> Tape<T> {
    /// What is on the tape: number, operation, inputs, shape and line of every entry.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// x.exp().sum(..).grad([x]);
    /// let listing = tape.listing();
    /// println!("{listing}");
    /// assert_eq!((listing.entries[1].op, &listing.entries[1].inputs), ("exp", &vec![0]));
    /// assert_eq!(listing.entries.last().unwrap().vjp_of, Some(1));
    /// ```
    pub fn listing(&self) -> Listing {
        let (nodes, state) = (self.nodes.borrow(), self.state.borrow());
        let mut entries: Vec<Entry> = nodes
            .list
            .iter()
            .enumerate()
            .map(|(id, node)| Entry {
                op: nodes.name(id as u32),
                label: match node.kind {
                    Kind::Scalar(number) => Some(number.to_string()),
                    _ => None,
                },
                inputs: nodes.inputs(id as u32).iter().map(|&input| input as usize).collect(),
                shape: nodes.shape(id as u32).clone(),
                at: node.at,
                vjp_of: nodes.origin(id as u32).map(|of| of as usize),
                computed: nodes.is_computed(id as u32),
            })
            .collect();
        for on_tape in state.values() {
            on_tape.held.iter().for_each(|&held| entries[held as usize].label = Some(on_tape.slot.name().to_owned()));
        }
        Listing { entries }
    }

    /// The tape as a graph in the language of Graphviz: `dot -Tsvg` draws it. Gradients are
    /// dashed, values from outside boxes.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let y = tape.scalar(2.0).exp();
    /// let dot = tape.to_dot();
    /// assert!(dot.starts_with("digraph tape {") && dot.contains("0 -> 1"));
    /// # y.item();
    /// ```
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph tape {\n  node [fontname=\"monospace\"];\n");
        for (number, entry) in self.listing().entries.iter().enumerate() {
            let what = quoted(&entry.title());
            let place = quoted(&entry.place());
            let look = match (entry.inputs.is_empty(), entry.vjp_of) {
                (true, None) => "shape=box",
                (true, Some(_)) => "shape=box, style=dashed",
                (false, None) => "shape=ellipse",
                (false, Some(_)) => "shape=ellipse, style=dashed",
            };
            dot += &format!("  {number} [label=\"#{number} {what}\\n{}\\n{place}\", {look}];\n", entry.shape);
            for input in &entry.inputs {
                dot += &format!("  {input} -> {number};\n");
            }
        }
        dot + "}\n"
    }
}

impl Entry {
    fn title(&self) -> String {
        match &self.label {
            Some(label) => format!("{} {label}", self.op),
            None => self.op.to_owned(),
        }
    }

    fn place(&self) -> String {
        match self.vjp_of {
            Some(of) => format!("{}  vjp of #{of}", self.at),
            None => self.at.to_string(),
        }
    }
}

/// As the inside of a string between quotation marks.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |(number, entry): (usize, &Entry)| {
            let inputs: Vec<String> = entry.inputs.iter().map(|input| format!("#{input}")).collect();
            [format!("#{number}"), entry.title(), inputs.join(" "), entry.shape.to_string(), entry.place()]
        };
        let rows: Vec<[String; 5]> = self.entries.iter().enumerate().map(cells).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in &rows {
            let line: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use super::*;
    use crate::Param;

    #[test]
    fn every_entry_has_a_line() {
        let w = Param::<f64>::new("w \"1\"", tensor![[2.0], [3.0]]);
        let tape = Tape::new();
        let x = tape.var(tensor![[1.0, 2.0]]);
        let line = line!() + 1;
        let y = (x.matmul(&w) * 0.5).tanh().sum(..);
        let recorded = tape.len();
        let [dx] = y.grad([x]);
        let [ddx] = dx.sum(..).grad([x]);
        ddx.value();

        let listing = tape.listing();
        assert_eq!(listing.entries.len(), tape.len());
        let text = listing.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let [_, weight, product, half, mul] = [0, 1, 2, 3, 4].map(|number| lines[number]);
        assert!(weight.contains("leaf w \"1\"") && weight.contains("[2, 1]"), "{text}");
        assert!(product.starts_with("#2") && product.contains("matmul") && product.contains("#0 #1"), "{text}");
        assert!(half.contains("scalar 0.5") && mul.contains("#2 #3") && mul.contains("[1, 1]"), "{text}");
        assert!(lines[1..recorded].iter().all(|l| l.contains(&format!("listing.rs:{line}:"))), "{text}");
        // Gradients stand under the line of what they differentiate, and gradients of gradients too.
        let of_forward = |entry: &&Entry| entry.vjp_of.is_some_and(|of| of < recorded);
        assert!(listing.entries[recorded..].iter().filter(of_forward).all(|entry| entry.at.line() == line), "{text}");
        let tanh = listing.entries.iter().position(|entry| entry.op == "tanh");
        assert!(listing.entries[recorded..].iter().any(|entry| entry.vjp_of == tanh));
        let second = |entry: &&Entry| entry.vjp_of.is_some_and(|of| listing.entries[of].vjp_of.is_some());
        assert!(listing.entries.iter().find(second).is_some_and(|entry| entry.at.line() == line), "{text}");
        assert!(!listing.entries[..recorded].iter().any(|entry| entry.vjp_of.is_some()));
    }

    #[test]
    fn the_graph_has_every_entry_and_edge() {
        let w = Param::<f64>::new("w \"1\"", tensor![2.0]);
        let tape = Tape::new();
        let x = w.on(&tape);
        (x * x).sum(..).grad([x]);
        let dot = tape.to_dot();
        assert!(dot.contains(r##"0 [label="#0 leaf w \"1\"\n[1]\n"##), "{dot}");
        assert_eq!(dot.matches("  0 -> 1;").count(), 2);
        assert!(dot.contains("style=dashed") && dot.contains("vjp of #1") && dot.ends_with("}\n"), "{dot}");
        let edges: usize = tape.listing().entries.iter().map(|entry| entry.inputs.len()).sum();
        assert_eq!(dot.matches(" -> ").count(), edges);
    }
}
