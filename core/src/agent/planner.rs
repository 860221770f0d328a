//! Algorithm 2 as an explicit state machine over a batch of states.
//!
//! Each lane stands at a [`Phase`]. One call of [`Policy::advance`] runs the earliest phase at which any lane stands,
//! for all lanes that stand there, so stepping through one decision part by part and deciding for hundreds of
//! episodes at once are the same mechanism. Noise is drawn per lane, so a lane's decisions do not depend on the others.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::model::{Agent, AgentError, read};
use super::policy::{Advance, LaneAction, LaneEvent, Observed, Policy};
use super::scenario::{self, Intervention};
use super::trace::{Event, Outcome, Phase};
use crate::diffusion::{LatentSampler, SamplerNoise};
use crate::rng::Key;
use crate::settings::PlanSettings;

/// Latents that go through the denoiser together: more would fall out of a core's cache.
const CHUNK: usize = 2048;

/// One state being planned for.
#[derive(Clone, Debug)]
struct Lane {
    key: Key,
    phase: Phase,
    /// The current state, normalised, `[state]`.
    state: Vec<f32>,
    /// Environment steps taken.
    t: usize,
    /// Plans sampled.
    decisions: usize,
    /// Plans dropped by revaluation.
    revaluations: usize,
    /// Plans dropped in a row before their first step.
    retries: usize,
    /// Steps taken with this plan, h.
    followed: usize,
    /// The chosen latent, `[latent]`.
    latent: Vec<f32>,
    /// Value of its predicted end.
    v_end: f32,
    /// An action was given, and its result is not known yet.
    waiting: bool,
}

impl Lane {
    /// A lane about to decide in a normalised state.
    fn new(key: Key, state: Vec<f32>) -> Self {
        Self {
            key,
            phase: Phase::Sample,
            state,
            t: 0,
            decisions: 0,
            revaluations: 0,
            retries: 0,
            followed: 0,
            latent: Vec::new(),
            v_end: 0.0,
            waiting: false,
        }
    }

    /// Index of the decision under way, once it is sampled for.
    fn decision(&self) -> usize {
        self.decisions - 1
    }
}

/// Lanes that are being sampled for together.
#[derive(Debug, Default)]
struct Sampling {
    lanes: Vec<usize>,
    /// Lanes that have all their candidates.
    complete: usize,
    /// Candidates that the next lane has.
    begun: usize,
    /// `[lanes, candidates, latent]` of complete lanes.
    whole: Vec<Tensor<3>>,
    /// `[1, candidates, latent]` of the next lane.
    parts: Vec<Tensor<3>>,
}

/// Lanes that were sampled for together, and their candidates.
#[derive(Debug)]
struct Sampled {
    lanes: Vec<usize>,
    /// `[lanes, candidates, latent]`.
    latents: Tensor<3>,
    /// Q of those ranked so far, `[lanes, candidates]`.
    q: Vec<f32>,
}

/// The planner: an agent, its settings, and the lanes it plans for.
#[derive(Debug)]
pub struct Planner {
    agent: Arc<Agent>,
    settings: PlanSettings,
    sampler: LatentSampler,
    record: bool,
    interventions: Vec<Intervention>,
    lanes: Vec<Lane>,
    sampling: Option<Sampling>,
    sampled: Option<Sampled>,
}

impl Planner {
    /// A planner for raw states with a key each. With `record`, every part gives its numbers, at the cost of reading
    /// them back from the device.
    ///
    /// # Errors
    /// When a setting cannot be used with this agent.
    pub fn new<'a>(
        agent: Arc<Agent>,
        settings: PlanSettings,
        lanes: impl IntoIterator<Item = (Key, &'a [f64])>,
        record: bool,
    ) -> Result<Self, AgentError> {
        settings.check(agent.schedule().steps())?;
        let sampler = agent.sampler(settings.sampler);
        let lanes = lanes.into_iter().map(|(key, state)| Ok(Lane::new(key, agent.seen(state)?)));
        let lanes = lanes.collect::<Result<Vec<_>, AgentError>>()?;
        let interventions = Vec::new();
        Ok(Self { agent, settings, sampler, record, interventions, lanes, sampling: None, sampled: None })
    }

    /// The planner with decisions changed by hand, in every lane alike.
    ///
    /// # Errors
    /// When an intervention cannot happen with these settings.
    pub fn intervene(mut self, interventions: &[Intervention]) -> Result<Self, AgentError> {
        scenario::check(interventions, &self.settings)?;
        self.interventions = interventions.to_vec();
        Ok(self)
    }

    /// Normalised states of lanes, `[lanes, state]`.
    fn states(&self, lanes: &[usize]) -> Tensor<2> {
        self.agent.states(lanes.iter().flat_map(|&i| &self.lanes[i].state).copied().collect())
    }

    async fn sample(&mut self, lanes: Vec<usize>, work: usize) -> Result<Vec<LaneEvent>, AgentError> {
        let (n, latent) = (self.settings.candidates, self.agent.latent());
        let mut sampling = self.sampling.take().unwrap_or_else(|| Sampling { lanes, ..Sampling::default() });
        let mut left = (work / self.sampler.updates().max(1)).max(1);
        while left > 0 && sampling.complete < sampling.lanes.len() {
            left -= self.sample_some(&mut sampling, left);
        }
        if sampling.complete < sampling.lanes.len() {
            self.sampling = Some(sampling);
            return Ok(Vec::new());
        }
        let Sampling { lanes, whole, .. } = sampling;
        let latents = joined(whole, 0);
        let mut events = Vec::new();
        if self.record {
            let values = read("a latent", latents.clone()).await?;
            for (&lane, values) in lanes.iter().zip(values.chunks_exact(n * latent)) {
                let latents = values.chunks_exact(latent).map(<[f32]>::to_vec).collect();
                events.push((lane, Event::Sampled { latents }));
            }
        }
        for &i in &lanes {
            let lane = &mut self.lanes[i];
            lane.decisions += 1;
            lane.followed = 0;
            lane.phase = Phase::Rank;
        }
        self.sampled = Some(Sampled { lanes, latents, q: Vec::new() });
        Ok(events)
    }

    /// Samples candidates for whole lanes, or some for the next one where fewer than a lane's are left. Gives how many.
    fn sample_some(&self, sampling: &mut Sampling, left: usize) -> usize {
        let (n, latent) = (self.settings.candidates, self.agent.latent());
        let lanes = &sampling.lanes[sampling.complete..];
        let keys = |lanes: &[usize]| -> Vec<Key> {
            lanes.iter().map(|&i| noise_key(self.lanes[i].key, self.lanes[i].decisions)).collect()
        };
        if sampling.begun == 0 && left >= n {
            let count = (left / n).min((CHUNK / n).max(1)).min(lanes.len());
            let (states, keys) = (self.states(&lanes[..count]), keys(&lanes[..count]));
            sampling.whole.push(self.sampler.sample(states, n, SamplerNoise::Drawn(&keys)));
            sampling.complete += count;
            return count * n;
        }
        let count = left.min(n - sampling.begun);
        let (states, keys) = (self.states(&lanes[..1]), keys(&lanes[..1]));
        let noise = SamplerNoise::DrawnAfter(&keys, sampling.begun * latent);
        sampling.parts.push(self.sampler.sample(states, count, noise));
        sampling.begun += count;
        if sampling.begun == n {
            sampling.whole.push(joined(std::mem::take(&mut sampling.parts), 1));
            sampling.begun = 0;
            sampling.complete += 1;
        }
        count
    }

    /// Q of the candidates, as far as `work` allows; complete once there is one of each.
    async fn value_some(&mut self, work: usize) -> Result<(), AgentError> {
        let Some(Sampled { lanes, latents, q }) = &self.sampled else { return Ok(()) };
        let [count, n, width] = latents.dims();
        let fresh = if q.is_empty() && work >= count * n {
            read("Q", self.agent.q(self.states(lanes), latents.clone())).await?
        } else {
            let (lane, from) = (q.len() / n, q.len() % n);
            let to = n.min(from + work.max(1));
            let some = latents.clone().slice([lane..lane + 1, from..to, 0..width]);
            read("Q", self.agent.q(self.states(&lanes[lane..=lane]), some)).await?
        };
        if let Some(Sampled { q, .. }) = &mut self.sampled {
            q.extend(fresh);
        }
        Ok(())
    }

    async fn rank(&mut self, work: usize) -> Result<Vec<LaneEvent>, AgentError> {
        self.value_some(work).await?;
        let Some(Sampled { lanes, latents, q }) = &self.sampled else { return Ok(Vec::new()) };
        let [count, n, width] = latents.dims();
        if q.len() < count * n {
            return Ok(Vec::new());
        }
        let followed: Vec<usize> = lanes
            .iter()
            .zip(q.chunks_exact(n))
            .map(|(&i, q)| {
                let taken = scenario::taken(&self.interventions, self.lanes[i].decision());
                taken.unwrap_or_else(|| argmax(q))
            })
            .collect();
        let rows: Vec<i32> = followed.iter().enumerate().map(|(i, chosen)| (i * n + chosen) as i32).collect();
        let rows = Tensor::from_data(burn::tensor::TensorData::new(rows, [count]), &latents.device());
        let chosen: Tensor<2> = latents.clone().reshape([count * n, width]).select(0, rows);
        let chosen = read("a latent", chosen).await?;

        let (lanes, q) = (lanes.clone(), q.clone());
        let mut events = Vec::new();
        for (row, &i) in lanes.iter().enumerate() {
            self.lanes[i].latent = chosen[row * width..(row + 1) * width].to_vec();
            self.lanes[i].phase = Phase::Predict;
            if self.record {
                let q = q[row * n..(row + 1) * n].to_vec();
                events.push((i, Event::Ranked { q, chosen: followed[row] }));
            }
        }
        Ok(events)
    }

    async fn predict(&mut self) -> Result<Vec<LaneEvent>, AgentError> {
        let Some(Sampled { lanes, latents, .. }) = self.sampled.take() else { return Ok(Vec::new()) };
        let [count, n, width] = latents.dims();
        let states = self.states(&lanes);
        let dim = states.dims()[1];
        let chosen = lanes.iter().flat_map(|&i| &self.lanes[i].latent).copied().collect();
        let end = self.agent.end(states.clone(), self.agent.latents(chosen));
        let v_end = read("V", self.agent.v(end)).await?;

        let mut ends = Vec::new();
        if self.record {
            let repeated = states.unsqueeze_dim::<3>(1).expand([count, n, dim]).reshape([count * n, dim]);
            let all = self.agent.end(repeated, latents.reshape([count * n, width]));
            ends = read("a predicted state", all).await?;
            self.agent.denormalise(&mut ends);
        }
        let mut events = Vec::new();
        for (row, &i) in lanes.iter().enumerate() {
            self.lanes[i].v_end = v_end[row];
            self.lanes[i].phase = Phase::Compare;
            if self.record {
                let ends = ends[row * n * dim..(row + 1) * n * dim].chunks_exact(dim).map(<[f32]>::to_vec);
                events.push((i, Event::Predicted { ends: ends.collect(), v_end: v_end[row] }));
            }
        }
        Ok(events)
    }

    async fn compare(&mut self, lanes: Vec<usize>) -> Result<Vec<LaneEvent>, AgentError> {
        if !self.settings.revalue && !self.record && self.interventions.is_empty() {
            for i in lanes {
                self.lanes[i].phase = Phase::Follow;
            }
            return Ok(Vec::new());
        }
        let v_now = read("V", self.agent.v(self.states(&lanes))).await?;
        let PlanSettings { revalue, margin, retry_cap, .. } = self.settings;
        let mut events = Vec::new();
        for (i, v_now) in lanes.into_iter().zip(v_now) {
            let lane = &mut self.lanes[i];
            // Strictly larger: equality goes on (Fig. 5b). Before its first step a plan is dropped at most
            // `retry_cap` times in a row, or a state of the highest value would be planned for without end.
            let may_drop = lane.followed > 0 || lane.retries < retry_cap;
            let by_value = revalue && may_drop && v_now > lane.v_end + margin;
            let by_hand = scenario::dropped(&self.interventions, lane.decision(), lane.followed);
            let dropped = by_hand.unwrap_or(by_value);
            if dropped {
                lane.revaluations += 1;
                lane.retries += usize::from(lane.followed == 0);
            }
            lane.phase = if dropped { Phase::Sample } else { Phase::Follow };
            if self.record {
                events.push((i, Event::Compared { v_now, dropped }));
            }
        }
        Ok(events)
    }

    async fn follow(&mut self, lanes: Vec<usize>) -> Result<Vec<LaneAction>, AgentError> {
        let width = self.agent.task().action_dim();
        let latents = lanes.iter().flat_map(|&i| &self.lanes[i].latent).copied().collect();
        let noise = (!self.settings.mean_action).then(|| {
            let draw = |&i: &usize| {
                let lane = &self.lanes[i];
                lane.key.named("action").fold(lane.t as u64).normals(width)
            };
            lanes.iter().flat_map(draw).collect()
        });
        let actions = self.agent.act(self.states(&lanes), self.agent.latents(latents), noise);
        let mut actions = read("an action", actions).await?;
        // As the motors do: what is recorded is what acts.
        for a in &mut actions {
            *a = a.clamp(-1.0, 1.0);
        }
        for &i in &lanes {
            self.lanes[i].waiting = true;
        }
        Ok(lanes.into_iter().zip(actions.chunks_exact(width).map(<[f32]>::to_vec)).collect())
    }
}

impl Policy for Planner {
    fn begin(&mut self, lane: usize, key: Key, state: &[f64]) -> Result<(), AgentError> {
        let begun = Lane::new(key, self.agent.seen(state)?);
        let idle = || Lane { phase: Phase::Done, ..Lane::new(key, Vec::new()) };
        if self.lanes.len() <= lane {
            self.lanes.resize_with(lane + 1, idle);
        }
        self.lanes[lane] = begun;
        Ok(())
    }

    /// Parts that are begun for several lanes are begun again.
    fn abandon(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.phase = Phase::Done;
        }
        let parts = [self.sampling.take().map(|part| part.lanes), self.sampled.take().map(|part| part.lanes)];
        for other in parts.into_iter().flatten().flatten() {
            let other = &mut self.lanes[other];
            if matches!(other.phase, Phase::Rank | Phase::Predict) {
                other.decisions -= 1;
                other.phase = Phase::Sample;
            }
        }
    }

    async fn advance_some(&mut self, work: usize) -> Result<Advance, AgentError> {
        let ready = |lane: &&Lane| !lane.waiting;
        let phase = self.lanes.iter().filter(ready).map(|lane| lane.phase).min().unwrap_or(Phase::Done);
        let stands = |&i: &usize| !self.lanes[i].waiting && self.lanes[i].phase == phase;
        let lanes: Vec<usize> = (0..self.lanes.len()).filter(stands).collect();
        match phase {
            Phase::Sample => self.sample(lanes, work).await.map(Advance::Decided),
            Phase::Rank => self.rank(work).await.map(Advance::Decided),
            Phase::Predict => self.predict().await.map(Advance::Decided),
            Phase::Compare => self.compare(lanes).await.map(Advance::Decided),
            Phase::Follow => self.follow(lanes).await.map(Advance::Act),
            Phase::Done => Ok(Advance::Done),
        }
    }

    fn observe(&mut self, lane: usize, observed: Observed<'_>) -> Option<Outcome> {
        let lane = &mut self.lanes[lane];
        lane.state = observed.state.iter().map(|&x| x as f32).collect();
        self.agent.normalise(&mut lane.state);
        lane.waiting = false;
        lane.t += 1;
        lane.followed += 1;
        lane.retries = 0;
        let completed = lane.followed >= self.settings.exec_horizon;
        let outcome = observed.ended.or_else(|| completed.then_some(Outcome::Completed));
        lane.phase = match outcome {
            None => Phase::Compare,
            Some(Outcome::Completed | Outcome::Revalued { .. }) => Phase::Sample,
            Some(Outcome::Goal | Outcome::TimeLimit) => Phase::Done,
        };
        outcome
    }

    fn phase(&self, lane: usize) -> Phase {
        self.lanes[lane].phase
    }

    fn is_midway(&self) -> bool {
        self.sampling.is_some()
            || self.sampled.as_ref().is_some_and(|sampled| {
                !sampled.q.is_empty() && sampled.q.len() < sampled.lanes.len() * self.settings.candidates
            })
    }

    fn decisions(&self, lane: usize) -> usize {
        self.lanes[lane].decisions
    }

    fn revaluations(&self, lane: usize) -> usize {
        self.lanes[lane].revaluations
    }

    fn phases(&self) -> &'static [Phase] {
        &[Phase::Sample, Phase::Rank, Phase::Predict, Phase::Compare, Phase::Follow]
    }
}

/// Tensors one after the other along a dimension.
fn joined(mut tensors: Vec<Tensor<3>>, dim: usize) -> Tensor<3> {
    if tensors.len() == 1 { tensors.remove(0) } else { Tensor::cat(tensors, dim) }
}

/// Key of the noise from which a lane's candidates for a decision (from 0) are sampled.
pub(super) fn noise_key(lane: Key, decision: usize) -> Key {
    lane.named("latents").fold(decision as u64)
}

/// Index of the largest number, the first one if there are several.
pub(crate) fn argmax(values: &[f32]) -> usize {
    values
        .iter()
        .enumerate()
        .fold((0, f32::NEG_INFINITY), |best, (i, &x)| if x > best.1 { (i, x) } else { best })
        .0
}
