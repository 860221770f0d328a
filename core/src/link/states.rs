//! Rounded states of an episode, for simulators that are not exact everywhere.
//!
//! Each dimension lies on 4 096 levels between its smallest and largest number in the episode, and each level is coded as a
//! residual against the one before. Rewards are exact: they seldom change.

use super::coder::{Bit, Coder, Signed};
use super::packed::{NO_SENSE, flag};
use super::{LinkError, Recorded};

/// Highest level.
const TOP: f64 = 4095.0;

/// Goes through the states of `count` moments, `dim` numbers each, and what came of the steps between them.
pub(super) fn code(
    coder: &mut impl Coder,
    recorded: &mut Recorded,
    count: usize,
    dim: usize,
) -> Result<(), LinkError> {
    let Recorded { states, rewards, at_goal } = recorded;
    states.resize_with(count, Vec::new);
    for state in states.iter_mut() {
        state.resize(dim, 0.0);
    }
    for j in 0..dim {
        let column = || states.iter().map(|state| state[j]);
        let low = single(coder, column().fold(f64::INFINITY, f64::min))?;
        let high = single(coder, column().fold(f64::NEG_INFINITY, f64::max))?;
        if flag(coder, low == high) {
            for state in states.iter_mut() {
                state[j] = low;
            }
            continue;
        }
        let (mut model, mut last) = (Signed::default(), 0);
        for state in states.iter_mut() {
            let level = ((state[j] - low) / (high - low) * TOP).round().clamp(0.0, TOP) as i64;
            let change = coder.signed(&mut model, level - last);
            last = last.saturating_add(change).clamp(0, TOP as i64);
            state[j] = low + (high - low) * (last as f64 / TOP);
        }
    }
    let steps = count - 1;
    rewards.resize(steps, 0.0);
    at_goal.resize(steps, false);
    let (mut same, mut there) = (Bit::default(), Bit::default());
    let mut last = 0.0_f32;
    for (reward, at_goal) in rewards.iter_mut().zip(at_goal) {
        if !coder.bit(&mut same, reward.to_bits() == last.to_bits()) {
            last = f32::from_bits(coder.bits(32, reward.to_bits().into()) as u32);
        }
        if !last.is_finite() {
            return Err(NO_SENSE);
        }
        *reward = last;
        *at_goal = coder.bit(&mut there, *at_goal);
    }
    Ok(())
}

/// A number in single precision.
fn single(coder: &mut impl Coder, x: f64) -> Result<f64, LinkError> {
    let x = f32::from_bits(coder.bits(32, (x as f32).to_bits().into()) as u32);
    if x.is_finite() { Ok(x.into()) } else { Err(NO_SENSE) }
}
