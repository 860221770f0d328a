//! Pictures of a run, one after the other, as an animated GIF.

use std::borrow::Cow;
use std::collections::HashMap;

use color_quant::NeuQuant;
use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};
use thiserror::Error;

/// Colours of a GIF; the last one is kept for pixels that stay as they were.
const COLOURS: usize = 256;
const UNCHANGED: u8 = 255;
/// One pixel in so many is looked at for the palette.
const SAMPLING: i32 = 3;

/// Why there is no animation.
#[derive(Debug, Error)]
pub enum GifError {
    /// The pixels are not those of such a picture.
    #[error("a picture of {columns} x {rows} pixels has {expected} bytes, found {found}")]
    Size {
        /// Pixels across.
        columns: u16,
        /// Pixels down.
        rows: u16,
        /// Bytes of such a picture, four per pixel.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The encoder refuses, for instance a picture without pixels.
    #[error("the animation cannot be written: {0}")]
    Encoding(#[from] EncodingError),
}

/// An animation under way. Every frame has the same size and one palette, and holds only what has changed.
pub struct Animation {
    size: [u16; 2],
    encoder: Encoder<Vec<u8>>,
    palette: Palette,
    /// The picture before, RGBA, and its colours as indices of the palette, `[rows, columns]`.
    before: Vec<u8>,
    last: Vec<u8>,
}

impl Animation {
    /// An animation of pictures so many pixels wide and high. Its palette comes from `typical`, RGBA, `[rows, columns,
    /// 4]`, a picture with all colours in it, such as the last one; the colours of `exact` are kept as they are.
    ///
    /// # Errors
    /// When `typical` is not of that size, or has no pixels.
    pub fn new([columns, rows]: [u16; 2], typical: &[u8], exact: &[[u8; 3]]) -> Result<Self, GifError> {
        check([columns, rows], typical)?;
        let palette = Palette::of(typical, exact);
        let mut encoder = Encoder::new(Vec::new(), columns, rows, &palette.colours.concat())?;
        encoder.set_repeat(Repeat::Infinite)?;
        Ok(Self { size: [columns, rows], encoder, palette, before: Vec::new(), last: Vec::new() })
    }

    /// Adds a picture, opaque RGBA, `[rows, columns, 4]`, that stays for so many hundredths of a second.
    ///
    /// # Errors
    /// When it is not of the animation's size.
    pub fn add(&mut self, rgba: &[u8], hundredths: u16) -> Result<(), GifError> {
        check(self.size, rgba)?;
        let pixels: Vec<u8> = rgba
            .chunks_exact(4)
            .enumerate()
            .map(|(at, pixel)| match self.last.get(at) {
                // Most pixels stay, and need not be looked up.
                Some(&last) if self.before[4 * at..4 * at + 4] == *pixel => last,
                _ => self.palette.index([pixel[0], pixel[1], pixel[2]]),
            })
            .collect();
        let columns = usize::from(self.size[0]);
        let [left, top, right, bottom] = changed(&self.last, &pixels, columns);
        let buffer = (top..bottom)
            .flat_map(|row| row * columns + left..row * columns + right)
            .map(|at| if self.last.get(at) == Some(&pixels[at]) { UNCHANGED } else { pixels[at] })
            .collect();
        self.encoder.write_frame(&Frame {
            delay: hundredths,
            dispose: DisposalMethod::Keep,
            transparent: Some(UNCHANGED),
            left: left as u16,
            top: top as u16,
            width: (right - left) as u16,
            height: (bottom - top) as u16,
            buffer: Cow::Owned(buffer),
            ..Frame::default()
        })?;
        self.before = rgba.to_vec();
        self.last = pixels;
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// When the encoder cannot end it.
    pub fn finish(self) -> Result<Vec<u8>, GifError> {
        Ok(self.encoder.into_inner()?)
    }
}

fn check([columns, rows]: [u16; 2], rgba: &[u8]) -> Result<(), GifError> {
    let expected = 4 * usize::from(columns) * usize::from(rows);
    let found = rgba.len();
    if found == expected { Ok(()) } else { Err(GifError::Size { columns, rows, expected, found }) }
}

/// Left, top, right and bottom of what differs between two pictures so many columns wide; one pixel when nothing does.
fn changed(before: &[u8], now: &[u8], columns: usize) -> [usize; 4] {
    if before.len() != now.len() {
        return [0, 0, columns, now.len() / columns];
    }
    let places = before.iter().zip(now).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at);
    places
        .fold(None, |bounds: Option<[usize; 4]>, at| {
            let (x, y) = (at % columns, at / columns);
            let [left, top, right, bottom] = bounds.unwrap_or([x, y, x + 1, y + 1]);
            Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
        })
        .unwrap_or([0, 0, 1, 1])
}

/// The colours of an animation, and the nearest of them to any other.
struct Palette {
    colours: Vec<[u8; 3]>,
    /// Answers so far.
    known: HashMap<[u8; 3], u8>,
}

impl Palette {
    fn of(rgba: &[u8], exact: &[[u8; 3]]) -> Self {
        let mut colours: Vec<[u8; 3]> = exact.iter().copied().take(COLOURS / 2).collect();
        let learned = COLOURS - 1 - colours.len();
        let network = NeuQuant::new(SAMPLING, learned, rgba);
        colours.extend(network.color_map_rgb().chunks_exact(3).map(|c| [c[0], c[1], c[2]]));
        // The place of the colour that is never shown.
        colours.push([0; 3]);
        Self { colours, known: HashMap::new() }
    }

    fn index(&mut self, colour: [u8; 3]) -> u8 {
        let colours = &self.colours[..usize::from(UNCHANGED)];
        *self.known.entry(colour).or_insert_with(|| {
            let distance = |other: &[u8; 3]| -> u32 {
                (0..3).map(|c| u32::from(colour[c].abs_diff(other[c])).pow(2)).sum()
            };
            (0..colours.len()).min_by_key(|&index| distance(&colours[index])).unwrap_or(0) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{self, Ground, Quantity};

    const SIDE: usize = 120;

    /// The ramp from left to right, with a white square of 10 pixels at a place.
    fn picture(x: usize, y: usize) -> Vec<u8> {
        (0..SIDE * SIDE)
            .flat_map(|at| {
                let (column, row) = (at % SIDE, at / SIDE);
                let inside = (x..x + 10).contains(&column) && (y..y + 10).contains(&row);
                let [r, g, b] = if inside {
                    [255; 3]
                } else {
                    scale::ramp(Quantity::Value, Ground::Dark, column as f32 / (SIDE - 1) as f32)
                };
                [r, g, b, 255]
            })
            .collect()
    }

    /// The frames of a file as a viewer shows them, RGB, with their delays.
    fn decoded(file: &[u8]) -> Vec<(Vec<[u8; 3]>, u16)> {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(file).unwrap();
        let mut screen = vec![[0; 3]; SIDE * SIDE];
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            for (index, pixel) in frame.buffer.chunks_exact(4).enumerate() {
                let x = usize::from(frame.left) + index % usize::from(frame.width);
                let y = usize::from(frame.top) + index / usize::from(frame.width);
                if pixel[3] == 255 {
                    screen[y * SIDE + x] = [pixel[0], pixel[1], pixel[2]];
                }
            }
            frames.push((screen.clone(), frame.delay));
        }
        frames
    }

    fn animation(pictures: &[Vec<u8>]) -> Vec<u8> {
        let mut animation = Animation::new([SIDE as u16; 2], &pictures[0], &[[255; 3]]).unwrap();
        for picture in pictures {
            animation.add(picture, 7).unwrap();
        }
        animation.finish().unwrap()
    }

    #[test]
    fn what_is_encoded_is_seen() {
        let pictures = [picture(5, 5), picture(50, 60), picture(50, 60), picture(110, 110)];
        let frames = decoded(&animation(&pictures));
        assert_eq!(frames.len(), pictures.len());
        for ((shown, delay), picture) in frames.iter().zip(&pictures) {
            assert_eq!(*delay, 7);
            let mut sum = 0;
            for (shown, exact) in shown.iter().zip(picture.chunks_exact(4)) {
                let off = (0..3).map(|c| u32::from(shown[c].abs_diff(exact[c]))).max().unwrap();
                assert!(off <= 12, "{shown:?} for {exact:?}");
                // An exact colour stays exact.
                assert!(exact[..3] != [255; 3] || shown == &[255; 3]);
                sum += off;
            }
            assert!(sum / (SIDE * SIDE) as u32 <= 2);
        }
    }

    #[test]
    fn a_frame_holds_only_what_has_changed() {
        let one = animation(&[picture(5, 5)]).len();
        let moved = animation(&[picture(5, 5), picture(8, 5)]).len();
        let same = animation(&[picture(5, 5), picture(5, 5)]).len();
        assert!(moved - one < one / 10 && same - one < 40, "{one}, {moved}, {same}");
    }

    #[test]
    fn pictures_of_another_size_are_refused() {
        let found = Animation::new([SIDE as u16; 2], &[0; 16], &[]).err().unwrap().to_string();
        assert_eq!(found, "a picture of 120 x 120 pixels has 57600 bytes, found 16");
        let mut animation = Animation::new([SIDE as u16; 2], &picture(0, 0), &[]).unwrap();
        assert!(matches!(animation.add(&[0; 4], 1), Err(GifError::Size { .. })));
    }
}
