//! What the user changes in the maze: where the goal is, and which cells are walls.

use super::{Command, Critic, Level, Plan, State};
use crate::geometry::nearest_free;

/// What the pointer does on the maze.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// It looks at plans; start and goal can be dragged.
    #[default]
    Start,
    /// It builds walls and takes them away.
    Walls,
}

impl State {
    pub(super) fn toggle_wall(&mut self, (i, j): (usize, usize), commands: &mut Vec<Command>) {
        let (Ok(i), Ok(j)) = (u8::try_from(i), u8::try_from(j)) else { return };
        let mut plan = self.plan.clone();
        plan.scenario.world.toggle((i, j));
        self.change_world(plan, commands);
    }

    pub(super) fn choose_goal(&mut self, wish: [f64; 2], commands: &mut Vec<Command>) {
        let layout = self.layout();
        let place = nearest_free(&layout, wish);
        let own = self.task().maze.layout().goal_position();
        // Close to where it belongs, it goes back there.
        let home = (place[0] - own[0]).hypot(place[1] - own[1]) < 0.1;
        let mut plan = self.plan.clone();
        plan.scenario.world.goal = (!home).then_some(place);
        self.change_world(plan, commands);
    }

    pub(super) fn reset_world(&mut self, commands: &mut Vec<Command>) {
        let mut plan = self.plan.clone();
        plan.scenario.world = diar_core::maze::World::default();
        self.change_world(plan, commands);
    }

    /// Takes over a changed maze; the start goes where the ball fits.
    fn change_world(&mut self, mut plan: Plan, commands: &mut Vec<Command>) {
        if plan.scenario.world == self.plan.scenario.world {
            return;
        }
        match plan.scenario.world.layout(self.task().maze) {
            Ok(layout) => {
                plan.scenario.interventions.clear();
                let [x, y] = self.start();
                if !layout.contains_free(x, y) {
                    let [x, y] = nearest_free(&layout, [x, y]);
                    plan.start = Some([x, y, 0.0, 0.0]);
                }
                self.choose(plan, commands);
            }
            Err(error) => self.notify(Level::Error, format!("The maze cannot be like that: {error}.")),
        }
    }

    /// Whether the goal is not where the critic in use has learned it to be.
    pub fn critic_misled(&self) -> bool {
        let learned = match self.critic {
            Critic::Shipped => self.task().maze.layout().goal_position(),
            Critic::Trained { lesson, .. } => lesson.goal,
        };
        self.layout().goal_position() != learned
    }

    /// How many cells are not as the weights have seen them.
    pub fn walls_unseen(&self) -> usize {
        self.scenario().world.toggled.len()
    }
}
