//! Files of other programs, and files that are none.

use ::safetensors::Dtype;
use proptest::prelude::*;
use proptest::sample::Index;
use wengert_autograd::{Buffer, Param, Tape};
use wengert_tensor::{Rng, Tensor, tensor};

use super::*;
use crate::testing::assert_close;
use crate::{Activation, AdamW, BatchNorm, Clip, CosineLr, CrossEntropy, Layer, Linear, Module, Optimizer, Schedule};

/// Written by PyTorch 2.15 and safetensors 0.8.
const TORCH: &[u8] = include_bytes!("fixtures/torch.safetensors");
/// Written by NumPy 2.4: two-byte integers, the highest byte and the first axis first.
const FORTRAN: &[u8] = include_bytes!("fixtures/fortran.npy");
#[cfg(feature = "npz")]
const COMPRESSED: &[u8] = include_bytes!("fixtures/compressed.npz");

#[test]
fn a_file_of_pytorch() {
    let state = StateDict::from_safetensors(TORCH).unwrap();
    let expected: [(&str, AnyTensor); 8] = [
        ("steps", Tensor::scalar(7i64).into()),
        ("bias", tensor![0.1, -0.2].into()),
        ("none", Tensor::<f32>::zeros([0, 3]).into()),
        ("weight", tensor![[1.5f32, -2.0, 3.25], [0.1, 1e-40, f32::INFINITY]].into()),
        ("brain", tensor![1.5f32, -3.0].into()),
        ("half", tensor![1.5f32, -65504.0].into()),
        ("name \"ü\"\n", tensor![1u8, 2].into()),
        ("mask", tensor![true, false].into()),
    ];
    assert_eq!(state, expected.into_iter().collect());
}

#[test]
fn files_of_numpy() {
    assert_eq!(AnyTensor::from_npy(FORTRAN), Ok(tensor![[1i16, 2, 3], [4, 5, 6]].into()));
    #[cfg(feature = "npz")]
    {
        let state = StateDict::from_npz(COMPRESSED).unwrap();
        assert_eq!(state.names().collect::<Vec<_>>(), ["w", "b"]);
        assert_eq!(state.get("w"), Some(&tensor![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]].into()));
        assert_eq!(state.number("b"), Some(2.5));
    }
}

/// Tensors of every type with a few elements of any bits.
fn any_tensor() -> impl Strategy<Value = AnyTensor> {
    use Dtype::*;
    let dtype = prop::sample::select(vec![F64, F32, I64, I32, I16, I8, U64, U32, U16, U8, BOOL]);
    let shape = prop::collection::vec(0usize..4, 0..4);
    (dtype, shape, any::<u64>()).prop_map(|(dtype, shape, seed)| {
        let mut rng = Rng::seed(seed);
        let limit = if dtype == BOOL { 2 } else { 256 };
        let count = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        let bytes: Vec<u8> = (0..count).map(|_| rng.below(limit) as u8).collect();
        AnyTensor::decode(dtype, &bytes, false, shape.into()).unwrap()
    })
}

fn any_state() -> impl Strategy<Value = StateDict> {
    prop::collection::vec(("[a-c.\"\\\\\u{1}é\u{10ffff}]{0,5}", any_tensor()), 0..6).prop_map(StateDict::from_iter)
}

/// A model built, trained for 20 steps and saved by PyTorch: the same weights here.
#[test]
fn a_model_of_pytorch_trains_here_as_there() {
    let mut rng = Rng::seed(0);
    let net = (Linear::<f64>::new(3, 5, &mut rng).no_bias(), BatchNorm::new(5), (), Linear::new(5, 2, &mut rng));
    net.load_state_dict(&StateDict::from_safetensors(include_bytes!("fixtures/model.safetensors")).unwrap()).unwrap();
    let at = |i: usize| ((7 * (i / 3) + 3 * (i % 3)) % 11) as f64 / 5.0 - 1.0;
    let x = (0..24).map(at).collect::<Tensor<f64>>().reshape([8, 3]);
    let classes: Tensor<i64> = (0..8).map(|i| i % 2).collect();
    let (schedule, loss) = (CosineLr::new(0.05, 20), CrossEntropy::new().label_smoothing(0.1));
    let mut optimizer = AdamW::new(&net, 0.05);
    for step in 0..20 {
        optimizer.set_lr(schedule.lr(step));
        let tape = Tape::train(step);
        let hidden = net.1.forward(net.0.forward(tape.var(&x))).relu();
        let gradients = loss.of(net.3.forward(hidden), &classes).backward();
        optimizer.step(&gradients.clip_norm(&net, 0.5)).unwrap();
    }
    let trained = StateDict::from_safetensors(include_bytes!("fixtures/trained.safetensors")).unwrap();
    for (name, tensor) in net.state_dict().iter() {
        assert_close(&tensor.to(), &trained.get(name).unwrap().to(), 1e-11);
    }
}

fn bytes_of(tensor: &AnyTensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    tensor.encode(&mut bytes);
    bytes
}

/// NaN is itself here.
fn same(a: &StateDict, b: &StateDict) -> bool {
    let all = |tensor: &AnyTensor| (tensor.dtype(), tensor.shape().clone(), bytes_of(tensor));
    a.len() == b.len() && a.iter().all(|(name, tensor)| b.get(name).is_some_and(|other| all(tensor) == all(other)))
}

/// A valid file in which something was changed, taken out or put in.
fn damaged(file: &[u8], changes: &[(u8, Index, Vec<u8>)]) -> Vec<u8> {
    let mut file = file.to_vec();
    for (kind, at, bytes) in changes {
        let at = at.index(file.len() + 1);
        let end = if *kind == 0 { at } else { file.len().min(at + bytes.len()) };
        let put = if *kind == 1 { [].as_slice() } else { bytes };
        file.splice(at..end, put.iter().copied());
    }
    file
}

fn any_changes() -> impl Strategy<Value = Vec<(u8, Index, Vec<u8>)>> {
    // What headers consist of makes files that are nearly valid.
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"0123456789,:\"'()[]{}<f".to_vec())];
    prop::collection::vec((0u8..3, any::<Index>(), prop::collection::vec(byte, 1..4)), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// What is written is read again, in all kinds of files.
    #[test]
    fn written_files_are_read(state in any_state()) {
        prop_assert!(same(&StateDict::from_safetensors(&state.to_safetensors().unwrap()).unwrap(), &state));
        #[cfg(feature = "npz")]
        prop_assert!(same(&StateDict::from_npz(&state.to_npz().unwrap()).unwrap(), &state));
        for (_, tensor) in state.iter() {
            let again = AnyTensor::from_npy(&tensor.to_npy()).unwrap();
            prop_assert!(same(&[("", again)].into_iter().collect(), &[("", tensor.clone())].into_iter().collect()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    /// Damaged files are refused, or hold no more than they have bytes for and are read again.
    #[test]
    fn damaged_files_do_no_harm(changes in any_changes()) {
        type Form = (fn(&[u8]) -> Result<StateDict, FormatError>, fn(&StateDict) -> Vec<u8>);
        let safetensors: Form = (StateDict::from_safetensors, |state| state.to_safetensors().unwrap());
        let npy: Form = (
            |file| Ok([("", AnyTensor::from_npy(file)?)].into_iter().collect()),
            |state| state.get("").unwrap().to_npy(),
        );
        for (file, (read, write)) in [(TORCH, safetensors), (FORTRAN, npy)] {
            let file = damaged(file, &changes);
            if let Ok(state) = read(&file) {
                // Two-byte floats have four bytes in memory.
                let held: usize = state.iter().map(|(_, tensor)| bytes_of(tensor).len()).sum();
                prop_assert!(held <= 2 * file.len());
                prop_assert!(same(&read(&write(&state)).unwrap(), &state));
            }
        }
        #[cfg(feature = "npz")]
        if let Ok(state) = StateDict::from_npz(&damaged(COMPRESSED, &changes)) {
            prop_assert!(same(&StateDict::from_npz(&state.to_npz().unwrap()).unwrap(), &state));
        }
    }

    #[test]
    fn bytes_of_any_kind_are_no_file(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(StateDict::from_safetensors(&bytes).is_err());
        prop_assert!(AnyTensor::from_npy(&bytes).is_err());
        prop_assert!(AnyTensor::from_npy(&[&b"\x93NUMPY\x01\0\x30\0"[..], &bytes].concat()).is_err());
    }
}

#[test]
fn files_that_end_early_are_refused() {
    (0..TORCH.len()).for_each(|end| assert!(StateDict::from_safetensors(&TORCH[..end]).is_err(), "{end}"));
    (0..FORTRAN.len()).for_each(|end| assert!(AnyTensor::from_npy(&FORTRAN[..end]).is_err(), "{end}"));
    #[cfg(feature = "npz")]
    (0..COMPRESSED.len()).for_each(|end| assert!(StateDict::from_npz(&COMPRESSED[..end]).is_err(), "{end}"));
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let refused = |header: &str, data: usize| {
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![7; data]].concat();
        StateDict::from_safetensors(&file).unwrap_err().to_string()
    };
    let entry = |name: &str, element: &str, shape: &str, range: &str| {
        format!("\"{name}\":{{\"dtype\":\"{element}\",\"shape\":{shape},\"data_offsets\":{range}}}")
    };
    let one = |element, shape, range, data| refused(&format!("{{{}}}", entry("a", element, shape, range)), data);
    let two = |[a, b]: [&str; 2], [first, second]: [&str; 2], data| {
        refused(&format!("{{{},{}}}", entry(a, "F32", "[1]", first), entry(b, "F32", "[1]", second)), data)
    };
    let has = |message: String, part: &str| assert!(message.contains(part), "{message}, not {part}");

    has(StateDict::from_safetensors(&[0xff; 20]).unwrap_err().to_string(), "no safetensors file: header too large");
    has(StateDict::from_safetensors(&[30, 0, 0, 0, 0, 0, 0, 0, b'{']).unwrap_err().to_string(), "header length");
    has(one("F32", "[2]", "[0,4]", 4), "invalid shape");
    has(one("F32", "[1152921504606846976,1152921504606846976]", "[0,4]", 4), "overflow");
    has(one("F32", "[36028797018963968]", "[0,144115188075855872]", 4), "not fully covered");
    has(one("F32", "[0,1152921504606846976,1152921504606846976]", "[0,4]", 4), "invalid shape");
    has(one("F32", "[-1]", "[0,4]", 4), "invalid JSON");
    has(one("F32", "[1e18]", "[0,4]", 4), "invalid JSON");
    has(one("F99", "[1]", "[0,4]", 4), "unknown variant `F99`");
    has(one("F32", "[1]", "[0,8]", 4), "invalid shape");
    has(one("F32", "[1]", "[4,0]", 4), "invalid offset for tensor `a`");
    has(one("F32", "[1]", "[0,4]", 5), "not fully covered");
    has(one("C64", "[1]", "[0,8]", 8), "tensor `a` of C64: elements of an unknown type");
    has(one("BOOL", "[1]", "[0,1]", 1), "tensor `a` of BOOL: flags that are neither 0 nor 1");
    has(two(["a", "b"], ["[0,4]", "[2,6]"], 6), "invalid offset for tensor `b`");
    has(two(["a", "b"], ["[0,4]", "[0,4]"], 4), "invalid offset");
    has(two(["a", "a"], ["[0,4]", "[4,8]"], 8), "no safetensors file");
    has(two(["a", "a"], ["[0,4]", "[0,4]"], 4), "two tensors are called `a`");
    let deep = format!("{{\"a\":{}}}", "[".repeat(100_000));
    for header in [
        "",
        "[]",
        "{",
        "{,}",
        "{\"a\":{},}",
        "{}x",
        "{\"a\":NaN}",
        "{\"\\ud800\":{}}",
        "{\"a\":{\"dtype\":\"F32\"}}",
        &deep,
    ] {
        has(refused(header, 0), "no safetensors file: ");
    }
    let mut state = StateDict::new();
    state.insert("__metadata__", tensor![1.0]);
    has(state.to_safetensors().unwrap_err().to_string(), "`__metadata__` is the one name");
}

#[test]
fn npy_headers_that_lie_are_refused() {
    let numpy = |header: &str| {
        let length = (header.len() as u16).to_le_bytes();
        let file = [&b"\x93NUMPY\x01\0"[..], &length, header.as_bytes(), &[0; 8]].concat();
        AnyTensor::from_npy(&file).map(|array| format!("{array:?}")).unwrap_or_else(|error| error.to_string())
    };
    let header = |descr, shape| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    assert_eq!(numpy(&header("<f8", "(1,)")), "float64 [1]");
    assert_eq!(numpy(&header("<f4", "(1, 2)")), "float32 [1, 2]");
    assert_eq!(numpy(&header("<f8", "()")), "float64 []");
    assert_eq!(numpy(&header("<f8", "(1,)").replace('\'', "\"")), "float64 [1]");
    assert!(numpy(&header("<f8", "(9,)")).starts_with("8 bytes are not elements f8 of shape [9]"));
    assert!(numpy(&header("<f8", "(99999999999999999999,)")).starts_with("no number that is a size"));
    let overflow = numpy(&header("<f8", "(4294967296, 4294967296, 4294967296)"));
    assert_eq!(overflow, "8 bytes are not elements f8 of shape [4294967296, 4294967296, 4294967296]");
    assert_eq!(numpy(&header("<c8", "(1,)")), "8 bytes are not elements c8 of shape [1]");
    assert!(numpy(&header("O", "(1,)")).starts_with("the unknown type `O`"));
    assert!(numpy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}").contains("no `'`"));
    let version = AnyTensor::from_npy(b"\x93NUMPY\x09\0xx").unwrap_err().to_string();
    assert_eq!(version, "npy files of version 9 are not known");
}

#[test]
fn a_model_takes_on_a_state_or_says_all_that_is_wrong() {
    let mut rng = Rng::seed(1);
    let net = (Linear::<f32>::new(3, 2, &mut rng), BatchNorm::<f32>::new(2));
    let state = net.state_dict();
    let names = state.names().collect::<Vec<_>>().join(" ");
    assert!(names.starts_with("0.weight 0.bias 1.weight 1.bias 1.running_mean 1.running_var"), "{names}");

    let mut wrong = state.clone();
    wrong.remove("0.bias");
    wrong.remove("1.running_var");
    wrong.insert("0.weight", Tensor::<f32>::ones([3, 4]));
    wrong.insert("1.bias", Tensor::<f32>::ones([1]));
    wrong.insert("extra", tensor![1.0]);
    wrong.insert("1.running_mean", tensor![5.0f32, 6.0]);
    let error = net.load_state_dict(&wrong).unwrap_err();
    assert_eq!((error.missing.join(" "), error.unexpected.join(" ")), ("0.bias 1.running_var".into(), "extra".into()));
    let misshapen: Vec<_> = error.misshapen.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(misshapen, ["0.weight", "1.bias"]);
    assert_eq!(net.state_dict(), state, "nothing has changed");

    // The state of a model that this one is a part of.
    assert!(!error.to_string().contains("part"), "{error}");
    let mut wrapped = StateDict::new();
    wrapped.insert_all("net", state.clone());
    let error = net.load_state_dict(&wrapped).unwrap_err().to_string();
    assert!(error.ends_with("is there as part of `net`: load `state.part(\"net\")`"), "{error}");
    wrapped.remove("net.1.bias");
    let error = net.load_state_dict(&wrapped).unwrap_err().to_string();
    assert!(!error.contains("part"), "{error}");
    wrapped.insert("net.1.bias", Tensor::<f32>::ones([2]));
    net.load_state_dict(&wrapped.part("net")).unwrap();
    net.load_state_dict(&state).unwrap();

    // Other element types, rounded to the nearest.
    let wide: StateDict = state.iter().map(|(name, tensor)| (name, tensor.to::<f64>() + 1e-12)).collect();
    net.load_state_dict(&wide).unwrap();
    assert_eq!(net.0.weight.value(), wide.get("0.weight").unwrap().to::<f32>());
}

/// PyTorch lists a shared tensor under each of its names, safetensors under one of them.
#[test]
fn shared_parameters_go_by_any_of_their_names() {
    let shared = Param::<f32>::new("shared", tensor![1.0]);
    let tied = (shared.clone(), (shared.clone(), Buffer::<f32>::new("buffer", tensor![2.0])));
    assert_eq!(tied.state_dict().names().collect::<Vec<_>>(), ["0", "1.1"]);
    for names in [&["0"][..], &["1.0"], &["0", "1.0"]] {
        shared.set(tensor![0.0]);
        let mut state: StateDict = names.iter().map(|name| (*name, tensor![7.0])).collect();
        state.insert("1.1", tensor![3.0]);
        tied.load_state_dict(&state).unwrap();
        assert_eq!(shared.value(), tensor![7.0]);
    }
    let error = tied.load_state_dict(&StateDict::new()).unwrap_err();
    assert_eq!(error.missing, ["0", "1.1"]);
}

#[test]
fn files_on_the_disk() {
    let folder = std::env::temp_dir().join(format!("wengert-exchange-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (path, mut state) = (folder.join("state.safetensors"), StateDict::new());
    for value in [1.0, 2.0] {
        state.insert_number("lr", value);
        state.write(&path).unwrap();
        assert_eq!(StateDict::read(&path).unwrap(), state);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no part is left");
    std::fs::write(&path, "{}").unwrap();
    let message = StateDict::read(&path).unwrap_err().to_string();
    assert!(message.ends_with("state.safetensors: no safetensors file: header too small"), "{message}");
    assert!(matches!(StateDict::read(folder.join("none.safetensors")), Err(FileError::Io(..))));
    assert!(matches!(state.write(folder.join("none/state.safetensors")), Err(FileError::Io(..))));
    assert!(matches!(StateDict::read(folder.join("state.bin")), Err(FileError::Unknown(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
