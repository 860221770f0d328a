//! The maze on display: V over it, and what the user changes in it (where the goal is, and which cells are walls).

use std::rc::Rc;

use super::{Cause, Command, Critic, Level, Part, State};
use crate::geometry::nearest_free;
use crate::messages::{Plan, ValueField};

/// Actions on the maze.
#[derive(Clone, Copy, Debug)]
pub enum WorldAction {
    /// The use of the pointer on the maze.
    Tool(Tool),
    ToggleWall((usize, usize)),
    Goal([f64; 2]),
    MoveGoal([f64; 2]),
    /// The maze as the weights know it.
    Restore,
}

/// The use of the pointer on the maze.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// It looks at plans; start and goal can be dragged.
    #[default]
    Start,
    /// It builds walls and takes them away.
    Walls,
}

/// The maze on display. What is changed in it belongs to the plan of the run.
#[derive(Clone, Debug, Default)]
pub struct World {
    tool: Tool,
    /// V over the maze of a task.
    field: Option<(String, Rc<ValueField>)>,
}

impl World {
    /// The use of the pointer on the maze.
    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// V over the maze of this task, as far as it is known.
    pub(super) fn field(&self, task: &str) -> Option<&Rc<ValueField>> {
        self.field.as_ref().filter(|(of, _)| of == task).map(|(_, field)| field)
    }
}

impl Part for World {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            Cause::Weights => self.field = None,
            // It stays until there is a newer one; that of another task is not shown.
            Cause::Device
            | Cause::Failure
            | Cause::Task
            | Cause::Critic
            | Cause::World
            | Cause::Run
            | Cause::Link => {}
        }
    }
}

impl State {
    pub(super) fn fold_world(&mut self, action: WorldAction, commands: &mut Vec<Command>) {
        match action {
            WorldAction::Tool(tool) => self.world.tool = tool,
            WorldAction::ToggleWall(cell) => self.toggle_wall(cell, commands),
            WorldAction::Goal(wish) => self.choose_goal(wish, commands),
            WorldAction::MoveGoal([dx, dy]) => {
                let [x, y] = self.layout().goal_position();
                self.choose_goal([x + dx, y + dy], commands);
            }
            WorldAction::Restore => {
                let mut plan = self.run.plan().clone();
                plan.run.scenario.world = diar_core::maze::World::default();
                self.change_world(plan, commands);
            }
        }
    }

    fn toggle_wall(&mut self, (i, j): (usize, usize), commands: &mut Vec<Command>) {
        let (Ok(i), Ok(j)) = (u8::try_from(i), u8::try_from(j)) else { return };
        let mut plan = self.run.plan().clone();
        plan.run.scenario.world.toggle((i, j));
        self.change_world(plan, commands);
    }

    fn choose_goal(&mut self, wish: [f64; 2], commands: &mut Vec<Command>) {
        let layout = self.layout();
        let place = nearest_free(&layout, wish);
        let own = self.task().maze().layout().goal_position();
        // Close to where it belongs, it goes back there.
        let home = (place[0] - own[0]).hypot(place[1] - own[1]) < 0.1;
        let mut plan = self.run.plan().clone();
        plan.run.scenario.world.goal = (!home).then_some(place);
        self.change_world(plan, commands);
    }

    /// Takes over a changed maze; the start goes where the ball fits.
    fn change_world(&mut self, mut plan: Plan, commands: &mut Vec<Command>) {
        if plan.run.scenario.world == self.run.plan().run.scenario.world {
            return;
        }
        match plan.run.scenario.world.layout(self.task().maze()) {
            Ok(layout) => {
                plan.run.scenario.interventions.clear();
                let [x, y] = self.start();
                if !layout.contains_free(x, y) {
                    let [x, y] = nearest_free(&layout, [x, y]);
                    plan.run.start = Some(vec![x, y, 0.0, 0.0]);
                }
                self.choose(plan, Cause::World, commands);
            }
            Err(error) => self.view.notify(Level::Error, format!("The maze cannot be like that: {error}.")),
        }
    }

    /// Paints V over the maze of the weights.
    pub(super) fn paint(&mut self, field: ValueField) {
        if let Some(loaded) = self.deciding.loaded() {
            self.world.field = Some((loaded.task.clone(), Rc::new(field)));
        }
    }

    /// Returns true if the goal is not where the critic in use has learned it to be.
    pub fn critic_misled(&self) -> bool {
        let learned = match self.retraining.critic() {
            Critic::Shipped => self.task().maze().layout().goal_position(),
            Critic::Retrained { settings, .. } => settings.goal,
        };
        self.layout().goal_position() != learned
    }

    /// Counts the cells that are not as the weights have seen them.
    pub fn walls_unseen(&self) -> usize {
        self.scenario().world.toggled.len()
    }
}
