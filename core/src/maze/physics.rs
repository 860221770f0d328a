//! The point mass: one step of MuJoCo 2.3.7's dynamics, in closed form.
//!
//! A ball slides on two damped joints and is pushed by two motors. Integration is semi-implicit Euler with the joint
//! damping taken implicitly. Walls are MuJoCo's soft contacts: near a wall the solver wants the acceleration of a
//! critically damped spring and weighs that wish against the unconstrained motion.

use core::f64::consts::PI;

use super::layout::{Layout, Surface};

/// Radius of the ball, m.
pub const BALL_RADIUS: f64 = 0.1;
/// World coordinates minus `qpos`, per axis: the ball's body stands at (1.2, 1.2).
pub const WORLD_OFFSET: f64 = 1.2;
/// Length of a step, s.
pub const TIME_STEP: f64 = 0.01;
/// Speeds are clipped to this before each step, per axis, m/s; observed speeds may exceed it by one step's push.
pub const MAX_SPEED: f64 = 5.0;

/// A ball of density 1000 kg/m³.
const MASS: f64 = 1000.0 * (4.0 / 3.0) * PI * BALL_RADIUS * BALL_RADIUS * BALL_RADIUS;
/// Joint damping, N·s/m.
const DAMPING: f64 = 1.0;
/// Force of a motor at full action, N.
const GEAR: f64 = 100.0;
/// Contacts act from this gap on, m.
const MARGIN: f64 = 0.002;

// MuJoCo's default contact: solref (0.02, 1), solimp (0.9, 0.95, 0.001, 0.5, 2).
const TIME_CONSTANT: f64 = 0.02;
const IMPEDANCE_LOW: f64 = 0.9;
const IMPEDANCE_HIGH: f64 = 0.95;
const IMPEDANCE_WIDTH: f64 = 0.001;
const STIFFNESS: f64 = 1.0 / (IMPEDANCE_HIGH * IMPEDANCE_HIGH * TIME_CONSTANT * TIME_CONSTANT);
const CONTACT_DAMPING: f64 = 2.0 / (IMPEDANCE_HIGH * TIME_CONSTANT);
/// The inverse weight MuJoCo 2 gives a body on two slide joints: the mean over three axes, one of them fixed.
const INVERSE_WEIGHT: f64 = 2.0 / (3.0 * MASS);

/// At most this many walls meet at a point.
const MAX_CONTACTS: usize = 4;

/// The state of the ball, in D4RL's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointMass {
    /// `qpos`, m.
    pub position: [f64; 2],
    /// `qvel`, m/s.
    pub velocity: [f64; 2],
}

impl PointMass {
    /// From [x, y, vx, vy].
    pub fn from_state([x, y, vx, vy]: [f64; 4]) -> Self {
        Self { position: [x, y], velocity: [vx, vy] }
    }

    /// [x, y, vx, vy].
    pub fn state(&self) -> [f64; 4] {
        let ([x, y], [vx, vy]) = (self.position, self.velocity);
        [x, y, vx, vy]
    }

    /// Moves on by one time step. The action is clipped to [-1, 1].
    pub fn step(&mut self, layout: &Layout, action: [f64; 2]) {
        let velocity = self.velocity.map(|v| v.clamp(-MAX_SPEED, MAX_SPEED));
        let force = [0, 1].map(|k| GEAR * action[k].clamp(-1.0, 1.0) - DAMPING * velocity[k]);

        let mut contacts = [Contact::default(); MAX_CONTACTS];
        let mut count = 0;
        for contact in layout.walls_near(self.position).filter_map(|wall| Contact::with(&wall, velocity)) {
            contacts[count] = contact;
            count += 1;
        }
        let acceleration = acceleration(force, &contacts[..count]);

        for k in 0..2 {
            self.velocity[k] =
                velocity[k] + TIME_STEP * (MASS * acceleration[k]) / (MASS + TIME_STEP * DAMPING);
            self.position[k] += TIME_STEP * self.velocity[k];
        }
    }
}

/// A wall that acts on the ball: a one-sided wish for the acceleration along `normal`.
#[derive(Clone, Copy, Debug, Default)]
struct Contact {
    normal: [f64; 2],
    /// The acceleration wanted, at least.
    wanted: f64,
    /// How much the wish counts: 1 / R in MuJoCo's terms.
    weight: f64,
}

impl Contact {
    fn with(wall: &Surface, velocity: [f64; 2]) -> Option<Self> {
        let gap = wall.distance - BALL_RADIUS;
        if gap >= MARGIN {
            return None;
        }
        let overlap = gap - MARGIN;
        let impedance = impedance(overlap);
        let approach = dot(wall.normal, velocity);
        Some(Self {
            normal: wall.normal,
            wanted: -CONTACT_DAMPING * approach - STIFFNESS * impedance * overlap,
            weight: impedance / ((1.0 - impedance) * INVERSE_WEIGHT),
        })
    }

    /// By how much an acceleration falls short of the wish; the contact pushes if this is positive.
    fn shortfall(&self, acceleration: [f64; 2]) -> f64 {
        self.wanted - dot(self.normal, acceleration)
    }
}

/// MuJoCo's impedance: how firmly a contact insists, rising from 0.9 to 0.95 within the first millimetre.
fn impedance(overlap: f64) -> f64 {
    let x = (overlap.abs() / IMPEDANCE_WIDTH).min(1.0);
    let rise = if x <= 0.5 { 2.0 * x * x } else { 1.0 - 2.0 * (1.0 - x) * (1.0 - x) };
    IMPEDANCE_LOW + (IMPEDANCE_HIGH - IMPEDANCE_LOW) * rise
}

/// The minimiser a of  m/2 |a - f/m|² + Σ weight/2 max(0, shortfall(a))².
///
/// The problem is strictly convex, so it has one minimum, at which some set of contacts pushes. Given the set, the
/// minimum is a 2 x 2 linear system; the right set is the one whose solution agrees with it. There are at most 2⁴
/// sets, nearly always 2, so all are tried. Should rounding leave a contact that barely pushes in neither camp, the
/// set that disagrees least is taken, whose solution is the minimum to the same rounding.
fn acceleration(force: [f64; 2], contacts: &[Contact]) -> [f64; 2] {
    let mut best = (f64::INFINITY, [force[0] / MASS, force[1] / MASS]);
    for set in 0..1_u32 << contacts.len() {
        let pushes = |k: usize| set >> k & 1 == 1;
        let (mut a, mut b, mut c) = (MASS, 0.0, MASS);
        let mut right = force;
        for (_, contact) in contacts.iter().enumerate().filter(|&(k, _)| pushes(k)) {
            let ([x, y], w) = (contact.normal, contact.weight);
            a += w * x * x;
            b += w * x * y;
            c += w * y * y;
            right[0] += w * contact.wanted * x;
            right[1] += w * contact.wanted * y;
        }
        let determinant = a * c - b * b;
        let solution =
            [(c * right[0] - b * right[1]) / determinant, (a * right[1] - b * right[0]) / determinant];
        let disagreement = contacts.iter().enumerate().fold(0.0_f64, |worst, (k, contact)| {
            let shortfall = contact.shortfall(solution);
            worst.max(if pushes(k) { -shortfall } else { shortfall })
        });
        if disagreement < best.0 {
            best = (disagreement, solution);
        }
        if disagreement <= 0.0 {
            break;
        }
    }
    best.1
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    /// The gradient of the contact problem vanishes at the solution, whatever the contacts.
    #[test]
    fn the_acceleration_is_stationary() {
        let mut stream = Key::new(1).stream();
        for count in 0..=MAX_CONTACTS {
            for _ in 0..2_000 {
                let contacts: Vec<Contact> = (0..count)
                    .map(|_| {
                        let (x, y) = (stream.normal(), stream.normal());
                        let length = (x * x + y * y).sqrt();
                        Contact {
                            normal: [x / length, y / length],
                            wanted: stream.range(-50.0, 600.0),
                            weight: stream.range(50.0, 130.0),
                        }
                    })
                    .collect();
                let force = [stream.range(-100.0, 100.0), stream.range(-100.0, 100.0)];
                let solution = acceleration(force, &contacts);
                for k in 0..2 {
                    let push: f64 = contacts
                        .iter()
                        .map(|c| c.weight * c.shortfall(solution).max(0.0) * c.normal[k])
                        .sum();
                    let residual = MASS * solution[k] - force[k] - push;
                    assert!(residual.abs() < 1e-6, "{count} contacts: residual {residual} N");
                }
            }
        }
    }

    #[test]
    fn impedance_follows_its_curve() {
        assert!((impedance(0.0) - 0.9).abs() < 1e-15);
        assert!((impedance(-0.0005) - 0.925).abs() < 1e-15);
        assert!((impedance(-0.001) - 0.95).abs() < 1e-15);
        assert!((impedance(-0.05) - 0.95).abs() < 1e-15);
    }

    #[test]
    fn odd_states_neither_panic_nor_hang() {
        let layout = crate::maze::MazeId::Large.layout();
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, -1e300, 0.0] {
            let mut ball = PointMass { position: [value, 1.0], velocity: [value, -value] };
            ball.step(layout, [value, 0.0]);
            ball.step(layout, [0.0, value]);
        }
    }
}
