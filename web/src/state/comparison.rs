//! The run that the one on display is compared with: same start, same noise, one thing different.

mod second;

use std::rc::Rc;

use diar_core::agent::{Event, Intervention, InterventionKind, Trace};
use diar_core::settings::SamplerSettings;

use super::{Cause, Command, Deciding, Level, Part, State};
use crate::messages::{Decider, Lane, Plan, ToWorker, Unit};
use crate::timeline;

pub use second::SecondBundle;

/// Actions on the other run.
#[derive(Clone, Debug)]
pub enum ComparisonAction {
    /// Compare with another run, or with none.
    Choose(Option<Versus>),
    /// Weights to compare with were fetched or not: their address, and their bytes or what went wrong.
    Fetched(String, Result<Vec<u8>, String>),
}

/// The one difference of the other run.
#[derive(Clone, Debug, PartialEq)]
pub enum Versus {
    /// Revaluation off where it is on, and on where it is off.
    Revaluation,
    /// Another number of candidates.
    Candidates(usize),
    /// Another sampler.
    Sampler(SamplerSettings),
    /// The critic that came with the weights, where another was trained here.
    ShippedCritic,
    /// Other weights, at this address.
    Weights(String),
    /// This plan, which revaluation dropped, is followed to its end.
    WhatIf { decision: usize },
    /// The agent decides everything by itself.
    LeftAlone,
    /// As a link has it.
    Linked,
}

impl Versus {
    /// Returns true if it is about one run, and ends with it.
    fn is_of_one_run(&self) -> bool {
        match self {
            Self::WhatIf { .. } | Self::LeftAlone | Self::Linked => true,
            Self::Revaluation
            | Self::Candidates(_)
            | Self::Sampler(_)
            | Self::ShippedCritic
            | Self::Weights(_) => false,
        }
    }

    /// A plan with this one thing different.
    fn vary(&self, main: &Plan) -> Plan {
        let mut plan = main.clone();
        match *self {
            Self::Revaluation | Self::Candidates(_) | Self::Sampler(_) => {
                if let Some(settings) = plan.run.settings.plan_mut() {
                    match *self {
                        Self::Candidates(candidates) => settings.candidates = candidates,
                        Self::Sampler(sampler) => settings.sampler = sampler,
                        _ => settings.revalue = !settings.revalue,
                    }
                }
            }
            Self::WhatIf { decision } => {
                // What happens after this decision is left to the agent.
                plan.run
                    .scenario
                    .interventions
                    .retain(|intervention| (intervention.decision as usize) < decision);
                let kind = InterventionKind::Keep;
                plan.run.scenario.interventions.push(Intervention { decision: decision as u32, kind });
            }
            Self::ShippedCritic => plan.decider = Decider::Shipped,
            Self::Weights(ref address) => plan.decider = Decider::Second(address.clone()),
            Self::LeftAlone => plan.run.scenario.interventions.clear(),
            Self::Linked => {}
        }
        plan
    }
}

/// The other run.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    versus: Versus,
    plan: Plan,
    trace: Option<Rc<Trace>>,
    /// The plan it was made for.
    beside: Plan,
    /// Its number; none before the worker was asked to begin it.
    generation: Option<u32>,
    busy: bool,
    /// Its plan, weights or worker have changed: it begins again.
    outdated: bool,
}

impl ComparedRun {
    pub(super) fn new(versus: Versus, plan: Plan, beside: &Plan) -> Self {
        let beside = beside.clone();
        Self { versus, plan, trace: None, beside, generation: None, busy: false, outdated: false }
    }

    /// The one thing that it does differently.
    pub fn versus(&self) -> &Versus {
        &self.versus
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn trace(&self) -> Option<&Rc<Trace>> {
        self.trace.as_ref()
    }

    /// Returns true if it has come to its end.
    pub fn finished(&self) -> bool {
        self.trace.as_ref().is_some_and(|trace| timeline::finished(trace))
    }

    /// Its trace and the moment that goes with the cursor: the same environment step; its end, once the other run is
    /// over.
    pub fn glance(&self, main: &Trace, at: usize) -> Option<(&Rc<Trace>, usize)> {
        let trace = self.trace.as_ref()?;
        let over = timeline::finished(main) && at >= timeline::length(main);
        let moment = if over {
            timeline::length(trace)
        } else {
            timeline::moment_of_step(trace, timeline::step_at(main, at))
        };
        Some((trace, moment))
    }

    /// The same comparison beside another plan; none where it ends with the run or would be the run itself.
    fn renewed(self, plan: &Plan, retrained: bool) -> Option<Self> {
        let ends = match self.versus {
            Versus::ShippedCritic => !retrained,
            _ => self.versus.is_of_one_run() && self.beside != *plan,
        };
        let varied = if self.versus.is_of_one_run() { self.plan } else { self.versus.vary(plan) };
        (!ends && varied != *plan).then(|| Self::new(self.versus, varied, plan))
    }
}

/// The comparison with another run.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    run: Option<ComparedRun>,
    second: Option<SecondBundle>,
    /// Address of the weights that the page was opened to compare with.
    invited: Option<String>,
}

impl Comparison {
    pub(super) fn new(invited: Option<String>) -> Self {
        Self { run: None, second: None, invited }
    }

    /// The other run.
    pub fn run(&self) -> Option<&ComparedRun> {
        self.run.as_ref()
    }

    /// Address of the weights that the page was opened to compare with.
    pub(super) fn invited(&self) -> Option<&String> {
        self.invited.as_ref()
    }

    /// Returns `true` if the other run is decided with the bundle of this address, or may be.
    pub(super) fn uses(&self, address: &str) -> bool {
        let decider = self.run.as_ref().map(|run| &run.plan.decider);
        self.second.as_ref().is_some_and(|second| second.is_from(address))
            || matches!(decider, Some(Decider::Second(other)) if other == address)
    }

    pub(super) fn compare(&mut self, versus: Versus, plan: Plan, beside: &Plan) {
        self.run = Some(ComparedRun::new(versus, plan, beside));
    }

    /// Compares with the other run of a link, or with none.
    pub(super) fn compare_linked(&mut self, other: Option<Plan>, beside: &Plan) {
        self.run = other.map(|plan| ComparedRun::new(Versus::Linked, plan, beside));
    }

    pub(super) fn end(&mut self, commands: &mut Vec<Command>) {
        if self.run.take().is_some() {
            commands.push(Command::Send(ToWorker::Drop { lane: Lane::Compared }));
        }
    }

    /// Ends a run that cannot go on.
    pub(super) fn abandon(&mut self) {
        self.run = None;
    }

    /// Begins the other run again where the plan has changed, or what it is computed with.
    pub(super) fn settle(&mut self, plan: &Plan, retrained: bool) {
        if self.run.as_ref().is_some_and(|run| run.outdated || run.beside != *plan) {
            self.run = self.run.take().and_then(|run| run.renewed(plan, retrained));
        }
    }

    /// Returns true while the other run has not come to its end.
    pub(super) fn under_way(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.finished())
    }

    /// The plan of the other run, if this is its number.
    pub(super) fn plan_of(&self, generation: u32) -> Option<&Plan> {
        self.run.as_ref().filter(|run| run.generation == Some(generation)).map(|run| &run.plan)
    }

    pub(super) fn begun(&mut self, trace: Trace) {
        if let Some(run) = &mut self.run {
            run.trace = Some(Rc::new(trace));
        }
    }

    pub(super) fn extend(&mut self, events: Vec<Event>) {
        if let Some(trace) = self.run.as_mut().and_then(|run| run.trace.as_mut()) {
            let trace = Rc::make_mut(trace);
            for event in events {
                trace.apply(event);
            }
        }
    }

    pub(super) fn idle(&mut self, generation: u32) {
        if let Some(run) = self.run.as_mut().filter(|run| run.generation == Some(generation)) {
            run.busy = false;
        }
    }

    /// Asks for the next decision of the other run, once it can be computed and nothing of it is under way.
    pub(super) fn pump(&mut self, deciding: &mut Deciding) -> Option<ToWorker> {
        let run = self.run.as_mut()?;
        if let Decider::Second(address) = &run.plan.decider {
            let second = self.second.as_ref().filter(|second| second.is_usable(address))?;
            // Another method acts by its own settings, and nobody decides in its place.
            if let Some(weights) = second.weights()
                && !weights.settings.is_like(&run.plan.run.settings)
            {
                run.plan.run.settings = weights.settings.clone();
                run.plan.run.scenario.interventions.clear();
            }
        }
        let Some(generation) = run.generation else {
            let generation = deciding.generation();
            run.generation = Some(generation);
            return Some(ToWorker::Begin { generation, lane: Lane::Compared, plan: run.plan.clone() });
        };
        if run.busy || run.trace.is_none() || run.finished() {
            return None;
        }
        run.busy = true;
        Some(ToWorker::Advance { generation, unit: Unit::Decision })
    }

    /// The other run as a link has it: its plan, and the hash of its weights where those are other ones. That of a link
    /// that was opened holds until they are here.
    pub(super) fn linked<'a>(&'a self, opened: Option<&'a str>) -> Option<(&'a Plan, &'a str)> {
        let plan = &self.run.as_ref()?.plan;
        let hash = match (&plan.decider, self.second.as_ref().and_then(SecondBundle::weights)) {
            (Decider::Second(_), Some(weights)) => &weights.hash,
            (Decider::Second(_), None) => opened.unwrap_or_default(),
            (Decider::Own | Decider::Shipped, _) => "",
        };
        Some((plan, hash))
    }
}

impl Part for Comparison {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            Cause::Weights => {
                self.run = None;
                self.second = None;
            }
            Cause::Link => self.run = None,
            Cause::Device | Cause::Failure => {
                self.outdate();
                // The next worker has not read them.
                if let Some(second) = &mut self.second {
                    second.forget_weights();
                }
            }
            Cause::Task | Cause::Critic | Cause::World | Cause::Run => self.outdate(),
        }
    }
}

impl Comparison {
    fn outdate(&mut self) {
        if let Some(run) = &mut self.run {
            run.outdated = true;
        }
    }
}

impl State {
    pub(super) fn fold_comparison(&mut self, action: ComparisonAction, commands: &mut Vec<Command>) {
        match action {
            ComparisonAction::Choose(Some(versus)) => self.compare(versus),
            ComparisonAction::Choose(None) => self.comparison.end(commands),
            ComparisonAction::Fetched(address, bundle) => self.fetched(&address, bundle, commands),
        }
    }

    pub(super) fn compare(&mut self, versus: Versus) {
        let plan = versus.vary(self.run.plan());
        if plan == *self.run.plan() {
            let text = "The two runs would be the same: choose something that differs.";
            return self.view.notify(Level::Info, text.into());
        }
        if let Err(error) = self.check(&plan) {
            return self.view.notify(Level::Error, format!("That setting cannot be used: {error}."));
        }
        if let Versus::WhatIf { decision } = versus
            && let Some(trace) = self.run.trace()
        {
            self.cursor.seek(timeline::made(trace, decision), Some(trace));
        }
        self.comparison.compare(versus, plan, self.run.plan());
    }
}
