//! The bundle's file: read back exactly, and never trusted.
#![cfg(not(target_arch = "wasm32"))]

use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::bundle::{Bundle, BundleError, Precision};
use diar_core::nn::{LoadError, NamedTensor};
use diar_core::rng::Key;
use diar_core::settings::Settings;

const SHIPPED: &[u8] = include_bytes!("../../weights/maze2d-umaze-v1.safetensors");

fn shipped() -> Bundle {
    Bundle::from_bytes(SHIPPED).expect("the shipped bundle is whole")
}

#[test]
fn files_survive_the_round_trip() {
    let bundle = shipped();
    for precision in [Precision::F32, Precision::F16] {
        let bytes = bundle.to_bytes(precision).unwrap();
        let read = Bundle::from_bytes(&bytes).unwrap();
        assert_eq!(read.info(), bundle.info());
        assert_eq!(read.to_bytes(precision).unwrap(), bytes, "writing is deterministic");
        Agent::load(&read, &Device::flex()).unwrap();
    }
    let halves = Bundle::from_bytes(&bundle.to_bytes(Precision::F16).unwrap()).unwrap();
    for (name, tensor) in bundle.tensors() {
        for (a, b) in tensor.values.iter().zip(&halves.tensors()[&name].values) {
            assert!((a - b).abs() <= 1e-3 * a.abs().max(1e-4), "{name}: {a} became {b}");
        }
    }
}

/// Bits flipped, bytes cut off, inserted and overwritten: each file is refused with a message, or (a change that means
/// nothing, such as a space in the JSON) is the same bundle.
#[test]
fn damaged_files_are_refused() {
    let whole = shipped();
    let mut stream = Key::new(12).stream();
    let header = 8 + u64::from_le_bytes(SHIPPED[..8].try_into().unwrap()) as usize;
    let mut refused = 0;
    for round in 0..1_500 {
        let mut bytes = SHIPPED.to_vec();
        // Half of the damage goes into the header, which is a small part of the file.
        let at = stream.below(if round % 2 == 0 { header } else { bytes.len() });
        match stream.below(4) {
            0 => bytes[at] ^= 1 << stream.below(8),
            1 => bytes.truncate(at),
            2 => {
                bytes.insert(at, stream.next_u32() as u8);
            }
            _ => {
                let end = (at + 1 + stream.below(64)).min(bytes.len());
                bytes[at..end].fill_with(|| stream.next_u32() as u8);
            }
        }
        match Bundle::from_bytes(&bytes) {
            Ok(bundle) => {
                assert_eq!(bundle, whole, "round {round}: a changed file passes for another bundle");
            }
            Err(error) => {
                assert!(error.to_string().len() > 20, "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 1_400, "{refused}");
}

/// Sizes without the tensors that belong to them: refused before a single value is drawn, however large they are.
#[test]
fn sizes_without_tensors_are_refused() {
    let bundle = shipped();
    let info = bundle.info();
    let with = |settings: &Settings, tensors: Vec<NamedTensor>| {
        let (state_norm, latent_norm) = (info.state_norm.clone(), info.latent_norm.clone());
        Bundle::new(
            info.task.clone(),
            settings.clone(),
            state_norm,
            latent_norm,
            info.provenance.clone(),
            tensors,
        )
    };
    let tensors = || bundle.tensors().into_values().collect::<Vec<_>>();
    assert_eq!(with(&info.settings, tensors()).unwrap().tensors(), bundle.tensors());

    let mut huge = info.settings.clone();
    (huge.vae.hidden, huge.vae.gru_layers) = (8192, 32);
    for settings in [&info.settings, &huge] {
        let error = with(settings, Vec::new()).unwrap_err();
        assert!(matches!(error, BundleError::Parameters(LoadError::Missing(_))), "{error}");
    }
    let error = with(&huge, tensors()).unwrap_err();
    assert!(matches!(error, BundleError::Parameters(LoadError::Shape { .. })), "{error}");
    huge.vae.gru_layers = 33;
    let error = with(&huge, tensors()).unwrap_err().to_string();
    assert!(error.contains("vae.gru_layers is 33, expected at least 1 and at most 32"), "{error}");
}

#[test]
fn foreign_and_future_files_are_named() {
    let foreign =
        safetensors::serialize(Vec::<(String, safetensors::tensor::TensorView<'_>)>::new(), None).unwrap();
    assert!(matches!(Bundle::from_bytes(&foreign), Err(BundleError::Foreign)));
    assert!(matches!(Bundle::from_bytes(b"<!doctype html>"), Err(BundleError::Container(_))));

    // The same length, so that the header's own length stays right.
    let text = b"\\\"version\\\":1,";
    let at = SHIPPED.windows(text.len()).position(|part| part == text).expect("the version is in the header");
    let mut future = SHIPPED.to_vec();
    future[at + text.len() - 2] = b'9';
    assert!(matches!(Bundle::from_bytes(&future), Err(BundleError::Version(9))));
}
