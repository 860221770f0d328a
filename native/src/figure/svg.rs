//! A drawing under way.

use std::fmt::{self, Display, Write};

/// Ink, quiet ink, and the paper behind them.
pub(crate) const INK: &str = "#1d2733";
/// Of axes and captions.
pub(crate) const QUIET: &str = "#66727f";
/// Of lines behind a figure.
pub(crate) const GRID: &str = "#e4e8ec";
const PAPER: &str = "#ffffff";

/// Where the reader's page is dark: the colours of paper, ink, lines and walls, each with the one that takes its place.
const DARK: [(&str, &str); 5] =
    [(PAPER, "#0d1117"), (INK, "#e6edf3"), (QUIET, "#9da7b1"), (GRID, "#262c33"), ("#c9d1d9", "#3d444d")];

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// Shapes on a ground as light or dark as the reader's page, in pixels from the top left.
#[derive(Clone, Debug)]
pub struct Svg {
    size: [f64; 2],
    title: String,
    body: String,
}

impl Svg {
    /// An empty drawing; the title is what a screen reader says.
    #[must_use]
    pub fn new(size: [f64; 2], title: &str) -> Self {
        Self { size, title: title.to_owned(), body: String::new() }
    }

    fn add(&mut self, shape: fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{shape}");
    }

    /// A filled rectangle.
    pub fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], fill: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        ));
    }

    /// A filled circle with a white rim.
    pub fn dot(&mut self, [x, y]: [f64; 2], radius: f64, fill: &str) {
        self.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{fill}" stroke="{PAPER}"/>"#
        ));
    }

    /// A circle's rim.
    pub fn ring(&mut self, [x, y]: [f64; 2], radius: f64, stroke: &str) {
        self.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="none" stroke="{stroke}"/>"#
        ));
    }

    /// A line through points.
    pub fn line(&mut self, points: &[[f64; 2]], stroke: &str, width: f64) {
        let mut path = String::new();
        for [x, y] in points {
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        self.add(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            path.trim_end()
        ));
    }

    /// A text.
    pub fn text(&mut self, [x, y]: [f64; 2], size: f64, anchor: Anchor, fill: &str, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(&text.to_string());
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
        ));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [width, height] = self.size;
        let title = escaped(&self.title);
        let mut dark = String::new();
        for (light, other) in DARK {
            // Writing to a string cannot fail.
            let _ = write!(dark, r#"[fill="{light}"]{{fill:{other}}}[stroke="{light}"]{{stroke:{other}}}"#);
        }
        write!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="system-ui, sans-serif" role="img" aria-label="{title}">
<title>{title}</title>
<style>@media (prefers-color-scheme: dark) {{{dark}}}</style>
<rect width="{width:.0}" height="{height:.0}" fill="{PAPER}"/>
{}</svg>
"#,
            self.body
        )
    }
}
