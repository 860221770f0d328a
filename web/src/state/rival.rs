//! The run that the one on display is compared with: same start, same noise, one thing different.

use std::rc::Rc;

use diar_core::agent::{Event, Intervention, InterventionKind, Trace};
use diar_core::settings::SamplerSettings;

use super::{Command, Lane, Level, Plan, State, ToWorker, Unit, Weights};
use crate::messages::Decider;
use crate::timeline;

/// What the other run does differently.
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

/// The other run.
#[derive(Clone, Debug)]
pub struct Rival {
    pub versus: Versus,
    pub plan: Plan,
    pub trace: Option<Rc<Trace>>,
    /// The plan it was made for.
    beside: Plan,
    pub(super) generation: u32,
    pub(super) busy: bool,
}

/// Other weights, to compare with.
#[derive(Clone, Debug)]
pub struct Guest {
    pub address: String,
    /// The bundle, once it is there.
    bundle: Option<Rc<Vec<u8>>>,
    /// What it is, once the worker has read it.
    pub weights: Option<Weights>,
}

impl Rival {
    fn new(versus: Versus, plan: Plan, beside: &Plan) -> Self {
        Self { versus, plan, trace: None, beside: beside.clone(), generation: 0, busy: false }
    }

    /// Whether it has come to its end.
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

    pub(super) fn extend(&mut self, events: Vec<Event>) {
        if let Some(trace) = &mut self.trace {
            let trace = Rc::make_mut(trace);
            for event in events {
                trace.apply(event);
            }
        }
    }
}

/// A plan with one thing different.
fn varied(versus: &Versus, main: &Plan) -> Plan {
    let mut plan = main.clone();
    match *versus {
        Versus::Revaluation => plan.settings.revalue = !plan.settings.revalue,
        Versus::Candidates(candidates) => plan.settings.candidates = candidates,
        Versus::Sampler(sampler) => plan.settings.sampler = sampler,
        Versus::WhatIf { decision } => {
            // What happens after this decision is left to the agent.
            plan.scenario.interventions.retain(|intervention| (intervention.decision as usize) < decision);
            let kind = InterventionKind::Keep;
            plan.scenario.interventions.push(Intervention { decision: decision as u32, kind });
        }
        Versus::ShippedCritic => plan.decider = Decider::Shipped,
        Versus::Weights(ref address) => plan.decider = Decider::Guest(address.clone()),
        Versus::LeftAlone => plan.scenario.interventions.clear(),
        Versus::Linked => {}
    }
    plan
}

impl State {
    pub(super) fn compare(&mut self, versus: Option<Versus>, commands: &mut Vec<Command>) {
        let Some(versus) = versus else {
            if self.rival.take().is_some() {
                commands.push(Command::Send(ToWorker::Drop { lane: Lane::Rival }));
            }
            return;
        };
        let plan = varied(&versus, &self.plan);
        if plan == self.plan {
            self.notify(Level::Info, "The two runs would be the same: choose something that differs.".into());
            return;
        }
        if let Err(error) = plan.settings.check(self.diffusion_steps()) {
            self.notify(Level::Error, format!("That setting cannot be used: {error}."));
            return;
        }
        if let Versus::WhatIf { decision } = versus
            && let Some(trace) = self.trace()
        {
            let moment = timeline::made(trace, decision);
            self.seek(moment);
        }
        self.rival = Some(Rival::new(versus, plan, &self.plan));
    }

    /// Compares with the other run of a link, or with none.
    pub(super) fn compare_with(&mut self, other: Option<Plan>) {
        self.rival = other.map(|plan| Rival::new(Versus::Linked, plan, &self.plan));
    }

    /// Begins the other run again after the plan or the worker has changed.
    pub(super) fn renew_rival(&mut self) {
        let Some(Rival { versus, plan, beside, .. }) = self.rival.take() else { return };
        let plan = match versus {
            Versus::ShippedCritic if self.taught.is_none() => return,
            // These are about one run, and end with it.
            Versus::WhatIf { .. } | Versus::LeftAlone | Versus::Linked if beside != self.plan => return,
            Versus::WhatIf { .. } | Versus::LeftAlone | Versus::Linked => plan,
            _ => varied(&versus, &self.plan),
        };
        self.rival = (plan != self.plan).then(|| Rival::new(versus, plan, &self.plan));
    }

    /// Asks the worker for the other run, decision by decision, whenever it has nothing of it to do.
    pub(super) fn pump_rival(&mut self) -> Option<ToWorker> {
        self.ready()?;
        self.run.as_ref().filter(|run| run.begun)?;
        let rival = self.rival.as_mut()?;
        if let Decider::Guest(address) = &rival.plan.decider
            && !self.guest.as_ref().is_some_and(|guest| guest.address == *address && guest.weights.is_some())
        {
            return None;
        }
        if rival.generation == 0 {
            self.generations += 1;
            rival.generation = self.generations;
            let plan = rival.plan.clone();
            return Some(ToWorker::Begin { generation: rival.generation, lane: Lane::Rival, plan });
        }
        if rival.busy || rival.trace.is_none() || rival.finished() {
            return None;
        }
        rival.busy = true;
        Some(ToWorker::Advance { generation: rival.generation, unit: Unit::Decision })
    }

    // Other weights.

    /// Those that the other run is decided with, once they are here.
    pub fn guest_weights(&self) -> Option<&Weights> {
        let rival = self.rival.as_ref()?;
        let guest = self.guest.as_ref().filter(|_| matches!(rival.plan.decider, Decider::Guest(_)))?;
        guest.weights.as_ref()
    }

    /// Asks for the weights that the other run needs, unless they are here.
    pub(super) fn fetch_guest(&mut self) -> Option<Command> {
        let Decider::Guest(address) = &self.rival.as_ref()?.plan.decider else { return None };
        if self.guest.as_ref().is_some_and(|guest| guest.address == *address) {
            return None;
        }
        let address = address.clone();
        self.guest = Some(Guest { address: address.clone(), bundle: None, weights: None });
        Some(Command::Fetch { address })
    }

    /// The bytes of other weights are there, or will not come.
    pub(super) fn fetched(&mut self, address: &str, bundle: Result<Vec<u8>, String>) -> Option<Command> {
        let guest = self.guest.as_mut().filter(|guest| guest.address == address)?;
        match bundle {
            Ok(bundle) => {
                guest.bundle = Some(Rc::new(bundle));
                self.introduce()
            }
            Err(reason) => {
                self.turn_away(&format!(
                    "The weights to compare with could not be fetched from {address}: {reason}. Check the address."
                ));
                None
            }
        }
    }

    /// Gives the worker the other weights, if there are any.
    pub(super) fn introduce(&mut self) -> Option<Command> {
        self.ready()?;
        let guest = self.guest.as_mut()?;
        guest.weights = None;
        let bundle = guest.bundle.as_ref()?.to_vec();
        Some(Command::Send(ToWorker::Guest { address: guest.address.clone(), bundle }))
    }

    /// The worker has read them, or cannot. Others may have been chosen in the meantime.
    pub(super) fn welcome(&mut self, address: &str, weights: Result<Weights, String>) {
        if self.guest.as_ref().is_none_or(|guest| guest.address != address) {
            return;
        }
        let Some((_, own)) = self.ready() else { return };
        let weights = match weights {
            Ok(weights) if weights.task == own.task => weights,
            Ok(weights) => {
                let text = format!(
                    "The weights to compare with are for {}, those on the page for {}: two runs in one maze are needed.",
                    weights.task, own.task
                );
                return self.turn_away(&text);
            }
            Err(reason) => {
                return self.turn_away(&format!("The weights to compare with cannot be used: {reason}."));
            }
        };
        let linked = self.opened.as_ref().and_then(|opened| opened.link.other.as_ref());
        if let Some(other) = linked
            && !weights.hash.starts_with(&other.bundle)
        {
            let text = "The link compares with weights that are not here; these take their place.";
            self.notify(Level::Warning, text.into());
        }
        if let Some(guest) = &mut self.guest {
            guest.weights = Some(weights);
        }
    }

    fn turn_away(&mut self, reason: &str) {
        self.guest = None;
        if self.rival.as_ref().is_some_and(|rival| matches!(rival.plan.decider, Decider::Guest(_))) {
            self.rival = None;
        }
        self.notify(Level::Error, reason.to_owned());
    }

    // The user decides.

    /// Decides something of the decision on display in the agent's place. The run it would have been stays, to be
    /// compared with.
    pub(super) fn intervene(&mut self, kind: InterventionKind, commands: &mut Vec<Command>) {
        let Some(glimpse) = self.glimpse() else { return };
        let decision = glimpse.index as u32;
        let mut plan = self.plan.clone();
        // What was decided for later decisions belonged to a run that is no more.
        plan.scenario.interventions.retain(|earlier| {
            earlier.decision < decision
                || earlier.decision == decision
                    && std::mem::discriminant(&earlier.kind) != std::mem::discriminant(&kind)
        });
        plan.scenario.interventions.push(Intervention { decision, kind });
        if plan == self.plan {
            return;
        }
        let before = std::mem::replace(&mut self.plan, plan);
        let mut alone = before.clone();
        alone.scenario.interventions.clear();
        self.history.push(before);
        self.looked = None;
        self.rival = Some(Rival::new(Versus::LeftAlone, alone, &self.plan));
        commands.extend(self.follow());
    }

    pub(super) fn leave_alone(&mut self, commands: &mut Vec<Command>) {
        let mut plan = self.plan.clone();
        plan.scenario.interventions.clear();
        if plan != self.plan {
            self.compare(None, commands);
            self.history.push(std::mem::replace(&mut self.plan, plan));
            commands.extend(self.follow());
        }
    }
}
