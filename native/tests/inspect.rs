//! `diar data inspect` on data that is right, and on data that is wrong in one way.

use diar::dataset::{Description, Inspection, Origin};
use diar_core::benchmark::MAZE2D;
use diar_core::data::Transitions;
use diar_core::env::maze2d::generate;
use diar_core::maze::MazeId;

fn inspect(data: &Transitions) -> Inspection {
    Inspection::of(data, Description::of("", Origin::d4rl(data), data))
}

#[test]
fn generated_data_fits_its_own_task_and_nothing_looks_wrong() {
    for (task, seed) in MAZE2D.iter().zip([2, 3, 4]) {
        let inspection = inspect(&generate(task.maze(), 60_000, seed));
        let fitting: Vec<&str> = inspection.tasks.iter().filter(|fit| fit.fits).map(|fit| fit.task).collect();
        assert_eq!(fitting, [task.id()]);
        assert_eq!(inspection.findings, [""; 0], "{}", task.id());
        let own = inspection.tasks.iter().find(|fit| fit.task == task.id()).unwrap();
        assert_eq!((own.inside, own.rewards), (Some(1.0), Some(1.0)));
        for other in MAZE2D.iter() {
            let warned =
                inspection.warnings(&other.spec).iter().any(|warning| warning.contains("not maze2d"));
            assert_eq!(warned, other.id() != task.id());
        }
    }
}

/// The one thing that looks wrong after a change.
fn finding(change: impl Fn(&mut Transitions)) -> String {
    let mut data = generate(MazeId::Umaze, 20_000, 1);
    change(&mut data);
    let mut findings = inspect(&data).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn each_trouble_is_found() {
    let contains =
        |finding: String, part: &str| assert!(finding.contains(part), "'{part}' is missing in: {finding}");
    contains(
        finding(|data| data.actions[7] = -1.5),
        "1 numbers of actions lie outside [-1, 1], the furthest at 1.5",
    );
    contains(
        finding(|data| data.actions.iter_mut().step_by(2).for_each(|action| *action = 0.5)),
        "action[0] is 0.5 in every row",
    );
    contains(finding(|data| data.rewards.iter_mut().for_each(|reward| *reward *= 10.0)), "neither 0 nor 1");
    // Every second number of a state is y: the maze, mirrored.
    contains(
        finding(|data| data.states.chunks_mut(4).for_each(|state| state[1] = -state[1])),
        "in every task's maze some positions lie in walls",
    );
    // The rewards of another goal, cell (3, 1).
    contains(
        finding(|data| {
            let states: Vec<f32> = data.states.clone();
            for (reward, state) in data.rewards.iter_mut().zip(states.chunks(4)) {
                *reward = f32::from((state[0] - 3.0).hypot(state[1] - 1.0) <= 0.5);
            }
        }),
        "rewards are not those of maze2d-umaze-v1: 0.0 %",
    );
    contains(finding(|data| data.rewards.rotate_left(1)), "rewards are those of the state after the action");
    contains(
        finding(|data| {
            // Two walks, one after the other, as if they were one.
            let other = generate(MazeId::Umaze, 20_000, 9);
            let far = |&row: &usize| {
                let ended = data.timeouts[row - 1] || other.timeouts[row - 1];
                !ended && (data.state(row - 1)[0] - other.state(row)[0]).abs() > 0.2
            };
            let cut = (10_000..10_999).find(far).unwrap();
            data.states.splice(4 * cut.., other.states[4 * cut..].iter().copied());
            data.rewards.splice(cut.., other.rewards[cut..].iter().copied());
            data.timeouts.splice(cut.., other.timeouts[cut..].iter().copied());
        }),
        "1 rows lie further from the row before than the ball gets in a step, row 10",
    );
    let row =
        |data: &Transitions| (100..200).find(|&row| !data.timeouts[row - 1] && !data.timeouts[row]).unwrap();
    contains(
        finding(|data| {
            let row = row(data);
            data.states.copy_within(4 * (row - 1)..4 * row, 4 * row);
        }),
        "1 observations are those of the row before, though",
    );
}

#[test]
fn data_without_ends_or_rewards_and_with_short_episodes_is_told() {
    let mut data = generate(MazeId::Medium, 20_000, 1);
    data.timeouts.fill(false);
    data.rewards.fill(0.0);
    let findings = inspect(&data).findings.join("\n");
    for part in ["no row ends a segment", "no row is rewarded", "rewards are not those of maze2d-medium-v1"] {
        assert!(findings.contains(part), "'{part}' is missing in: {findings}");
    }
    let other = Transitions { state_dim: 2, action_dim: 4, ..data };
    let findings = inspect(&Transitions { states: vec![0.5; 40_000], actions: vec![0.1; 80_000], ..other });
    assert!(findings.to_string().contains("its own: no task known here has as many numbers"), "{findings}");
    assert!(findings.tasks.iter().all(|fit| fit.inside.is_none()));

    let mut data = generate(MazeId::Umaze, 20_000, 1);
    data.continuous = false;
    data.timeouts.fill(false);
    for end in [100, 112, 19_999] {
        data.timeouts[end] = true;
    }
    let findings = inspect(&data).findings.join("\n");
    assert!(findings.contains("1 of 3 episodes are shorter than a window of 30 steps"), "{findings}");
}

/// Only rewards that are all the same leave nothing to learn; a cost of 1 per step until the goal does not.
#[test]
fn rewards_without_a_difference_are_told() {
    let findings = |reward: fn(f32) -> f32| {
        let mut data = generate(MazeId::Umaze, 20_000, 1);
        data.rewards.iter_mut().for_each(|value| *value = reward(*value));
        inspect(&data).findings.join("\n")
    };
    let nothing = "there is nothing to learn";
    assert!(findings(|_| -1.0).contains(&format!("every reward is -1: {nothing}")));
    assert!(findings(|_| 0.0).contains(&format!("no row is rewarded: {nothing}")));
    let cost = findings(|reward| reward - 1.0);
    assert!(cost.contains("neither 0 nor 1") && !cost.contains(nothing), "{cost}");
}
