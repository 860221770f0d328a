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
use crate::scale::{Ground, Quantity};
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

/// Colours that differ between light and dark, as in the page's style sheet.
struct Palette {
    page: &'static str,
    ink: &'static str,
    quiet: &'static str,
    floor: &'static str,
    wall: &'static str,
    edge: &'static str,
    quality: &'static str,
    ends: &'static str,
    dropped: &'static str,
}

fn palette(ground: Ground) -> Palette {
    match ground {
        Ground::Light => Palette {
            page: "#ffffff",
            ink: "#17191d",
            quiet: "#5b5f66",
            floor: "#fbfbf9",
            wall: "#3d4047",
            edge: "#23252a",
            quality: "#5f3dc4",
            ends: "#6b7079",
            dropped: "#c2410c",
        },
        Ground::Dark => Palette {
            page: "#171a20",
            ink: "#e9eaed",
            quiet: "#a2a7b0",
            floor: "#1d2127",
            wall: "#0a0b0e",
            edge: "#4a505b",
            quality: "#ab93ff",
            ends: "#aab0bb",
            dropped: "#ff8b4d",
        },
    }
}

/// What a figure shows.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// The run.
    pub trace: &'a Trace,
    /// The moment of it, in parts.
    pub moment: usize,
    /// The maze.
    pub layout: &'a Layout,
    /// The ways that the candidates of the decision would take, `[candidates][points]`, if they are known.
    pub ways: Option<&'a [Vec<[f64; 2]>]>,
    /// V over the maze, if it is known.
    pub field: Option<&'a ValueField>,
    /// What stands above it; the first line is its heading.
    pub caption: &'a str,
    /// The address that brings the moment back; it stands below.
    pub link: &'a str,
    /// Light or dark.
    pub ground: Ground,
}

impl Figure<'_> {
    /// The figure as an SVG document.
    pub fn svg(&self) -> String {
        let palette = palette(self.ground);
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
            self.fan(&mut out, frame, &glimpse, &palette);
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
        if let Some((field, pixels)) =
            self.field.and_then(|field| Some((field, raster::pixels(field, self.ground)?)))
        {
            let half = field.spacing / 2.0;
            let [left, top] = frame.pixel([field.x0 - half, field.y0 - half]);
            let size = field.spacing * frame.scale();
            let _ = writeln!(
                out,
                r#"<image x="{left:.2}" y="{top:.2}" width="{:.2}" height="{:.2}" preserveAspectRatio="none" href="data:image/png;base64,{}"/>"#,
                field.columns as f64 * size,
                field.rows as f64 * size,
                STANDARD.encode(png::encode(&pixels, field.columns)),
            );
        }
        let rim = 0.035 * frame.scale();
        let (goal, ink, page) = (self.layout.goal_position(), palette.ink, palette.page);
        let case =
            format!(r#"fill="{page}" fill-opacity=".3" stroke="{page}" stroke-width="{:.1}""#, rim + 2.5);
        disc(out, frame, goal, GOAL_RADIUS, &case);
        disc(out, frame, goal, GOAL_RADIUS, &format!(r#"stroke="{ink}" stroke-width="{rim:.1}""#));
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
            r#"<path d="{path}" stroke="{}" stroke-width="{:.1}"/>
<path d="{path}" stroke="{}" stroke-width="{:.1}"/>"#,
            palette.page,
            0.05 * frame.scale() + 2.5,
            palette.ink,
            0.035 * frame.scale(),
        );
        for place in self.trace.decisions.iter().take(glimpse.index).filter_map(shapes::dropped_at) {
            let diamond = shapes::diamond(frame, place, 0.07);
            let _ = writeln!(
                out,
                r#"<path d="{diamond}" fill="{}" stroke="{}"/>"#,
                palette.dropped, palette.page
            );
        }
    }

    /// Both scales with their ranges, then the signs.
    fn legend(&self, out: &mut String, top: f64, palette: &Palette) {
        let glimpse = Glimpse::at(self.trace, self.moment);
        let ranking = glimpse.and_then(|glimpse| glimpse.ranking());
        let scales = [
            ("V at rest", Quantity::Value, self.field.and_then(ValueField::range)),
            ("Q of the plans", Quantity::Quality, ranking.and_then(|(q, _)| scale::range(q.iter().copied()))),
        ];
        let gradient = |quantity: Quantity| {
            let stops = (0_u8..=8).map(|stop| {
                let part = f32::from(stop) / 8.0;
                format!(r#"<stop offset="{part}" stop-color="{}"/>"#, scale::css(quantity, self.ground, part))
            });
            format!(r#"<linearGradient id="{quantity:?}">{}</linearGradient>"#, stops.collect::<String>())
        };
        let _ = writeln!(
            out,
            r#"<defs>{}{}</defs>
<g font-size="11" fill="{}">"#,
            gradient(Quantity::Value),
            gradient(Quantity::Quality),
            palette.ink,
        );
        let mut text = |x: f64, y: f64, anchor: &str, fill: &str, text: &str| {
            let text = escaped(text);
            let _ = writeln!(
                out,
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
            );
        };
        let known = scales.into_iter().filter_map(|(name, quantity, range)| Some((name, quantity, range?)));
        let mut bars = Vec::new();
        for (index, (name, quantity, (low, high))) in known.enumerate() {
            let x = ROOM + 350.0 * index as f64;
            text(x, top, "start", palette.ink, name);
            text(x + 140.0, top, "end", palette.quiet, &describe::number(low));
            text(x + 254.0, top, "start", palette.quiet, &describe::number(high));
            bars.push((x + 147.0, quantity));
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
        for (x, quantity) in bars {
            let _ = writeln!(
                out,
                r#"<rect x="{x:.1}" y="{:.1}" width="100" height="9" rx="3" fill="url(#{quantity:?})"/>"#,
                top - 9.0
            );
        }
        let [goal, ball, way, sampled, chosen, end, dropped] = places;
        let Palette { ink, page, quality, ends, dropped: orange, .. } = palette;
        let pale = scale::css(Quantity::Quality, self.ground, 0.5);
        let line = |x: f64, colour: &str, width: f64| {
            format!(r#"<path d="M{:.1} {middle:.1}h16" stroke="{colour}" stroke-width="{width}"/>"#, x - 8.0)
        };
        let _ = writeln!(
            out,
            r#"</g>
<g fill="none" stroke-linecap="round">
<circle cx="{goal:.1}" cy="{middle:.1}" r="7" stroke="{ink}" stroke-width="1.5"/>
<circle cx="{ball:.1}" cy="{middle:.1}" r="5" fill="{page}" stroke="{ink}" stroke-width="1.5"/>
{}
{}
{}
<circle cx="{end:.1}" cy="{middle:.1}" r="5.5" stroke="{ends}" stroke-width="2"/><circle cx="{end:.1}" cy="{middle:.1}" r="1.8" fill="{ends}"/>
<path d="M{dropped:.1} {:.1}l6 6l-6 6l-6-6z" fill="{orange}"/>
</g>"#,
            line(way, ink, 3.0),
            line(sampled, &pale, 2.0),
            line(chosen, quality, 4.0),
            middle - 6.0,
        );
    }

    /// Actions as arrows, or paths, and the chosen one above them.
    fn options(&self, out: &mut String, frame: Frame, glimpse: &Glimpse, palette: &Palette) {
        let Some((q, chosen)) = glimpse.ranking() else { return };
        let range = scale::range(q.iter().copied());
        let ways = glimpse.options();
        for (index, way) in ways.iter().enumerate().filter(|&(index, _)| index != chosen) {
            let part = q.get(index).zip(range).map_or(0.5, |(&q, range)| scale::fraction(q, range));
            let colour = scale::css(Quantity::Quality, self.ground, part);
            let line = shapes::polyline(frame, way.iter().copied());
            let _ = writeln!(out, r#"<path d="{line}" stroke="{colour}" stroke-width="1.5" opacity="0.6"/>"#);
        }
        if let Some(way) = ways.get(chosen) {
            let line = shapes::polyline(frame, way.iter().copied());
            let _ = writeln!(out, r#"<path d="{line}" stroke="{}" stroke-width="2.5"/>"#, palette.quality);
        }
    }

    /// The candidates of the decision, worst first, and the chosen one with its predicted end above them.
    fn fan(&self, out: &mut String, frame: Frame, glimpse: &Glimpse, palette: &Palette) {
        if !glimpse.has_parts() {
            self.options(out, frame, glimpse, palette);
            return;
        }
        let (Some((q, chosen)), Some((ends, _)), Some(origin)) =
            (glimpse.ranking(), glimpse.prediction(), shapes::plane(glimpse.state()))
        else {
            return;
        };
        let Some(range) = scale::range(q.iter().copied()) else { return };
        let to = |index: usize| shapes::plane(ends.get(index)?);
        let way = |index: usize, end: [f64; 2]| match self.ways.and_then(|ways| ways.get(index)) {
            Some(way) => shapes::polyline(frame, way.iter().copied()),
            None => shapes::polyline(frame, [origin, end]),
        };
        let mut order: Vec<usize> = (0..q.len()).filter(|&index| index != chosen).collect();
        order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
        let acting =
            matches!(glimpse.phase(), Some(Phase::Compare | Phase::Follow)) && !glimpse.steps().is_empty();
        // Once the plan is followed, the plans that were not taken step back.
        let (alpha, width) = if acting { (0.35, 1.0) } else { (0.9, 1.5) };
        for (index, end) in order.into_iter().filter_map(|index| Some((index, to(index)?))) {
            let part = scale::fraction(q[index], range);
            let colour = scale::css(Quantity::Quality, self.ground, part);
            let opacity = alpha * (0.35 + 0.65 * part);
            let _ = writeln!(
                out,
                r#"<path d="{}" stroke="{colour}" stroke-width="{width}" opacity="{opacity:.2}"/>"#,
                way(index, end),
            );
            disc(out, frame, end, 0.022, &format!(r#"fill="{colour}" opacity="{opacity:.2}""#));
        }
        let Some(end) = to(chosen) else { return };
        let line = way(chosen, end);
        let Palette { page, quality, ends: promised, .. } = palette;
        let _ = writeln!(
            out,
            r#"<path d="{line}" stroke="{page}" stroke-width="{:.1}"/><path d="{line}" stroke="{quality}" stroke-width="{:.1}"/>"#,
            0.05 * frame.scale() + 3.0,
            0.05 * frame.scale(),
        );
        let rim = 0.03 * frame.scale() + 1.0;
        disc(out, frame, end, 0.085, &format!(r#"stroke="{page}" stroke-width="{:.1}""#, rim + 3.0));
        disc(out, frame, end, 0.085, &format!(r#"stroke="{promised}" stroke-width="{rim:.1}""#));
        disc(out, frame, end, 0.03, &format!(r#"fill="{promised}""#));
    }
}

fn ball(out: &mut String, frame: Frame, glimpse: &Glimpse, palette: &Palette) {
    let place = glimpse.position();
    let rim = (0.025 * frame.scale()).max(1.5);
    disc(
        out,
        frame,
        place,
        BALL_RADIUS,
        &format!(r#"fill="{}" stroke="{}" stroke-width="{rim:.1}""#, palette.page, palette.ink),
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
            layout: task().maze().layout(),
            field,
            caption: "a < b & c",
            link: "https://example.org/?a=1&b=\"2\"#v1.xyz",
            ways: None,
            ground: Ground::Light,
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
        let dropped = palette(Ground::Light).dropped;
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
        let frame = Frame::new(task().maze().layout(), WIDTH - 2.0 * ROOM);
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
        let frame = Frame::new(task().maze().layout(), WIDTH - 2.0 * ROOM);
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
