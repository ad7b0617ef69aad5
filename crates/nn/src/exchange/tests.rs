//! Files of other programs, and files that are none.

use std::time::Instant;

use proptest::prelude::*;
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
    let shape = prop::collection::vec(0usize..4, 0..4);
    (0..11usize, shape, any::<u64>()).prop_map(|(kind, shape, seed)| {
        let types = ["F64", "F32", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"];
        let size = AnyTensor::element_size(types[kind]).unwrap();
        let mut rng = Rng::seed(seed);
        let limit = if types[kind] == "BOOL" { 2 } else { 256 };
        let bytes: Vec<u8> = (0..shape.iter().product::<usize>() * size).map(|_| rng.below(limit) as u8).collect();
        AnyTensor::decode(types[kind], &bytes, false, shape.into()).unwrap()
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

/// NaN is itself here.
fn same(a: &StateDict, b: &StateDict) -> bool {
    let bytes = |tensor: &AnyTensor| {
        let mut bytes = Vec::new();
        tensor.encode(&mut bytes);
        (tensor.element_type(), tensor.shape().clone(), bytes)
    };
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && bytes(a.1) == bytes(b.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// What is written is what the crate `safetensors` reads, and what is read here again.
    #[test]
    fn written_files_are_read(state in any_state()) {
        let file = state.to_safetensors();
        prop_assert!(same(&StateDict::from_safetensors(&file).unwrap(), &state));
        let other = ::safetensors::SafeTensors::deserialize(&file).unwrap();
        prop_assert_eq!(other.len(), state.len());
        for (name, tensor) in state.iter() {
            let view = other.tensor(name).unwrap();
            let mut bytes = Vec::new();
            tensor.encode(&mut bytes);
            prop_assert_eq!(view.shape(), &tensor.shape()[..]);
            prop_assert_eq!(format!("{}", view.dtype()), tensor.file_types()[0]);
            prop_assert_eq!(view.data(), &bytes[..]);
        }
        let again = StateDict::from_safetensors(&::safetensors::serialize(other.iter(), None).unwrap()).unwrap();
        prop_assert_eq!(again.len(), state.len());
        #[cfg(feature = "npz")]
        prop_assert!(same(&StateDict::from_npz(&state.to_npz().unwrap()).unwrap(), &state));
        for (_, tensor) in state.iter() {
            let mut again = StateDict::new();
            again.insert("", AnyTensor::from_npy(&tensor.to_npy()).unwrap());
            prop_assert!(same(&again, &[("", tensor.clone())].into_iter().collect()));
        }
    }

    /// Bytes changed at random: refused or read, at once.
    #[test]
    fn damaged_files_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let began = Instant::now();
        for file in [TORCH, FORTRAN] {
            let mut damaged = file.to_vec();
            for (at, byte) in &changes {
                damaged[at.index(file.len())] = *byte;
            }
            _ = StateDict::from_safetensors(&damaged);
            _ = AnyTensor::from_npy(&damaged);
        }
        #[cfg(feature = "npz")]
        {
            let mut damaged = COMPRESSED.to_vec();
            changes.iter().for_each(|(at, byte)| damaged[at.index(COMPRESSED.len())] = *byte);
            _ = StateDict::from_npz(&damaged);
        }
        prop_assert!(began.elapsed().as_secs() < 2);
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
fn headers_that_lie_are_refused() {
    let refused = |header: &str, data: usize| {
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat();
        StateDict::from_safetensors(&file).unwrap_err().to_string()
    };
    let entry = |name: &str, element: &str, shape: &str, range: &str| {
        format!("\"{name}\":{{\"dtype\":\"{element}\",\"shape\":{shape},\"data_offsets\":{range}}}")
    };
    let one = |element, shape, range, data| refused(&format!("{{{}}}", entry("a", element, shape, range)), data);
    let huge = StateDict::from_safetensors(&[0xff; 20]).unwrap_err().to_string();
    assert_eq!(huge, "a header of 18446744073709551615 bytes in a file of 20");
    assert_eq!(one("F32", "[2]", "[0,4]", 4), "tensor `a`: 4 bytes are not elements F32 of shape [2]");
    let whole = "[9223372036854775807,9223372036854775807]";
    assert!(one("F32", whole, "[0,4]", 4).starts_with("tensor `a`: 4 bytes are not elements F32"));
    assert_eq!(one("F99", "[1]", "[0,4]", 4), "tensor `a`: 4 bytes are not elements F99 of shape [1]");
    assert_eq!(one("F32", "[1]", "[0,8]", 4), "tensor `a`: bytes 0 to 8 do not follow byte 0 of 4");
    assert_eq!(one("F32", "[1]", "[4,0]", 4), "tensor `a`: bytes 4 to 0 do not follow byte 0 of 4");
    assert_eq!(one("F32", "[1]", "[0,4]", 5), "1 bytes belong to no tensor");
    let two = |a: &str, b: &str| {
        let [a, b] = [(a, "[0,4]"), (b, "[4,8]")].map(|(name, range)| entry(name, "F32", "[1]", range));
        refused(&format!("{{{a},{b}}}"), 8)
    };
    assert_eq!(two("a", "a"), "two tensors are called `a`");
    assert_eq!(
        refused("{\"a\":{\"dtype\":\"F32\"}}", 0),
        "tensor `a` lacks its type, shape or offsets at byte 20 of the header"
    );
    let flag =
        [&56u64.to_le_bytes()[..], b"{\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}", &[2]].concat();
    assert!(StateDict::from_safetensors(&flag).is_err(), "2 is no flag");
    for header in
        ["", "[]", "{", "{,}", "{\"a\":{},}", "{}x", "{\"a\":1}", "{\"\\ud800\":{}}", "{\"a\":{\"shape\":[-1]}}"]
    {
        assert!(refused(header, 0).ends_with("of the header"), "{header}");
    }
    let numpy = |header: &str| {
        let length = (header.len() as u16).to_le_bytes();
        let file = [&b"\x93NUMPY\x01\0"[..], &length, header.as_bytes(), &[0; 8]].concat();
        AnyTensor::from_npy(&file).map(|array| format!("{array:?}")).unwrap_or_else(|error| error.to_string())
    };
    let header = |descr, shape| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    assert_eq!(numpy(&header("<f8", "(1,)")), "float64 [1]");
    assert_eq!(numpy(&header("<f4", "(1, 2)")), "float32 [1, 2]");
    assert_eq!(numpy(&header("<f8", "()")), "float64 []");
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
    assert!(message.ends_with("state.safetensors: a safetensors file has at least 8 bytes"), "{message}");
    assert!(matches!(StateDict::read(folder.join("none.safetensors")), Err(FileError::Io(..))));
    assert!(matches!(state.write(folder.join("none/state.safetensors")), Err(FileError::Io(..))));
    assert!(matches!(StateDict::read(folder.join("state.bin")), Err(FileError::Unknown(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
