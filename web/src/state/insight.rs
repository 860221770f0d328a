//! Knowledge of the decision on display beyond its trace: the ways its candidates would take, the values of
//! their ends, and how they came out of noise. The worker is asked when the cursor rests on a decision.

use std::rc::Rc;

use super::{Cause, Command, Part, State};
use crate::messages::{Candidates, Denoising, ToWorker, Trail};
use crate::timeline::Glimpse;

/// Actions on the decision on display.
#[derive(Clone, Copy, Debug)]
pub enum InsightAction {
    /// Look at a candidate.
    Look(Option<usize>),
    /// Scrub the denoising: so many sampler steps done.
    Denoise(Option<usize>),
}

/// Which decision: the number of the trace on display, and its own.
type Subject = (u32, usize);

/// Knowledge of one decision.
#[derive(Clone, Debug, Default)]
pub struct Insight {
    /// The ways its candidates would take, `[candidates][points]`.
    ways: Option<Rc<Vec<Vec<[f64; 2]>>>>,
    /// V of each candidate's predicted end.
    values: Option<Rc<Vec<f32>>>,
    /// Its candidates on their way from noise.
    trail: Option<Rc<Trail>>,
    /// The sampler step that is looked at, of those.
    step: Option<usize>,
    /// The candidate that is looked at.
    looked: Option<usize>,
    subject: Option<Subject>,
    /// The question that the worker has not answered yet.
    asked: Option<(u32, Subject)>,
    /// It could not answer: it is not asked again.
    missed: bool,
}

impl Insight {
    /// The ways the candidates would take, `[candidates][points]`.
    pub fn ways(&self) -> Option<&Rc<Vec<Vec<[f64; 2]>>>> {
        self.ways.as_ref()
    }

    /// V of each candidate's predicted end.
    pub fn values(&self) -> Option<&Rc<Vec<f32>>> {
        self.values.as_ref()
    }

    /// The candidates on their way from noise.
    pub fn trail(&self) -> Option<&Rc<Trail>> {
        self.trail.as_ref()
    }

    /// The sampler step that is looked at.
    pub fn step(&self) -> Option<usize> {
        self.step
    }

    /// The candidate that is looked at.
    pub fn looked(&self) -> Option<usize> {
        self.looked
    }

    pub(super) fn look(&mut self, candidate: Option<usize>) {
        self.looked = candidate;
    }

    pub(super) fn scrub(&mut self, step: Option<usize>) {
        let most = self.trail.as_ref().map_or(usize::MAX, |trail| trail.latents.len().saturating_sub(1));
        self.step = step.map(|step| step.min(most));
    }

    /// Turns to another decision, of which nothing is known yet.
    fn turn_to(&mut self, subject: Option<Subject>) {
        if self.subject != subject {
            // Scrubbing the denoising goes on at the next decision. One question at a time, also when the cursor moves
            // on before it is answered.
            let (step, asked) = (self.step, self.asked);
            *self = Self { step, subject, asked, ..Self::default() };
        }
    }

    /// Takes note of an answer; returns true if it is about the decision on display.
    fn answered(&mut self, ticket: u32) -> bool {
        let asked = self.asked.take_if(|(asked, _)| *asked == ticket);
        asked.is_some_and(|(_, subject)| Some(subject) == self.subject)
    }

    /// Gives up waiting for what the worker could not answer.
    pub(super) fn missed(&mut self) {
        self.missed |= self.asked.take().is_some();
    }

    pub(super) fn imagined(&mut self, ticket: u32, ways: Vec<Vec<[f32; 2]>>, values: Vec<f32>) {
        if self.answered(ticket) {
            let wide = |way: Vec<[f32; 2]>| way.into_iter().map(|point| point.map(f64::from)).collect();
            self.ways = Some(Rc::new(ways.into_iter().map(wide).collect()));
            self.values = Some(Rc::new(values));
        }
    }

    pub(super) fn denoised(&mut self, ticket: u32, trail: Trail) {
        if self.answered(ticket) {
            self.step = self.step.map(|step| step.min(trail.latents.len().saturating_sub(1)));
            self.trail = Some(Rc::new(trail));
        }
    }
}

impl Part for Insight {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            // What a new worker was not asked, it does not answer.
            Cause::Weights | Cause::Device | Cause::Failure => {
                *self = Self { step: self.step, looked: self.looked, ..Self::default() };
            }
            // It is about the trace on display, and ends when another one takes its place.
            Cause::Task | Cause::Critic | Cause::World | Cause::Run | Cause::Link => {}
        }
    }
}

impl State {
    pub(super) fn fold_insight(&mut self, action: InsightAction) {
        match action {
            InsightAction::Look(candidate) => self.insight.look(candidate),
            InsightAction::Denoise(step) => {
                if step.is_some() {
                    self.cursor.pause();
                }
                self.insight.scrub(step);
            }
        }
    }

    /// The decision on display, if there are candidates to look into.
    fn subject(&self) -> Option<Glimpse<'_>> {
        self.glimpse().filter(|glimpse| glimpse.latents().is_some_and(|latents| !latents.is_empty()))
    }

    /// Asks for what is not known of the decision on display: one question at a time.
    pub(super) fn look_into(&mut self) -> Option<ToWorker> {
        self.ready()?;
        let number = self.run.shown().map(|shown| shown.number);
        let subject = number.zip(self.subject().map(|glimpse| glimpse.index));
        self.insight.turn_to(subject);
        let insight = &self.insight;
        let denoise = insight.step.is_some() && insight.trail.is_none();
        if insight.missed || insight.asked.is_some() || insight.ways.is_some() && !denoise {
            return None;
        }
        let subject = subject.filter(|_| self.is_of_these_weights())?;
        let imagine = insight.ways.is_none();
        let ticket = self.deciding.ticket();
        self.insight.asked = Some((ticket, subject));
        let trace = self.trace()?;
        let glimpse = self.subject()?;
        let state = glimpse.state().to_vec();
        if imagine {
            let (latents, world) = (glimpse.latents()?.to_vec(), trace.run.scenario.world.clone());
            return Some(ToWorker::Imagine { ticket, candidates: Candidates { state, latents, world } });
        }
        let denoising = Denoising {
            state,
            seed: trace.run.seed,
            episode: trace.run.episode,
            decision: glimpse.index,
            settings: *trace.run.settings.plan()?,
        };
        Some(ToWorker::Denoise { ticket, denoising })
    }

    /// The candidate that the figure speaks of: the one looked at, else the chosen one.
    pub fn subject_candidate(&self) -> Option<usize> {
        let chosen = self.glimpse()?.ranking().map(|(_, chosen)| chosen);
        self.insight.looked.or(chosen)
    }

    /// Returns true if the worker can be asked about candidates.
    pub fn can_look(&self) -> bool {
        self.is_of_these_weights() && self.subject().is_some()
    }
}

/// The action that looks at the next better or worse candidate than the one looked at, by Q.
pub fn neighbour(q: &[f32], from: Option<usize>, better: bool) -> Option<InsightAction> {
    let mut order: Vec<usize> = (0..q.len()).collect();
    order.sort_by(|&a, &b| q[b].total_cmp(&q[a]));
    let place = from.and_then(|from| order.iter().position(|&index| index == from));
    let next = match (place, better) {
        (None, _) => 0,
        (Some(place), true) => place.saturating_sub(1),
        (Some(place), false) => (place + 1).min(order.len().saturating_sub(1)),
    };
    order.get(next).map(|&index| InsightAction::Look(Some(index)))
}
