//! Whether a sampler of few steps may stand in for the full chain: what it draws, held against the chain's own draws,
//! and the rule by which its score is judged.

use serde::{Deserialize, Serialize};

use super::probe::Drawn;
use crate::diffusion::distance::{directions, median_distance, mmd2, sliced_wasserstein, variances};
use crate::rng::Key;
use crate::score::Estimate;

/// Directions that latents are projected to.
const DIRECTIONS: usize = 64;
/// A mean of N(0, 1) numbers exceeds this many of its standard errors once in twenty.
const ONE_IN_TWENTY: f64 = 1.645;

/// The full chain's draws, twice over and independently: what is the same by chance is known from the two.
#[derive(Clone, Debug)]
pub struct Reference {
    latent: usize,
    directions: Vec<f32>,
    /// Of the kernel, state by state.
    bandwidths: Vec<f64>,
    first: Vec<Drawn>,
    floor: Gaps,
}

/// How far a sampler is from the full chain. Each floor is what the chain's second draw gives against its first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closeness {
    /// Unbiased MMD² of the latents, mean over states. 0 is no difference, about 2 no overlap at all.
    pub mmd2: f64,
    /// What the mean of equal distributions exceeds once in twenty: a sampler below cannot be told from the chain.
    pub mmd2_floor: f64,
    /// Sliced Wasserstein-1 distance of the latents, mean over states, in the diffusion model's unit of latents.
    pub sliced_w1: f64,
    /// The same of two draws of the chain.
    pub sliced_w1_floor: f64,
    /// Deviation of the latents in a state over the chain's, `[latent]`; below 1 is too narrow.
    pub deviation_ratio: Vec<f64>,
    /// Root mean square difference of the actions decoded from the best latents.
    pub action_rms: f64,
    /// The same of two draws of the chain.
    pub action_rms_floor: f64,
    /// Largest Q of a decision minus the chain's: mean over states, and its interval.
    pub max_q_difference: Estimate,
}

/// The largest Q of a decision's candidates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxQ {
    /// Mean over states and decisions.
    pub mean: f64,
    /// Deviation between the decisions of one state.
    pub sd: f64,
    /// Deviation between the means of states.
    pub sd_states: f64,
}

/// Distances of two sets of draws, state by state.
#[derive(Clone, Debug)]
struct Gaps {
    mmd2: Vec<f64>,
    sliced_w1: Vec<f64>,
    /// Mean square difference of actions.
    action: Vec<f64>,
}

impl Reference {
    /// Two sets of draws in the same states, with latents of `latent` numbers.
    pub fn new(key: Key, latent: usize, first: Vec<Drawn>, second: &[Drawn]) -> Self {
        let directions = directions(key, DIRECTIONS, latent);
        let bandwidths = first.iter().map(|drawn| median_distance(&drawn.latents, latent)).collect();
        let none = Gaps { mmd2: Vec::new(), sliced_w1: Vec::new(), action: Vec::new() };
        let mut reference = Self { latent, directions, bandwidths, first, floor: none };
        reference.floor = reference.gaps(second);
        reference
    }

    /// The chain's largest Q.
    pub fn max_q(&self) -> MaxQ {
        MaxQ::of(&self.first)
    }

    /// How far a sampler's draws in the same states are from the chain's, as many as the chain's.
    pub fn closeness(&self, drawn: &[Drawn]) -> Closeness {
        let gaps = self.gaps(drawn);
        let [own, chain] = [drawn, &self.first].map(|drawn| self.variances(drawn));
        let differences: Vec<f64> = drawn
            .iter()
            .zip(&self.first)
            .map(|(own, chain)| mean(&own.best_q) - mean(&chain.best_q))
            .collect();
        let states = self.first.len().max(1) as f64;
        Closeness {
            mmd2: average(&gaps.mmd2),
            mmd2_floor: ONE_IN_TWENTY * (average(&squares(&self.floor.mmd2)) / states).sqrt(),
            sliced_w1: average(&gaps.sliced_w1),
            sliced_w1_floor: average(&self.floor.sliced_w1),
            deviation_ratio: own
                .iter()
                .zip(&chain)
                .map(|(own, chain)| (own / chain.max(f64::MIN_POSITIVE)).sqrt())
                .collect(),
            action_rms: average(&gaps.action).sqrt(),
            action_rms_floor: average(&self.floor.action).sqrt(),
            max_q_difference: Estimate::of(&differences),
        }
    }

    fn gaps(&self, drawn: &[Drawn]) -> Gaps {
        let pairs = || self.first.iter().zip(drawn);
        Gaps {
            mmd2: pairs()
                .zip(&self.bandwidths)
                .map(|((chain, own), &h)| mmd2(&chain.latents, &own.latents, self.latent, h))
                .collect(),
            sliced_w1: pairs()
                .map(|(chain, own)| {
                    sliced_wasserstein(&chain.latents, &own.latents, self.latent, &self.directions)
                })
                .collect(),
            action: pairs()
                .map(|(chain, own)| {
                    let differences = chain.actions.iter().zip(&own.actions).map(|(a, b)| f64::from(a - b));
                    average(&squares(&differences.collect::<Vec<_>>()))
                })
                .collect(),
        }
    }

    /// Variance within a state of each number of the latents, mean over states, `[latent]`.
    fn variances(&self, drawn: &[Drawn]) -> Vec<f64> {
        let states: Vec<Vec<f64>> =
            drawn.iter().map(|drawn| variances(&drawn.latents, self.latent)).collect();
        (0..self.latent).map(|i| average(&states.iter().map(|state| state[i]).collect::<Vec<_>>())).collect()
    }
}

impl MaxQ {
    /// The largest Q over states and their decisions.
    pub fn of(drawn: &[Drawn]) -> Self {
        let means: Vec<f64> = drawn.iter().map(|drawn| mean(&drawn.best_q)).collect();
        let within: Vec<f64> = drawn.iter().flat_map(|drawn| variances(&drawn.best_q, 1)).collect();
        let mean = average(&means);
        let between = means.iter().map(|of_state| (of_state - mean).powi(2)).sum::<f64>();
        Self {
            mean,
            sd: average(&within).sqrt(),
            sd_states: (between / means.len().saturating_sub(1).max(1) as f64).sqrt(),
        }
    }
}

/// Non-inferiority: the 95 % interval of a difference in score, sampler minus full chain, lies above `-margin` points.
/// Nothing is accepted on fewer than two episodes, which have no interval.
pub fn accepted(difference: &Estimate, episodes: usize, margin: f64) -> bool {
    episodes >= 2 && difference.mean - difference.ci95 > -margin
}

fn mean(values: &[f32]) -> f64 {
    average(&values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn squares(values: &[f64]) -> Vec<f64> {
    values.iter().map(|x| x * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENT: usize = 3;
    const DECISIONS: usize = 64;

    /// Draws in a few states of latents N(shift, deviation²); Q is the number of the state plus a little noise.
    fn drawn(key: u64, shift: f32, deviation: f32) -> Vec<Drawn> {
        let key = Key::new(key);
        (0..12)
            .map(|state| {
                let key = key.fold(state);
                let latents = key.named("latents").normals(200 * LATENT);
                let q = key.named("q").normals(DECISIONS);
                Drawn {
                    latents: latents.iter().map(|x| shift + deviation * x).collect(),
                    best_q: q.iter().map(|x| state as f32 + 0.1 * x + shift).collect(),
                    actions: key
                        .named("actions")
                        .normals(DECISIONS * 2)
                        .iter()
                        .map(|x| 0.2 * x + shift)
                        .collect(),
                }
            })
            .collect()
    }

    #[test]
    fn a_third_draw_lies_at_the_floor_and_a_wrong_one_above() {
        let reference = Reference::new(Key::new(9), LATENT, drawn(1, 0.0, 1.0), &drawn(2, 0.0, 1.0));
        let same = reference.closeness(&drawn(3, 0.0, 1.0));
        assert!(same.mmd2.abs() < 2.0 * same.mmd2_floor, "{same:?}");
        assert!((same.sliced_w1 / same.sliced_w1_floor - 1.0).abs() < 0.2, "{same:?}");
        // Differences of N(0, 0.2²) have the deviation 0.2·√2.
        for rms in [same.action_rms, same.action_rms_floor] {
            assert!((rms - 0.2 * 2_f64.sqrt()).abs() < 0.02, "{same:?}");
        }
        assert!(same.deviation_ratio.iter().all(|ratio| (ratio - 1.0).abs() < 0.1), "{same:?}");
        assert!(same.max_q_difference.mean.abs() < 2.0 * same.max_q_difference.ci95, "{same:?}");

        let narrow = reference.closeness(&drawn(3, 0.0, 0.5));
        assert!(narrow.mmd2 > 5.0 * narrow.mmd2_floor, "{narrow:?}");
        assert!(narrow.sliced_w1 > 2.0 * narrow.sliced_w1_floor, "{narrow:?}");
        assert!(narrow.deviation_ratio.iter().all(|ratio| (ratio - 0.5).abs() < 0.05), "{narrow:?}");

        let moved = reference.closeness(&drawn(3, 1.0, 1.0));
        assert!((moved.max_q_difference.mean - 1.0).abs() < 0.1, "{moved:?}");
        assert!((moved.action_rms - (1.0 + 0.08_f64).sqrt()).abs() < 0.1, "{moved:?}");
        assert_eq!(moved.mmd2_floor, same.mmd2_floor);
    }

    /// Twelve states with the values 0 to 11, whose deviation is √13.
    #[test]
    fn the_spread_of_max_q_is_told_within_and_between_states() {
        let max_q = MaxQ::of(&drawn(4, 0.0, 1.0));
        assert!((max_q.mean - 5.5).abs() < 0.1, "{max_q:?}");
        assert!((max_q.sd - 0.1).abs() < 0.01, "{max_q:?}");
        assert!((max_q.sd_states - 13_f64.sqrt()).abs() < 0.1, "{max_q:?}");
    }

    #[test]
    fn a_sampler_is_accepted_when_its_whole_interval_is_above_the_margin() {
        let difference = |mean, ci95| Estimate { mean, ci95 };
        for (mean, ci95, margin, expected) in [
            (0.0, 1.9, 2.0, true),
            (0.0, 2.1, 2.0, false),
            (-1.0, 0.9, 2.0, true),
            (-2.0, 0.0, 2.0, false),
            (5.0, 8.0, 2.0, false),
            (5.0, 4.0, 0.0, true),
            (f64::NAN, 0.0, 2.0, false),
        ] {
            assert_eq!(accepted(&difference(mean, ci95), 500, margin), expected, "{mean} ± {ci95}");
        }
        assert!(!accepted(&difference(0.0, 0.0), 1, 2.0), "one episode proves nothing");
    }
}
