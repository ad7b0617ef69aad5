//! Deterministic inputs, timing, and one process a workload, so that memory and threads of one
//! do not touch another's figures.

use std::process::Command;
use std::time::{Duration, Instant};

use wengert::prelude::*;

/// Number `i` of the splitmix64 stream of `seed`.
fn splitmix(seed: u64, i: u64) -> u64 {
    let mut z = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed.wrapping_mul(0xD134_2543_DE82_EF95));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Uniform in [-scale, scale).
pub(crate) fn uniform(seed: u64, shape: impl Into<Shape>, scale: f32) -> Tensor {
    Tensor::build(shape, |out| {
        for (i, v) in out.iter_mut().enumerate() {
            *v = ((splitmix(seed, i as u64) >> 40) as f32 * 2.0f32.powi(-23) - 1.0) * scale;
        }
    })
}

pub(crate) fn labels(seed: u64, n: usize, classes: u64) -> Tensor<i64> {
    (0..n as u64).map(|i| (splitmix(seed, i) % classes) as i64).collect()
}

/// A weight [fan_in, fan_out].
pub(crate) fn linear_weight(seed: u64, fan_in: usize, fan_out: usize) -> Tensor {
    uniform(seed, [fan_in, fan_out], 1.0 / (fan_in as f32).sqrt())
}

pub(crate) fn mean_abs(t: &Tensor) -> f64 {
    t.iter().map(|v| (v as f64).abs()).sum::<f64>() / t.count() as f64
}

/// What was measured of one workload.
pub(crate) struct Record {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) reps: usize,
    pub(crate) check: f64,
    pub(crate) first_call: f64,
    pub(crate) other_cpu: f64,
    pub(crate) ops: Option<usize>,
}

/// Repeats `step(k)`, which runs k calls, until the figure is steady: at least 15 times and
/// 1.5 s, or `reps` times. Measures again when other processes took more than 0.12 CPUs.
pub(crate) fn measure(mut step: impl FnMut(usize), inner: usize, reps: Option<usize>) -> Record {
    let start = Instant::now();
    let mut calls = 0;
    while calls < 3 || start.elapsed() < Duration::from_millis(400) {
        step(1);
        calls += 1;
    }
    let mut best: Option<Record> = None;
    for attempt in 0..4 {
        if attempt > 0 {
            std::thread::sleep(Duration::from_secs(1));
            step(1);
        }
        let record = measure_once(&mut step, inner, reps);
        let quiet = record.other_cpu <= 0.12;
        if best.as_ref().is_none_or(|b| record.other_cpu < b.other_cpu) {
            best = Some(record);
        }
        if quiet {
            break;
        }
    }
    best.expect("measured at least once")
}

fn measure_once(step: &mut impl FnMut(usize), inner: usize, reps: Option<usize>) -> Record {
    let (all, own) = cpu_seconds();
    let start = Instant::now();
    let mut times = Vec::new();
    loop {
        let call = Instant::now();
        step(inner);
        times.push(call.elapsed().as_secs_f64() / inner as f64);
        let (n, total) = (times.len(), start.elapsed().as_secs_f64());
        let done = reps.map_or(n >= 300 || (n >= 15 && total >= 1.5), |reps| n >= reps);
        if done || (total > 12.0 && n >= 5) {
            break;
        }
    }
    let wall = start.elapsed().as_secs_f64().max(0.1);
    let (all_after, own_after) = cpu_seconds();
    times.sort_by(f64::total_cmp);
    Record {
        median: 0.5 * (times[times.len() / 2] + times[(times.len() - 1) / 2]),
        min: times[0],
        reps: times.len() * inner,
        check: 0.0,
        first_call: 0.0,
        other_cpu: (((all_after - all) - (own_after - own)) / wall).max(0.0),
        ops: None,
    }
}

/// Seconds of CPU that the whole machine and this process have used.
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first.split_whitespace().skip(1).take(8).filter_map(|v| v.parse().ok()).collect();
    // All but idle and waiting, at 100 ticks a second.
    let all = if ticks.len() == 8 { ticks.iter().sum::<f64>() - ticks[3] - ticks[4] } else { 0.0 };
    // User and system time are the 12th and 13th field after the name in parentheses.
    let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = own.rsplit(')').next().unwrap_or_default().split_whitespace();
    let own: f64 = fields.skip(11).take(2).filter_map(|v| v.parse::<f64>().ok()).sum();
    (all / 100.0, own / 100.0)
}

/// What the system says of this process.
fn status(key: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|line| line.starts_with(key))?.split_whitespace().nth(1).map(str::to_owned)
}

fn status_mb(key: &str) -> f64 {
    status(key).and_then(|kb| kb.parse::<f64>().ok()).map_or(0.0, |kb| kb / 1024.0)
}

/// Starts a new high-water mark, so that making the inputs is left out.
pub(crate) fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The last `threads` of the CPUs that are allowed (the first tends to take interrupts), as a list.
fn last_cpus(threads: usize) -> String {
    let allowed = status("Cpus_allowed_list:").expect("the allowed CPUs");
    let cpus = allowed.split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<usize>().expect("the number of a CPU");
        number(first)..=number(last)
    });
    let cpus: Vec<String> = cpus.map(|cpu| cpu.to_string()).collect();
    cpus[cpus.len().saturating_sub(threads)..].join(",")
}

pub(crate) type Workload = (&'static str, fn() -> Record);

/// Arguments: `--json --threads N --only PREFIX,…`, and `--one NAME` inside, on CPUs that were chosen.
pub(crate) fn main(workloads: &[Workload]) {
    let args: Vec<String> = std::env::args().collect();
    let value = |key: &str| args.iter().position(|a| a == key).and_then(|i| args.get(i + 1)).map(String::as_str);
    let threads: usize = value("--threads").and_then(|n| n.parse().ok()).unwrap_or(2);
    let json = args.iter().any(|a| a == "--json");
    if let Some(name) = value("--one") {
        wengert::set_threads(threads);
        let base = status_mb("VmHWM");
        let (_, run) = workloads.iter().find(|w| w.0 == name).expect("a known workload");
        let r = run();
        let per_op = r.ops.map_or(String::new(), |n| format!(",\"ns_per_op\":{:e}", r.median * 1e9 / n as f64));
        println!(
            "{{\"workload\":\"{name}\",\"system\":\"wengert\",\"threads\":{threads},\"median_s\":{:e},\"min_s\":{:e},\"reps\":{},\"check\":{:e},\"first_call_s\":{:e},\"base_rss_mb\":{base:.1},\"peak_rss_mb\":{:.1},\"other_cpu\":{:.2}{per_op}}}",
            r.median,
            r.min,
            r.reps,
            r.check,
            r.first_call,
            status_mb("VmHWM"),
            r.other_cpu
        );
        return;
    }
    let only: Vec<&str> = value("--only").map_or(Vec::new(), |list| list.split(',').collect());
    for (name, _) in workloads.iter().filter(|w| only.is_empty() || only.iter().any(|p| w.0.starts_with(p))) {
        let child = Command::new("taskset")
            .args(["--cpu-list", &last_cpus(threads)])
            .arg(std::env::current_exe().expect("this program"))
            .args(["--one", name, "--threads", &threads.to_string()])
            .output()
            .expect("taskset (of util-linux) starts this program");
        let text = String::from_utf8_lossy(&child.stdout);
        match text.lines().last().filter(|line| line.starts_with('{')) {
            Some(line) if json => println!("{line}"),
            Some(line) => {
                let v: serde_json::Value = serde_json::from_str(line).expect("our own line");
                let mb = v["peak_rss_mb"].as_f64().unwrap_or(0.0) - v["base_rss_mb"].as_f64().unwrap_or(0.0);
                println!(
                    "{name:<24} {:>10.3} ms   first {:>9.3} ms   {mb:>7.1} MB   check {:.6}",
                    v["median_s"].as_f64().unwrap_or(f64::NAN) * 1e3,
                    v["first_call_s"].as_f64().unwrap_or(f64::NAN) * 1e3,
                    v["check"].as_f64().unwrap_or(f64::NAN),
                );
            }
            None => {
                eprintln!("{name}: {}", String::from_utf8_lossy(&child.stderr).trim());
                std::process::exit(1);
            }
        }
    }
}
