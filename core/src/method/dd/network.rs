//! The U-Net with a return, and the inverse dynamics.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use crate::diffusion::inpaint::guided;
use crate::nn::temporal::{UNet, UNetSettings};
use crate::nn::{Layer, Mlp, linear, mish};
use crate::rng::Key;

/// Networks of Decision Diffuser.
#[derive(Module, Debug)]
pub struct Network {
    noise: UNet,
    /// From a return to what stands beside the code of a diffusion step.
    returns: [Linear; 3],
    inverse: Mlp,
}

impl Network {
    /// Networks, newly drawn; `settings` are the U-Net's over states, whose condition is as wide as `dim`.
    pub fn new(key: Key, settings: &UNetSettings, inverse: &[usize], action: usize, device: &Device) -> Self {
        let (state, dim) = (settings.channels, settings.dim);
        let layer = |i: u64, input, output| linear(key.named("returns").fold(i), input, output, device);
        Self {
            noise: UNet::new(key.named("noise"), settings, device),
            returns: [layer(0, 1, dim), layer(1, dim, 4 * dim), layer(2, 4 * dim, dim)],
            inverse: Mlp::new(key.named("inverse"), 2 * state, inverse, action, device),
        }
    }

    /// Codes of returns `[batch, 1]`, `[batch, dim]`; 0 where `shown`, `[batch, 1]`, is 0.
    fn condition(&self, returns: Tensor<2>, shown: Tensor<2>) -> Tensor<2> {
        let [first, second, third] = &self.returns;
        let code = mish(Layer::of(second).forward(mish(Layer::of(first).forward(returns))));
        Layer::of(third).forward(code) * shown
    }

    /// Predicted noise of trajectories.
    ///
    /// # Shapes
    /// `x` and the result are `[batch, rows, state]`, `steps` `[batch]`, and `returns` and `shown`, 1 where the return is seen
    /// and 0 elsewhere, `[batch, 1]`.
    pub fn noise(&self, x: Tensor<3>, steps: Tensor<1>, returns: Tensor<2>, shown: Tensor<2>) -> Tensor<3> {
        self.noise.forward(x, steps, Some(self.condition(returns, shown)))
    }

    /// The same with classifier-free guidance towards one return; both passes are one batch.
    pub fn guided(&self, x: Tensor<3>, step: usize, target: f64, weight: f64) -> Tensor<3> {
        let ([batch, _, _], device) = (x.dims(), x.device());
        let shown =
            Tensor::cat(vec![Tensor::ones([batch, 1], &device), Tensor::zeros([batch, 1], &device)], 0);
        let noise = self.noise(
            Tensor::cat(vec![x.clone(), x], 0),
            Tensor::full([2 * batch], step as f64, &device),
            Tensor::full([2 * batch, 1], target, &device),
            shown,
        );
        let conditioned = noise.clone().narrow(0, 0, batch);
        guided(noise.narrow(0, batch, batch), conditioned, weight)
    }

    /// Actions between states, `[rows, action]`, from `[rows, state]` each.
    pub fn actions(&self, from: Tensor<2>, to: Tensor<2>) -> Tensor<2> {
        self.inverse.forward(Tensor::cat(vec![from, to], 1))
    }
}
