//! Adam (Kingma and Ba, 2015), with decoupled decay where wanted (`AdamW`, Loshchilov and Hutter, 2019), and with a bound on the norm of all gradients together.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use thiserror::Error;

use super::tensor;
use crate::kernel::adam::AdamStep;
use crate::kernel::tensors;

/// β₁ and β₂.
const KEEP: [f64; 2] = [0.9, 0.999];
/// Added to the root of the second moment, as `PyTorch` has it.
const EPSILON: f64 = 1e-8;

/// Moments that cannot be saved or put back.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MomentsError {
    /// Bytes of the wrong length.
    #[error("the optimiser's moments are damaged or belong to another network")]
    Damaged,
    /// The device failed.
    #[error("the optimiser's moments could not be read from their device")]
    Unreadable,
}

/// The moments of every parameter's gradient, flattened, once it has been seen.
#[derive(Debug, Default)]
pub(crate) struct Adam {
    steps: i32,
    /// Share of a parameter that a step takes off beside its change, over the learning rate.
    decay: f64,
    moments: HashMap<ParamId, [Tensor<1>; 2]>,
}

impl Adam {
    /// Adam before its first step, with decay.
    pub(crate) fn with_decay(decay: f64) -> Self {
        Self { decay, ..Self::default() }
    }

    /// One step; `clip` bounds the norm of all gradients together.
    pub(crate) fn step<M: Module>(
        &mut self,
        net: M,
        gradients: GradientsParams,
        rate: f64,
        clip: Option<f64>,
    ) -> M {
        self.steps += 1;
        let factor = clip.map(|bound| Factor::bounding(&net, &gradients, bound));
        net.map(&mut Step { adam: self, gradients, rate, factor })
    }

    /// The moments as bytes, in the order of the network's parameters.
    ///
    /// # Errors
    /// When a moment cannot be read back from its device.
    pub(crate) fn save<M: Module>(&self, net: &M) -> Result<Vec<u8>, MomentsError> {
        let mut save = Save { adam: self, bytes: self.steps.to_le_bytes().to_vec(), unreadable: false };
        net.visit(&mut save);
        if save.unreadable { Err(MomentsError::Unreadable) } else { Ok(save.bytes) }
    }

    /// Puts back what [`save`](Self::save) gave for the same network.
    ///
    /// # Errors
    /// When the bytes have another length.
    pub(crate) fn load<M: Module>(&self, net: &M, bytes: &[u8]) -> Result<Self, MomentsError> {
        let (steps, rest) = bytes.split_first_chunk::<4>().ok_or(MomentsError::Damaged)?;
        let (numbers, odd) = rest.as_chunks::<4>();
        let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let mut load = Load { numbers, at: 0, moments: HashMap::new(), short: false };
        if !rest.is_empty() {
            net.visit(&mut load);
        }
        if load.short || load.at != load.numbers.len() || !odd.is_empty() {
            return Err(MomentsError::Damaged);
        }
        Ok(Self { steps: i32::from_le_bytes(*steps), decay: self.decay, moments: load.moments })
    }
}

/// What gradients are multiplied with.
enum Factor {
    Number(f32),
    /// Where reading a number back would stop the device.
    OnDevice(Box<Tensor<1>>),
}

impl Factor {
    /// min(1, bound / norm); the small constant is `PyTorch`'s guard against a zero norm.
    fn bounding<M: Module>(net: &M, gradients: &GradientsParams, bound: f64) -> Self {
        let mut squares = Squares { gradients, number: 0.0, on_device: None };
        net.visit(&mut squares);
        match squares.on_device {
            Some(sum) => {
                Self::OnDevice(Box::new(sum.sqrt().add_scalar(1e-6).recip().mul_scalar(bound).clamp_max(1.0)))
            }
            None => Self::Number((bound / (squares.number.sqrt() + 1e-6)).min(1.0) as f32),
        }
    }
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    number: f64,
    on_device: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        if tensors::serves(&gradient.device()) {
            self.number += tensors::sum_of_squares(gradient);
        } else {
            let square = gradient.square().sum();
            self.on_device = Some(match self.on_device.take() {
                Some(sum) => sum + square,
                None => square,
            });
        }
    }
}

struct Step<'a> {
    adam: &'a mut Adam,
    gradients: GradientsParams,
    rate: f64,
    factor: Option<Factor>,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let shape = gradient.dims();
        let count: usize = shape.iter().product();
        let mut gradient: Tensor<1> = gradient.reshape([count]);
        let device = gradient.device();
        let id = param.id;
        let mut value: Tensor<1> = param.val().inner().reshape([count]);
        drop(param);
        if self.adam.decay > 0.0 {
            value = value.mul_scalar(1.0 - self.rate * self.adam.decay);
        }
        let moments = self.adam.moments.remove(&id).unwrap_or_else(|| {
            let zeros = Tensor::zeros([count], &device);
            [zeros.clone(), zeros]
        });
        let corrections = KEEP.map(|keep| 1.0 - keep.powi(self.adam.steps));
        let (value, moments) = if tensors::serves(&device) {
            let step = AdamStep {
                factor: match self.factor {
                    Some(Factor::Number(factor)) => factor,
                    _ => 1.0,
                },
                rate: (self.rate / corrections[0]) as f32,
                correction: (1.0 / corrections[1].sqrt()) as f32,
                keep: KEEP.map(|keep| keep as f32),
                epsilon: EPSILON as f32,
            };
            tensors::adam(value, gradient, moments, step)
        } else {
            gradient = match &self.factor {
                Some(Factor::OnDevice(factor)) => gradient * Tensor::clone(factor),
                Some(Factor::Number(factor)) => gradient.mul_scalar(*factor),
                None => gradient,
            };
            let [first, second] = moments;
            let first = first.mul_scalar(KEEP[0]) + gradient.clone().mul_scalar(1.0 - KEEP[0]);
            let second = second.mul_scalar(KEEP[1]) + gradient.square().mul_scalar(1.0 - KEEP[1]);
            let spread = second.clone().sqrt().div_scalar(corrections[1].sqrt()).add_scalar(EPSILON);
            let change = (first.clone() / spread).mul_scalar(self.rate / corrections[0]);
            (value - change, [first, second])
        };
        self.adam.moments.insert(id, moments);
        Param::initialized(id, Tensor::from_inner(value.reshape(shape)).require_grad())
    }
}

struct Save<'a> {
    adam: &'a Adam,
    bytes: Vec<u8>,
    unreadable: bool,
}

impl ModuleVisitor for Save<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.adam.moments.is_empty() {
            return;
        }
        let count = param.lazy_shape().num_elements();
        let moments = self.adam.moments.get(&param.id);
        for i in 0..2 {
            // A parameter that never had a gradient has no moments yet, which is as good as zero.
            let numbers =
                moments.map_or_else(|| Ok(vec![0.0; count]), |both| both[i].clone().try_into_vec_as::<f32>());
            match numbers {
                Ok(numbers) => self.bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
                Err(_) => self.unreadable = true,
            }
        }
    }
}

struct Load {
    numbers: Vec<f32>,
    at: usize,
    moments: HashMap<ParamId, [Tensor<1>; 2]>,
    short: bool,
}

impl Load {
    fn take(&mut self, count: usize, device: &Device) -> Option<Tensor<1>> {
        let numbers = self.numbers.get(self.at..self.at + count)?.to_vec();
        self.at += count;
        Some(tensor(numbers, [count], device))
    }
}

impl ModuleVisitor for Load {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let count = param.lazy_shape().num_elements();
        let device = param.lazy_device().inner();
        match (self.take(count, &device), self.take(count, &device)) {
            (Some(first), Some(second)) => {
                self.moments.insert(param.id, [first, second]);
            }
            _ => self.short = true,
        }
    }
}
