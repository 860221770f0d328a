//! Canvas painters: from plain data to pixels.

pub mod maze;

use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use crate::scale::Ground;

/// A canvas made as sharp as the screen, ready to be painted in CSS pixels.
pub struct Sheet {
    /// Where to paint.
    pub context: CanvasRenderingContext2d,
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
    style: Option<web_sys::CssStyleDeclaration>,
}

impl Sheet {
    /// Clears a canvas; `None` while it has no size.
    pub fn clear(canvas: &HtmlCanvasElement) -> Option<Self> {
        let window = web_sys::window()?;
        let ratio = window.device_pixel_ratio().max(1.0);
        let (width, height) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
        if width <= 0.0 || height <= 0.0 {
            return None;
        }
        let pixels = [width, height].map(|length| (length * ratio).round() as u32);
        if [canvas.width(), canvas.height()] != pixels {
            canvas.set_width(pixels[0]);
            canvas.set_height(pixels[1]);
        }
        let context = context(canvas)?;
        context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).ok()?;
        context.clear_rect(0.0, 0.0, width, height);
        let style = window.get_computed_style(canvas).ok().flatten();
        Some(Self { context, width, height, style })
    }

    /// A canvas that is on no page, of a given size, with the colours of the page.
    pub fn offscreen(canvas: &HtmlCanvasElement, [width, height]: [u32; 2]) -> Option<Self> {
        canvas.set_width(width);
        canvas.set_height(height);
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        let style = window.get_computed_style(&root).ok().flatten();
        Some(Self { context: context(canvas)?, width: f64::from(width), height: f64::from(height), style })
    }

    /// Whether the page is dark.
    pub fn ground(&self) -> Ground {
        let scheme = self.style.as_ref().and_then(|style| style.get_property_value("--ground").ok());
        if scheme.is_some_and(|scheme| scheme.trim() == "dark") { Ground::Dark } else { Ground::Light }
    }

    /// A colour of the style sheet, by the name of its custom property.
    pub fn colour(&self, name: &str) -> String {
        let value =
            self.style.as_ref().and_then(|style| style.get_property_value(name).ok()).unwrap_or_default();
        if value.trim().is_empty() { "currentcolor".into() } else { value.trim().to_owned() }
    }
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}
