//! The maze: V field and walls below; path, fan of candidates and particle above.

use diar_core::agent::{Outcome, Phase, Trace};
use diar_core::maze::{BALL_RADIUS, CELL_LOW, GOAL_RADIUS, Layout};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{Sheet, context};
use crate::geometry::{Frame, faces};
use crate::messages::{Trail, ValueField};
use crate::raster;
use crate::scale::{Ground, Quantity, css, fraction, range};
use crate::story::Highlight;
use crate::timeline::Glimpse;

/// Paints what does not move: V, walls, goal. Cells that are not as in the `known` maze are hatched.
pub fn ground(sheet: &Sheet, layout: &Layout, known: &Layout, field: Option<&ValueField>) {
    let frame = Frame::new(layout, sheet.width);
    let context = &sheet.context;
    context.set_fill_style_str(&sheet.colour("--wall"));
    context.fill_rect(0.0, 0.0, sheet.width, sheet.height);
    context.save();
    within_walls(sheet, frame, layout);
    context.set_fill_style_str(&sheet.colour("--floor"));
    context.fill_rect(0.0, 0.0, sheet.width, sheet.height);
    let shade = sheet.ground();
    if let Some((field, picture)) = field.and_then(|field| Some((field, picture(field, shade)?))) {
        let [left, top] = frame.pixel([field.x0 - field.spacing / 2.0, field.y0 - field.spacing / 2.0]);
        let size = field.spacing * frame.scale();
        let (width, height) = (field.columns as f64 * size, field.rows as f64 * size);
        let _ = context.draw_image_with_html_canvas_element_and_dw_and_dh(&picture, left, top, width, height);
    }
    context.restore();
    goal(sheet, frame, layout);
    walls(sheet, frame, layout);
    unknown(sheet, frame, layout, known);
}

/// Hatches what the weights have never seen.
fn unknown(sheet: &Sheet, frame: Frame, layout: &Layout, known: &Layout) {
    let context = &sheet.context;
    let cells = (0..layout.rows).flat_map(|i| (0..layout.cols).map(move |j| (i, j)));
    for (i, j) in cells {
        let [row, column] = [i as isize, j as isize];
        if layout.is_wall(row, column) == known.is_wall(row, column) {
            continue;
        }
        let [left, top] = frame.pixel([i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
        let size = frame.scale();
        context.save();
        context.begin_path();
        context.rect(left, top, size, size);
        context.clip();
        context.begin_path();
        for k in 0..8_u8 {
            let at = (f64::from(k) - 3.5) * size / 4.0;
            context.move_to(left + at, top + size);
            context.line_to(left + at + size, top);
        }
        stroke(sheet, "--break", 1.5);
        context.restore();
        context.begin_path();
        context.rect(left + 1.0, top + 1.0, size - 2.0, size - 2.0);
        stroke(sheet, "--break", 2.0);
    }
}

/// The field as a small picture, one pixel per sample, which the canvas enlarges smoothly.
fn picture(field: &ValueField, shade: Ground) -> Option<HtmlCanvasElement> {
    let pixels = raster::pixels(field, shade)?;
    let data = ImageData::new_with_u8_clamped_array(Clamped(&pixels), field.columns as u32).ok()?;
    let canvas: HtmlCanvasElement =
        web_sys::window()?.document()?.create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(field.columns as u32);
    canvas.set_height(field.rows as u32);
    context(&canvas)?.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}

/// Keeps what is painted next to the free cells.
fn within_walls(sheet: &Sheet, frame: Frame, layout: &Layout) {
    let context = &sheet.context;
    context.begin_path();
    for &(i, j) in layout.free_cells() {
        let [left, top] = frame.pixel([i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
        // Half a pixel more, or the seams between cells show.
        context.rect(left - 0.25, top - 0.25, frame.scale() + 0.5, frame.scale() + 0.5);
    }
    context.clip();
}

fn goal(sheet: &Sheet, frame: Frame, layout: &Layout) {
    let context = &sheet.context;
    context.save();
    within_walls(sheet, frame, layout);
    disc(context, frame, layout.goal_position(), GOAL_RADIUS);
    context.set_fill_style_str(&sheet.colour("--goal-fill"));
    context.fill();
    stroke(sheet, "--path-case", (0.02 * frame.scale()).max(2.0) + 3.0);
    stroke(sheet, "--goal", (0.02 * frame.scale()).max(2.0));
    context.restore();
}

/// The faces that the ball bounces off.
fn walls(sheet: &Sheet, frame: Frame, layout: &Layout) {
    let context = &sheet.context;
    context.set_stroke_style_str(&sheet.colour("--wall-edge"));
    context.set_line_width(1.5);
    context.begin_path();
    for [from, to] in faces(layout) {
        let ([x0, y0], [x1, y1]) = (frame.pixel(from), frame.pixel(to));
        context.move_to(x0, y0);
        context.line_to(x1, y1);
    }
    context.stroke();
}

/// What moves on the maze.
pub struct Figure<'a> {
    pub trace: &'a Trace,
    pub moment: usize,
    /// The ways that the candidates of the decision on display would take, `[candidates][points]`.
    pub ways: Option<&'a [Vec<[f64; 2]>]>,
    /// The sampler step that is looked at, and all of them.
    pub denoising: Option<(usize, &'a Trail)>,
    /// The candidate that is looked at.
    pub looked: Option<usize>,
    /// The run it is compared with, and its moment.
    pub rival: Option<(&'a Trace, usize)>,
    pub show_plans: bool,
    /// What the tour speaks of.
    pub highlight: Option<Highlight>,
}

/// Paints what moves: everything that has happened up to a moment.
pub fn figure(sheet: &Sheet, layout: &Layout, figure: &Figure) {
    let Some(glimpse) = Glimpse::at(figure.trace, figure.moment) else { return };
    let frame = Frame::new(layout, sheet.width);
    sheet.context.set_line_join("round");
    sheet.context.set_line_cap("round");
    if let Some((trace, moment)) = figure.rival
        && let Some(other) = Glimpse::at(trace, moment)
    {
        path(sheet, frame, trace, &other, ["--rival-case", "--rival"]);
        ball(sheet, frame, &other, "--rival");
    }
    path(sheet, frame, figure.trace, &glimpse, ["--path-case", "--path"]);
    if figure.show_plans {
        fan(sheet, frame, &glimpse, figure);
    }
    ball(sheet, frame, &glimpse, "--ball");
    if let Some(highlight) = figure.highlight {
        spotlight(sheet, frame, &glimpse, highlight);
    }
}

/// A ring around what the tour speaks of.
fn spotlight(sheet: &Sheet, frame: Frame, glimpse: &Glimpse, highlight: Highlight) {
    let end = || {
        let (ends, _) = glimpse.prediction()?;
        plane_f32(ends.get(glimpse.ranking()?.1)?)
    };
    let place = match highlight {
        Highlight::State | Highlight::Fan | Highlight::Best | Highlight::Action | Highlight::Break => {
            Some(glimpse.position())
        }
        Highlight::End => end(),
        Highlight::Values => None,
    };
    let radius = if highlight == Highlight::Fan { 0.6 } else { 0.26 };
    if let Some(place) = place {
        disc(&sheet.context, frame, place, radius);
        stroke(sheet, "--path-case", 5.0);
        disc(&sheet.context, frame, place, radius);
        stroke(sheet, "--accent", 2.5);
    }
}

fn path(sheet: &Sheet, frame: Frame, trace: &Trace, glimpse: &Glimpse, [case, colour]: [&str; 2]) {
    let context = &sheet.context;
    let earlier = trace.decisions.iter().take(glimpse.index).flat_map(|decision| &decision.steps);
    let points = std::iter::once(trace.start.as_slice())
        .chain(earlier.chain(glimpse.steps()).map(|step| step.state.as_slice()))
        .filter_map(plane);
    line(sheet, frame, points);
    stroke(sheet, case, 0.05 * frame.scale() + 2.5);
    stroke(sheet, colour, (0.035 * frame.scale()).max(2.0));
    for decision in trace.decisions.iter().take(glimpse.index) {
        if let (Some(Outcome::Revalued { .. }), Some(place)) =
            (decision.outcome, plane(decision.steps.last().map_or(&decision.state, |step| &step.state)))
        {
            mark(sheet, frame, place, 0.075);
        }
    }
    context.set_global_alpha(1.0);
}

/// The candidates: the way each would take where that is known, straight to its predicted end where not.
fn fan(sheet: &Sheet, frame: Frame, glimpse: &Glimpse, figure: &Figure) {
    let context = &sheet.context;
    if let Some((step, trail)) = figure.denoising {
        half_made(sheet, frame, glimpse, step, trail);
        return;
    }
    if !glimpse.has_parts() {
        options(sheet, frame, glimpse);
        return;
    }
    let (Some((q, chosen)), Some((ends, _)), Some(origin)) =
        (glimpse.ranking(), glimpse.prediction(), plane(glimpse.state()))
    else {
        return;
    };
    let Some(range) = range(q.iter().copied()) else { return };
    let shade = sheet.ground();
    let acting =
        matches!(glimpse.phase(), Some(Phase::Compare | Phase::Follow)) && !glimpse.steps().is_empty();
    let count = ends.len().min(q.len());
    let mut order: Vec<usize> = (0..count).filter(|&index| index != chosen).collect();
    order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    let way = |index: usize| match figure.ways.and_then(|ways| ways.get(index)) {
        Some(way) => line(sheet, frame, way.iter().copied()),
        None => line(sheet, frame, [origin].into_iter().chain(plane_f32(&ends[index]))),
    };
    let dot = |index: usize, radius: f64| {
        if let Some(end) = plane_f32(&ends[index]) {
            let [x, y] = frame.pixel(end);
            context.begin_path();
            let _ = context.arc(x, y, radius, 0.0, std::f64::consts::TAU);
        }
    };
    // Once the plan is followed, the plans that were not taken step back.
    let (alpha, width) = if acting { (0.35, 1.0) } else { (0.9, 1.5) };
    for index in order {
        let part = fraction(q[index], range);
        let colour = css(Quantity::Quality, shade, part);
        context.set_global_alpha(alpha * f64::from(0.35 + 0.65 * part));
        way(index);
        context.set_stroke_style_str(&colour);
        context.set_line_width(width);
        context.stroke();
        dot(index, (0.022 * frame.scale()).max(1.8));
        context.set_fill_style_str(&colour);
        context.fill();
    }
    context.set_global_alpha(1.0);
    if chosen >= count {
        return;
    }
    way(chosen);
    stroke(sheet, "--path-case", 0.05 * frame.scale() + 3.0);
    stroke(sheet, "--quality", (0.05 * frame.scale()).max(2.5));
    if let Some(looked) = figure.looked.filter(|&looked| looked < count && looked != chosen) {
        way(looked);
        stroke(sheet, "--path-case", 0.04 * frame.scale() + 3.0);
        context.set_stroke_style_str(&css(Quantity::Quality, shade, fraction(q[looked], range)));
        context.set_line_width((0.04 * frame.scale()).max(2.5));
        context.stroke();
        dot(looked, (0.06 * frame.scale()).max(4.0));
        stroke(sheet, "--ink", 2.0);
    }
    // The predicted end: a ring with a dot.
    let radius = (0.085 * frame.scale()).max(5.0);
    for (name, extra) in [("--path-case", 3.0), ("--ends", 0.0)] {
        dot(chosen, radius);
        stroke(sheet, name, 0.03 * frame.scale() + 1.0 + extra);
    }
    dot(chosen, radius * 0.35);
    context.set_fill_style_str(&sheet.colour("--ends"));
    context.fill();
}

/// Actions as arrows at the ball, or paths; worst first, the chosen one above them.
fn options(sheet: &Sheet, frame: Frame, glimpse: &Glimpse) {
    let Some((q, chosen)) = glimpse.ranking() else { return };
    let context = &sheet.context;
    let ways = glimpse.options();
    let range = range(q.iter().copied());
    let part = |index: usize| match (q.get(index), range) {
        (Some(&q), Some(range)) => fraction(q, range),
        _ => 0.5,
    };
    let mut order: Vec<usize> = (0..ways.len()).filter(|&index| index != chosen).collect();
    order.sort_by(|&a, &b| part(a).total_cmp(&part(b)));
    for index in order {
        context.set_global_alpha(f64::from(0.35 + 0.5 * part(index)));
        line(sheet, frame, ways[index].iter().copied());
        context.set_stroke_style_str(&css(Quantity::Quality, sheet.ground(), part(index)));
        context.set_line_width(1.5);
        context.stroke();
    }
    context.set_global_alpha(1.0);
    if let Some(way) = ways.get(chosen) {
        line(sheet, frame, way.iter().copied());
        stroke(sheet, "--path-case", 0.05 * frame.scale() + 3.0);
        stroke(sheet, "--quality", (0.05 * frame.scale()).max(2.5));
    }
}

/// Candidates on their way from noise: where each would end if it were used as it is.
fn half_made(sheet: &Sheet, frame: Frame, glimpse: &Glimpse, step: usize, trail: &Trail) {
    let (Some(ends), Some(q), Some(origin)) =
        (trail.ends.get(step), trail.q.get(step), plane(glimpse.state()))
    else {
        return;
    };
    let Some(range) = range(q.iter().copied()) else { return };
    let context = &sheet.context;
    let mut order: Vec<usize> = (0..ends.len().min(q.len())).collect();
    order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    for index in order {
        let part = fraction(q[index], range);
        let end = ends[index].map(f64::from);
        line(sheet, frame, [origin, end]);
        context.set_global_alpha(f64::from(0.25 + 0.5 * part));
        context.set_stroke_style_str(&css(Quantity::Quality, sheet.ground(), part));
        context.set_line_width(1.2);
        context.stroke();
        let [x, y] = frame.pixel(end);
        context.begin_path();
        let _ = context.arc(x, y, (0.03 * frame.scale()).max(2.2), 0.0, std::f64::consts::TAU);
        context.set_global_alpha(1.0);
        context.set_fill_style_str(&css(Quantity::Quality, sheet.ground(), part));
        context.fill();
    }
}

fn line(sheet: &Sheet, frame: Frame, points: impl IntoIterator<Item = [f64; 2]>) {
    let context = &sheet.context;
    context.begin_path();
    for (index, point) in points.into_iter().enumerate() {
        let [x, y] = frame.pixel(point);
        if index == 0 { context.move_to(x, y) } else { context.line_to(x, y) }
    }
}

fn ball(sheet: &Sheet, frame: Frame, glimpse: &Glimpse, colour: &str) {
    let context = &sheet.context;
    let place = glimpse.position();
    disc(context, frame, place, BALL_RADIUS);
    context.set_fill_style_str(&sheet.colour(colour));
    context.fill();
    context.set_stroke_style_str(&sheet.colour("--ball-edge"));
    context.set_line_width((0.025 * frame.scale()).max(1.5));
    context.stroke();
    if matches!(glimpse.outcome(), Some(Outcome::Revalued { .. })) {
        disc(context, frame, place, 2.0 * BALL_RADIUS);
        context.set_stroke_style_str(&sheet.colour("--break"));
        context.set_line_width((0.04 * frame.scale()).max(2.0));
        context.stroke();
    }
}

/// A diamond where a plan was dropped.
fn mark(sheet: &Sheet, frame: Frame, [x, y]: [f64; 2], size: f64) {
    let context = &sheet.context;
    context.begin_path();
    for [dx, dy] in [[-size, 0.0], [0.0, size], [size, 0.0], [0.0, -size]] {
        let [left, top] = frame.pixel([x + dx, y + dy]);
        context.line_to(left, top);
    }
    context.close_path();
    context.set_fill_style_str(&sheet.colour("--break"));
    context.fill();
    stroke(sheet, "--path-case", 1.0);
}

fn disc(context: &CanvasRenderingContext2d, frame: Frame, place: [f64; 2], radius: f64) {
    let [x, y] = frame.pixel(place);
    context.begin_path();
    let _ = context.arc(x, y, radius * frame.scale(), 0.0, std::f64::consts::TAU);
}

fn stroke(sheet: &Sheet, colour: &str, width: f64) {
    sheet.context.set_stroke_style_str(&sheet.colour(colour));
    sheet.context.set_line_width(width);
    sheet.context.stroke();
}

fn plane(state: &[f64]) -> Option<[f64; 2]> {
    Some([*state.first()?, *state.get(1)?])
}

fn plane_f32(state: &[f32]) -> Option<[f64; 2]> {
    Some([f64::from(*state.first()?), f64::from(*state.get(1)?)])
}
