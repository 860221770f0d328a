//! Weights, batches and losses that `tests/golden/record_methods.py` recorded with `PyTorch`.

use std::collections::BTreeMap;

use safetensors::SafeTensors;

use crate::nn::NamedTensor;

/// All arrays by name.
pub(super) fn recorded() -> BTreeMap<String, NamedTensor> {
    let bytes = include_bytes!("../../../tests/golden/methods.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let array = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        let values = view.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        (name.to_owned(), NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
    };
    file.iter().map(array).collect()
}

/// Numbers that must be the recorded ones to single precision.
pub(super) fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= 2e-5 * expected.abs().max(1.0);
        assert!(near, "{what} {i}: {found}, PyTorch has {expected}");
    }
}
