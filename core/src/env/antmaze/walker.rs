//! The network that walks: torques that make the ant go in a direction.

use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

use super::model::ACTUATORS;
use super::senses::SENSES;

/// Units of a hidden layer.
const HIDDEN: usize = 256;
/// Inputs and outputs of the layers.
const SHAPES: [[usize; 2]; 3] = [[SENSES, HIDDEN], [HIDDEN, HIDDEN], [HIDDEN, ACTUATORS]];

/// A file that holds no walker.
#[derive(Debug, Error)]
pub enum WalkerError {
    /// Not a safetensors file, or a tensor is missing.
    #[error("the walker's weights cannot be read: {0}")]
    File(#[from] safetensors::SafeTensorError),
    /// A tensor of another form.
    #[error("'{name}' of the walker's weights is {found}, expected f32 {expected:?}")]
    Tensor {
        /// The tensor.
        name: String,
        /// Its type and shape.
        found: String,
        /// The shape it should have.
        expected: Vec<usize>,
    },
}

/// A network of two hidden layers of rectified units, trained by `tests/golden/train_walker.py`.
///
/// Sums run in a fixed order and nothing is fused, so all machines compute the same bits.
#[derive(Clone, Debug)]
pub struct Walker {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// `[input, output]`, row by row.
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Walker {
    /// Reads the weights from the bytes of a safetensors file.
    ///
    /// # Errors
    /// When the bytes are no such file, or its tensors are not the walker's.
    pub fn read(bytes: &[u8]) -> Result<Self, WalkerError> {
        let file = SafeTensors::deserialize(bytes)?;
        let tensor = |name: String, expected: Vec<usize>| {
            let view = file.tensor(&name)?;
            if view.dtype() != Dtype::F32 || view.shape() != expected {
                let found = format!("{:?} {:?}", view.dtype(), view.shape());
                return Err(WalkerError::Tensor { name, found, expected });
            }
            Ok(view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        };
        let layer = |(number, [input, output]): (usize, [usize; 2])| {
            Ok(Layer {
                weight: tensor(format!("{number}.weight"), vec![input, output])?,
                bias: tensor(format!("{number}.bias"), vec![output])?,
            })
        };
        Ok(Self { layers: SHAPES.into_iter().enumerate().map(layer).collect::<Result<_, WalkerError>>()? })
    }

    /// The action for what is seen, in (-1, 1).
    #[must_use]
    pub fn act(&self, senses: &[f32; SENSES]) -> [f32; ACTUATORS] {
        let mut values = senses.to_vec();
        for (number, layer) in self.layers.iter().enumerate() {
            values = layer.forward(&values);
            if number + 1 < self.layers.len() {
                for value in &mut values {
                    *value = value.max(0.0);
                }
            }
        }
        core::array::from_fn(|k| libm::tanhf(values[k]))
    }
}

impl Layer {
    fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        let mut sums = self.bias.clone();
        for (&input, row) in inputs.iter().zip(self.weight.chunks_exact(sums.len())) {
            // About half the inputs of a hidden layer.
            if input == 0.0 {
                continue;
            }
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += input * weight;
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose tensors are all zeros but for the last bias, with one of them in another shape.
    fn file(wrong: Option<(&str, &[usize])>) -> Vec<u8> {
        let mut tensors = Vec::new();
        for (number, [input, output]) in SHAPES.into_iter().enumerate() {
            for (name, shape) in
                [(format!("{number}.weight"), vec![input, output]), (format!("{number}.bias"), vec![output])]
            {
                let shape = match wrong {
                    Some((other, shape)) if other == name => shape.to_vec(),
                    _ => shape,
                };
                let value = if name == "2.bias" { 0.5_f32 } else { 0.0 };
                let bytes = value.to_le_bytes().repeat(shape.iter().product());
                tensors.push((name, shape, bytes));
            }
        }
        let views: Vec<_> = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                let view = safetensors::tensor::TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
                (name.clone(), view)
            })
            .collect();
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn a_walker_of_biases_answers_them() {
        let walker = Walker::read(&file(None)).unwrap();
        for action in walker.act(&[0.3; SENSES]) {
            assert!((f64::from(action) - 0.5_f64.tanh()).abs() < 1e-7);
        }
    }

    #[test]
    fn other_files_are_refused() {
        let refuse = |bytes: &[u8]| Walker::read(bytes).unwrap_err().to_string();
        assert!(refuse(b"{}").contains("cannot be read"));
        let error = refuse(&file(Some(("1.weight", &[2, 3]))));
        assert!(
            error.contains("'1.weight'") && error.contains("[2, 3]") && error.contains("[256, 256]"),
            "{error}"
        );
    }
}
