//! Score bars, the paper's beside ours (its Figure 1).

use diar_core::spec::ScoreKind;

use super::svg::{Anchor, GRID, INK, QUIET, Svg};
use crate::score::table::Table;
use crate::score::{Interval, Method, paper};

const SIZE: [f64; 2] = [760.0, 360.0];
/// Room at the left, top, right and bottom.
const MARGIN: [f64; 4] = [44.0, 40.0, 10.0, 62.0];
const BAR: f64 = 30.0;
/// The score at the top.
const TOP: f64 = 260.0;

/// One bar: what it is, its height, the ends of its interval, its colour.
struct Bar {
    name: &'static str,
    score: f64,
    ends: Option<[f64; 2]>,
    colour: &'static str,
}

impl Bar {
    fn ours(name: &'static str, found: Interval, colour: &'static str) -> Self {
        Self { name, score: found.mean, ends: Some([found.low, found.high]), colour }
    }
}

/// First-contact scores of all tasks that are scored so.
#[must_use]
pub fn scores(table: &Table) -> Svg {
    let title = "First-contact scores on Maze2D, the paper's beside ours";
    let mut svg = Svg::new(SIZE, title);
    svg.text([MARGIN[0], 22.0], 15.0, Anchor::Start, INK, title);
    let [width, height] = [SIZE[0] - MARGIN[0] - MARGIN[2], SIZE[1] - MARGIN[1] - MARGIN[3]];
    let y = |score: f64| MARGIN[1] + height * (1.0 - score.clamp(0.0, TOP) / TOP);
    for tick in (0..=250).step_by(50) {
        let at = y(f64::from(tick));
        svg.line(&[[MARGIN[0], at], [MARGIN[0] + width, at]], GRID, 1.0);
        svg.text([MARGIN[0] - 6.0, at + 4.0], 11.0, Anchor::End, QUIET, tick);
    }
    let rows: Vec<&paper::Row> =
        paper::ROWS.iter().filter(|row| row.score == ScoreKind::FirstContact).collect();
    let group = width / rows.len() as f64;
    for (number, row) in rows.into_iter().enumerate() {
        let bars = bars(row, table);
        let left = MARGIN[0] + group * number as f64 + (group - BAR * bars.len() as f64) / 2.0;
        for (place, bar) in bars.iter().enumerate() {
            let x = left + BAR * place as f64;
            svg.rect([x + 2.0, y(bar.score)], [BAR - 4.0, y(0.0) - y(bar.score)], bar.colour);
            let middle = x + BAR / 2.0;
            let mut top = y(bar.score);
            if let Some([low, high]) = bar.ends {
                svg.line(&[[middle, y(low)], [middle, y(high)]], INK, 1.5);
                top = y(high);
            }
            svg.text([middle, top - 4.0], 10.0, Anchor::Middle, INK, format_args!("{:.0}", bar.score));
        }
        svg.text([left + BAR * bars.len() as f64 / 2.0, y(0.0) + 18.0], 12.0, Anchor::Middle, INK, row.task);
    }
    let mut x = MARGIN[0];
    for bar in bars(&paper::ROWS[0], table) {
        svg.rect([x, SIZE[1] - 30.0], [12.0, 12.0], bar.colour);
        svg.text([x + 16.0, SIZE[1] - 20.0], 11.0, Anchor::Start, QUIET, bar.name);
        x += 26.0 + 6.2 * bar.name.len() as f64;
    }
    svg
}

fn bars(row: &paper::Row, table: &Table) -> Vec<Bar> {
    let paper = |wanted: &str| {
        row.others.iter().find(|(name, _)| *name == wanted).and_then(|&(_, score)| score).unwrap_or_default()
    };
    let [mean, sd] = row.with;
    let mut bars = vec![
        Bar { name: "Diffuser, paper", score: paper("Diffuser"), ends: None, colour: "#c9d1d9" },
        Bar { name: "LDCQ, paper", score: paper("LDCQ"), ends: None, colour: "#a3b1c0" },
        Bar { name: "DIAR, paper", score: mean, ends: Some([mean - sd, mean + sd]), colour: "#6b88a8" },
    ];
    let ours = [
        ("LDCQ, ours", Method::Ldcq, "#9fd3cf"),
        ("DIAR without revaluation, ours", Method::DiarWithout, "#4aa8a1"),
        ("DIAR, ours", Method::Diar, "#0b7a75"),
    ];
    for (name, method, colour) in ours {
        let score = table.cell(row.task, method).and_then(|cell| cell.scores.get(row.score.name()));
        if let Some(&score) = score {
            bars.push(Bar::ours(name, score, colour));
        }
    }
    bars
}
