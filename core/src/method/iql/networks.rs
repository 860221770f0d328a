//! Q of states and actions, and a Gaussian policy.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::nn::{Gaussian, Mlp, zeros};
use crate::rng::Key;

/// Two independent networks over state and action (clipped double Q-learning).
#[derive(Module, Debug)]
pub struct ActionValues {
    /// The first.
    pub q0: Mlp,
    /// The second.
    pub q1: Mlp,
}

impl ActionValues {
    /// Two networks, newly drawn.
    pub fn new(key: Key, state: usize, action: usize, hidden: &[usize], device: &Device) -> Self {
        let network = |i| Mlp::new(key.fold(i), state + action, hidden, 1, device);
        Self { q0: network(0), q1: network(1) }
    }

    /// The smaller of the two, `[rows]`, from state and action side by side, `[rows, state + action]`.
    pub fn min(&self, x: Tensor<2>) -> Tensor<1> {
        self.q0.forward(x.clone()).min_pair(self.q1.forward(x)).squeeze_dim(1)
    }
}

/// A diagonal Gaussian over actions: the mean is a network's through tanh, the deviations are the same in every state.
#[derive(Module, Debug)]
pub struct ActionPolicy {
    mean: Mlp,
    log_deviation: Param<Tensor<1>>,
}

impl ActionPolicy {
    /// Range of the deviation's logarithm.
    const LOG_DEVIATION: [f64; 2] = [-20.0, 2.0];

    /// A policy, newly drawn, with deviations of 1.
    pub fn new(key: Key, state: usize, action: usize, hidden: &[usize], device: &Device) -> Self {
        Self { mean: Mlp::new(key, state, hidden, action, device), log_deviation: zeros(action, device) }
    }

    /// The mean, `[rows, action]`, from `[rows, state]`.
    pub fn mean(&self, states: Tensor<2>) -> Tensor<2> {
        self.mean.forward(states).tanh()
    }

    /// `[rows, state]` to a Gaussian over `[rows, action]`.
    pub fn forward(&self, states: Tensor<2>) -> Gaussian {
        let mean = self.mean(states);
        let [least, most] = Self::LOG_DEVIATION;
        let deviation = self.log_deviation.val().clamp(least, most).exp().unsqueeze::<2>();
        Gaussian { deviation: deviation.expand(mean.dims()), mean }
    }
}
