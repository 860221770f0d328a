//! What can be known of the decision on display beyond its trace: the ways its candidates would take, the values of
//! their ends, and how they came out of noise. The worker is asked when the cursor rests on a decision.

use std::rc::Rc;

use super::{Action, State, ToWorker};
use crate::messages::{Candidates, Denoising, Trail};
use crate::timeline::Glimpse;

/// Which decision: the run it belongs to, and its number.
type Subject = (u32, usize);

/// What is known of one decision.
#[derive(Clone, Debug, Default)]
pub struct Insight {
    /// The ways its candidates would take, `[candidates][points]`.
    pub ways: Option<Rc<Vec<Vec<[f64; 2]>>>>,
    /// V of each candidate's predicted end.
    pub values: Option<Rc<Vec<f32>>>,
    /// Its candidates on their way from noise.
    pub trail: Option<Rc<Trail>>,
    /// The sampler step that is looked at, of those.
    pub step: Option<usize>,
    subject: Option<Subject>,
    /// What the worker was asked, and has not answered yet.
    asked: Option<(u32, Subject)>,
    /// It could not answer: it is not asked again.
    missed: bool,
}

impl Insight {
    /// Takes note of an answer; whether it is about the decision on display.
    fn answered(&mut self, ticket: u32) -> bool {
        let asked = self.asked.take_if(|(asked, _)| *asked == ticket);
        asked.is_some_and(|(_, subject)| Some(subject) == self.subject)
    }

    /// Gives up waiting for what the worker could not answer.
    pub(super) fn missed(&mut self) {
        self.missed |= self.asked.take().is_some();
    }
}

impl State {
    /// The decision on display, if there are candidates to look into.
    fn subject(&self) -> Option<Glimpse<'_>> {
        self.glimpse().filter(|glimpse| glimpse.latents().is_some_and(|latents| !latents.is_empty()))
    }

    /// Asks for what is not known of the decision on display: one question at a time.
    pub(super) fn look_into(&mut self) -> Option<ToWorker> {
        self.ready()?;
        let subject = self.subject().map(|glimpse| (self.generations, glimpse.index));
        if self.insight.subject != subject {
            // One question at a time, also when the cursor moves on before it is answered.
            let asked = self.insight.asked;
            self.forget_insight();
            self.insight.subject = subject;
            self.insight.asked = asked;
            self.looked = None;
        }
        let insight = &self.insight;
        let denoise = insight.step.is_some() && insight.trail.is_none();
        if insight.missed || insight.asked.is_some() || insight.ways.is_some() && !denoise {
            return None;
        }
        let subject = subject?;
        let trace = self.trace()?;
        let glimpse = self.subject()?;
        let state = glimpse.state().to_vec();
        if insight.ways.is_none() {
            let (latents, world) = (glimpse.latents()?.to_vec(), trace.scenario.world.clone());
            let ticket = self.ticket();
            self.insight.asked = Some((ticket, subject));
            return Some(ToWorker::Imagine { ticket, candidates: Candidates { state, latents, world } });
        }
        let denoising = Denoising {
            state,
            seed: trace.seed,
            episode: trace.episode,
            decision: glimpse.index,
            settings: trace.settings,
        };
        let ticket = self.ticket();
        self.insight.asked = Some((ticket, subject));
        Some(ToWorker::Denoise { ticket, denoising })
    }

    pub(super) fn imagined(&mut self, ticket: u32, ways: Vec<Vec<[f32; 2]>>, values: Vec<f32>) {
        if self.insight.answered(ticket) {
            let wide = |way: Vec<[f32; 2]>| way.into_iter().map(|point| point.map(f64::from)).collect();
            self.insight.ways = Some(Rc::new(ways.into_iter().map(wide).collect()));
            self.insight.values = Some(Rc::new(values));
        }
    }

    pub(super) fn denoised(&mut self, ticket: u32, trail: Trail) {
        if self.insight.answered(ticket) {
            self.insight.step = self.insight.step.map(|step| step.min(trail.latents.len().saturating_sub(1)));
            self.insight.trail = Some(Rc::new(trail));
        }
    }

    pub(super) fn scrub_denoising(&mut self, step: Option<usize>) {
        if step.is_some() {
            self.pause();
        }
        let most =
            self.insight.trail.as_ref().map_or(usize::MAX, |trail| trail.latents.len().saturating_sub(1));
        self.insight.step = step.map(|step| step.min(most));
    }

    pub(super) fn forget_insight(&mut self) {
        // Whoever scrubs the denoising goes on doing so at the next decision.
        self.insight = Insight { step: self.insight.step, ..Insight::default() };
    }

    /// The candidate that the figure speaks of: the one looked at, else the chosen one.
    pub fn subject_candidate(&self) -> Option<usize> {
        let chosen = self.glimpse()?.ranking().map(|(_, chosen)| chosen);
        self.looked.or(chosen)
    }

    /// Whether anything can be asked of the worker about candidates.
    pub fn can_look(&self) -> bool {
        self.ready().is_some() && self.subject().is_some()
    }
}

/// The action that looks at the next better or worse candidate than the one looked at, by Q.
pub fn neighbour(q: &[f32], from: Option<usize>, better: bool) -> Option<Action> {
    let mut order: Vec<usize> = (0..q.len()).collect();
    order.sort_by(|&a, &b| q[b].total_cmp(&q[a]));
    let place = from.and_then(|from| order.iter().position(|&index| index == from));
    let next = match (place, better) {
        (None, _) => 0,
        (Some(place), true) => place.saturating_sub(1),
        (Some(place), false) => (place + 1).min(order.len().saturating_sub(1)),
    };
    order.get(next).map(|&index| Action::Look(Some(index)))
}
