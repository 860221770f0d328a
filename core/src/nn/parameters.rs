//! Networks as named arrays of numbers, and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use thiserror::Error;

/// A parameter on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Path of the parameter, such as `critic.q0.state.0.linear.weight`.
    pub name: String,
    /// Its shape. Weights of linear layers are `[input, output]`.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
}

/// A set of parameters that does not fit a network.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LoadError {
    /// A parameter is not there.
    #[error("parameter '{0}' is missing")]
    Missing(String),
    /// A parameter has the wrong shape.
    #[error("parameter '{name}' has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Which.
        name: String,
        /// The shape found.
        found: Vec<usize>,
        /// The shape of the network.
        expected: Vec<usize>,
    },
    /// A parameter that the network does not have.
    #[error("parameter '{0}' belongs to no network of these sizes")]
    Unknown(String),
    /// A parameter that could not be read from its device.
    #[error("parameter '{0}' could not be read from its device")]
    Unreadable(String),
}

/// All parameters of a network, in order of their definition, each under `prefix.path`.
///
/// # Errors
/// When a parameter cannot be read back from its device.
pub fn named_parameters<M: Module>(prefix: &str, module: &M) -> Result<Vec<NamedTensor>, LoadError> {
    let mut visitor = Collect { path: vec![prefix.to_owned()], found: Vec::new(), error: None };
    module.visit(&mut visitor);
    visitor.error.map_or(Ok(visitor.found), Err)
}

/// The shape of every parameter of a network, each under `prefix.path`. Nothing is drawn.
#[must_use]
pub fn parameter_shapes<M: Module>(prefix: &str, module: &M) -> Vec<(String, Vec<usize>)> {
    let mut visitor = Shapes { path: vec![prefix.to_owned()], found: Vec::new() };
    module.visit(&mut visitor);
    visitor.found
}

/// Checks the shapes of parameters against those of some networks.
///
/// # Errors
/// When a parameter is missing, has another shape, or belongs to no network.
pub fn check_shapes<'a>(
    mut expected: BTreeMap<String, Vec<usize>>,
    found: impl IntoIterator<Item = (&'a str, &'a [usize])>,
) -> Result<(), LoadError> {
    for (name, found) in found {
        let expected = expected.remove(name).ok_or_else(|| LoadError::Unknown(name.to_owned()))?;
        if found != expected {
            return Err(LoadError::Shape { name: name.to_owned(), found: found.to_vec(), expected });
        }
    }
    expected.into_keys().next().map_or(Ok(()), |name| Err(LoadError::Missing(name)))
}

/// Puts parameters saved under `prefix` into a network, taking them out of the map.
///
/// # Errors
/// When one is missing or has another shape.
pub fn load_parameters<M: Module>(
    prefix: &str,
    module: M,
    tensors: &mut BTreeMap<String, NamedTensor>,
) -> Result<M, LoadError> {
    let mut mapper = Fill { path: vec![prefix.to_owned()], tensors, error: None };
    let module = module.map(&mut mapper);
    mapper.error.map_or(Ok(module), Err)
}

struct Collect {
    path: Vec<String>,
    found: Vec<NamedTensor>,
    error: Option<LoadError>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let value = param.val();
        let shape = value.dims().to_vec();
        match value.try_into_vec_as::<f32>() {
            Ok(values) => self.found.push(NamedTensor { name, shape, values }),
            Err(_) => self.error = Some(LoadError::Unreadable(name)),
        }
    }
}

struct Shapes {
    path: Vec<String>,
    found: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.join("."), param.lazy_shape().to_vec()));
    }
}

struct Fill<'a> {
    path: Vec<String>,
    tensors: &'a mut BTreeMap<String, NamedTensor>,
    error: Option<LoadError>,
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let Some(tensor) = self.tensors.remove(&name) else {
            self.error.get_or_insert(LoadError::Missing(name));
            return param;
        };
        let expected = param.lazy_shape().to_vec();
        if tensor.shape != expected {
            self.error.get_or_insert(LoadError::Shape { name, found: tensor.shape, expected });
            return param;
        }
        let device = param.lazy_device();
        let id = param.id;
        let value = Tensor::<D>::from_data(TensorData::new(tensor.values, tensor.shape), &device);
        let value = if device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(id, value)
    }
}
