//! Sizes, anchors, and `PyTorch`'s numbers.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};

use super::unet::sinusoid;
use super::{UNet, UNetSettings};
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
            let mut all = All { path: vec![format!("{kind}.norms")], gradients: &gradients, found: vec![] };
            net.net().visit(&mut all);
            for (name, gradient) in all.found {
                let norm = gradient.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32;
                assert_near(&name, &[norm], &recorded[&name].values);
            }
        }
        net.update(&mut gradients, 1e-3, None);
        losses.extend(loss.inner().try_into_vec_as::<f32>().unwrap());
    }
    assert_near("losses", &losses, &values("losses"));
}

/// Gradients of all parameters, by name.
struct All<'a> {
    path: Vec<String>,
    gradients: &'a Gradients,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for All<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).unwrap();
        self.found.push((self.path.join("."), gradient.try_into_vec_as::<f32>().unwrap()));
    }
}

/// Trajectories, steps and a condition for a network of these sizes.
struct Inputs {
    x: Tensor<3>,
    steps: Tensor<1>,
    condition: Option<Tensor<2>>,
}

impl Inputs {
    fn new(settings: &UNetSettings, [batch, rows]: [usize; 2], device: &Device) -> Self {
        let key = Key::new(21);
        let (channels, condition) = (settings.channels, settings.condition);
        let steps = (0..batch).map(|sample| (7 * sample % 64) as f32).collect();
        Self {
            x: tensor(key.fold(0).normals(batch * rows * channels), [batch, rows, channels], device),
            steps: tensor(steps, [batch], device),
            condition: (condition > 0)
                .then(|| tensor(key.fold(1).normals(batch * condition), [batch, condition], device)),
        }
    }
}

/// All gradients of a network, by name, and its output.
fn pass(settings: &UNetSettings, sizes: [usize; 2]) -> Vec<(String, Vec<f32>)> {
    let device = Device::flex().autodiff();
    let net = UNet::new(Key::new(20), settings, &device);
    let Inputs { x, steps, condition } = Inputs::new(settings, sizes, &device);
    let predicted = net.forward(x, steps, condition);
    let gradients = predicted.clone().square().mean().backward();
    let mut all = All { path: vec![], gradients: &gradients, found: vec![] };
    net.visit(&mut all);
    all.found.push(("predicted".to_owned(), predicted.inner().try_into_vec_as::<f32>().unwrap()));
    all.found
}

/// The fused network gives what the plain one gives, forwards and backwards.
#[test]
fn the_kernels_equal_their_plain_twin() {
    for (dim, multipliers, channels, condition, sizes) in [
        (24, vec![1, 2, 3], 5, 0, [3, 12]),
        (32, vec![1, 2, 4], 4, 32, [2, 32]),
        (8, vec![2], 1, 3, [1, 5]),
        (16, vec![1, 3], 6, 0, [1, 4]),
    ] {
        let settings = UNetSettings { channels, dim, multipliers, condition };
        let (fused, plain) = (pass(&settings, sizes), reference(|| pass(&settings, sizes)));
        assert_eq!(fused.len(), plain.len());
        for ((name, fused), (_, plain)) in fused.iter().zip(&plain) {
            assert_eq!(fused.len(), plain.len(), "{name}");
            let scale = plain.iter().fold(1e-2_f32, |scale, x| scale.max(x.abs()));
            for (a, b) in fused.iter().zip(plain) {
                assert!((a - b).abs() <= 2e-5 * scale, "{settings:?}, {name}: {a}, expected {b}");
            }
        }
    }
}

/// Output and gradients are the same bits on one thread, two and three.
#[cfg(feature = "threads")]
#[test]
fn threads_do_not_change_the_numbers() {
    let settings = UNetSettings { channels: 4, dim: 32, multipliers: vec![1, 2, 4], condition: 32 };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| pass(&settings, [13, 32]))
    };
    let one = on(1);
    for threads in [2, 3] {
        for ((name, found), (_, expected)) in on(threads).iter().zip(&one) {
            assert!(found == expected, "{name} on {threads} threads");
        }
    }
}

/// A sample's prediction is the same bits alone and in a batch of 64.
#[test]
fn a_row_of_a_batch_does_not_depend_on_the_others() {
    let device = Device::flex();
    for condition in [0, 8] {
        let settings = UNetSettings { channels: 6, dim: 24, multipliers: vec![1, 2, 4], condition };
        let net = UNet::new(Key::new(22), &settings, &device);
        let numbers = |tensor: Tensor<3>| tensor.try_into_vec_as::<f32>().unwrap();
        let (batch, rows) = (64, 36);
        let Inputs { x, steps, condition } = Inputs::new(&settings, [batch, rows], &device);
        let all = numbers(net.forward(x.clone(), steps.clone(), condition.clone()));
        let each = rows * settings.channels;
        for sample in [0, 1, 31, 63] {
            let condition = condition.clone().map(|condition| condition.narrow(0, sample, 1));
            let (x, steps) = (x.clone().narrow(0, sample, 1), steps.clone().narrow(0, sample, 1));
            let alone = numbers(net.forward(x, steps, condition));
            assert_eq!(alone, all[sample * each..(sample + 1) * each], "{sample}");
        }
    }
}
