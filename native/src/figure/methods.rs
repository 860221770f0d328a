//! Scores of all methods with their intervals, a panel for each protocol.

use diar_core::spec::ScoreKind;

use super::svg::{Anchor, GRID, INK, QUIET, Svg};
use crate::score::Interval;
use crate::score::table::{Measured, Table};

/// Room for names at the left, and around the figure.
const NAMES: f64 = 235.0;
const GAP: f64 = 16.0;
/// Width of a task's column, and the room between two.
const COLUMN: f64 = 220.0;
const BETWEEN: f64 = 38.0;
/// Height of a method's row, and of a panel's head and foot.
const ROW: f64 = 20.0;
const HEAD: f64 = 50.0;
const FOOT: f64 = 34.0;

const OURS: &str = "#0b7a75";
const PUBLISHED: &str = "#c2560c";

/// A panel's protocol and its heading.
const PANELS: [(ScoreKind, &str); 3] = [
    (
        ScoreKind::FirstContact,
        "Maze2D, first contact: every step from the first contact with the goal on counts",
    ),
    (ScoreKind::Return, "Maze2D, native: every step at the goal counts"),
    (ScoreKind::Success, "AntMaze: share of the episodes that reach the goal, in per cent"),
];

/// All measured and published scores, one panel under another: no axis has scores of two protocols.
#[must_use]
pub fn methods(table: &Table) -> Svg {
    let panels: Vec<_> = PANELS
        .iter()
        .map(|&(kind, title)| (title, table.measured(kind)))
        .filter(|(_, panel)| panel.any_ours())
        .collect();
    let width = 2.0 * GAP + NAMES + 3.0 * COLUMN + 2.0 * BETWEEN;
    let height: f64 = panels.iter().map(|(_, panel)| HEAD + FOOT + ROW * panel.rows.len() as f64).sum();
    let title = "Scores of all methods: measured with 95 % intervals, and published";
    let mut svg = Svg::new([width, height + 62.0], title);
    svg.text([GAP, 24.0], 15.0, Anchor::Start, INK, title);
    svg.dot([GAP + 5.0, 42.0], 4.0, OURS);
    svg.text([GAP + 14.0, 46.0], 11.0, Anchor::Start, QUIET, "measured here, with its interval");
    svg.ring([GAP + 205.0, 42.0], 4.0, PUBLISHED);
    svg.text([GAP + 214.0, 46.0], 11.0, Anchor::Start, QUIET, "published, by the same protocol");
    let mut top = 62.0;
    for (title, panel) in &panels {
        draw(&mut svg, top, title, panel);
        top += HEAD + FOOT + ROW * panel.rows.len() as f64;
    }
    svg
}

fn draw(svg: &mut Svg, top: f64, title: &str, panel: &Measured) {
    svg.text([GAP, top + 16.0], 13.0, Anchor::Start, INK, title);
    let first = top + HEAD;
    let bottom = first + ROW * panel.rows.len() as f64;
    let (low, high) = range(panel);
    for (number, task) in panel.tasks.iter().enumerate() {
        let left = GAP + NAMES + number as f64 * (COLUMN + BETWEEN);
        let x = |score: f64| left + COLUMN * (score - low) / (high - low);
        svg.text([left, top + 38.0], 12.0, Anchor::Start, QUIET, task);
        let mut tick = low;
        while tick <= high {
            svg.line(&[[x(tick), first], [x(tick), bottom]], GRID, 1.0);
            svg.text([x(tick), bottom + 14.0], 10.0, Anchor::Middle, QUIET, tick);
            tick += STEP;
        }
        for (row, y) in panel.rows.iter().zip((0..).map(|i| first + ROW * (f64::from(i) + 0.5))) {
            if let Some(Interval { mean, low, high }) = row.ours[number] {
                svg.line(&[[x(low), y], [x(high), y]], OURS, 2.0);
                for end in [low, high] {
                    svg.line(&[[x(end), y - 4.0], [x(end), y + 4.0]], OURS, 1.5);
                }
                svg.dot([x(mean), y], 3.5, OURS);
            }
            if let Some(score) = row.published[number] {
                svg.ring([x(score), y], 4.0, PUBLISHED);
            }
        }
    }
    for (row, y) in panel.rows.iter().zip((0..).map(|i| first + ROW * (f64::from(i) + 0.5))) {
        svg.text([GAP + NAMES - 10.0, y + 4.0], 12.0, Anchor::End, INK, row.name);
    }
}

/// Distance of two ticks.
const STEP: f64 = 50.0;

/// Whole ticks around all scores of a panel.
fn range(panel: &Measured) -> (f64, f64) {
    let ours =
        panel.rows.iter().flat_map(|row| &row.ours).flatten().flat_map(|found| [found.low, found.high]);
    let published = panel.rows.iter().flat_map(|row| &row.published).flatten().copied();
    let (low, high) =
        ours.chain(published).fold((0.0_f64, STEP), |(low, high), score| (low.min(score), high.max(score)));
    ((low / STEP).floor() * STEP, (high / STEP).ceil() * STEP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::table::MeasuredRow;

    fn panel() -> Measured {
        let found = Interval { mean: 20.0, low: -4.0, high: 26.0 };
        let row = |name, ours, published| MeasuredRow { name, ours, published };
        Measured {
            tasks: vec!["a", "b"],
            rows: vec![
                row("one", vec![Some(found), None], vec![Some(112.0), None]),
                row("two", vec![None, None], vec![None, Some(30.0)]),
            ],
        }
    }

    #[test]
    fn an_axis_has_room_for_every_score_of_its_panel() {
        assert_eq!(range(&panel()), (-50.0, 150.0));
        assert_eq!(range(&Measured { tasks: Vec::new(), rows: Vec::new() }), (0.0, 50.0));
    }

    #[test]
    fn measured_scores_are_dots_and_published_ones_are_rings() {
        let mut svg = Svg::new([900.0, 300.0], "scores");
        draw(&mut svg, 0.0, "a protocol", &panel());
        let text = svg.to_string();
        assert_eq!(text.matches(&format!("fill=\"{OURS}\"")).count(), 1);
        assert_eq!(text.matches(&format!("fill=\"none\" stroke=\"{PUBLISHED}\"")).count(), 2);
    }
}
