//! A checkpoint as bytes.

use flate2::Crc;
use serde::Deserialize;
use serde_json::Value;
use wengert_nn::StateDict;
use wengert_tensor::Tensor;

use super::{Checkpoint, CheckpointErrorKind, RunState};

const RUN: &str = "run";
const CHECKSUM: &str = "checksum";
const CHECKSUM_SIZE: usize = 4;

impl Checkpoint {
    pub(super) fn encode(mut tensors: StateDict, run: &RunState) -> Vec<u8> {
        let run = serde_json::to_vec(run).expect("a run has nothing that JSON has not");
        tensors.insert(RUN, Tensor::from(run));
        tensors.insert(CHECKSUM, Tensor::<u8>::zeros([CHECKSUM_SIZE]));
        let mut bytes = tensors.to_safetensors().expect("no part of a run is called `__metadata__`");
        let place = Place::of_checksum(&bytes).expect("it was inserted");
        let sum = place.sum(&bytes);
        bytes[place.start..][..CHECKSUM_SIZE].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, CheckpointErrorKind> {
        let damaged = |what: &str| CheckpointErrorKind::Damaged(what.to_owned());
        let place = Place::of_checksum(bytes).ok_or(CheckpointErrorKind::NotACheckpoint)?;
        let stored = bytes.get(place.start..).and_then(|rest| rest.first_chunk());
        let stored = u32::from_le_bytes(*stored.ok_or_else(|| damaged("its end is missing"))?);
        if stored != place.sum(bytes) {
            return Err(damaged("its checksum is wrong"));
        }
        let mut tensors = StateDict::from_safetensors(bytes).map_err(|error| damaged(&error.to_string()))?;
        tensors.remove(CHECKSUM);
        let run = tensors.remove(RUN).ok_or(CheckpointErrorKind::NotACheckpoint)?.to::<u8>().to_vec();
        let wrong = |error: serde_json::Error| damaged(&error.to_string());
        let Version { version } = serde_json::from_slice(&run).map_err(wrong)?;
        if version != RunState::VERSION {
            return Err(CheckpointErrorKind::Version(version));
        }
        Ok(Self { tensors, run: serde_json::from_slice(&run).map_err(wrong)? })
    }
}

/// What every version of the JSON has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Where the checksum is.
struct Place {
    start: usize,
}

impl Place {
    /// As the header says; none if there is no such header.
    fn of_checksum(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let header: Value = serde_json::from_slice(rest.get(..length)?).ok()?;
        let start = usize::try_from(header[CHECKSUM]["data_offsets"][0].as_u64()?).ok()?;
        Some(Self { start: start.checked_add(8 + length)? })
    }

    /// The checksum of a file with 0 in its place.
    fn sum(&self, bytes: &[u8]) -> u32 {
        let (before, rest) = bytes.split_at(self.start);
        let mut crc = Crc::new();
        crc.update(before);
        crc.update(&[0; CHECKSUM_SIZE]);
        crc.update(&rest[CHECKSUM_SIZE..]);
        crc.sum()
    }
}
