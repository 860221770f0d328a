//! Layers over a tile of rows, as one work-group computes them.
//!
//! A tile's numbers stay in shared memory from layer to layer. Four rows make a [`Quad`], so that a weight that is read
//! serves four sums; neighbouring threads take neighbouring columns, so that they read neighbouring weights.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::program::{FIELDS, GELU, RELU};
use crate::kernel::simd::{NORMAL_END, NORMAL_P, NORMAL_Q};

/// The same column of four rows.
pub(crate) type Quad = Vector<f32, Const<4>>;

/// Rows in a [`Quad`].
pub(crate) const LANES: usize = 4;

/// Threads of a work-group: as many as WebGPU guarantees.
pub(crate) const THREADS: usize = 256;

/// Parts that the moments of a row are computed in, a thread each.
const PARTS: usize = 8;

/// Added to the variance of a row before it divides; the same as in Burn's layer norm.
const EPSILON: f32 = 1e-5;

/// What a work-group has in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TileShape {
    /// Columns of the widest layer.
    pub stride: usize,
    /// Quads of rows.
    pub quads: usize,
}

impl TileShape {
    /// The tile that gives every thread one sum of the widest layer, for layers of so many columns.
    pub(crate) fn of(widest: usize) -> Self {
        Self { stride: widest, quads: (THREADS / widest.max(1)).clamp(1, 8) }
    }

    /// Rows of a tile.
    pub(crate) fn rows(self) -> usize {
        self.quads * LANES
    }

    /// Shared memory it takes, in bytes.
    pub(crate) fn bytes(self) -> usize {
        self.quads * (2 * self.stride + 2 * PARTS) * LANES * size_of::<f32>()
    }
}

/// Shared memory for a tile and for the moments of its rows.
#[derive(CubeType)]
pub(crate) struct Tile {
    /// Two buffers, `[quads, stride]` each, of which one layer reads one and writes the other.
    pub numbers: Shared<[Quad]>,
    /// Sum and squared distance from the mean of each part of each quad.
    moments: Shared<[Quad]>,
}

#[cube]
impl Tile {
    /// Shared memory whose numbers are not set yet.
    pub(crate) fn new(#[comptime] shape: TileShape) -> Tile {
        Tile {
            numbers: Shared::<[Quad]>::new_slice(comptime!(2 * shape.quads * shape.stride)),
            moments: Shared::<[Quad]>::new_slice(comptime!(2 * shape.quads * PARTS)),
        }
    }
}

/// Where a tile's output is after so many layers.
#[cube]
pub(crate) fn buffer_after(#[comptime] layers: usize, #[comptime] shape: TileShape) -> comptime_type!(usize) {
    comptime!(layers % 2 * shape.quads * shape.stride)
}

/// Runs layers `first..first + layers` of a table over a tile whose input is in its first buffer.
///
/// The table says what a layer adds beside its own numbers: its row of `shares` from `share_at` on, scale and shift from
/// `step_at` on in `numbers`, and outputs of earlier layers that were saved in `scratch` from `scratch_at` on. No
/// barrier orders `scratch`: a thread reads back only what it saved itself, since layers of the same width share out
/// their columns in the same way, and layers of different widths save in different places.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a device function takes its buffers one by one")]
pub(crate) fn run_layers(
    numbers: &[f32],
    table: &[i32],
    shares: &[f32],
    scratch: &mut [Quad],
    tile: &mut Tile,
    first: usize,
    share_at: usize,
    step_at: usize,
    scratch_at: usize,
    #[comptime] layers: usize,
    #[comptime] shape: TileShape,
) {
    let half = comptime!(shape.quads * shape.stride);
    // No barrier may depend on a number that was read from a buffer: every layer passes all of them.
    for number in 0..layers {
        let at = (first + number) * FIELDS;
        let input = usize::cast_from(table[at]);
        let output = usize::cast_from(table[at + 1]);
        let weight = usize::cast_from(table[at + 2]);
        let (bias, norm, share) = (table[at + 3], table[at + 4], table[at + 5]);
        let from = number % 2 * half;
        let to = half - from;
        let items = output * shape.quads;

        for item in range_stepped(UNIT_POS as usize, items, THREADS) {
            let (quad, column) = (item / output, item % output);
            let mut sum =
                product(numbers, &tile.numbers, weight + column, from + quad * shape.stride, input, output);
            if bias >= 0 {
                sum += Quad::new(numbers[usize::cast_from(bias) + column]);
            }
            if share >= 0 {
                sum += Quad::new(shares[share_at + usize::cast_from(share) + column]);
            }
            tile.numbers[to + quad * shape.stride + column] = sum;
        }
        sync_cube();

        if norm >= 0 {
            for item in range_stepped(UNIT_POS as usize, comptime!(shape.quads * PARTS), THREADS) {
                let row = to + item / PARTS * shape.stride;
                part_of_moments(&mut tile.moments, &tile.numbers, item, row, output);
            }
        }
        sync_cube();

        for item in range_stepped(UNIT_POS as usize, items, THREADS) {
            let (quad, column) = (item / output, item % output);
            let place = to + quad * shape.stride + column;
            let mut y = tile.numbers[place];
            if norm >= 0 {
                let gain = usize::cast_from(norm) + column;
                y = normalised(y, &tile.moments, quad, output) * Quad::new(numbers[gain])
                    + Quad::new(numbers[gain + output]);
            }
            let modulation = table[at + 6];
            if modulation >= 0 {
                let scale = step_at + usize::cast_from(modulation) + column;
                y = y * Quad::new(1.0 + numbers[scale]) + Quad::new(numbers[scale + output]);
            }
            let activation = table[at + 7];
            if activation == RELU {
                y = max(y, Quad::new(0.0));
            } else if activation == GELU {
                y = gelu(y);
            }
            for other in 0..2usize {
                let skip = table[at + 8 + other];
                if skip >= 0 {
                    y += scratch[scratch_at + usize::cast_from(skip) * shape.quads + item];
                }
            }
            let save = table[at + 10];
            if save >= 0 {
                scratch[scratch_at + usize::cast_from(save) * shape.quads + item] = y;
            }
            tile.numbers[place] = y;
        }
        sync_cube();
    }
}

/// A row of the tile times a column of a weight, `[input, output]`.
#[cube]
fn product(
    numbers: &[f32],
    tile: &Shared<[Quad]>,
    weight: usize,
    row: usize,
    input: usize,
    output: usize,
) -> Quad {
    let mut sum = Quad::new(0.0);
    let blocks = input / 4;
    for block in 0..blocks {
        // Four loads under way at a time.
        #[unroll]
        for k in 0..4usize {
            let k = block * 4 + k;
            sum += tile[row + k] * Quad::new(numbers[weight + k * output]);
        }
    }
    for k in blocks * 4..input {
        sum += tile[row + k] * Quad::new(numbers[weight + k * output]);
    }
    sum
}

/// Columns of a row that one part of its moments covers.
#[cube]
fn columns_of(part: usize, width: usize) -> usize {
    (width + PARTS - 1 - part) / PARTS
}

/// Sum and squared distances from the mean over every [`PARTS`]th column of a row that starts at `row`.
#[cube]
fn part_of_moments(
    moments: &mut Shared<[Quad]>,
    tile: &Shared<[Quad]>,
    item: usize,
    row: usize,
    width: usize,
) {
    let part = item % PARTS;
    let count = columns_of(part, width);
    let mut sum = Quad::new(0.0);
    for i in 0..count {
        sum += tile[row + part + i * PARTS];
    }
    let mean = sum / Quad::new(max(f32::cast_from(count), 1.0));
    let mut squares = Quad::new(0.0);
    for i in 0..count {
        let distance = tile[row + part + i * PARTS] - mean;
        squares += distance * distance;
    }
    moments[item * 2] = sum;
    moments[item * 2 + 1] = squares;
}

/// A number less the mean of its row, over the row's deviation.
#[cube]
fn normalised(y: Quad, moments: &Shared<[Quad]>, quad: usize, width: usize) -> Quad {
    let first = quad * PARTS;
    let whole = Quad::new(f32::cast_from(width));
    let mut sum = Quad::new(0.0);
    #[unroll]
    for part in 0..PARTS {
        sum += moments[(first + part) * 2];
    }
    let mean = sum / whole;
    let mut squares = Quad::new(0.0);
    #[unroll]
    for part in 0..PARTS {
        let count = f32::cast_from(columns_of(part, width));
        let distance = moments[(first + part) * 2] / Quad::new(max(count, 1.0)) - mean;
        squares += moments[(first + part) * 2 + 1] + Quad::new(count) * distance * distance;
    }
    (y - mean) / (squares / whole + Quad::new(EPSILON)).sqrt()
}

/// The exact GELU, by the same approximation of the normal distribution function as on the CPU: WGSL has none.
#[cube]
fn gelu(x: Quad) -> Quad {
    let bounded = clamp(x, Quad::new(-NORMAL_END), Quad::new(NORMAL_END));
    let square = bounded * bounded;
    let mut above = Quad::new(comptime!(NORMAL_P[5]));
    let mut below = Quad::new(comptime!(NORMAL_Q[5]));
    #[unroll]
    for i in 1..6usize {
        above = above * square + Quad::new(comptime!(NORMAL_P[5 - i]));
        below = below * square + Quad::new(comptime!(NORMAL_Q[5 - i]));
    }
    x * (bounded * above / below + Quad::new(0.5))
}
