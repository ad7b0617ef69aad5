//! The profiler: what a tape's runs launched, from which lines, and how near the machine's
//! limits each launch came.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use wengert_tensor::{Float, Tensor};

use super::Launch;
use super::graph::Graph;
use super::run::Values;

/// The launches of a tape's runs since [`Tape::profile`](crate::Tape::profile), in order: which
/// operations were fused into each, where they were recorded, what each read, wrote and took.
///
/// `Display` prints a table; [`Explanation::chrome_trace`] is for `chrome://tracing`.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// One for each launch.
    pub launches: Vec<LaunchReport>,
    start: Option<Instant>,
}

/// One kernel launch.
#[derive(Clone, Debug)]
pub struct LaunchReport {
    /// What it is: a fused loop, or an opaque kernel.
    pub kind: LaunchKind,
    /// The operations in it, by name, with the source line that recorded each.
    pub operations: Vec<(&'static str, String)>,
    /// Bytes of distinct elements read.
    pub bytes_read: usize,
    /// Bytes written.
    pub bytes_written: usize,
    /// Floating-point operations of a matrix product or convolution, else 0.
    pub flops: f64,
    /// When it started, from the first launch.
    pub start: Duration,
    /// How long it took.
    pub time: Duration,
}

/// What a launch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchKind {
    /// Maps and reductions in one pass over their operands.
    Loop,
    /// An opaque kernel.
    Kernel,
}

impl Explanation {
    /// Notes what `launch`, which has just run, was.
    pub(super) fn note<T: Float>(
        &mut self,
        launch: &Launch<T>,
        graph: &Graph<'_, T>,
        values: &Values<T>,
        started: Instant,
    ) {
        let time = started.elapsed();
        // What was overwritten was read whole.
        let whole = |position: u32| graph.shape(position).count() * size_of::<T>();
        let bytes = |&position: &u32| values.get(&position).map_or_else(|| whole(position), distinct_bytes);
        let report = match launch {
            Launch::View(_) => return,
            Launch::Loop { operands, outputs, members, .. } => (
                LaunchKind::Loop,
                members.as_slice(),
                operands.iter().map(bytes).sum(),
                outputs.iter().map(|(position, _)| bytes(position)).sum(),
            ),
            Launch::Kernel(position) => (
                LaunchKind::Kernel,
                std::slice::from_ref(position),
                graph.inputs(*position).iter().map(bytes).sum(),
                bytes(position),
            ),
        };
        let (kind, members, bytes_read, bytes_written) = report;
        let first = *self.start.get_or_insert(started);
        let operations = members.iter().filter_map(|&position| {
            let id = graph.id(position);
            Some((graph.nodes.op(id)?.name(), graph.nodes.list[id as usize].at.to_string()))
        });
        let flops = members.iter().filter_map(|&position| {
            let shapes: Vec<_> = graph.inputs(position).iter().map(|&input| graph.shape(input)).collect();
            Some(graph.nodes.op(graph.id(position))?.flops(&shapes))
        });
        self.launches.push(LaunchReport {
            kind,
            operations: operations.collect(),
            bytes_read,
            bytes_written,
            flops: flops.sum(),
            start: started.duration_since(first),
            time,
        });
    }

    /// The sum of all launches' times.
    pub fn time(&self) -> Duration {
        self.launches.iter().map(|launch| launch.time).sum()
    }

    /// The launches as a JSON trace for `chrome://tracing` or Perfetto.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// let tape = Tape::<f32>::new();
    /// tape.profile();
    /// tape.scalar(2.0).exp().item();
    /// assert!(tape.explain().chrome_trace().starts_with("{\"traceEvents\":["));
    /// ```
    pub fn chrome_trace(&self) -> String {
        let events: Vec<String> = self
            .launches
            .iter()
            .map(|launch| {
                format!(
                    "{{\"name\":\"{}\",\"cat\":\"{:?}\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":{:.3},\"dur\":{:.3},\"args\":{{\"lines\":\"{}\",\"bytes_read\":{},\"bytes_written\":{}}}}}",
                    json_text(&launch.names()),
                    launch.kind,
                    launch.start.as_secs_f64() * 1e6,
                    launch.time.as_secs_f64() * 1e6,
                    json_text(&launch.lines().join(", ")),
                    launch.bytes_read,
                    launch.bytes_written,
                )
            })
            .collect();
        format!("{{\"traceEvents\":[{}]}}", events.join(","))
    }
}

impl LaunchReport {
    /// The names of its operations, repeated ones counted.
    fn names(&self) -> String {
        let mut names: Vec<(&str, usize)> = Vec::new();
        for (name, _) in &self.operations {
            match names.iter_mut().find(|(seen, _)| seen == name) {
                Some((_, count)) => *count += 1,
                None => names.push((name, 1)),
            }
        }
        let names =
            names.iter().map(|(name, count)| if *count == 1 { (*name).into() } else { format!("{name}×{count}") });
        names.collect::<Vec<String>>().join(" ")
    }

    /// The source lines of its operations, each once.
    fn lines(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.operations.iter().map(|(_, line)| line.as_str()).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.launches.is_empty() {
            return f.write_str("nothing was launched since `tape.profile()`\n");
        }
        let machine = Machine::measured();
        writeln!(f, "   #   time µs   read KB  write KB  of machine  operations")?;
        for (number, launch) in self.launches.iter().enumerate() {
            let seconds = launch.time.as_secs_f64().max(1e-9);
            let bandwidth = (launch.bytes_read + launch.bytes_written) as f64 / seconds / machine.bytes_per_second;
            let arithmetic = launch.flops / seconds / machine.flops_per_second;
            let (share, what) = if arithmetic > bandwidth { (arithmetic, "flops") } else { (bandwidth, "memory") };
            writeln!(
                f,
                "{number:4} {:>9.1} {:>9.1} {:>9.1} {:>3.0} % {what:<6}  {}",
                seconds * 1e6,
                launch.bytes_read as f64 / 1024.0,
                launch.bytes_written as f64 / 1024.0,
                share * 100.0,
                launch.names(),
            )?;
            for line in launch.lines() {
                writeln!(f, "{:48}{line}", "")?;
            }
        }
        writeln!(f, "{} launches, {:.1} µs in all", self.launches.len(), self.time().as_secs_f64() * 1e6)?;
        writeln!(
            f,
            "machine, on {} threads: {:.1} GB/s copying, {:.1} GFLOP/s in a matrix product",
            wengert_tensor::kernel::parallel::threads(),
            machine.bytes_per_second / 1e9,
            machine.flops_per_second / 1e9
        )
    }
}

/// The bytes of the elements that a tensor holds; repeated ones count once.
fn distinct_bytes<T: Float>(tensor: &Tensor<T>) -> usize {
    let axes = tensor.shape().iter().zip(tensor.layout().strides());
    axes.map(|(&size, &stride)| if stride == 0 { size.min(1) } else { size }).product::<usize>() * size_of::<T>()
}

fn json_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What this machine can do with the present number of threads.
struct Machine {
    bytes_per_second: f64,
    flops_per_second: f64,
}

impl Machine {
    /// Takes some tens of milliseconds.
    fn measured() -> Self {
        let source = Tensor::<f32>::ones([8 << 20]);
        let copying = best_of_three(|| drop(black_box(&source * 1.0)));
        let a = Tensor::<f32>::ones([256, 256]);
        let product = best_of_three(|| drop(black_box(a.matmul(&a))));
        Machine {
            bytes_per_second: 2.0 * (source.count() * size_of::<f32>()) as f64 / copying,
            flops_per_second: 2.0 * 256f64.powi(3) / product,
        }
    }
}

fn best_of_three(mut f: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64()
    };
    (0..3).map(time).fold(f64::INFINITY, f64::min)
}
