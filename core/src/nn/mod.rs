//! Blocks that more than one network uses, all drawn from our own generator.

#[cfg(feature = "train")]
mod adam;
mod attention;
mod gaussian;
#[cfg(test)]
#[cfg(feature = "train")]
pub(crate) mod golden;
mod gru;
mod layer;
mod linear;
mod mish;
mod mlp;
mod norm;
mod parameters;
pub mod temporal;
mod tower;
#[cfg(feature = "train")]
pub mod train;

pub use attention::causal_attention;
pub use gaussian::{Gaussian, GaussianHeads, GaussianNet};
pub use gru::BiGru;
pub(crate) use layer::Layer;
pub use linear::{layer_norm, linear, linear_of, linear_without_bias, normal, normals, xavier, zeros};
pub use mish::mish;
pub use mlp::Mlp;
pub use norm::norm;
pub use parameters::{
    LoadError, NamedTensor, check_shapes, load_parameters, named_parameters, parameter_shapes,
};
pub use tower::NormGelu;

pub(crate) use crate::kernel::tensors::tensor;
