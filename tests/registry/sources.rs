//! The operations that exist, read from the sources: what stands there needs no second list.

use std::fs;
use std::path::{Path, PathBuf};

/// A public method that records operations.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) file: String,
    /// Whether its documentation has an example.
    pub(crate) has_example: bool,
    /// Whether it takes anything that could be refused.
    pub(crate) takes_arguments: bool,
}

/// What the sources of the operations say.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) methods: Vec<Method>,
    /// The names of the operations that are not composed of others.
    pub(crate) primitives: Vec<String>,
}

pub(crate) fn read() -> Sources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/autograd/src/ops");
    let mut sources = Sources::default();
    for path in files(&folder) {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let file = path.strip_prefix(&folder).expect("it lies there").display().to_string();
        // Tests come last, after the operations.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        sources.read_file(&file, code);
    }
    sources
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the operations have a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let is_source = |path: &PathBuf| path.extension().is_some_and(|e| e == "rs") && !path.ends_with("testing.rs");
    paths.into_iter().flat_map(inside).filter(is_source).collect()
}

/// Where a line stands.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    /// An implementation for variables or tapes.
    Methods,
    /// Table entries of elementwise functions, whose macro makes method, example and operation.
    Maps {
        example_made: bool,
    },
    /// Table entries of operators.
    Operators,
    /// Table entries of reductions: a name and that of the variant that keeps the axes.
    Reductions,
    Elsewhere,
}

impl Sources {
    fn read_file(&mut self, file: &str, code: &str) {
        let (mut within, mut example) = (Within::Elsewhere, false);
        let mut lines = code.lines().peekable();
        while let Some(line) = lines.next() {
            if !line.starts_with([' ', '}', '/', '#']) && !line.is_empty() {
                within = match line {
                    "unary! {" => Within::Maps { example_made: true },
                    "binary! {" => Within::Maps { example_made: false },
                    "operator! {" => Within::Operators,
                    "reduction! {" => Within::Reductions,
                    _ if line.starts_with("impl") && (line.contains(" Var<") || line.contains(" Tape<")) => {
                        Within::Methods
                    }
                    _ => Within::Elsewhere,
                };
            }
            let text = line.trim();
            let word =
                |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned();
            if text.starts_with("///") {
                example |= text.starts_with("/// ```");
                continue;
            }
            let mut found: Vec<(String, bool)> = Vec::new();
            match within {
                _ if text.starts_with("const NAME: &'static str = \"") => {
                    self.primitives.extend(text.split('"').nth(1).map(str::to_owned));
                }
                _ if text.starts_with("fn name(&self) -> &'static str {") => {
                    // One name, or one for each kind.
                    let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
                    while let Some(line) = lines.next_if(|next| *next != end) {
                        self.primitives.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
                    }
                }
                Within::Methods => {
                    if let Some(signature) = text.strip_prefix("pub fn ") {
                        let arguments = signature.split_once('(').map_or("", |(_, arguments)| arguments);
                        // A number, or a mask that becomes a variable, is never wrong.
                        let wrong =
                            ["Operand", "Axes", "Shape", "Sizes", "isize", "usize", "[", "<i64>", "&str", "Conv"];
                        let takes = wrong.iter().any(|kind| arguments.contains(kind)) || arguments.contains("Pool");
                        found.push((word(signature), takes));
                    }
                }
                Within::Maps { .. } if text.contains(" = ") && text.contains(") {") && !text.starts_with("let") => {
                    // A second argument broadcasts, or does not.
                    let takes = text.split(") {").next().is_some_and(|head| head.contains(','));
                    found.push((word(text), takes));
                    self.primitives.push(word(text));
                }
                Within::Operators if text.contains(" vjp(") || text.ends_with("} vjp(y, g) {") => {
                    let name = text.split(") ").nth(1).map(word);
                    self.primitives.extend(name);
                }
                Within::Reductions if text.ends_with(';') => {
                    let (name, rest) = text.split_once(' ').expect("a name and that of the variant");
                    found.extend([(name.to_owned(), true), (word(rest), true)]);
                }
                _ => {}
            }
            let made = within == Within::Maps { example_made: true };
            for (name, takes_arguments) in found {
                let has_example = example || made;
                self.methods.push(Method { name, file: file.to_owned(), has_example, takes_arguments });
            }
            if !text.starts_with("#[") {
                example = false;
            }
        }
    }
}
