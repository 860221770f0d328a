//! The maze: V field and walls below; path, fan of candidates and particle above.

use diar_core::agent::{Outcome, Phase, Trace};
use diar_core::maze::{BALL_RADIUS, CELL_HIGH, CELL_LOW, GOAL_RADIUS, Layout};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{Sheet, context};
use crate::geometry::Frame;
use crate::messages::ValueField;
use crate::scale::{fraction, ramp, range};
use crate::timeline::Glimpse;

/// Paints what does not move: V, walls, goal.
pub fn ground(canvas: &HtmlCanvasElement, layout: &Layout, field: Option<&ValueField>) {
    let Some(sheet) = Sheet::clear(canvas) else { return };
    let frame = Frame::new(layout, sheet.width);
    let context = &sheet.context;
    context.set_fill_style_str(&sheet.colour("--floor"));
    context.fill_rect(0.0, 0.0, sheet.width, sheet.height);
    if let Some((field, picture)) = field.and_then(|field| Some((field, picture(field)?))) {
        context.set_global_alpha(0.72);
        let [left, top] = frame.pixel([field.x0 - field.spacing / 2.0, field.y0 - field.spacing / 2.0]);
        let size = field.spacing * frame.scale();
        let (width, height) = (field.columns as f64 * size, field.rows as f64 * size);
        let _ = context.draw_image_with_html_canvas_element_and_dw_and_dh(&picture, left, top, width, height);
        context.set_global_alpha(1.0);
    }
    goal(&sheet, frame, layout);
    walls(&sheet, frame, layout);
}

/// The field as a small picture, one pixel per sample, which the canvas enlarges smoothly.
fn picture(field: &ValueField) -> Option<HtmlCanvasElement> {
    let range = field.range()?;
    let value = |row: isize, column: isize| {
        let inside = (0..field.rows as isize).contains(&row) && (0..field.columns as isize).contains(&column);
        inside
            .then(|| field.values[row as usize * field.columns + column as usize])
            .filter(|value| value.is_finite())
    };
    let mut pixels = vec![0_u8; field.rows * field.columns * 4];
    for (index, pixel) in pixels.chunks_exact_mut(4).enumerate() {
        let (row, column) = ((index / field.columns) as isize, (index % field.columns) as isize);
        // Walls next to free cells take the colour beside them, so that smoothing does not fade at the border.
        let near = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (row + i, column + j)));
        let shown = value(row, column).or_else(|| {
            let (sum, count) = near
                .filter_map(|(row, column)| value(row, column))
                .fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / count as f32)
        });
        if let Some(shown) = shown {
            pixel[..3].copy_from_slice(&ramp(fraction(shown, range)));
            pixel[3] = 255;
        }
    }
    let data = ImageData::new_with_u8_clamped_array(Clamped(&pixels), field.columns as u32).ok()?;
    let canvas: HtmlCanvasElement =
        web_sys::window()?.document()?.create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(field.columns as u32);
    canvas.set_height(field.rows as u32);
    context(&canvas)?.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}

fn goal(sheet: &Sheet, frame: Frame, layout: &Layout) {
    let context = &sheet.context;
    disc(context, frame, layout.goal_position(), GOAL_RADIUS);
    context.set_fill_style_str(&sheet.colour("--goal-fill"));
    context.fill();
    stroke(sheet, "--path-case", 0.035 * frame.scale() + 2.5);
    stroke(sheet, "--goal", 0.035 * frame.scale());
}

fn walls(sheet: &Sheet, frame: Frame, layout: &Layout) {
    let context = &sheet.context;
    let is_wall = |i: usize, j: usize| layout.is_wall(i as isize, j as isize);
    let corner = |i: usize, j: usize| frame.pixel([i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
    context.set_fill_style_str(&sheet.colour("--wall"));
    for (i, j) in
        (0..layout.rows).flat_map(|i| (0..layout.cols).map(move |j| (i, j))).filter(|&(i, j)| is_wall(i, j))
    {
        let [left, top] = corner(i, j);
        // Half a pixel more, or the seams between cells show.
        context.fill_rect(left - 0.25, top - 0.25, frame.scale() + 0.5, frame.scale() + 0.5);
    }
    context.set_stroke_style_str(&sheet.colour("--wall-edge"));
    context.set_line_width(1.5);
    context.begin_path();
    for &(i, j) in layout.free_cells() {
        let (low, high) = ([i, j].map(|c| c as f64 + CELL_LOW), [i, j].map(|c| c as f64 + CELL_HIGH));
        let sides = [
            (-1, 0, [low[0], low[1]], [low[0], high[1]]),
            (1, 0, [high[0], low[1]], [high[0], high[1]]),
            (0, -1, [low[0], low[1]], [high[0], low[1]]),
            (0, 1, [low[0], high[1]], [high[0], high[1]]),
        ];
        for (di, dj, from, to) in sides {
            if layout.is_wall(i as isize + di, j as isize + dj) {
                let ([x0, y0], [x1, y1]) = (frame.pixel(from), frame.pixel(to));
                context.move_to(x0, y0);
                context.line_to(x1, y1);
            }
        }
    }
    context.stroke();
}

/// Paints what moves: everything that has happened up to a moment.
pub fn figure(canvas: &HtmlCanvasElement, layout: &Layout, trace: &Trace, moment: usize) {
    let Some(sheet) = Sheet::clear(canvas) else { return };
    let Some(glimpse) = Glimpse::at(trace, moment) else { return };
    let frame = Frame::new(layout, sheet.width);
    sheet.context.set_line_join("round");
    sheet.context.set_line_cap("round");
    path(&sheet, frame, trace, &glimpse);
    fan(&sheet, frame, &glimpse);
    ball(&sheet, frame, &glimpse);
}

fn path(sheet: &Sheet, frame: Frame, trace: &Trace, glimpse: &Glimpse) {
    let context = &sheet.context;
    let earlier = trace.decisions.iter().take(glimpse.index).flat_map(|decision| &decision.steps);
    let points = std::iter::once(trace.start.as_slice())
        .chain(earlier.chain(glimpse.steps()).map(|step| step.state.as_slice()))
        .filter_map(plane);
    context.begin_path();
    for (index, point) in points.enumerate() {
        let [x, y] = frame.pixel(point);
        if index == 0 { context.move_to(x, y) } else { context.line_to(x, y) }
    }
    stroke(sheet, "--path-case", 0.075 * frame.scale());
    stroke(sheet, "--path", 0.04 * frame.scale());
    for decision in trace.decisions.iter().take(glimpse.index) {
        if let (Some(Outcome::Revalued { .. }), Some(place)) =
            (decision.outcome, plane(decision.steps.last().map_or(&decision.state, |step| &step.state)))
        {
            mark(sheet, frame, place, 0.07);
        }
    }
}

fn fan(sheet: &Sheet, frame: Frame, glimpse: &Glimpse) {
    let context = &sheet.context;
    let (Some((q, chosen)), Some((ends, _)), Some(origin)) =
        (glimpse.ranking(), glimpse.prediction(), plane(glimpse.state()))
    else {
        return;
    };
    let Some(range) = range(q.iter().copied()) else { return };
    let acting =
        matches!(glimpse.phase(), Some(Phase::Compare | Phase::Follow)) && !glimpse.steps().is_empty();
    let mut order: Vec<usize> = (0..ends.len().min(q.len())).filter(|&index| index != chosen).collect();
    order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    let from = frame.pixel(origin);
    let line = |index: usize| {
        let to = plane_f32(&ends[index])?;
        let [x, y] = frame.pixel(to);
        context.begin_path();
        context.move_to(from[0], from[1]);
        context.line_to(x, y);
        Some([x, y])
    };
    // Once the plan is followed, the plans that were not taken step back.
    let (alpha, width) = if acting { (0.5, 1.2) } else { (0.95, 1.6) };
    for index in order {
        let Some([x, y]) = line(index) else { continue };
        let part = fraction(q[index], range);
        let colour = crate::scale::css(part);
        context.set_global_alpha(alpha);
        // A bright line needs a dark border on a bright field, and the other way round.
        stroke(sheet, if part < 0.5 { "--fan-case-light" } else { "--fan-case" }, width + 1.4);
        context.set_stroke_style_str(&colour);
        context.set_line_width(width);
        context.stroke();
        context.begin_path();
        let _ = context.arc(x, y, (0.03 * frame.scale()).max(2.0), 0.0, std::f64::consts::TAU);
        context.set_fill_style_str(&colour);
        context.fill();
    }
    context.set_global_alpha(1.0);
    let Some([x, y]) = line(chosen) else { return };
    stroke(sheet, "--fan-case", 0.09 * frame.scale() + 2.0);
    context.set_stroke_style_str(&crate::scale::css(1.0));
    context.set_line_width(0.055 * frame.scale());
    context.stroke();
    // The predicted end: a ring with a dot.
    let radius = (0.085 * frame.scale()).max(5.0);
    for (name, extra) in [("--fan-case", 2.5), ("--end", 0.0)] {
        context.begin_path();
        let _ = context.arc(x, y, radius, 0.0, std::f64::consts::TAU);
        stroke(sheet, name, 0.035 * frame.scale() + extra);
    }
    context.begin_path();
    let _ = context.arc(x, y, radius * 0.3, 0.0, std::f64::consts::TAU);
    context.set_fill_style_str(&sheet.colour("--end"));
    context.fill();
}

fn ball(sheet: &Sheet, frame: Frame, glimpse: &Glimpse) {
    let context = &sheet.context;
    let place = glimpse.position();
    disc(context, frame, place, BALL_RADIUS);
    context.set_fill_style_str(&sheet.colour("--ball"));
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
