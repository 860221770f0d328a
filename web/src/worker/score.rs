//! Many episodes, with and without revaluation, from the same starts.

use std::sync::Arc;

use diar_core::agent::{Agent, Episode, Rollout, RolloutOptions, Scenario};
use diar_core::env;
use diar_core::settings::PlanSettings;

use super::{now, post};
use crate::messages::{Plan, ToPage};
use crate::pace::{Pace, TURN};

/// Episodes played in lockstep.
const BATCH: usize = 12;

pub(crate) struct Scoring {
    ticket: u32,
    agent: Arc<Agent>,
    plan: Plan,
    episodes: usize,
    /// Episodes finished.
    played: usize,
    /// Those under way, with and without revaluation.
    rollouts: Option<[Rollout; 2]>,
}

impl Scoring {
    pub(crate) fn new(agent: &Arc<Agent>, ticket: u32, plan: Plan, episodes: usize) -> Self {
        Self { ticket, agent: Arc::clone(agent), plan, episodes, played: 0, rollouts: None }
    }

    /// A turn of playing; answers whether all is done.
    pub(crate) async fn work(&mut self, pace: &mut Pace) -> Result<bool, String> {
        let since = now();
        while now() - since < TURN {
            if self.rollouts.is_none() {
                self.rollouts = Some(self.begin()?);
            }
            let Some(rollouts) = &mut self.rollouts else { return Ok(true) };
            let Some(rollout) = rollouts.iter_mut().find(|rollout| !rollout.finished()) else {
                let contacts = rollouts
                    .each_ref()
                    .map(|rollout| rollout.lanes().iter().map(|lane| lane.first_contact).collect::<Vec<_>>());
                self.played += contacts[0].len();
                let done = self.played >= self.episodes;
                post(&ToPage::Scored { ticket: self.ticket, contacts, done });
                self.rollouts = None;
                if done {
                    return Ok(true);
                }
                continue;
            };
            let begun = now();
            rollout.advance_some(pace.work()).await.map_err(|error| error.to_string())?;
            pace.took(now() - begun, rollout.is_midway());
        }
        Ok(false)
    }

    fn begin(&self) -> Result<[Rollout; 2], String> {
        let last = (self.played + BATCH).min(self.episodes);
        let begin = |revalue| {
            // Starts take turns over the free cells.
            let episodes =
                (self.played..last).map(|index| Episode::stratified(self.plan.run.seed, index as u64));
            let episodes: Vec<Episode> = episodes.collect();
            let scenario = Scenario { world: self.plan.run.scenario.world.clone(), ..Scenario::default() };
            let plan = self.plan.run.settings.plan().ok_or("only plans are scored here")?;
            let settings = PlanSettings { revalue, ..*plan };
            let options = RolloutOptions { record: false, stop_at_goal: true, shareable: true };
            let envs = env::open(self.agent.task()).map_err(|error| error.to_string())?;
            Rollout::in_scenario(Arc::clone(&self.agent), envs, settings, &episodes, options, &scenario)
                .map_err(|error| error.to_string())
        };
        Ok([begin(true)?, begin(false)?])
    }
}
