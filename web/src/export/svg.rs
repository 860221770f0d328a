//! A moment of a run as a figure that stands on its own: no style sheet, no script, nothing to fetch.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diar_core::agent::{Outcome, Phase, Trace};
use diar_core::maze::{BALL_RADIUS, GOAL_RADIUS, Layout};

use super::{png, shapes};
use crate::describe;
use crate::geometry::{Frame, extent};
use crate::messages::ValueField;
use crate::timeline::Glimpse;
use crate::{raster, scale};

/// Width of a figure, room around its parts, and height of a line of its text, in pixels.
const WIDTH: f64 = 720.0;
const ROOM: f64 = 24.0;
const LINE: f64 = 21.0;
/// Characters that fit into a line of the caption, and of the link.
const CAPTION: usize = 74;
const LINK: usize = 118;

/// What the signs of the legend stand for.
const SIGNS: [&str; 7] =
    ["goal", "particle", "way so far", "sampled plans", "chosen plan", "its predicted end", "dropped"];

/// The colours of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on a light ground.
    #[default]
    Light,
    /// Light ink on a dark ground.
    Dark,
}

/// Colours that differ between themes, as in the page's style sheet.
struct Palette {
    page: &'static str,
    ink: &'static str,
    quiet: &'static str,
    floor: &'static str,
    wall: &'static str,
    edge: &'static str,
    dropped: &'static str,
}

impl Theme {
    fn palette(self) -> Palette {
        match self {
            Self::Light => Palette {
                page: "#ffffff",
                ink: "#1d1c1a",
                quiet: "#66635c",
                floor: "#fbfaf7",
                wall: "#4a4843",
                edge: "#2c2a27",
                dropped: "#c2410c",
            },
            Self::Dark => Palette {
                page: "#1d1d21",
                ink: "#ecebe7",
                quiet: "#a3a09a",
                floor: "#26262b",
                wall: "#0c0c0e",
                edge: "#55535a",
                dropped: "#ff8a4c",
            },
        }
    }
}

/// Dark and light borders that keep a line apart from the field, whatever its colour.
const CASE: &str = r##"stroke="#14121e" stroke-opacity=".75""##;
const LIGHT_CASE: &str = r##"stroke="#fff" stroke-opacity=".55""##;

/// What a figure shows.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// The run.
    pub trace: &'a Trace,
    /// The moment of it, in parts.
    pub moment: usize,
    /// The maze.
    pub layout: &'a Layout,
    /// V over the maze, if it is known.
    pub field: Option<&'a ValueField>,
    /// What stands above it; the first line is its heading.
    pub caption: &'a str,
    /// The address that brings the moment back; it stands below.
    pub link: &'a str,
    /// Its colours.
    pub theme: Theme,
}

impl Figure<'_> {
    /// The figure as an SVG document.
    pub fn svg(&self) -> String {
        let palette = self.theme.palette();
        let (heading, rest) = self.caption.split_once('\n').unwrap_or((self.caption, ""));
        let (heading, rest) = (lines(heading, CAPTION), lines(rest, CAPTION));
        let [across, down] = extent(self.layout);
        let width = WIDTH - 2.0 * ROOM;
        let height = width * down / across;
        let top = ROOM + LINE * (heading.len() + rest.len()) as f64;
        let legend = top + height + LINE + 4.0;
        let total = legend + 2.5 * LINE + if self.link.is_empty() { 0.0 } else { LINE };

        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total:.0}" viewBox="0 0 {WIDTH} {total:.0}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">
<title id="title">{}</title>
<rect width="100%" height="100%" fill="{}"/>
"#,
            escaped(&self.caption.replace('\n', ". ")),
            palette.page,
        );
        let weights = [600].repeat(heading.len()).into_iter().chain(std::iter::repeat(400));
        for ((index, line), weight) in heading.iter().chain(&rest).enumerate().zip(weights) {
            let _ = writeln!(
                out,
                r#"<text x="{ROOM}" y="{:.1}" font-size="15" font-weight="{weight}" fill="{}">{}</text>"#,
                ROOM + 8.0 + LINE * index as f64,
                palette.ink,
                escaped(line),
            );
        }
        let _ = writeln!(
            out,
            r#"<svg x="{ROOM}" y="{top:.1}" width="{width}" height="{height:.1}" stroke-linejoin="round" stroke-linecap="round" fill="none">"#
        );
        let frame = Frame::new(self.layout, width);
        self.ground(&mut out, frame, &palette);
        if let Some(glimpse) = Glimpse::at(self.trace, self.moment) {
            self.path(&mut out, frame, &glimpse, &palette);
            fan(&mut out, frame, &glimpse);
            ball(&mut out, frame, &glimpse, &palette);
        }
        out += "</svg>\n";
        self.legend(&mut out, legend, &palette);
        if !self.link.is_empty() {
            let _ = writeln!(
                out,
                r#"<a href="{}"><text x="{ROOM}" y="{:.1}" font-size="9.5" fill="{}">{}</text></a>"#,
                escaped(self.link),
                total - 14.0,
                palette.quiet,
                escaped(&shortened(self.link, LINK)),
            );
        }
        out + "</svg>\n"
    }

    /// What does not move: V, goal, walls.
    fn ground(&self, out: &mut String, frame: Frame, palette: &Palette) {
        let _ = writeln!(out, r#"<rect width="100%" height="100%" fill="{}"/>"#, palette.floor);
        if let Some((field, pixels)) = self.field.and_then(|field| Some((field, raster::pixels(field)?))) {
            let half = field.spacing / 2.0;
            let [left, top] = frame.pixel([field.x0 - half, field.y0 - half]);
            let size = field.spacing * frame.scale();
            let _ = writeln!(
                out,
                r#"<image x="{left:.2}" y="{top:.2}" width="{:.2}" height="{:.2}" preserveAspectRatio="none" opacity=".72" href="data:image/png;base64,{}"/>"#,
                field.columns as f64 * size,
                field.rows as f64 * size,
                STANDARD.encode(png::encode(&pixels, field.columns)),
            );
        }
        let rim = 0.035 * frame.scale();
        disc(
            out,
            frame,
            self.layout.goal_position(),
            GOAL_RADIUS,
            &format!(r##"fill="#fff" fill-opacity=".22" {CASE} stroke-width="{:.1}""##, rim + 2.5),
        );
        disc(
            out,
            frame,
            self.layout.goal_position(),
            GOAL_RADIUS,
            &format!(r##"stroke="#fff" stroke-width="{rim:.1}""##),
        );
        let _ = writeln!(
            out,
            r#"<path d="{}" fill="{}"/>
<path d="{}" stroke="{}" stroke-width="1.5"/>"#,
            shapes::walls(self.layout, frame),
            palette.wall,
            shapes::edges(self.layout, frame),
            palette.edge,
        );
    }

    /// The way so far, and where plans were dropped on it.
    fn path(&self, out: &mut String, frame: Frame, glimpse: &Glimpse, palette: &Palette) {
        let steps = glimpse.t() + glimpse.steps().len();
        let path = shapes::polyline(frame, shapes::places(self.trace).take(steps + 1));
        let _ = writeln!(
            out,
            r##"<path d="{path}" {CASE} stroke-width="{:.1}"/>
<path d="{path}" stroke="#fff" stroke-width="{:.1}"/>"##,
            0.075 * frame.scale(),
            0.04 * frame.scale(),
        );
        for place in self.trace.decisions.iter().take(glimpse.index).filter_map(shapes::dropped_at) {
            let diamond = shapes::diamond(frame, place, 0.07);
            let _ = writeln!(out, r#"<path d="{diamond}" fill="{}" {CASE}/>"#, palette.dropped);
        }
    }

    /// Both scales with their ranges, then the signs.
    fn legend(&self, out: &mut String, top: f64, palette: &Palette) {
        let glimpse = Glimpse::at(self.trace, self.moment);
        let ranking = glimpse.and_then(|glimpse| glimpse.ranking());
        let scales = [
            ("V at rest", self.field.and_then(ValueField::range)),
            ("Q of the plans", ranking.and_then(|(q, _)| scale::range(q.iter().copied()))),
        ];
        let stops = (0_u8..=8).map(|stop| {
            let part = f32::from(stop) / 8.0;
            format!(r#"<stop offset="{part}" stop-color="{}"/>"#, scale::css(part))
        });
        let _ = writeln!(
            out,
            r#"<defs><linearGradient id="ramp">{}</linearGradient></defs>
<g font-size="11" fill="{}">"#,
            stops.collect::<String>(),
            palette.ink,
        );
        let mut text = |x: f64, y: f64, anchor: &str, fill: &str, text: &str| {
            let text = escaped(text);
            let _ = writeln!(
                out,
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
            );
        };
        let known = scales.into_iter().filter_map(|(name, range)| Some((name, range?)));
        let mut bars = Vec::new();
        for (index, (name, (low, high))) in known.enumerate() {
            let x = ROOM + 350.0 * index as f64;
            text(x, top, "start", palette.ink, name);
            text(x + 140.0, top, "end", palette.quiet, &describe::number(low));
            text(x + 254.0, top, "start", palette.quiet, &describe::number(high));
            bars.push(x + 147.0);
        }
        let signs = top + 1.35 * LINE;
        let mut x = ROOM;
        let places = SIGNS.map(|name| {
            text(x + 22.0, signs, "start", palette.ink, name);
            let place = x + 9.0;
            x += 31.0 + 6.4 * name.len() as f64;
            place
        });
        let middle = signs - 4.0;
        for x in bars {
            let _ = writeln!(
                out,
                r#"<rect x="{x:.1}" y="{:.1}" width="100" height="9" rx="3" fill="url(#ramp)"/>"#,
                top - 9.0
            );
        }
        let [goal, ball, way, sampled, chosen, end, dropped] = places;
        let (ink, quiet) = (palette.ink, palette.quiet);
        let _ = writeln!(
            out,
            r##"</g>
<g fill="none" stroke-linecap="round">
<circle cx="{goal:.1}" cy="{middle:.1}" r="7" stroke="{ink}" stroke-width="1.5"/>
<circle cx="{ball:.1}" cy="{middle:.1}" r="5" fill="#fff" stroke="#16141f" stroke-width="1.5"/>
<path d="M{0:.1} {middle:.1}h16" {CASE} stroke-width="6"/><path d="M{0:.1} {middle:.1}h16" stroke="#fff" stroke-width="3"/>
<path d="M{1:.1} {middle:.1}h16" stroke="{2}" stroke-width="2"/>
<path d="M{3:.1} {middle:.1}h16" {CASE} stroke-width="6.5"/><path d="M{3:.1} {middle:.1}h16" stroke="{4}" stroke-width="4"/>
<circle cx="{end:.1}" cy="{middle:.1}" r="5.5" stroke="{ink}" stroke-width="2"/><circle cx="{end:.1}" cy="{middle:.1}" r="1.8" fill="{ink}"/>
<path d="M{5:.1} {6:.1}l6 6l-6 6l-6-6z" fill="{7}" stroke="{quiet}" stroke-width=".5"/>
</g>"##,
            way - 8.0,
            sampled - 8.0,
            scale::css(0.55),
            chosen - 8.0,
            scale::css(1.0),
            dropped,
            middle - 6.0,
            palette.dropped,
        );
    }
}

/// The candidates of the decision, worst first, and the chosen one with its predicted end above them.
fn fan(out: &mut String, frame: Frame, glimpse: &Glimpse) {
    let (Some((q, chosen)), Some((ends, _)), Some(origin)) =
        (glimpse.ranking(), glimpse.prediction(), shapes::plane(glimpse.state()))
    else {
        return;
    };
    let Some(range) = scale::range(q.iter().copied()) else { return };
    let to = |index: usize| shapes::plane(ends.get(index)?);
    let mut order: Vec<usize> = (0..q.len()).filter(|&index| index != chosen).collect();
    order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    let acting =
        matches!(glimpse.phase(), Some(Phase::Compare | Phase::Follow)) && !glimpse.steps().is_empty();
    // Once the plan is followed, the plans that were not taken step back.
    let (alpha, width) = if acting { (0.5, 1.2) } else { (0.95, 1.6) };
    let _ = writeln!(out, r#"<g opacity="{alpha}">"#);
    for (index, end) in order.into_iter().filter_map(|index| Some((index, to(index)?))) {
        let part = scale::fraction(q[index], range);
        let (line, colour) = (shapes::polyline(frame, [origin, end]), scale::css(part));
        // A bright line needs a dark border on a bright field, and the other way round.
        let case = if part < 0.5 { LIGHT_CASE } else { CASE };
        let _ = writeln!(
            out,
            r#"<path d="{line}" {case} stroke-width="{:.1}"/><path d="{line}" stroke="{colour}" stroke-width="{width}"/>"#,
            width + 1.4,
        );
        disc(out, frame, end, 0.03, &format!(r#"fill="{colour}""#));
    }
    out.push_str("</g>\n");
    let Some(end) = to(chosen) else { return };
    let line = shapes::polyline(frame, [origin, end]);
    let _ = writeln!(
        out,
        r#"<path d="{line}" {CASE} stroke-width="{:.1}"/><path d="{line}" stroke="{}" stroke-width="{:.1}"/>"#,
        0.09 * frame.scale() + 2.0,
        scale::css(1.0),
        0.055 * frame.scale(),
    );
    let rim = 0.035 * frame.scale();
    disc(out, frame, end, 0.085, &format!(r#"{CASE} stroke-width="{:.1}""#, rim + 2.5));
    disc(out, frame, end, 0.085, &format!(r##"stroke="#fff" stroke-width="{rim:.1}""##));
    disc(out, frame, end, 0.0255, r##"fill="#fff""##);
}

fn ball(out: &mut String, frame: Frame, glimpse: &Glimpse, palette: &Palette) {
    let place = glimpse.position();
    let rim = (0.025 * frame.scale()).max(1.5);
    disc(
        out,
        frame,
        place,
        BALL_RADIUS,
        &format!(r##"fill="#fff" stroke="#16141f" stroke-width="{rim:.1}""##),
    );
    if matches!(glimpse.outcome(), Some(Outcome::Revalued { .. })) {
        let width = (0.04 * frame.scale()).max(2.0);
        disc(
            out,
            frame,
            place,
            2.0 * BALL_RADIUS,
            &format!(r#"stroke="{}" stroke-width="{width:.1}""#, palette.dropped),
        );
    }
}

/// A circle around a position, its radius in metres.
fn disc(out: &mut String, frame: Frame, place: [f64; 2], radius: f64, style: &str) {
    let [x, y] = frame.pixel(place);
    let _ = writeln!(out, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{:.1}" {style}/>"#, radius * frame.scale());
}

/// A text as XML holds it.
fn escaped(text: &str) -> String {
    text.chars()
        // XML has no place for control characters, not even escaped.
        .filter(|character| !character.is_control())
        .fold(String::new(), |mut text, character| {
            match character {
                '&' => text += "&amp;",
                '<' => text += "&lt;",
                '>' => text += "&gt;",
                '"' => text += "&quot;",
                other => text.push(other),
            }
            text
        })
}

/// A text in lines of at most so many characters, broken between words.
fn lines(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text cut to so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, task, trace};

    fn figure<'a>(trace: &'a Trace, moment: usize, field: Option<&'a ValueField>) -> Figure<'a> {
        Figure {
            trace,
            moment,
            layout: task().maze.layout(),
            field,
            caption: "a < b & c",
            link: "https://example.org/?a=1&b=\"2\"#v1.xyz",
            theme: Theme::Light,
        }
    }

    /// How often a shape occurs in the maze of a figure.
    fn count(svg: &str, shape: &str) -> usize {
        svg.split("</svg>").next().unwrap().matches(shape).count()
    }

    #[test]
    fn a_figure_shows_what_has_happened_and_nothing_more() {
        let trace = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let at = |moment| figure(&trace, moment, None).svg();
        let dropped = Theme::Light.palette().dropped;
        // Goal (twice) and particle; then two other plans and the chosen one's end (three circles).
        assert_eq!((count(&at(2), "<circle"), count(&at(3), "<circle")), (3, 3 + 2 + 3));
        assert_eq!((count(&at(7), dropped), count(&at(8), dropped), count(&at(9), dropped)), (0, 1, 1));
        assert!(!at(3).contains("<image") && !at(1).contains("Q of the plans"));
        assert!(at(2).contains("Q of the plans") && at(2).contains("0.600"));
    }

    #[test]
    fn the_path_ends_at_the_ball() {
        let trace = trace(&[Script::Goal(3)]);
        let svg = figure(&trace, 7, None).svg();
        let frame = Frame::new(task().maze.layout(), WIDTH - 2.0 * ROOM);
        let [x, y] = frame.pixel([3.0, 1.02]);
        assert!(svg.contains(&format!("L{x:.1} {y:.1}\"")));
        assert!(svg.contains(&format!(r#"cx="{x:.1}" cy="{y:.1}""#)));
    }

    #[test]
    fn texts_are_escaped_and_the_link_is_whole() {
        let trace = trace(&[Script::Goal(1)]);
        let mut figure = figure(&trace, 0, None);
        let svg = figure.svg();
        assert!(
            svg.contains("a &lt; b &amp; c")
                && svg.contains(r#"href="https://example.org/?a=1&amp;b=&quot;2&quot;#v1.xyz""#)
        );
        let long = format!("https://example.org/#v1.{}", "x".repeat(900));
        figure.link = &long;
        let svg = figure.svg();
        assert!(svg.contains(&format!("href=\"{long}\"")) && svg.contains("x…</text>"));
        figure.link = "";
        assert!(!figure.svg().contains("<a "));
    }

    #[test]
    fn the_field_is_a_picture_at_its_place() {
        let values = vec![0.5; 50 * 50];
        let field = ValueField { spacing: 0.1, x0: -0.65, y0: -0.65, rows: 50, columns: 50, values };
        let trace = trace(&[Script::Goal(1)]);
        let svg = figure(&trace, 0, Some(&field)).svg();
        let frame = Frame::new(task().maze.layout(), WIDTH - 2.0 * ROOM);
        let [left, _] = frame.pixel([-0.7, -0.7]);
        assert!(svg.contains(&format!(r#"<image x="{left:.2}""#)) && svg.contains("V at rest"));
        let (_, data) = svg.split_once("base64,").unwrap();
        let file = STANDARD.decode(data.split_once('"').unwrap().0).unwrap();
        let reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (50, 50));
    }

    #[test]
    fn captions_break_between_words() {
        assert_eq!(lines("one two  three", 7), ["one two", "three"]);
        assert_eq!(lines("", 7), Vec::<String>::new());
        assert_eq!((shortened("abcdef", 4), shortened("abcd", 4)), ("abc…".into(), "abcd".into()));
    }
}
