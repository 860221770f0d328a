//! The decision timeline as shapes: V of the current state against V of the predicted end, over environment steps.

use std::fmt::Write;

use diar_core::agent::{Outcome, Trace};

use crate::scale;

/// Width and height of the picture, in its own units: on a wide page, and on a phone.
pub const WIDE: [f64; 2] = [1120.0, 190.0];
pub const NARROW: [f64; 2] = [520.0, 240.0];
/// Room at the left, top, right and bottom.
const MARGIN: [f64; 4] = [52.0, 16.0, 10.0, 30.0];

/// Shapes of a timeline, in units of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Width and height of the picture.
    pub size: [f64; 2],
    /// Environment steps across.
    pub steps: usize,
    /// V of the current state: an SVG path.
    pub now: String,
    /// V of the state of another run: an SVG path.
    pub rival: Option<String>,
    /// V of the predicted ends, one bar per decision: an SVG path.
    pub ends: String,
    /// Where revaluation dropped a plan.
    pub breaks: Vec<f64>,
    /// Where the goal was touched.
    pub goal: Option<f64>,
    /// Heights and labels of the value axis.
    pub values: Vec<(f64, f32)>,
    /// Places and labels of the step axis.
    pub ticks: Vec<(f64, usize)>,
}

impl Plot {
    /// The timeline of a trace, and of the run it is compared with.
    pub fn of(trace: &Trace, rival: Option<&Trace>, size: [f64; 2]) -> Self {
        let steps = trace.steps().max(rival.map_or(0, Trace::steps)).max(20);
        let both = trace.decisions.iter().chain(rival.into_iter().flat_map(|rival| &rival.decisions));
        let values = both.flat_map(|decision| decision.v_now.iter().chain(&decision.v_end).copied());
        let range = pad(scale::range(values).unwrap_or((0.0, 1.0)));
        let x = |step: f64| across(step, steps, size);
        let y = |value: f32| down(value, range, size);
        let line = |trace: &Trace| {
            let mut line = String::new();
            for decision in &trace.decisions {
                for (index, &value) in decision.v_now.iter().enumerate() {
                    let command = if line.is_empty() { 'M' } else { 'L' };
                    // Writing to a string cannot fail.
                    let _ = write!(line, "{command}{:.1} {:.1}", x((decision.t + index) as f64), y(value));
                }
            }
            line
        };
        let (mut ends, mut breaks) = (String::new(), Vec::new());
        for decision in &trace.decisions {
            let begin = decision.t as f64;
            if let Some(value) = decision.v_end {
                // A plan dropped before its first step still shows as a short bar.
                let end = begin + (decision.steps.len() as f64).max(0.5);
                let _ = write!(ends, "M{:.1} {:.1}H{:.1}", x(begin), y(value), x(end.min(steps as f64)));
            }
            if let Some(Outcome::Revalued { at }) = decision.outcome {
                breaks.push(x(begin + at as f64));
            }
        }
        Self {
            size,
            steps,
            now: line(trace),
            rival: rival.map(line),
            ends,
            breaks,
            goal: trace.first_contact().map(|step| x(step as f64)),
            values: [0.0, 0.5, 1.0]
                .map(|part| range.0 + part * (range.1 - range.0))
                .map(|value| (y(value), value))
                .to_vec(),
            ticks: ticks(steps).into_iter().map(|step| (x(step as f64), step)).collect(),
        }
    }

    /// Where a step is.
    pub fn x(&self, step: usize) -> f64 {
        across(step as f64, self.steps, self.size)
    }

    /// The step nearest to a fraction of the picture's width.
    pub fn step(&self, fraction: f64) -> usize {
        let inner = (fraction * self.size[0] - MARGIN[0]) / (self.size[0] - MARGIN[0] - MARGIN[2]);
        (inner * self.steps as f64).round().clamp(0.0, self.steps as f64) as usize
    }
}

/// Top and bottom of the plotted area of a picture.
pub const fn area(size: [f64; 2]) -> [f64; 2] {
    [MARGIN[1], size[1] - MARGIN[3]]
}

fn across(step: f64, steps: usize, size: [f64; 2]) -> f64 {
    MARGIN[0] + (size[0] - MARGIN[0] - MARGIN[2]) * step / steps as f64
}

fn down(value: f32, range: (f32, f32), size: [f64; 2]) -> f64 {
    let [top, bottom] = area(size);
    bottom - (bottom - top) * f64::from(scale::fraction(value, range))
}

fn pad((low, high): (f32, f32)) -> (f32, f32) {
    let room = if high > low { 0.06 * (high - low) } else { 0.5 };
    (low - room, high + room)
}

/// Round numbers of steps, about six of them.
fn ticks(steps: usize) -> Vec<usize> {
    let width = [5, 10, 20, 25, 50, 100, 200].into_iter().find(|width| steps / width <= 6).unwrap_or(500);
    (0..=steps / width).map(|index| index * width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, trace};

    #[test]
    fn a_mark_stands_at_each_revaluation() {
        let plot = Plot::of(&trace(&[Script::Dropped(4), Script::Dropped(0), Script::Goal(20)]), None, WIDE);
        assert_eq!(plot.steps, 24);
        assert_eq!(plot.breaks, [plot.x(4), plot.x(4)]);
        assert_eq!(plot.goal, Some(plot.x(24)));
        assert_eq!(plot.ends.matches('M').count(), 3);
        assert_eq!((plot.now.matches('M').count(), plot.now.matches('L').count()), (1, 25));
    }

    #[test]
    fn pointing_finds_the_step() {
        let plot = Plot::of(&trace(&[Script::Goal(100)]), None, WIDE);
        for step in [0, 1, 50, 99, 100] {
            assert_eq!(plot.step(plot.x(step) / WIDE[0]), step);
        }
        assert_eq!((plot.step(-1.0), plot.step(2.0)), (0, 100));
    }

    #[test]
    fn a_phone_has_a_picture_of_its_own() {
        let plot = Plot::of(&trace(&[Script::Goal(100)]), None, NARROW);
        assert_eq!(plot.x(100), NARROW[0] - MARGIN[2]);
        assert_eq!(plot.step(plot.x(50) / NARROW[0]), 50);
    }

    #[test]
    fn an_empty_trace_has_axes() {
        let plot = Plot::of(&trace(&[]), None, WIDE);
        assert!(plot.now.is_empty() && plot.breaks.is_empty() && plot.goal.is_none());
        assert_eq!((plot.steps, plot.ticks.len(), plot.values.len()), (20, 5, 3));
    }

    #[test]
    fn shapes_stay_inside_the_picture() {
        let plot = Plot::of(&trace(&[Script::Dropped(2), Script::Goal(3)]), None, WIDE);
        for (height, _) in &plot.values {
            assert!((area(WIDE)[0]..=area(WIDE)[1]).contains(height));
        }
        for (place, _) in &plot.ticks {
            assert!((0.0..=WIDE[0]).contains(place));
        }
    }
}
