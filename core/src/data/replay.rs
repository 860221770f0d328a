//! Prioritised replay over a fixed set of windows (Schaul et al., 2016).

use crate::rng::Stream;

/// A binary tree of partial sums: draws in proportion to its leaves in O(log n).
#[derive(Clone, Debug)]
pub struct SumTree {
    leaves: usize,
    /// Node 1 is the root; node `i` has children `2i` and `2i + 1`.
    nodes: Vec<f64>,
}

impl SumTree {
    /// A tree of the given leaves.
    pub fn of(weights: impl ExactSizeIterator<Item = f64>) -> Self {
        let leaves = weights.len().next_power_of_two();
        let mut nodes = vec![0.0; 2 * leaves];
        for (node, weight) in nodes[leaves..].iter_mut().zip(weights) {
            *node = weight;
        }
        for i in (1..leaves).rev() {
            nodes[i] = nodes[2 * i] + nodes[2 * i + 1];
        }
        Self { leaves, nodes }
    }

    /// Sum of all leaves.
    pub fn total(&self) -> f64 {
        self.nodes[1]
    }

    /// Weight of a leaf.
    pub fn get(&self, leaf: usize) -> f64 {
        self.nodes[self.leaves + leaf]
    }

    /// Changes the weight of a leaf.
    pub fn set(&mut self, leaf: usize, weight: f64) {
        let mut node = self.leaves + leaf;
        self.nodes[node] = weight;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The leaf in whose share of the total `mass` falls; `mass` is in `[0, total)`.
    pub fn find(&self, mut mass: f64) -> usize {
        let mut node = 1;
        while node < self.leaves {
            let left = self.nodes[2 * node];
            // Rounding may leave a mass at the very end; never walk into an empty right half.
            if mass < left || self.nodes[2 * node + 1] <= 0.0 {
                node *= 2;
            } else {
                mass -= left;
                node = 2 * node + 1;
            }
        }
        node - self.leaves
    }
}

/// Windows drawn from the replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Which windows, with replacement.
    pub windows: Vec<usize>,
    /// Importance weight of each, largest 1.
    pub weights: Vec<f32>,
}

/// Draws windows by priority: `p ∝ priority^α`, weights `(n·p)^-β` over their largest.
#[derive(Clone, Debug)]
pub struct Replay {
    priorities: Vec<f32>,
    tree: SumTree,
    alpha: f64,
}

impl Replay {
    /// Every window's first priority.
    pub const FIRST_PRIORITY: f32 = 100.0;
    /// Added to every squared error, so that no window is lost.
    pub const SMALLEST_PRIORITY: f32 = 5e-6;

    /// A replay of `n` windows that all have the first priority.
    pub fn new(n: usize, alpha: f64) -> Self {
        Self::of(vec![Self::FIRST_PRIORITY; n], alpha)
    }

    /// A replay with the given priorities.
    pub fn of(priorities: Vec<f32>, alpha: f64) -> Self {
        let tree = SumTree::of(priorities.iter().map(|&priority| libm::pow(f64::from(priority), alpha)));
        Self { priorities, tree, alpha }
    }

    /// α.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Every window's priority.
    pub fn priorities(&self) -> &[f32] {
        &self.priorities
    }

    /// Draws `batch` windows with importance exponent `beta`.
    pub fn draw(&self, stream: &mut Stream, batch: usize, beta: f64) -> Drawn {
        let total = self.tree.total();
        let windows: Vec<usize> = (0..batch)
            .map(|_| self.tree.find(stream.uniform() * total).min(self.priorities.len() - 1))
            .collect();
        let n = self.priorities.len() as f64;
        let raw: Vec<f64> =
            windows.iter().map(|&window| libm::pow(n * self.tree.get(window) / total, -beta)).collect();
        let largest = raw.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        Drawn { windows, weights: raw.iter().map(|weight| (weight / largest) as f32).collect() }
    }

    /// Sets the priorities of drawn windows from the two networks' TD errors.
    pub fn update(&mut self, windows: &[usize], first: &[f32], second: &[f32]) {
        for ((&window, a), b) in windows.iter().zip(first).zip(second) {
            let priority = 0.5 * (a * a + b * b) + Self::SMALLEST_PRIORITY;
            self.priorities[window] = priority;
            self.tree.set(window, libm::pow(f64::from(priority), self.alpha));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    #[test]
    fn the_tree_equals_a_linear_search() {
        let mut stream = Key::new(1).stream();
        let mut weights: Vec<f64> = (0..37).map(|_| stream.uniform()).collect();
        let mut tree = SumTree::of(weights.iter().copied());
        for _ in 0..500 {
            let (leaf, weight) = (stream.below(37), stream.uniform() * 3.0);
            weights[leaf] = weight;
            tree.set(leaf, weight);
            let mass = stream.uniform() * tree.total() * 0.999_999;
            let mut sum = 0.0;
            let expected = weights.iter().position(|weight| {
                sum += weight;
                mass < sum
            });
            assert_eq!(Some(tree.find(mass)), expected);
            assert!((tree.total() - weights.iter().sum::<f64>()).abs() < 1e-9);
        }
    }

    #[test]
    fn draws_follow_priorities_and_weights_undo_them() {
        let priorities = vec![1.0, 4.0, 16.0];
        let replay = Replay::of(priorities.clone(), 0.5);
        let drawn = replay.draw(&mut Key::new(2).stream(), 70_000, 1.0);
        for (window, share) in [(0, 1.0 / 7.0), (1, 2.0 / 7.0), (2, 4.0 / 7.0)] {
            let count = drawn.windows.iter().filter(|&&w| w == window).count() as f64 / 70_000.0;
            assert!((count - share).abs() < 0.01, "{window}: {count}");
        }
        // With β = 1 every window has the same expected weight, so weighted counts are equal.
        let mass = |window: usize| -> f32 {
            drawn.windows.iter().zip(&drawn.weights).filter(|(w, _)| **w == window).map(|(_, w)| w).sum()
        };
        assert!((mass(0) / mass(2) - 1.0).abs() < 0.05);
        assert!(drawn.weights.iter().all(|&weight| weight > 0.0 && weight <= 1.0));
    }

    #[test]
    fn updates_use_the_mean_squared_error() {
        let mut replay = Replay::new(4, 0.7);
        replay.update(&[2], &[1.0], &[3.0]);
        assert_eq!(replay.priorities()[2], 5.0 + Replay::SMALLEST_PRIORITY);
        assert_eq!(replay.priorities()[0], Replay::FIRST_PRIORITY);
    }
}
