//! Recorded trajectories, drawn, gathered and noised.

use burn::tensor::{Device, Tensor};

use crate::data::Windows;
use crate::diffusion::CosineSchedule;
use crate::method::Classroom;
use crate::nn::tensor;
use crate::rng::{Key, Stream};

/// Rows of trajectories that begin at these rows of the data and take every `stride`-th of it, `[batch, rows, channels]` with
/// actions (where they are wanted) before states, as the networks see them.
pub(in crate::method) fn gather(
    room: &Classroom,
    starts: &[usize],
    [rows, stride]: [usize; 2],
    with_actions: bool,
) -> Vec<f32> {
    let data = room.steps.transitions();
    let taken = || starts.iter().flat_map(|&start| (0..rows).map(move |row| start + row * stride));
    let mut states: Vec<f32> = taken().flat_map(|row| data.state(row)).copied().collect();
    room.state_norm.apply(&mut states);
    if !with_actions {
        return states;
    }
    let mut actions: Vec<f32> = taken().flat_map(|row| data.action(row)).copied().collect();
    room.task.action.shrink(&mut actions);
    let both = actions.chunks_exact(data.action_dim).zip(states.chunks_exact(data.state_dim));
    both.flat_map(|(action, state)| action.iter().chain(state)).copied().collect()
}

/// First rows of `batch` windows drawn with equal probability.
pub(in crate::method) fn draw(windows: &Windows, batch: usize, stream: &mut Stream) -> Vec<usize> {
    (0..batch).map(|_| windows.start(stream.below(windows.len()))).collect()
}

/// A batch of trajectories with noise, each at a diffusion step of its own.
pub(in crate::method) struct Noised {
    /// The step of each trajectory, from 0, `[batch]`.
    pub steps: Tensor<1>,
    /// Noise, `[batch, rows, channels]`.
    pub noise: Tensor<3>,
    /// `√ᾱ x + √(1 - ᾱ) ε`, `[batch, rows, channels]`.
    pub x: Tensor<3>,
}

impl Noised {
    /// Noise in trajectories.
    pub(in crate::method) fn draw(
        key: Key,
        schedule: &CosineSchedule,
        clean: &[f32],
        [batch, rows, channels]: [usize; 3],
        device: &Device,
    ) -> Self {
        let mut stream = key.named("steps").stream();
        let steps: Vec<usize> = (0..batch).map(|_| stream.below(schedule.steps())).collect();
        let noise = key.named("noise").normals(batch * rows * channels);
        let mut noised = Vec::with_capacity(noise.len());
        let each = rows * channels;
        for ((clean, noise), &t) in clean.chunks_exact(each).zip(noise.chunks_exact(each)).zip(&steps) {
            let [kept, added] = schedule.shares(t).map(|share| share as f32);
            noised.extend(clean.iter().zip(noise).map(|(clean, noise)| kept * clean + added * noise));
        }
        let shape = [batch, rows, channels];
        let steps = tensor(steps.into_iter().map(|t| t as f32).collect(), [batch], device);
        Self { steps, noise: tensor(noise, shape, device), x: tensor(noised, shape, device) }
    }
}
