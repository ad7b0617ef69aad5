//! Kills a training process at random instants, starts it again each time, once with a disk that is
//! full, and compares what it ends with with a run that nobody disturbed, to the last bit.
//! `KILLS=200` kills it so often; 8 times unless told.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use wengert_autograd::Var;
use wengert_nn::{Activation, Adam, BatchNorm, Dropout, Layer, Linear, Module, StateDict};
use wengert_tensor::Rng;
use wengert_train::{Average, Checkpoint, Checkpoints, F1, History, Loader, Trainer, digits};

/// How a child is told that it is one: this, the folder, and the number of epochs.
const CHILD: &str = "--child";
/// Steps between checkpoints.
const EVERY: u64 = 3;

type Net = (Linear, BatchNorm, Dropout, Linear);

fn forward<'t>(net: &Net, x: Var<'t>) -> Var<'t> {
    net.3.forward(net.2.forward(net.1.forward(net.0.forward(x / 16.0)).relu()))
}

/// The run, in a folder if it is to be one that can be stopped.
fn train(folder: Option<&Path>, epochs: u64) -> Result<(StateDict, History), Box<dyn Error>> {
    let [training, validation, _] = digits().split([0.1, 0.05, 0.85], 1);
    let mut rng = Rng::seed(1);
    let net = (Linear::new(64, 16, &mut rng), BatchNorm::new(16), Dropout::new(0.2), Linear::new(16, 10, &mut rng));
    let mut trainer = Trainer::classifier(&net, Adam::new(&net, 0.01), |x| forward(&net, x))
        .metric(F1(Average::Macro))
        .validation(Loader::new(validation, 50))
        .epochs(epochs)
        .keep_best()
        .quiet();
    if let Some(folder) = folder {
        trainer = trainer.checkpoints(Checkpoints::new(folder).every_steps(EVERY).resume());
    }
    let history = trainer.fit(&Loader::new(training, 8).shuffle(1).workers(1))?;
    Ok((net.state_dict(), history))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mark, folder, epochs] = &args[..]
        && mark == CHILD
    {
        let folder = PathBuf::from(folder);
        let (model, history) = train(Some(&folder), epochs.parse()?)?;
        model.write(folder.join("model.safetensors"))?;
        fs::write(folder.join("history.json"), essence(history))?;
        return Ok(());
    }
    let kills = std::env::var("KILLS").map_or(Ok(8), |kills| kills.parse::<u64>())?;
    disturb(kills, kills)
}

fn disturb(kills: u64, epochs: u64) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("wengert-kill-{}", std::process::id()));
    _ = fs::remove_dir_all(&folder);
    let child = || {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg(CHILD).arg(&folder).arg(epochs.to_string()).stdout(Stdio::null());
        command
    };
    let (mut rng, mut reached, mut disturbed) = (Rng::seed(kills), 0, 0);
    for _ in 0..kills {
        let mut process = child().spawn()?;
        sleep(Duration::from_micros(rng.below(100_000)));
        process.kill()?;
        disturbed += u64::from(!process.wait()?.success());
        // There is a good checkpoint at every instant, and none is lost.
        let latest = if folder.exists() { Checkpoint::latest(&folder)? } else { None };
        let steps = latest.map_or(0, |latest| latest.history().steps);
        assert!(steps >= reached, "step {reached} was lost, the newest checkpoint is of step {steps}");
        reached = steps;
    }
    if cfg!(unix) {
        // No file may be longer than 4 kB: writing a checkpoint fails within it.
        let mut full = Command::new("sh");
        full.args(["-c", r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#]).arg(child().get_program());
        let refused = full.args(child().get_args()).output()?;
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains("File too large"), "{refused:?}");
        let latest = Checkpoint::latest(&folder)?.map_or(0, |latest| latest.history().steps);
        assert_eq!(latest, reached, "a full disk took a checkpoint");
    }
    let status = child().status()?;
    assert!(status.success(), "{status}");

    let (model, history) = train(None, epochs)?;
    let steps = history.steps;
    assert_eq!(StateDict::read(folder.join("model.safetensors"))?, model, "the model is another");
    assert_eq!(fs::read_to_string(folder.join("history.json"))?, essence(history), "the history is another");
    fs::remove_dir_all(&folder)?;
    println!("killed {disturbed} times on the way to step {reached} of {steps}: the same bits");
    Ok(())
}

/// A history without the time that it took.
fn essence(history: History) -> String {
    let mut json = serde_json::to_value(history).expect("JSON");
    let epochs = json["epochs"]["entries"].as_array_mut().expect("a list");
    epochs.iter_mut().for_each(|epoch| epoch["seconds"] = 0.into());
    json.to_string()
}
