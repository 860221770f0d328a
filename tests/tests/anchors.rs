//! Sizes and closed forms that the method's description pins down.
#![cfg(not(target_arch = "wasm32"))]

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use diar_core::benchmark::MAZE2D;
use diar_core::critic::{
    BootstrapTerms, QNetwork, VNetwork, bootstrap_factor, expectile_loss, importance_weighted, ldcq_targets,
};
use diar_core::diffusion::Denoiser;
use diar_core::nn::Gaussian;
use diar_core::nn::train::follow;
use diar_core::rng::Key;
use diar_core::settings::{BootstrapDiscount, Preset, Settings};
use diar_core::vae::{TransformerPrior, TransformerPriorConfig, Vae};

/// State sizes of Maze2D, AntMaze and Kitchen.
const STATES: [usize; 3] = [4, 29, 60];

fn row(values: &[f32]) -> Tensor<1> {
    Tensor::from_floats(values, &Device::flex())
}

fn rows<const R: usize, const C: usize>(values: [[f32; C]; R]) -> Tensor<2> {
    Tensor::from_floats(values, &Device::flex())
}

fn number(tensor: Tensor<1>) -> f32 {
    tensor.into_scalar()
}

#[test]
fn networks_have_the_papers_sizes() {
    let device = Device::flex();
    let settings = Settings::preset(Preset::Paper, &MAZE2D[0].basis());
    let key = Key::new(0);
    let counts = STATES.map(|state| {
        let denoiser = Denoiser::new(key, &settings.diffusion.widths, 256, state, 16, &device);
        let q = QNetwork::new(key, &settings.critic, state, 16, &device);
        let v = VNetwork::new(key, &settings.critic, state, &device);
        [denoiser.num_params(), q.num_params(), v.num_params()]
    });
    assert_eq!(
        counts,
        [[715_776, 141_057, 105_473], [722_176, 147_457, 111_873], [730_112, 155_393, 119_809],]
    );

    let vae = Vae::new(key, &settings.vae, &MAZE2D[0].spec, &device);
    let parts = [
        vae.encoder.num_params(),
        vae.decoder.policy.num_params(),
        vae.decoder.state.num_params(),
        vae.prior.num_params(),
    ];
    let thousands = parts.map(|count| (count as f64 / 1e3).round() as usize);
    assert_eq!(thousands, [4_679, 407, 205, 207], "{parts:?}");

    let prior = TransformerPrior::new(key, TransformerPriorConfig::default(), 4, 16, &device);
    assert_eq!((prior.num_params() as f64 / 1e4).round() as usize, 1_807);
}

#[test]
fn the_expectile_weighs_both_sides() {
    let loss = |q: f32, v: f32| number(expectile_loss(rows([[q]]), row(&[v]), 0.9));
    assert!((loss(3.0, 1.0) - 0.9 * 4.0).abs() < 1e-6, "above: weight τ");
    assert!((loss(1.0, 3.0) - 0.1 * 4.0).abs() < 1e-6, "below: weight 1 - τ");
    // Every candidate counts on its own: not the loss of their mean or maximum.
    let both = number(expectile_loss(rows([[3.0, -1.0]]), row(&[1.0]), 0.9));
    assert!((both - 0.5 * (0.9 * 4.0 + 0.1 * 4.0)).abs() < 1e-6);
}

#[test]
fn a_terminal_window_is_worth_its_rewards() {
    let terms = BootstrapTerms { discount: 0.995, kind: BootstrapDiscount::Gamma, horizon: 30 };
    let per_step = BootstrapTerms { kind: BootstrapDiscount::GammaPowH, ..terms };
    assert_eq!(bootstrap_factor(terms, false), 0.995);
    assert_eq!(bootstrap_factor(terms, true), 0.0);
    assert!((bootstrap_factor(per_step, false) - 0.8604).abs() < 1e-4);
}

#[test]
fn ldcq_lets_the_other_network_choose() {
    let own = rows([[1.0, 5.0, 2.0], [4.0, 1.0, 0.0]]);
    let other = rows([[3.0, 2.0, 1.0], [0.0, 2.0, 1.0]]);
    let targets = ldcq_targets(row(&[0.0, 10.0]), row(&[0.5, 0.0]), own, other);
    // First row: the other network likes candidate 0 best; min(1, 3) = 1.
    assert_eq!(targets.try_into_vec_as::<f32>().unwrap(), [0.5, 10.0]);
}

#[test]
fn importance_weights_act_sample_by_sample() {
    let loss = importance_weighted(row(&[1.0, 0.0]), row(&[1.0, 5.0]), row(&[0.0, 0.0]));
    assert!((number(loss) - 0.5).abs() < 1e-6, "the second sample has no weight");
}

#[test]
fn targets_follow_slowly() {
    let device = Device::flex();
    let settings = Settings::preset(Preset::Quick, &MAZE2D[0].basis()).critic;
    let online = VNetwork::new(Key::new(1), &settings, 4, &device);
    let states = rows([[0.1, 0.2, 0.3, 0.4]]);
    let before = number(online.forward(states.clone()));
    let moved = online.clone().map(&mut Double);
    assert!((number(moved.forward(states.clone())) - before).abs() > 1e-3);
    let same = follow(online.clone(), &moved, 0.0);
    assert_eq!(number(same.forward(states.clone())), before);
    let whole = follow(online, &moved, 1.0);
    assert!((number(whole.forward(states.clone())) - number(moved.forward(states))).abs() < 1e-6);
}

/// Doubles every parameter.
struct Double;

impl burn::module::ModuleMapper for Double {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<Tensor<D>>,
    ) -> burn::module::Param<Tensor<D>> {
        param.map(|value| value.mul_scalar(2.0))
    }
}

#[test]
fn gaussians_match_their_formulas() {
    let p = Gaussian { mean: rows([[0.5, -1.0]]), deviation: rows([[2.0, 0.3]]) };
    let q = Gaussian { mean: rows([[0.0, -0.5]]), deviation: rows([[1.0, 0.6]]) };
    let log_density =
        |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - (s * std::f64::consts::TAU.sqrt()).ln();
    let expected = log_density(1.0, 0.5, 2.0) + log_density(-0.9, -1.0, 0.3);
    assert!((f64::from(number(p.log_density(rows([[1.0, -0.9]])))) - expected).abs() < 1e-5);
    let kl = |m: f64, s: f64, n: f64, t: f64| (t / s).ln() + (s * s + (m - n).powi(2)) / (2.0 * t * t) - 0.5;
    let expected = kl(0.5, 2.0, 0.0, 1.0) + kl(-1.0, 0.3, -0.5, 0.6);
    assert!((f64::from(number(p.divergence(&q))) - expected).abs() < 1e-5);
    assert!(number(p.divergence(&p)).abs() < 1e-6);
}

/// At a bound it is the probability of everything beyond (by libm's erfc), inside it is the density; however far away
/// the mean is, value and gradient stay right.
#[test]
fn a_censored_gaussian_counts_what_lies_beyond() {
    let device = Device::flex().autodiff();
    let cdf = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let density =
        |x: f64, m: f64, s: f64| (-0.5 * ((x - m) / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt());
    let log_density = |x: f64, m: f64, s: f64| {
        if x >= 1.0 {
            cdf((m - 1.0) / s).ln()
        } else if x <= -1.0 {
            cdf((-1.0 - m) / s).ln()
        } else {
            density(x, m, s).ln()
        }
    };
    for x in [-1.0, -0.4, 0.0, 0.99, 1.0] {
        for m in [-5.0, -1.2, -0.3, 0.0, 0.9, 1.6, 4.0] {
            for s in [0.3, 0.5, 2.0] {
                let mean = Tensor::<2>::from_floats([[m as f32]], &device).require_grad();
                let deviation = Tensor::<2>::from_floats([[s as f32]], &device).require_grad();
                let gaussian = Gaussian { mean: mean.clone(), deviation: deviation.clone() };
                let found = gaussian.censored_log_density(Tensor::from_floats([[x as f32]], &device), 1.0);
                let gradients = found.clone().sum().backward();
                let slope = |parameter: &Tensor<2>| {
                    f64::from(parameter.grad(&gradients).unwrap().try_into_vec_as::<f32>().unwrap()[0])
                };
                let expected = log_density(x, m, s);
                let step = 1e-5;
                let by_mean = (log_density(x, m + step, s) - log_density(x, m - step, s)) / (2.0 * step);
                let by_deviation = (log_density(x, m, s + step) - log_density(x, m, s - step)) / (2.0 * step);
                let value = f64::from(found.inner().try_into_vec_as::<f32>().unwrap()[0]);
                for (what, found, expected) in [
                    ("value", value, expected),
                    ("slope by mean", slope(&mean), by_mean),
                    ("slope by deviation", slope(&deviation), by_deviation),
                ] {
                    assert!(
                        (found - expected).abs() < 4e-3 * expected.abs().max(1.0),
                        "{what} of {x} given {m} ± {s}: {found}, expected {expected}"
                    );
                }
            }
        }
    }
}
