//! What training needs on top of a network: Adam, a bound on the gradient's norm, moving averages.

use std::any::Any;
use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::module_optimizer::ModuleOptimizer;
use burn::optim::{AdamConfig, GradientsParams};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::{Bytes, Gradients, Tensor};

/// A network and its optimiser.
pub struct Trained<M> {
    /// The network; `None` only while an update replaces it.
    net: Option<M>,
    adam: ModuleOptimizer,
}

impl<M: Module> Trained<M> {
    /// A network about to be trained with Adam (epsilon 1e-8, as `PyTorch`'s).
    pub fn new(net: M) -> Self {
        Self { net: Some(net), adam: AdamConfig::new().with_epsilon(1e-8).init() }
    }

    /// The network.
    ///
    /// # Panics
    /// Never: the network is only away inside `update`.
    pub fn net(&self) -> &M {
        self.net.as_ref().expect("the network is only away inside `update`")
    }

    /// One step of Adam, taking the network's gradients out of those of a loss; `clip` bounds their norm together.
    ///
    /// # Panics
    /// Never: the network is only away inside this function.
    pub fn update(&mut self, gradients: &mut Gradients, rate: f64, clip: Option<f64>) {
        let net = self.net.take().expect("the network is only away inside `update`");
        let mut gradients = GradientsParams::from_module(gradients, &net);
        if let Some(bound) = clip {
            gradients = clip_norm(&net, gradients, bound);
        }
        self.net = Some(self.adam.step(rate, net, gradients));
    }

    /// The network and the optimiser as bytes, for a checkpoint.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn save(&self) -> Result<(Vec<u8>, Vec<u8>), RecordError> {
        let net = self.net().clone().into_record().into_bytes()?;
        let adam = self.adam.into_bytes()?;
        Ok((net.to_vec(), adam.to_vec()))
    }

    /// Puts back what `save` gave.
    ///
    /// # Errors
    /// When the bytes are damaged or belong to another network.
    pub fn load(&mut self, net: Vec<u8>, adam: Vec<u8>) -> Result<(), RecordError> {
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(net))?;
        let net = self.net().clone().try_load_record(record)?;
        self.adam = AdamConfig::new().with_epsilon(1e-8).init().from_bytes(Bytes::from_bytes_vec(adam))?;
        self.net = Some(net);
        Ok(())
    }
}

/// Scales all gradients together so that their norm is at most `bound`, without reading the norm back.
fn clip_norm<M: Module>(net: &M, gradients: GradientsParams, bound: f64) -> GradientsParams {
    let mut squares = SumOfSquares { gradients: &gradients, sum: None };
    net.visit(&mut squares);
    let Some(sum) = squares.sum else { return gradients };
    // min(1, bound / norm); the small constant is PyTorch's guard against a zero norm.
    let factor = sum.sqrt().add_scalar(1e-6).recip().mul_scalar(bound).clamp_max(1.0);
    let mut scale = Scale { from: gradients, to: GradientsParams::new(), factor };
    net.visit(&mut scale);
    scale.to
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + square,
                None => square,
            });
        }
    }
}

struct Scale {
    from: GradientsParams,
    to: GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.from.remove::<D>(param.id) {
            self.to.register(param.id, gradient * self.factor.clone().unsqueeze());
        }
    }
}

/// `target ← (1 - rate)·target + rate·online`, parameter by parameter.
///
/// `target` must have begun as a clone of `online`, so that their parameters have the same identities.
pub fn follow<M: Module>(target: M, online: &M, rate: f64) -> M {
    let mut collect = Collect(HashMap::new());
    online.visit(&mut collect);
    target.map(&mut Follow { online: collect.0, rate })
}

struct Collect(HashMap<ParamId, Box<dyn Any>>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.insert(param.id, Box::new(param.val().without_autodiff()));
    }
}

struct Follow {
    online: HashMap<ParamId, Box<dyn Any>>,
    rate: f64,
}

impl ModuleMapper for Follow {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let online = self.online.remove(&param.id).and_then(|value| value.downcast::<Tensor<D>>().ok());
        let Some(online) = online else { return param };
        let rate = self.rate;
        param.map(|target| target.mul_scalar(1.0 - rate) + online.mul_scalar(rate))
    }
}
