//! Many episodes, with and without revaluation, from the same starts.

use std::sync::Arc;

use diar_core::agent::{Agent, Episode, Rollout, RolloutOptions, Scenario};
use diar_core::maze::Layout;
use diar_core::settings::PlanSettings;

use super::{now, post};
use crate::geometry::nearest_free;
use crate::messages::{Plan, ToPage};
use crate::pace::{Pace, TURN};

/// Episodes played in lockstep.
const BATCH: usize = 12;

pub(crate) struct Scoring {
    ticket: u32,
    agent: Arc<Agent>,
    plan: Plan,
    layout: Arc<Layout>,
    episodes: usize,
    /// Episodes finished.
    played: usize,
    /// Those under way, with and without revaluation.
    rollouts: Option<[Rollout; 2]>,
}

impl Scoring {
    pub(crate) fn new(agent: &Arc<Agent>, ticket: u32, plan: Plan, episodes: usize) -> Result<Self, String> {
        let layout = plan.scenario.world.layout(agent.task().maze).map_err(|error| error.to_string())?;
        Ok(Self { ticket, agent: Arc::clone(agent), plan, layout, episodes, played: 0, rollouts: None })
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
                let contacts = rollouts.each_ref().map(|rollout| {
                    rollout.envs().iter().map(diar_core::env::MazeEnv::first_contact).collect::<Vec<_>>()
                });
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
            let episodes = (self.played..last).map(|index| self.episode(index as u64)).collect();
            let scenario = Scenario { world: self.plan.scenario.world.clone(), ..Scenario::default() };
            let settings = PlanSettings { revalue, ..self.plan.settings };
            let options = RolloutOptions { record: false, stop_at_goal: true, shareable: true };
            Rollout::in_scenario(Arc::clone(&self.agent), settings, episodes, options, &scenario)
                .map_err(|error| error.to_string())
        };
        Ok([begin(true)?, begin(false)?])
    }

    /// Starts take turns over the free cells; in a maze of the user's the ball is put where it fits.
    fn episode(&self, index: u64) -> Episode {
        let seed = self.plan.seed;
        if self.plan.scenario.world.is_original() {
            return Episode::stratified(self.agent.task(), seed, index);
        }
        let cells = self.layout.free_cells();
        let (i, j) = cells[(index % cells.len() as u64) as usize];
        let mut stream = Episode::random(seed, index).key().named("reset").stream();
        let wish = [i, j].map(|cell| cell as f64 + stream.range(-0.1, 0.1));
        let [x, y] = nearest_free(&self.layout, wish);
        Episode { start: Some([x, y, 0.0, 0.0]), ..Episode::random(seed, index) }
    }
}
