//! A recorded run as a small animated picture, for the moment in which nothing else of the page is there yet.
//!
//! It is meant to stand inside the page's HTML: its colours are those of the style sheet where there is one, its names
//! begin with `poster`, and whoever asks for less motion sees the end of the run.

use std::fmt::Write;

use diar_core::agent::{Decision, Trace};
use diar_core::maze::{BALL_RADIUS, GOAL_RADIUS, Layout};

use super::shapes;
use crate::geometry::{Frame, extent};

/// Width of the picture, in its own units.
const WIDTH: f64 = 360.0;
/// Seconds of a round, and the part of it in which the ball moves.
const ROUND: f64 = 8.0;
const MOVING: f64 = 0.88;
/// Points of the path, and key frames along it.
const POINTS: usize = 60;
const FRAMES: usize = 16;
/// Candidates that a fan shows, and the fewest steps of a plan whose fan is shown.
const CANDIDATES: usize = 14;
const FOLLOWED: usize = 5;

/// The run of a trace that has come to its end, as an SVG element.
pub fn poster(trace: &Trace, layout: &Layout) -> String {
    let frame = Frame::new(layout, WIDTH);
    let places: Vec<[f64; 2]> = shapes::places(trace).collect();
    let shown = evenly(places.len(), POINTS).map(|step| places[step]);
    let path = shapes::polyline(frame, shown);
    let [across, down] = extent(layout);
    let height = WIDTH * down / across;
    let [goal_x, goal_y] = frame.pixel(layout.goal_position());
    let drops = trace.revaluations();
    let steps = trace.steps();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        r#"<svg class="poster" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="A recorded run: a particle reaches the goal of a maze in {steps} steps and changes its plan {drops} times on the way.">
<style>{STYLE}
.poster-ball{{offset-path:path("{path}")}}
@keyframes poster-run{{{}}}
</style>
<path class="poster-floor" d="M0 0h{WIDTH}v{height:.0}H0z"/>
<circle class="poster-goal" cx="{goal_x:.1}" cy="{goal_y:.1}" r="{:.1}"/>
<path class="poster-wall" d="{}"/>
"#,
        key_frames(&places),
        GOAL_RADIUS * frame.scale(),
        shapes::walls(layout, frame),
    );
    let decisions = || trace.decisions.iter();
    for decision in decisions().filter(|decision| decision.steps.len() >= FOLLOWED) {
        if let Some(fan) = fan(decision, frame) {
            let _ = writeln!(
                out,
                r#"<g class="poster-fan" style="--at:{:.2}s">{fan}</g>"#,
                time(decision.t, steps)
            );
        }
    }
    let _ = writeln!(out, r#"<path class="poster-path" d="{path}" pathLength="100"/>"#);
    for (decision, place) in
        decisions().filter_map(|decision| Some((decision, shapes::dropped_at(decision)?)))
    {
        let at = time(decision.t + decision.steps.len(), steps);
        let diamond = shapes::diamond(frame, place, 0.07);
        let _ = writeln!(out, r#"<path class="poster-drop" style="--at:{at:.2}s" d="{diamond}"/>"#);
    }
    let _ = writeln!(out, r#"<circle class="poster-ball" r="{:.1}"/>"#, BALL_RADIUS * frame.scale());
    out + "</svg>\n"
}

/// Without motion: the end of the run. With it: the path grows behind the ball, fans flash up where plans were made,
/// and marks where they were dropped.
const STYLE: &str = "
.poster{--f:var(--floor,#fbfbf9);--w:var(--wall,#3d4047);--i:var(--ink,#17191d);\
--q:var(--quality,#5f3dc4);--b:var(--break,#c2410c);display:block;width:100%}
@media (prefers-color-scheme:dark){.poster{--f:var(--floor,#1d2127);--w:var(--wall,#0a0b0e);--i:var(--ink,#e9eaed);\
--q:var(--quality,#ab93ff);--b:var(--break,#ff8b4d)}}
.poster-floor{fill:var(--f)}.poster-wall{fill:var(--w)}
.poster-goal{fill:none;stroke:var(--i);stroke-width:3}
.poster-path{fill:none;stroke:var(--i);stroke-width:5;stroke-linecap:round;stroke-linejoin:round;stroke-dasharray:100}
.poster-fan{fill:none;stroke:var(--q);stroke-width:1.2;opacity:0}
.poster-best{stroke-width:4;stroke-linecap:round}
.poster-drop{fill:var(--b);transform-box:fill-box;transform-origin:center}
.poster-ball{fill:#fff;stroke:var(--i);stroke-width:3;offset-rotate:0deg;offset-distance:100%}
@media (prefers-reduced-motion:no-preference){
.poster-ball,.poster-path{animation:poster-run 8s linear infinite}
.poster-fan{animation:poster-fan 8s linear var(--at) infinite}
.poster-drop{animation:poster-drop 8s ease-out var(--at) infinite}}
@keyframes poster-fan{0%{opacity:0}2%,10%{opacity:1}18%,to{opacity:0}}
@keyframes poster-drop{0%{transform:scale(2.6)}8%,to{transform:none}}";

/// `count` indices below `length`, evenly spread, with the first and the last; all of them when they are fewer.
fn evenly(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(length);
    (0..count).map(move |index| index * (length - 1) / (count - 1).max(1))
}

/// Seconds into a round at which the ball has taken so many steps.
fn time(step: usize, steps: usize) -> f64 {
    ROUND * MOVING * step as f64 / steps.max(1) as f64
}

/// How much of the path's length lies behind the ball over a round: it slows down and speeds up as it did.
fn key_frames(places: &[[f64; 2]]) -> String {
    let mut length = 0.0;
    let lengths: Vec<f64> = std::iter::once(0.0)
        .chain(places.windows(2).map(|pair| {
            length += (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
            length
        }))
        .collect();
    let steps = places.len().saturating_sub(1);
    let mut frames = String::new();
    for step in evenly(lengths.len(), FRAMES) {
        let part = 100.0 * lengths[step] / length.max(f64::EPSILON);
        let end = if step == steps { ",to" } else { "" };
        let _ = write!(
            frames,
            "{:.1}%{end}{{offset-distance:{part:.1}%;stroke-dashoffset:{:.1}}}",
            100.0 * time(step, steps) / ROUND,
            100.0 - part,
        );
    }
    frames
}

/// Some candidates of a decision as lines to their predicted ends, the chosen one thicker.
fn fan(decision: &Decision, frame: Frame) -> Option<String> {
    let origin = shapes::plane(&decision.state)?;
    let best = shapes::plane(decision.ends.get(decision.chosen?)?)?;
    let lines = evenly(decision.ends.len(), CANDIDATES)
        .filter_map(|index| Some(shapes::polyline(frame, [origin, shapes::plane(&decision.ends[index])?])));
    Some(format!(
        r#"<path d="{}"/><path class="poster-best" d="{}"/>"#,
        lines.collect::<String>(),
        shapes::polyline(frame, [origin, best]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, task, trace};

    #[test]
    fn indices_are_spread_from_end_to_end() {
        assert_eq!(evenly(11, 3).collect::<Vec<_>>(), [0, 5, 10]);
        assert_eq!(evenly(2, 16).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(evenly(1, 16).collect::<Vec<_>>(), [0]);
        assert_eq!(evenly(0, 16).count(), 0);
    }

    #[test]
    fn the_ball_is_where_it_was() {
        // One metre in the first step, three in the second.
        let frames = key_frames(&[[0.0, 0.0], [0.0, 1.0], [3.0, 1.0]]);
        assert_eq!(
            frames,
            "0.0%{offset-distance:0.0%;stroke-dashoffset:100.0}\
             44.0%{offset-distance:25.0%;stroke-dashoffset:75.0}\
             88.0%,to{offset-distance:100.0%;stroke-dashoffset:0.0}"
        );
    }

    #[test]
    fn a_poster_shows_plans_and_where_they_were_dropped() {
        let trace = trace(&[Script::Dropped(6), Script::Dropped(0), Script::Goal(6)]);
        let poster = poster(&trace, task().maze().layout());
        let count = |class: &str| poster.matches(&format!("class=\"{class}\"")).count();
        assert_eq!((count("poster-drop"), count("poster-fan"), count("poster-ball")), (2, 2, 1));
        // Half of the way after half of the steps.
        assert!(poster.contains("<g class=\"poster-fan\" style=\"--at:3.52s\">"), "{poster}");
        assert!(poster.contains("in 12 steps and changes its plan 2 times"));
    }

    #[test]
    fn a_run_that_has_not_begun_is_a_maze() {
        let poster = poster(&trace(&[]), task().maze().layout());
        assert!(poster.contains("poster-wall") && !poster.contains("NaN"));
    }
}
