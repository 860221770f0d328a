//! Cells that episodes and walks begin in, and cells that they lead to.

use crate::benchmark::Collection;
use crate::maze::MazeId;

/// A cell, row and column.
pub(super) type Cell = (usize, usize);

/// The cell that evaluations start in, the same in all mazes.
pub(super) const START: Cell = (1, 1);

/// The cell that an evaluation's goals lie in. In U-maze it is not Maze2D's.
#[must_use]
pub fn goal_cell(maze: MazeId) -> Cell {
    match maze {
        MazeId::Umaze => (3, 1),
        MazeId::Medium => (6, 6),
        MazeId::Large => (7, 9),
    }
}

/// Cells that walks of a data set begin in, and cells that they lead to.
pub(super) fn walked(maze: MazeId, collection: Collection) -> [Vec<Cell>; 2] {
    let free = maze.layout().free_cells();
    match collection {
        Collection::Fixed => [vec![START], vec![goal_cell(maze)]],
        Collection::Diverse => [free.to_vec(), free.to_vec()],
        Collection::Play => {
            let goals: &[Cell] = match maze {
                MazeId::Umaze => &[(3, 1)],
                MazeId::Medium => &[(2, 6), (5, 1), (6, 5)],
                MazeId::Large => &[(1, 6), (3, 5), (3, 10), (5, 2), (7, 4), (7, 6), (7, 9)],
            };
            // D4RL takes its goal cells for walls when it draws a start.
            [free.iter().filter(|cell| !goals.contains(cell)).copied().collect(), goals.to_vec()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_begin_and_end_in_free_cells() {
        for maze in MazeId::ALL {
            let free = maze.layout().free_cells();
            assert!(free.contains(&START) && free.contains(&goal_cell(maze)));
            for collection in [Collection::Fixed, Collection::Play, Collection::Diverse] {
                let [starts, goals] = walked(maze, collection);
                assert!(
                    starts.iter().chain(&goals).all(|cell| free.contains(cell)),
                    "{maze:?} {collection:?}"
                );
                let expected = match collection {
                    Collection::Fixed => [1, 1],
                    Collection::Play => [free.len() - goals.len(), goals.len()],
                    Collection::Diverse => [free.len(), free.len()],
                };
                assert_eq!([starts.len(), goals.len()], expected, "{maze:?} {collection:?}");
            }
        }
    }
}
