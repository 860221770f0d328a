//! Sizes, anchors, and `PyTorch`'s numbers.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};

use super::unet::sinusoid;
use super::{UNet, UNetError, UNetSettings};
use crate::kernel::reference;
use crate::nn::golden::{assert_near, read};
use crate::nn::train::Trained;
use crate::nn::{load_parameters, parameter_shapes, tensor};
use crate::rng::Key;

/// Sizes of a network over rows of six numbers without a condition.
fn sizes(dim: usize, multipliers: &[usize]) -> UNetSettings {
    UNetSettings { channels: 6, dim, multipliers: multipliers.to_vec(), condition: 0 }
}

fn parameters(settings: &UNetSettings) -> usize {
    let net = UNet::new(Key::new(0), settings, &Device::flex());
    parameter_shapes("net", &net).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// The published network and smaller ones, counted by hand.
#[test]
fn networks_have_their_sizes() {
    for (dim, multipliers, expected) in [
        (32, [1, 4, 8], 3_682_118),
        (32, [1, 2, 4], 997_574),
        (24, [1, 2, 4], 562_710),
        (16, [1, 4, 8], 924_070),
        (16, [1, 2, 4], 251_494),
    ] {
        assert_eq!(parameters(&sizes(dim, &multipliers)), expected, "{dim} {multipliers:?}");
    }
}

/// Decision Diffuser's networks with a condition as wide as the time's code, without what embeds the return:
/// layers from 1 to 128, 128 to 512 and 512 to 128 numbers at a width of 128.
#[test]
fn conditioned_networks_have_their_sizes() {
    for (dim, multipliers, expected) in
        [(128, [1, 4, 8], 59_726_212), (32, [1, 4, 8], 3_743_332), (32, [1, 2, 4], 1_034_212)]
    {
        let settings = UNetSettings { channels: 4, condition: dim, ..sizes(dim, &multipliers) };
        let embedding = 2 * dim + (dim + 1) * 4 * dim + (4 * dim + 1) * dim;
        assert_eq!(parameters(&settings) + embedding, expected, "{dim} {multipliers:?}");
    }
}

/// Sizes that cannot be used are refused, each with its reason.
#[test]
fn sizes_are_checked() {
    let good = sizes(32, &[1, 2, 4]);
    for horizon in [4, 32, 36] {
        assert_eq!(good.check(horizon), Ok(()), "{horizon}");
    }
    for horizon in [0, 2, 34] {
        let error = good.check(horizon).unwrap_err();
        assert_eq!(error, UNetError::Horizon { found: horizon, halvings: 2, multiple: 4 });
    }
    assert_eq!(UNetSettings { channels: 0, ..good.clone() }.check(32), Err(UNetError::Channels));
    assert_eq!(UNetSettings { dim: 20, ..good.clone() }.check(32), Err(UNetError::Width { found: 20 }));
    let levels = UNetError::Levels { found: vec![1, 0] };
    assert_eq!(UNetSettings { multipliers: vec![1, 0], ..good }.check(32), Err(levels));
}

/// Sines come first, then cosines, at frequencies from 1 to 1/10000.
#[test]
fn steps_have_sinusoids() {
    let code = sinusoid(tensor(vec![10.0], [1], &Device::flex()), 32).try_into_vec_as::<f32>().unwrap();
    assert_eq!(code.len(), 32);
    for (place, expected) in [(0, -0.544_021), (16, -0.839_072), (15, 0.001), (31, 1.0)] {
        assert!((code[place] - expected).abs() < 1e-6, "{place}: {}, expected {expected}", code[place]);
    }
}

/// Output, gradients and four losses of training are those of `PyTorch`, with a condition and without, on the fused
/// path and on the plain one.
#[test]
fn the_network_is_that_of_pytorch() {
    for (kind, multipliers, condition) in [("plain", vec![1, 2], 0), ("conditioned", vec![1, 1], 5)] {
        let settings = UNetSettings { channels: 3, dim: 8, multipliers, condition };
        compare(kind, &settings);
        reference(|| compare(kind, &settings));
    }
}

fn compare(kind: &str, settings: &UNetSettings) {
    let recorded = read(include_bytes!("../../../../tests/golden/temporal.safetensors"));
    let device = Device::flex().autodiff();
    let net = UNet::new(Key::new(0), settings, &device);
    let mut net = Trained::new(load_parameters(&format!("{kind}.net"), net, &mut recorded.clone()).unwrap());
    let values = |name: &str| recorded[&format!("{kind}.{name}")].values.clone();
    let x: Tensor<3> = tensor(values("x"), [3, 6, 3], &device).require_grad();
    let steps: Tensor<1> = tensor(values("steps"), [3], &device);
    let wanted: Tensor<3> = tensor(values("wanted"), [3, 6, 3], &device);
    let condition =
        (settings.condition > 0).then(|| tensor(values("condition"), [3, settings.condition], &device));
    let mut losses = Vec::new();
    for step in 0..4 {
        let predicted = net.net().forward(x.clone(), steps.clone(), condition.clone());
        let loss = (predicted.clone() - wanted.clone()).square().mean();
        let mut gradients = loss.backward();
        if step == 0 {
            let numbers = |tensor: Tensor<3>| tensor.try_into_vec_as::<f32>().unwrap();
            assert_near("predicted", &numbers(predicted.inner()), &values("predicted"));
            assert_near("gradient", &numbers(x.grad(&gradients).unwrap()), &values("input"));
            let mut norms =
                Norms { path: vec![format!("{kind}.norms")], gradients: &gradients, found: vec![] };
            net.net().visit(&mut norms);
            for (name, norm) in norms.found {
                assert_near(&name, &[norm], &recorded[&name].values);
            }
        }
        net.update(&mut gradients, 1e-3, None);
        losses.extend(loss.inner().try_into_vec_as::<f32>().unwrap());
    }
    assert_near("losses", &losses, &values("losses"));
}

/// Norms of the gradients of all parameters, by name.
struct Norms<'a> {
    path: Vec<String>,
    gradients: &'a Gradients,
    found: Vec<(String, f32)>,
}

impl ModuleVisitor for Norms<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).unwrap();
        let norm = gradient.square().sum().sqrt().try_into_vec_as::<f32>().unwrap()[0];
        self.found.push((self.path.join("."), norm));
    }
}
