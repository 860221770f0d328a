//! The user's choices: what the next run is made of, and decisions in the agent's place.

use diar_core::agent::{Intervention, InterventionKind};
use diar_core::benchmark::Benchmark;
use diar_core::settings::{InvalidSetting, PlanSettings, Sampler, SamplerSettings};

use super::{Cause, Command, Level, RunAction, State, Versus};
use crate::geometry::nearest_free;
use crate::messages::Plan;
use crate::timeline::Glimpse;

impl State {
    pub(super) fn fold_run(&mut self, action: RunAction, commands: &mut Vec<Command>) {
        // Only plans have settings on the page.
        let plan = self.run.plan().run.settings.plan().copied();
        match action {
            RunAction::Recorded(recording) => {
                let recording = recording.and_then(|trace| {
                    let task = Benchmark::find(&trace.task).map_err(|error| error.to_string())?;
                    Ok((trace, task))
                });
                if let Err(reason) = &recording {
                    let text = format!("The recorded run is not shown: {reason}.");
                    self.view.notify(Level::Info, text);
                }
                if self.run.take_recording(recording.ok()) {
                    self.cursor.play_unasked();
                }
                if self.run.computation().is_none() {
                    self.resume(commands);
                }
            }
            RunAction::Restart => self.restart(Cause::Run, commands),
            RunAction::Revalue(revalue) => {
                self.choose_settings(plan.map(|plan| PlanSettings { revalue, ..plan }), commands);
            }
            RunAction::Candidates(candidates) => {
                self.choose_settings(plan.map(|plan| PlanSettings { candidates, ..plan }), commands);
            }
            RunAction::Sampler(kind) => {
                let settings =
                    plan.map(|plan| PlanSettings { sampler: self.sampler(kind, plan.sampler), ..plan });
                self.choose_settings(settings, commands);
            }
            RunAction::SamplerSteps(steps) => {
                let with = |plan: PlanSettings| SamplerSettings { steps, ..plan.sampler };
                self.choose_settings(plan.map(|plan| PlanSettings { sampler: with(plan), ..plan }), commands);
            }
            RunAction::Seed(seed) => {
                // Interventions name decisions of the run there was.
                let mut plan = self.run.plan().clone();
                plan.run.seed = seed;
                plan.run.scenario.interventions.clear();
                self.choose(plan, Cause::Run, commands);
            }
            RunAction::Start(position) => self.choose_start(position, commands),
            RunAction::MoveStart([dx, dy]) => {
                let [x, y] = self.start();
                self.choose_start(Some([x + dx, y + dy]), commands);
            }
            RunAction::Undo => self.undo(commands),
            RunAction::Take(candidate) => {
                self.intervene(InterventionKind::Take { candidate: candidate as u16 }, commands);
            }
            RunAction::DropHere => {
                let at = self.glimpse().map_or(0, |glimpse| glimpse.steps().len());
                self.intervene(InterventionKind::Drop { at: at as u16 }, commands);
            }
            RunAction::LeaveAlone => self.leave_alone(commands),
        }
    }

    fn choose_settings(&mut self, settings: Option<PlanSettings>, commands: &mut Vec<Command>) {
        let Some(settings) = settings else { return };
        let mut plan = self.run.plan().clone();
        plan.run.settings = settings.into();
        // What the user decided may not be possible any more, such as a candidate that is not sampled now.
        if plan.run.scenario.check(&settings).is_err() {
            plan.run.scenario.interventions.clear();
        }
        self.choose(plan, Cause::Run, commands);
    }

    fn choose_start(&mut self, wish: Option<[f64; 2]>, commands: &mut Vec<Command>) {
        let start = wish.map(|wish| {
            let [x, y] = nearest_free(&self.layout(), wish);
            vec![x, y, 0.0, 0.0]
        });
        let mut plan = self.run.plan().clone();
        plan.run.start = start;
        // Interventions name decisions of the run there was.
        plan.run.scenario.interventions.clear();
        self.choose(plan, Cause::Run, commands);
    }

    /// Takes over a plan and starts anew with it, unless nothing has changed.
    pub(super) fn choose(&mut self, plan: Plan, cause: Cause, commands: &mut Vec<Command>) {
        if let Err(error) = self.check(&plan) {
            self.view.notify(Level::Error, format!("That setting cannot be used: {error}."));
            return;
        }
        self.forgive();
        if plan != *self.run.plan() {
            self.run.choose(plan, self.task());
            self.restart(cause, commands);
        }
    }

    /// Checks settings that were chosen on the page; a worker checks those of methods without latents.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), InvalidSetting> {
        plan.run.settings.plan().map_or(Ok(()), |settings| settings.check(self.diffusion_steps()))
    }

    fn undo(&mut self, commands: &mut Vec<Command>) {
        let world = self.run.plan().run.scenario.world.clone();
        if self.run.undo() {
            self.forgive();
            let moved = self.run.plan().run.scenario.world != world;
            self.restart(if moved { Cause::World } else { Cause::Run }, commands);
        }
    }

    /// Puts away errors that the next choice may mend.
    pub(super) fn forgive(&mut self) {
        if !self.deciding.failed() {
            self.view.forgive();
        }
    }

    fn sampler(&self, kind: Sampler, mut sampler: SamplerSettings) -> SamplerSettings {
        // DDPM takes every diffusion step; coming back from it, ten are a good number.
        sampler.steps = match (kind, sampler.kind) {
            (Sampler::Ddpm, _) => self.diffusion_steps(),
            (_, Sampler::Ddpm) => 10,
            _ => sampler.steps,
        };
        sampler.extra_steps = 0;
        sampler.kind = kind;
        sampler
    }

    /// Decides something of the decision on display in the agent's place. The run it would have been stays, to be
    /// compared with.
    fn intervene(&mut self, kind: InterventionKind, commands: &mut Vec<Command>) {
        let Some(glimpse) = self.glimpse().filter(Glimpse::has_parts) else { return };
        let decision = glimpse.index as u32;
        let mut plan = self.run.plan().clone();
        // What was decided for later decisions belonged to a run that is no more.
        plan.run.scenario.interventions.retain(|earlier| {
            earlier.decision < decision
                || earlier.decision == decision
                    && std::mem::discriminant(&earlier.kind) != std::mem::discriminant(&kind)
        });
        plan.run.scenario.interventions.push(Intervention { decision, kind });
        if plan == *self.run.plan() {
            return;
        }
        let mut alone = self.run.plan().clone();
        alone.run.scenario.interventions.clear();
        self.run.amend(plan, self.task());
        self.insight.look(None);
        self.comparison.compare(Versus::LeftAlone, alone, self.run.plan());
        self.follow(commands);
    }

    fn leave_alone(&mut self, commands: &mut Vec<Command>) {
        let mut plan = self.run.plan().clone();
        plan.run.scenario.interventions.clear();
        if plan != *self.run.plan() {
            self.comparison.end(commands);
            self.run.amend(plan, self.task());
            self.follow(commands);
        }
    }
}
