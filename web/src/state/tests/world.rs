//! Goal and walls moved.

use super::*;

#[test]
fn the_goal_and_walls_move_and_come_back() {
    let mut state = finished();
    let commands = state.update(WorldAction::Goal([3.0, 1.0]));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.scenario.world.goal, Some([3.0, 1.0]));
    answer_begin(&mut state, &commands);
    assert!(state.critic_misled() && describe::world_warning(&state).unwrap().contains("goal has moved"));
    state.update(WorldAction::ToggleWall((2, 2)));
    assert_eq!(state.run.plan().run.scenario.world.toggled, [(2, 2)]);
    // A wall around the goal, and a border cell: refused, and nothing is lost.
    for cell in [(3, 1), (0, 0), (900, 2)] {
        state.update(WorldAction::ToggleWall(cell));
        assert_eq!(state.run.plan().run.scenario.world.toggled, [(2, 2)], "{cell:?}");
    }
    assert_eq!(errors(&state).len(), 2);
    // The start is not left inside a wall.
    state.update(RunAction::Start(Some([1.0, 3.0])));
    state.update(WorldAction::ToggleWall((1, 3)));
    let Some(&[x, y, ..]) = state.run.plan().run.start.as_deref() else { panic!("a start was chosen") };
    assert!(
        state.run.plan().run.scenario.world.layout(task().maze()).unwrap().contains_free(x, y),
        "{x} {y}"
    );
    state.update(WorldAction::Restore);
    assert!(state.run.plan().run.scenario.world.is_original());
    for _ in 0..20 {
        state.update(RunAction::Undo);
    }
    assert!(state.run.plan().run.scenario.world.is_original() && !state.run.can_undo());
}
