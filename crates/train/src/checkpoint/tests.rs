//! Damaged, foreign and unwritable checkpoints.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::*;
use proptest::prelude::*;
use wengert_nn::{AnyTensor, Module};
use wengert_tensor::{Rng, Tensor, tensor};

/// A folder of one test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wengert-checkpoints-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn opened(&self) -> Checkpoints {
        let mut checkpoints = Checkpoints::new(&self.0).resume();
        checkpoints.open().unwrap();
        checkpoints
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn tensors() -> StateDict {
    let mut tensors = StateDict::new();
    tensors.insert("model.weight", Tensor::<f32>::normal([5, 3], 0.0, 1.0, &mut Rng::seed(1)));
    tensors.insert("optimizer.step", tensor![3.0f64]);
    tensors.insert("best.weight", Tensor::<f32>::zeros([0, 3]));
    tensors
}

fn run(steps: u64) -> RunState {
    let mut history = History::new(u64::MAX);
    history.loss.push(0, f64::NAN);
    history.steps = steps;
    RunState::new(history)
}

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| Checkpoint::encode(tensors(), &run(7)));

#[test]
fn what_is_read_is_what_was_written() {
    let read = Checkpoint::decode(&GOOD).unwrap();
    assert_eq!(read.tensors, tensors());
    assert_eq!(serde_json::to_string(&read.run).unwrap(), serde_json::to_string(&run(7)).unwrap());
    assert_eq!(Checkpoint::encode(read.tensors, &read.run), *GOOD);
}

#[test]
fn it_is_a_safetensors_file() {
    let all = StateDict::from_safetensors(&GOOD).unwrap();
    assert_eq!(all.part("model").get("weight"), tensors().get("model.weight"));
    let json = all.get("run").map(AnyTensor::to::<u8>).unwrap().to_vec();
    assert!(String::from_utf8(json).unwrap().starts_with("{\"version\":1,"));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = GOOD.clone();
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::decode(&bytes).is_err(), "bit {} of byte {}", bit % 8, bit / 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_truncation_is_noticed() {
    for length in 0..GOOD.len() {
        let refused = Checkpoint::decode(&GOOD[..length]);
        assert!(refused.is_err(), "{length} of {} bytes", GOOD.len());
    }
    assert!(Checkpoint::decode(&[&GOOD[..], &[0]].concat()).is_err());
}

proptest! {
    #[test]
    fn no_other_bytes_are_a_checkpoint(at in 0..GOOD.len(), new in prop::collection::vec(any::<u8>(), 1..40), cut: bool) {
        let mut bytes = GOOD.clone();
        let end = if cut { at } else { (at + new.len()).min(bytes.len()) };
        bytes.splice(at..end, new);
        prop_assume!(bytes != *GOOD);
        prop_assert!(Checkpoint::decode(&bytes).is_err());
        prop_assert!(Checkpoint::decode(&bytes[at..]).is_err());
    }
}

#[test]
fn errors_tell_what_it_is() {
    let told = |bytes: &[u8]| CheckpointError::new("c".as_ref(), Checkpoint::decode(bytes).unwrap_err()).to_string();
    let foreign = tensors().to_safetensors().unwrap();
    for other in [&foreign[..], b"", b"PK\x03\x04 and more than eight bytes", &u64::MAX.to_le_bytes()] {
        assert_eq!(told(other), "c: this is no checkpoint, or one whose beginning is damaged");
    }
    let header = 8 + u64::from_le_bytes(*GOOD.first_chunk().unwrap()) as usize;
    assert_eq!(told(&GOOD[..header]), "c: the checkpoint is damaged: its end is missing");
    let mut flipped = GOOD.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(told(&flipped), "c: the checkpoint is damaged: its checksum is wrong");

    let newer = Checkpoint::encode(tensors(), &RunState { version: 2, ..run(7) });
    assert!(told(&newer).contains("has the form 2, which this version of the library does not know"));
}

#[test]
fn the_last_ones_are_kept() {
    let folder = Folder::new("kept");
    let checkpoints = folder.opened();
    for steps in [1, 3, 20, 100_000_000_000] {
        checkpoints.write(tensors(), &run(steps)).unwrap();
    }
    assert_eq!(folder.names(), ["checkpoint-000000020.safetensors", "checkpoint-100000000000.safetensors", "lock"]);
    assert_eq!(Checkpoint::latest(&folder.0).unwrap().unwrap().history().steps, 100_000_000_000);
}

#[test]
fn the_one_before_is_taken_if_the_newest_is_damaged() {
    let folder = Folder::new("fallback");
    let checkpoints = folder.opened();
    checkpoints.write(tensors(), &run(10)).unwrap();
    checkpoints.write(tensors(), &run(20)).unwrap();
    drop(checkpoints);
    let newest = folder.0.join("checkpoint-000000020.safetensors");
    fs::write(&newest, &GOOD[..100]).unwrap();
    // What a killed process leaves.
    fs::write(folder.0.join("checkpoint-000000030.safetensors.123.part"), &GOOD[..50]).unwrap();

    assert_eq!(Checkpoint::latest(&folder.0).unwrap().unwrap().history().steps, 10);
    let mut checkpoints = Checkpoints::new(&folder.0).resume();
    let found = checkpoints.open().unwrap().unwrap();
    assert_eq!((found.checkpoint.history().steps, found.damaged.len()), (10, 1));
    assert_eq!(found.damaged[0].path, newest);
    checkpoints.write(tensors(), &run(11)).unwrap();
    let damaged = "checkpoint-000000020.damaged";
    assert_eq!(
        folder.names(),
        ["checkpoint-000000010.safetensors", "checkpoint-000000011.safetensors", damaged, "lock"]
    );

    drop(checkpoints);
    for steps in [10, 11] {
        fs::write(folder.0.join(format!("checkpoint-0000000{steps}.safetensors")), b"?").unwrap();
    }
    let before = folder.names();
    let error = Checkpoints::new(&folder.0).resume().open().map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("none of the checkpoints is good") && error.contains("000000011.safetensors: this is no"),
        "{error}"
    );
    assert_eq!(folder.names(), before);
}

#[test]
fn a_folder_belongs_to_one_run_at_a_time() {
    let folder = Folder::new("shared");
    let mut first = folder.opened();
    let error = Checkpoints::new(&folder.0).open().map(|_| ()).unwrap_err();
    assert!(matches!(error.kind, CheckpointErrorKind::InUse), "{error}");
    first.write(tensors(), &run(1)).unwrap();
    first.close();
    let error = Checkpoints::new(&folder.0).open().map(|_| ()).unwrap_err();
    assert!(matches!(error.kind, CheckpointErrorKind::Occupied), "{error}");
    assert!(Checkpoints::new(&folder.0).resume().open().unwrap().is_some());
}

#[test]
fn what_cannot_be_written_is_told_and_the_rest_stays() {
    let folder = Folder::new("unwritable");
    let checkpoints = folder.opened();
    checkpoints.write(tensors(), &run(1)).unwrap();
    // A folder of that name stands in the way.
    fs::create_dir(folder.0.join("checkpoint-000000002.safetensors")).unwrap();
    let before = folder.names();
    let error = checkpoints.write(tensors(), &run(2)).unwrap_err();
    assert!(matches!(error.kind, CheckpointErrorKind::Write(_)));
    assert!(
        error.to_string().contains("checkpoint-000000002.safetensors: the checkpoint could not be written"),
        "{error}"
    );
    assert_eq!(folder.names(), before);
    assert_eq!(Checkpoint::latest(&folder.0).unwrap().unwrap().history().steps, 1);

    let file = folder.0.join("lock");
    let error = Checkpoints::new(file.join("below")).open().map(|_| ()).unwrap_err();
    assert!(matches!(error.kind, CheckpointErrorKind::Write(_)), "{error}");
}

#[test]
fn a_trainer_says_that_it_went_back() {
    use crate::{Labelled, Loader, Trainer};
    use wengert_nn::{Layer, Linear, Sgd};

    let folder = Folder::new("says");
    let run = |epochs| {
        let line = Linear::<f32>::new(1, 1, &mut Rng::seed(1));
        let data = Labelled::new(Tensor::<f32>::ones([4, 1]), Tensor::<f32>::zeros([4, 1]));
        let mut trainer = Trainer::regressor(&line, Sgd::new(&line, 0.1), |x| line.forward(x)).epochs(epochs).quiet();
        trainer = trainer.checkpoints(Checkpoints::new(&folder.0).resume());
        (trainer.fit(&Loader::new(data, 2)).unwrap(), line.state_dict())
    };
    let (history, whole) = run(3);
    assert!(history.notes.is_empty());
    fs::write(folder.0.join("checkpoint-000000006.safetensors"), b"").unwrap();
    let (history, again) = run(3);
    assert_eq!(again, whole);
    assert_eq!((history.notes.len(), history.notes[0].step), (1, 4));
    assert!(history.notes[0].text.contains("000000006.safetensors: this is no checkpoint"), "{:?}", history.notes);
}
