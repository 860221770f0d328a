//! What training needs on top of a network: Adam, a bound on the gradient's norm, moving averages.

use std::any::Any;
use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::{Bytes, Gradients, Tensor};
use thiserror::Error;

use super::adam::{Adam, MomentsError};
use crate::kernel::tensors;
use crate::rng::Stream;

/// A network or optimiser that cannot be saved or put back.
#[derive(Debug, Error)]
pub enum SavedError {
    /// The network.
    #[error(transparent)]
    Network(#[from] RecordError),
    /// The optimiser.
    #[error(transparent)]
    Moments(#[from] MomentsError),
}

/// A network and its optimiser.
pub struct Trained<M> {
    /// The network; `None` only while an update replaces it.
    net: Option<M>,
    adam: Adam,
}

impl<M: Module> Trained<M> {
    /// A network about to be trained with Adam.
    pub fn new(net: M) -> Self {
        Self { net: Some(net), adam: Adam::default() }
    }

    /// A network about to be trained with `AdamW`: each step takes `rate · decay` of every parameter off.
    pub fn with_decay(net: M, decay: f64) -> Self {
        Self { net: Some(net), adam: Adam::with_decay(decay) }
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
        let gradients = GradientsParams::from_module(gradients, &net);
        self.net = Some(self.adam.step(net, gradients, rate, clip));
    }

    /// The network and the optimiser as bytes, for a checkpoint.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn save(&self) -> Result<(Vec<u8>, Vec<u8>), SavedError> {
        Ok((save(self.net())?, self.adam.save(self.net())?))
    }

    /// Puts back what `save` gave.
    ///
    /// # Errors
    /// When the bytes are damaged or belong to another network.
    pub fn load(&mut self, net: Vec<u8>, adam: &[u8]) -> Result<(), SavedError> {
        let net = restore(self.net().clone(), net)?;
        self.adam = self.adam.load(&net, adam)?;
        self.net = Some(net);
        Ok(())
    }
}

/// A network under training, and the average of it over its updates, which acts.
pub struct Averaged<M> {
    /// The network.
    pub trained: Trained<M>,
    /// The average, without gradients.
    pub average: M,
}

impl<M: Module> Averaged<M> {
    /// A network about to be trained with Adam, which is its own average.
    pub fn new(net: M) -> Self {
        Self { average: net.valid(), trained: Trained::new(net) }
    }

    /// Lets the average follow the network by this rate.
    pub fn follow(&mut self, rate: f64) {
        self.average = follow(self.average.clone(), &self.trained.net().valid(), rate);
    }
}

/// A mask of dropout: 0 with this probability, and otherwise the factor that keeps the mean.
pub(crate) fn dropout_mask(stream: &mut Stream, dropout: f64, count: usize) -> Vec<f32> {
    let (limit, factor) = ((dropout * 4_294_967_296.0) as u32, (1.0 / (1.0 - dropout)) as f32);
    (0..count).map(|_| if stream.next_u32() < limit { 0.0 } else { factor }).collect()
}

/// A network as bytes, for a checkpoint.
///
/// # Errors
/// When a tensor cannot be read back.
pub fn save<M: Module>(net: &M) -> Result<Vec<u8>, SavedError> {
    Ok(net.clone().into_record().into_bytes()?.to_vec())
}

/// A network with the parameters that [`save`] gave.
///
/// # Errors
/// When the bytes are damaged or belong to another network.
pub fn restore<M: Module>(net: M, bytes: Vec<u8>) -> Result<M, SavedError> {
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))?;
    Ok(net.try_load_record(record)?)
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
        param.map(|target| {
            if tensors::serves(&target.device()) {
                tensors::mix(target, *online, rate)
            } else {
                target.mul_scalar(1.0 - rate) + online.mul_scalar(rate)
            }
        })
    }
}
