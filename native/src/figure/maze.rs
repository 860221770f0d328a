//! What happens in a maze: episodes as paths, and the value of every place.

use diar_core::maze::{CELL_LOW, GOAL_RADIUS, Layout};

use super::svg::{Anchor, INK, QUIET, Svg};

/// Pixels per metre.
const SCALE: f64 = 34.0;
/// Room around a panel, and above it for its caption.
const GAP: f64 = 14.0;
const CAPTION: f64 = 22.0;
/// Room that a title takes.
const NARROWEST: f64 = 300.0;
/// Panels in a row.
const ACROSS: usize = 4;

const WALL: &str = "#c9d1d9";
const START: &str = "#1f6feb";
const GOAL: &str = "#d1242f";
const AFTER: &str = "#8b949e";
const PATH: &str = "#0b7a75";
const DROPPED: &str = "#e8590c";

/// One episode up to its first contact with the goal. A position is in Maze2D's frame: rows first, a cell is 1 wide.
#[derive(Clone, Debug, PartialEq)]
pub struct Journey {
    /// The text above it.
    pub caption: String,
    /// Where it should lead.
    pub goal: [f64; 2],
    /// The distance from the goal that counts as reaching it.
    pub reach: f64,
    /// Positions from the start on.
    pub path: Vec<[f64; 2]>,
    /// Where revaluation dropped a plan.
    pub drops: Vec<[f64; 2]>,
}

/// An episode to its time limit by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The method.
    pub method: &'static str,
    /// Up to the first contact with the goal.
    pub journey: Journey,
    /// Positions after it.
    pub after: Vec<[f64; 2]>,
}

/// A maze whose top left corner is at `origin`.
#[derive(Clone, Copy)]
struct Panel<'a> {
    layout: &'a Layout,
    origin: [f64; 2],
}

impl Panel<'_> {
    fn size(layout: &Layout) -> [f64; 2] {
        [layout.cols as f64 * SCALE, layout.rows as f64 * SCALE]
    }

    /// A position on the drawing: the first coordinate runs down, the second across, as a layout is written.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.origin[0] + (y - CELL_LOW) * SCALE, self.origin[1] + (x - CELL_LOW) * SCALE]
    }

    fn walls(&self, svg: &mut Svg) {
        for i in 0..self.layout.rows {
            for j in 0..self.layout.cols {
                if self.layout.is_wall(i as isize, j as isize) {
                    let corner = self.at([i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
                    svg.rect(corner, [SCALE + 0.3; 2], WALL);
                }
            }
        }
    }

    /// An episode, with its caption above.
    fn journey(&self, journey: &Journey, svg: &mut Svg) {
        svg.text([self.origin[0], self.origin[1] - 7.0], 12.0, Anchor::Start, QUIET, &journey.caption);
        self.walls(svg);
        self.goal(journey.goal, journey.reach, svg);
        let points: Vec<[f64; 2]> = journey.path.iter().map(|&place| self.at(place)).collect();
        svg.line(&points, PATH, 2.0);
        for &place in &journey.drops {
            svg.dot(self.at(place), 2.2, DROPPED);
        }
        if let Some(&start) = points.first() {
            svg.dot(start, 5.0, START);
        }
    }

    fn goal(&self, goal: [f64; 2], reach: f64, svg: &mut Svg) {
        let goal = self.at(goal);
        svg.ring(goal, reach * SCALE, GOAL);
        svg.dot(goal, 4.0_f64.min(reach * SCALE), GOAL);
    }
}

/// Episodes side by side, starts blue and goal red, with an orange dot where revaluation dropped a plan.
#[must_use]
pub fn paths(layout: &Layout, title: &str, journeys: &[Journey]) -> Svg {
    let [width, height] = Panel::size(layout);
    let across = journeys.len().clamp(1, ACROSS);
    let down = journeys.len().div_ceil(across);
    let size = [across as f64 * (width + GAP) + GAP, down as f64 * (height + CAPTION + GAP) + GAP + CAPTION];
    let mut svg = Svg::new(size, title);
    svg.text([GAP, 20.0], 15.0, Anchor::Start, INK, title);
    for (number, journey) in journeys.iter().enumerate() {
        let origin = [
            GAP + (number % across) as f64 * (width + GAP),
            GAP + 2.0 * CAPTION + (number / across) as f64 * (height + CAPTION + GAP),
        ];
        Panel { layout, origin }.journey(journey, &mut svg);
    }
    svg
}

/// Methods side by side, a row for each start. Behind the first contact with the goal a way is drawn thin, over its walls.
#[must_use]
pub fn ways(layout: &Layout, title: &str, rows: &[Vec<Way>]) -> Svg {
    let [width, height] = Panel::size(layout);
    // A caption has about so many pixels.
    let column = width.max(205.0) + GAP;
    let across = rows.iter().map(Vec::len).max().unwrap_or(1);
    let row_height = height + 2.0 * CAPTION + GAP;
    let size =
        [(across as f64 * column + GAP).max(NARROWEST), rows.len() as f64 * row_height + 2.0 * GAP + CAPTION];
    let mut svg = Svg::new(size, title);
    svg.text([GAP, 20.0], 15.0, Anchor::Start, INK, title);
    for (down, row) in rows.iter().enumerate() {
        for (number, Way { method, journey, after }) in row.iter().enumerate() {
            let origin = [GAP + number as f64 * column, GAP + 3.0 * CAPTION + down as f64 * row_height];
            let panel = Panel { layout, origin };
            svg.text([origin[0], origin[1] - 23.0], 13.0, Anchor::Start, INK, method);
            panel.journey(journey, &mut svg);
            let behind = journey.path.last().into_iter().chain(after);
            let points: Vec<[f64; 2]> = behind.map(|&place| panel.at(place)).collect();
            if points.len() > 1 {
                svg.line(&points, AFTER, 0.8);
            }
        }
    }
    svg
}

/// The value of every place, low dark and high bright; `field` has a position, m, and V.
#[must_use]
pub fn values(layout: &Layout, title: &str, field: &[([f64; 2], f32)], spacing: f64) -> Svg {
    let [width, height] = Panel::size(layout);
    let legend = 60.0;
    let mut svg =
        Svg::new([(width + 2.0 * GAP + legend).max(NARROWEST), height + CAPTION + 2.0 * GAP], title);
    svg.text([GAP, 20.0], 15.0, Anchor::Start, INK, title);
    let panel = Panel { layout, origin: [GAP, GAP + CAPTION] };
    let low = field.iter().map(|&(_, value)| value).fold(f32::INFINITY, f32::min);
    let high = field.iter().map(|&(_, value)| value).fold(f32::NEG_INFINITY, f32::max);
    let share = |value: f32| f64::from((value - low) / (high - low).max(f32::EPSILON));
    for &([x, y], value) in field {
        let half = spacing / 2.0;
        svg.rect(panel.at([x - half, y - half]), [spacing * SCALE + 0.3; 2], &colour(share(value)));
    }
    panel.walls(&mut svg);
    panel.goal(layout.goal_position(), GOAL_RADIUS, &mut svg);
    let right = width + 2.0 * GAP;
    let bands = 40;
    for band in 0..bands {
        let part = f64::from(band) / f64::from(bands);
        let top = GAP + CAPTION + (1.0 - part) * height - height / f64::from(bands);
        svg.rect([right, top], [12.0, height / f64::from(bands) + 0.3], &colour(part));
    }
    for (value, y) in [(high, GAP + CAPTION + 10.0), (low, GAP + CAPTION + height)] {
        svg.text([right + 16.0, y], 11.0, Anchor::Start, QUIET, format_args!("{value:.1}"));
    }
    svg
}

/// From dark blue over green to yellow, evenly bright steps.
fn colour(share: f64) -> String {
    const STOPS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let first = (place as usize).min(STOPS.len() - 2);
    let part = place - first as f64;
    let [r, g, b] =
        [0, 1, 2].map(|i| (STOPS[first][i] + part * (STOPS[first + 1][i] - STOPS[first][i])).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use diar_core::maze::MazeId;

    use super::*;

    #[test]
    fn the_ends_of_the_scale_are_its_colours() {
        assert_eq!(
            (colour(0.0), colour(1.0), colour(0.5)),
            ("#440154".into(), "#fde725".into(), "#21918c".into())
        );
        assert_eq!((colour(-1.0), colour(2.0)), (colour(0.0), colour(1.0)));
    }

    #[test]
    fn a_drawing_has_a_rectangle_per_wall_and_a_line_per_journey() {
        let layout = MazeId::Umaze.layout();
        let journey = Journey {
            caption: "a < b".into(),
            goal: [1.0, 1.0],
            reach: 0.5,
            path: vec![[1.0, 1.0], [1.0, 2.0]],
            drops: vec![[1.0, 1.5]],
        };
        let text = paths(layout, "two & two", &[journey.clone(), journey]).to_string();
        let walls =
            (0..5).flat_map(|i| (0..5).map(move |j| (i, j))).filter(|&(i, j)| layout.is_wall(i, j)).count();
        assert_eq!(text.matches(&format!("fill=\"{WALL}\"/>")).count(), 2 * walls);
        assert_eq!(text.matches("<polyline").count(), 2);
        assert!(text.contains("a &lt; b") && text.contains("two &amp; two"));
    }

    #[test]
    fn ways_stand_side_by_side_and_end_thin_behind_the_goal() {
        let layout = MazeId::Umaze.layout();
        let journey = Journey {
            caption: "at the goal: step 2, reward 7".into(),
            goal: [1.0, 1.0],
            reach: 0.5,
            path: vec![[1.0, 2.0], [1.0, 1.0]],
            drops: Vec::new(),
        };
        let way = |method, after| Way { method, journey: journey.clone(), after };
        let row = vec![way("IQL", vec![[1.0, 1.1]]), way("DIAR", Vec::new())];
        let text = ways(layout, "a task", &[row.clone(), row]).to_string();
        assert_eq!((text.matches(PATH).count(), text.matches(AFTER).count()), (4, 2));
        assert_eq!((text.matches(">IQL<").count(), text.matches("reward 7").count()), (2, 4));
    }
}
