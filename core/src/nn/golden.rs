//! Numbers that scripts of `tests/golden` recorded with `PyTorch`.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::NamedTensor;

/// All arrays of a file by name.
pub(crate) fn read(file: &[u8]) -> BTreeMap<String, NamedTensor> {
    let file = SafeTensors::deserialize(file).unwrap();
    let array = |(name, view): (&str, TensorView<'_>)| {
        let values = view.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        (name.to_owned(), NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
    };
    file.iter().map(array).collect()
}

/// Numbers that must be the recorded ones to single precision.
pub(crate) fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= 2e-5 * expected.abs().max(1.0);
        assert!(near, "{what} {i}: {found}, PyTorch has {expected}");
    }
}
