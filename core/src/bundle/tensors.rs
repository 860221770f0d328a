//! Tensors as bytes, and the digest over everything in a bundle.

use std::collections::BTreeMap;

use half::f16;
use safetensors::Dtype;
use sha2::{Digest, Sha256};

use super::{BundleError, Precision};
use crate::nn::NamedTensor;

/// Shape and bytes of each tensor by its name.
pub(super) type Encoded = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

pub(super) fn dtype(precision: Precision) -> Dtype {
    match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    }
}

pub(super) fn encode(
    tensors: &BTreeMap<String, NamedTensor>,
    precision: Precision,
) -> Result<Encoded, BundleError> {
    let encode = |tensor: &NamedTensor| {
        let mut bytes = Vec::with_capacity(tensor.values.len() * 4);
        for &value in &tensor.values {
            let finite = match precision {
                Precision::F32 => {
                    bytes.extend_from_slice(&value.to_le_bytes());
                    value.is_finite()
                }
                Precision::F16 => {
                    let value = f16::from_f32(value);
                    bytes.extend_from_slice(&value.to_le_bytes());
                    value.is_finite()
                }
            };
            if !finite {
                return Err(BundleError::NotFinite(tensor.name.clone()));
            }
        }
        Ok((tensor.shape.clone(), bytes))
    };
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), encode(tensor)?))).collect()
}

pub(super) fn decode(
    encoded: Encoded,
    precision: Precision,
) -> Result<BTreeMap<String, NamedTensor>, BundleError> {
    let mut tensors = BTreeMap::new();
    for (name, (shape, bytes)) in encoded {
        let values: Vec<f32> = match precision {
            Precision::F32 => bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect(),
            Precision::F16 => {
                bytes.as_chunks::<2>().0.iter().map(|x| f16::from_le_bytes(*x).to_f32()).collect()
            }
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(BundleError::NotFinite(name));
        }
        tensors.insert(name.clone(), NamedTensor { name, shape, values });
    }
    Ok(tensors)
}

/// SHA-256 over the text of the metadata and, in order of their names, every tensor's name, shape and bytes.
pub(super) fn digest(info: &str, tensors: &Encoded, precision: Precision) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        // Lengths separate the parts: no two bundles run together into the same bytes.
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(info.as_bytes());
    add(format!("{:?}", dtype(precision)).as_bytes());
    for (name, (shape, bytes)) in tensors {
        add(name.as_bytes());
        add(format!("{shape:?}").as_bytes());
        add(bytes);
    }
    format!("{:x}", hasher.finalize())
}
