//! The ant and its walls as a model for MuJoCo.

use core::fmt::Write;

use super::grid::{CELL, place};
use crate::maze::Layout;

/// Positions: the torso's place (3) and unit quaternion (w, x, y, z), then hip and ankle of each leg, rad.
pub const QPOS: usize = 15;
/// Velocities: the torso's in the world's frame (m/s), its rotation in its own (rad/s), then the joints (rad/s).
pub const QVEL: usize = 14;
/// Motors.
pub const ACTUATORS: usize = 8;
/// Joints in the order of the motors: an action's number `k` turns joint `JOINTS[k]` of the last eight positions.
pub const JOINTS: [usize; ACTUATORS] = [6, 7, 0, 1, 2, 3, 4, 5];
/// Time steps of 0.02 s to one action: ten actions a second.
pub const SUBSTEPS: usize = 5;
/// Torque of a motor at full action, N·m.
pub const TORQUE: f64 = 30.0;

/// Half the distance at which contacts begin, m. MuJoCo adds the margins of both geoms from version 3.14 on; D4RL's
/// version took the larger one, 0.01 m.
const MARGIN: f64 = 0.005;
/// Half the side of the floor, m.
const FLOOR: f64 = 40.0;
/// Height of a wall, m.
const WALL: f64 = 2.0;

/// A leg: where hip and ankle are along x and y (m), the axis of its ankle, the ankle's limits (degrees).
struct Leg {
    offset: [f64; 2],
    axis: [i8; 2],
    limits: [i8; 2],
}

const LEGS: [Leg; 4] = [
    Leg { offset: [0.2, 0.2], axis: [-1, 1], limits: [30, 70] },
    Leg { offset: [-0.2, 0.2], axis: [1, 1], limits: [-70, -30] },
    Leg { offset: [-0.2, -0.2], axis: [-1, 1], limits: [-70, -30] },
    Leg { offset: [0.2, -0.2], axis: [1, 1], limits: [30, 70] },
];

/// The controls of an action: torques in N·m of its numbers, clipped to [-1, 1].
#[must_use]
pub fn controls(action: &[f32; ACTUATORS]) -> [f64; ACTUATORS] {
    action.map(|a| TORQUE * f64::from(a.clamp(-1.0, 1.0)))
}

/// The text of the ant in a maze, in MuJoCo's format.
#[must_use]
pub fn model(layout: &Layout) -> String {
    let mut text = format!(
        r#"<mujoco model="ant">
<compiler angle="degree" inertiafromgeom="true"/>
<option timestep="0.02" integrator="RK4"/>
<default>
<joint armature="1" damping="1" limited="true"/>
<geom conaffinity="0" condim="3" density="5" friction="1 0.5 0.5" margin="{MARGIN}" solref="0.02 1" solimp="0.8 0.8 0.01"/>
</default>
<worldbody>
<geom type="plane" size="{FLOOR} {FLOOR} {FLOOR}" conaffinity="1"/>
<body name="torso" pos="0 0 0.75"><freejoint/><geom type="sphere" size="0.25"/>
"#
    );
    LEGS.iter().zip(1..).for_each(|(leg, number)| text += &leg.text(number));
    text += "</body>\n";
    let cells = (0..layout.rows).flat_map(|i| (0..layout.cols).map(move |j| (i, j)));
    for cell in cells.filter(|&(i, j)| layout.is_wall(i as isize, j as isize)) {
        text += &wall(place(cell));
    }
    text += "</worldbody>\n<actuator>\n";
    for joint in JOINTS {
        let name = ["hip", "ankle"][joint % 2];
        let leg = joint / 2 + 1;
        let _ = writeln!(
            text,
            r#"<motor joint="{name}_{leg}" ctrlrange="-{TORQUE} {TORQUE}" ctrllimited="true"/>"#
        );
    }
    text + "</actuator>\n</mujoco>\n"
}

impl Leg {
    fn text(&self, number: usize) -> String {
        let Self { offset: [x, y], axis: [ax, ay], limits: [low, high] } = self;
        let capsule = |reach: f64| {
            let [x, y] = [reach * x, reach * y];
            format!(r#"<geom type="capsule" size="0.08" fromto="0 0 0 {x} {y} 0"/>"#)
        };
        let [short, long] = [1.0, 2.0].map(capsule);
        format!(
            r#"<body>{short}
<body pos="{x} {y} 0"><joint name="hip_{number}" axis="0 0 1" range="-30 30"/>{short}
<body pos="{x} {y} 0"><joint name="ankle_{number}" axis="{ax} {ay} 0" range="{low} {high}"/>{long}</body></body></body>
"#
        )
    }
}

/// A cell of wall: a box.
fn wall([x, y]: [f64; 2]) -> String {
    let [width, height] = [CELL / 2.0, WALL / 2.0];
    format!(
        r#"<geom type="box" pos="{x} {y} {height}" size="{width} {width} {height}" contype="1" conaffinity="1"/>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::MazeId;

    #[test]
    fn every_wall_is_a_box_and_every_joint_has_a_motor() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            let text = model(layout);
            let walls = layout.rows * layout.cols - layout.free_cells().len();
            assert_eq!(text.matches("type=\"box\"").count(), walls);
            assert_eq!(text.matches("<motor ").count(), ACTUATORS);
            // Cell (0, 0).
            assert!(text.contains(r#"pos="-4 -4 1" size="2 2 1""#));
        }
        let mut joints = JOINTS;
        joints.sort_unstable();
        assert_eq!(joints, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn torques_stay_within_the_motors() {
        assert_eq!(controls(&[0.5, -0.5, 2.0, -9.0, 0.0, 1.0, -1.0, 0.25])[..4], [15.0, -15.0, 30.0, -30.0]);
    }
}
