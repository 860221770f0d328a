//! Weights, batches and losses that `tests/golden/record_methods.py` recorded with `PyTorch`.

use std::collections::BTreeMap;

use crate::nn::{NamedTensor, golden};

pub(super) use golden::assert_near;

/// All arrays by name.
pub(super) fn recorded() -> BTreeMap<String, NamedTensor> {
    golden::read(include_bytes!("../../../tests/golden/methods.safetensors"))
}
