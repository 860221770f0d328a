//! Files of what is on display.

use diar_core::agent::Trace;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};
use yew::Callback;

use crate::draw::{Sheet, maze};
use crate::export::gif::Animation;
use crate::export::svg::Figure;
use crate::fetch::words;
use crate::geometry::extent;
use crate::host::browser::{ObjectUrl, address, document, save as offer};
use crate::state::{Action, Export, State, ViewAction};
use crate::{describe, timeline};

/// Pixels across a GIF.
const ACROSS: u32 = 480;

/// Environment steps from one frame of a GIF to the next.
const STRIDE: usize = 2;

/// Makes a file, and offers it to be saved; what goes wrong is said.
pub(crate) fn save(state: &State, export: Export, act: Callback<Action>) {
    let Some(trace) = state.trace() else { return };
    let name = format!(
        "diar-{}-seed{}-step{}",
        trace.task,
        trace.run.seed,
        timeline::step_at(trace, state.cursor.at())
    );
    let failed = {
        let act = act.clone();
        move |reason: String| {
            act.emit(ViewAction::Invalid(format!("The file could not be made: {reason}.")).into());
        }
    };
    let result = match export {
        Export::Json => json(trace, &name),
        Export::Svg => offer(&format!("{name}.svg"), "image/svg+xml", figure(state).as_bytes())
            .map_err(|error| words(&error)),
        Export::Gif => gif(state, trace).and_then(|bytes| {
            offer(&format!("{name}.gif"), "image/gif", &bytes).map_err(|error| words(&error))
        }),
        Export::Png => {
            let svg = figure(state);
            spawn_local(async move {
                if let Err(error) = png(&svg, &name).await {
                    failed(words(&error));
                }
            });
            return;
        }
    };
    if let Err(reason) = result {
        failed(reason);
    }
}

fn json(trace: &Trace, name: &str) -> Result<(), String> {
    let text = serde_json::to_string(trace).map_err(|error| error.to_string())?;
    offer(&format!("{name}.json"), "application/json", text.as_bytes()).map_err(|error| words(&error))
}

/// The maze at the moment shown, as an SVG document.
fn figure(state: &State) -> String {
    let Some(trace) = state.trace() else { return String::new() };
    let link = address(&state.fragment().unwrap_or_default());
    let figure = Figure {
        trace,
        moment: state.cursor.at(),
        layout: &state.layout(),
        ways: state.insight.ways().map(|ways| ways.as_slice()).filter(|_| state.view.layers().plans),
        field: state.field().map(AsRef::as_ref).filter(|_| state.view.layers().values),
        caption: &describe::caption(state),
        link: &link,
        ground: state.ground(),
    };
    figure.svg()
}

/// The SVG document, drawn twice as large as it wants to be.
async fn png(svg: &str, name: &str) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&svg.into());
    let options = web_sys::BlobPropertyBag::new();
    options.set_type("image/svg+xml");
    let source = ObjectUrl::of(&Blob::new_with_str_sequence_and_options(&parts, &options)?)?;
    let image = HtmlImageElement::new()?;
    image.set_src(source.address());
    JsFuture::from(image.decode()).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    canvas.set_width(2 * image.natural_width());
    canvas.set_height(2 * image.natural_height());
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d")?.ok_or("this browser has no canvas")?.unchecked_into();
    context.draw_image_with_html_image_element_and_dw_and_dh(
        &image,
        0.0,
        0.0,
        f64::from(canvas.width()),
        f64::from(canvas.height()),
    )?;
    drop(source);
    let blob = js_sys::Promise::new(&mut |resolve, reject| {
        if let Err(error) = canvas.to_blob(&resolve) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    let blob: Blob = JsFuture::from(blob).await?.dyn_into()?;
    let bytes = js_sys::Uint8Array::new(&JsFuture::from(blob.array_buffer()).await?).to_vec();
    offer(&format!("{name}.png"), "image/png", &bytes)
}

/// The whole episode, drawn as the page draws it.
fn gif(state: &State, trace: &Trace) -> Result<Vec<u8>, String> {
    let layout = state.layout();
    let [across, down] = extent(&layout);
    let rows = (f64::from(ACROSS) * down / across).round() as u32;
    let canvas: HtmlCanvasElement =
        document().create_element("canvas").map_err(|error| words(&error))?.unchecked_into();
    let known = state.task().maze().layout();
    let field = state.field().map(AsRef::as_ref).filter(|_| state.view.layers().values);
    let frame = |moment: usize| -> Result<Vec<u8>, String> {
        let sheet = Sheet::offscreen(&canvas, [ACROSS, rows]).ok_or("this browser has no canvas")?;
        maze::ground(&sheet, &layout, known, field);
        let figure = maze::Figure {
            trace,
            moment,
            ways: None,
            denoising: None,
            looked: None,
            rival: None,
            show_plans: state.view.layers().plans,
            highlight: None,
        };
        maze::figure(&sheet, &layout, &figure);
        let picture = sheet
            .context
            .get_image_data(0.0, 0.0, sheet.width, sheet.height)
            .map_err(|error| words(&error))?;
        Ok(picture.data().0)
    };
    let size = [ACROSS as u16, rows as u16];
    let last = timeline::length(trace);
    let mut animation = Animation::new(size, &frame(last)?, &[]).map_err(|error| error.to_string())?;
    let steps = trace.steps();
    let moments = (0..=steps).step_by(STRIDE).map(|step| timeline::moment_of_step(trace, step)).chain([last]);
    for moment in moments {
        let hundredths = if moment == last { 150 } else { 4 * STRIDE as u16 };
        animation.add(&frame(moment)?, hundredths).map_err(|error| error.to_string())?;
    }
    animation.finish().map_err(|error| error.to_string())
}
