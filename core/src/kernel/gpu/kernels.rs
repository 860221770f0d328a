//! The three kernels: networks side by side, the chain of denoising steps, and the smallest Q.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::program::FIELDS;
use super::tile::{LANES, Quad, THREADS, Tile, TileShape, buffer_after, run_layers};

/// Reads `items` numbers of a tile from `[rows, width]`; beyond the last row it reads the last row again.
#[cube]
fn read(
    from: &[f32],
    first_row: usize,
    quad: usize,
    column: usize,
    rows: usize,
    width: usize,
    at: usize,
) -> Quad {
    let mut numbers = Quad::new(0.0);
    #[unroll]
    for lane in 0..LANES {
        let row = min(first_row + quad * LANES + lane, rows - 1);
        numbers.insert(lane, from[at + row * width + column]);
    }
    numbers
}

/// Writes numbers of a tile into `[rows, stride]`, as far as there are rows.
#[cube]
fn write(
    numbers: Quad,
    to: &mut [f32],
    first_row: usize,
    quad: usize,
    rows: usize,
    stride: usize,
    at: usize,
) {
    #[unroll]
    for lane in 0..LANES {
        let row = first_row + quad * LANES + lane;
        if row < rows {
            to[at + row * stride] = numbers.extract(lane);
        }
    }
}

/// Networks of `layers` layers each, of the same rows: from `[rows, input]` to `[rows, total]`, in which every network
/// has its own columns. One work-group computes a tile of rows through one network.
#[cube(launch_unchecked)]
pub(crate) fn networks(
    numbers: &[f32],
    table: &[i32],
    x: &[f32],
    out: &mut [f32],
    scratch: &mut [Quad],
    rows: u32,
    total: u32,
    #[comptime] layers: usize,
    #[comptime] shape: TileShape,
) {
    let (rows, total) = (rows as usize, total as usize);
    let first_row = CUBE_POS_X as usize * shape.quads * LANES;
    let network = CUBE_POS_Y as usize;
    let first = network * layers;
    let mut tile = Tile::new(shape);

    let input = usize::cast_from(table[first * FIELDS]);
    for item in range_stepped(UNIT_POS as usize, input * shape.quads, THREADS) {
        let (quad, column) = (item / input, item % input);
        tile.numbers[quad * shape.stride + column] = read(x, first_row, quad, column, rows, input, 0);
    }
    sync_cube();
    run_layers(numbers, table, x, scratch, &mut tile, first, 0, 0, 0, layers, shape);

    let mut before = 0usize;
    for other in 0..network {
        before += usize::cast_from(table[((other + 1) * layers - 1) * FIELDS + 1]);
    }
    let width = usize::cast_from(table[((network + 1) * layers - 1) * FIELDS + 1]);
    let from = buffer_after(layers, shape);
    for item in range_stepped(UNIT_POS as usize, width * shape.quads, THREADS) {
        let (quad, column) = (item / width, item % width);
        let value = tile.numbers[from + quad * shape.stride + column];
        write(value, out, first_row, quad, rows, total, before + column);
    }
}

/// The whole chain of denoising steps of a tile of one state's candidates.
///
/// `noise` is `[1 + updates, states, candidates, latent]`: where the latents start, and the noise of each update as far
/// as updates have any. From `step_at` on, `numbers` has a row for each update, whose first three are its factors of the
/// latent, of the guess and of noise. `shares` is `[states, shares]`; `scratch` has `slots` columns for each tile, of
/// which the latents themselves take the first.
#[cube(launch_unchecked)]
pub(crate) fn chain(
    numbers: &[f32],
    table: &[i32],
    shares: &[f32],
    noise: &[f32],
    out: &mut [f32],
    scratch: &mut [Quad],
    updates: u32,
    step_at: u32,
    step_width: u32,
    share_width: u32,
    candidates: u32,
    latent: u32,
    slots: u32,
    #[comptime] layers: usize,
    #[comptime] shape: TileShape,
) {
    let (candidates, latent) = (candidates as usize, latent as usize);
    let (step_at, step_width) = (step_at as usize, step_width as usize);
    let state = CUBE_POS_Y as usize;
    let first_row = CUBE_POS_X as usize * shape.quads * LANES;
    let rows_at = state * candidates * latent;
    let update_width = CUBE_COUNT_Y as usize * candidates * latent;
    let scratch_at = (state * CUBE_COUNT_X as usize + CUBE_POS_X as usize) * slots as usize * shape.quads;
    let items = latent * shape.quads;
    let guess_at = buffer_after(layers, shape);
    let mut tile = Tile::new(shape);

    for item in range_stepped(UNIT_POS as usize, items, THREADS) {
        let (quad, column) = (item / latent, item % latent);
        let y = read(noise, first_row, quad, column, candidates, latent, rows_at);
        tile.numbers[quad * shape.stride + column] = y;
        scratch[scratch_at + item] = y;
    }
    sync_cube();

    for update in 0..updates {
        let update = update as usize;
        let step = step_at + update * step_width;
        let share_at = state * share_width as usize;
        run_layers(numbers, table, shares, scratch, &mut tile, 0, share_at, step, scratch_at, layers, shape);
        for item in range_stepped(UNIT_POS as usize, items, THREADS) {
            let (quad, column) = (item / latent, item % latent);
            let guess = tile.numbers[guess_at + quad * shape.stride + column];
            let mut y =
                Quad::new(numbers[step]) * scratch[scratch_at + item] + Quad::new(numbers[step + 1]) * guess;
            let level = numbers[step + 2];
            if level > 0.0 {
                let at = rows_at + (update + 1) * update_width;
                y += Quad::new(level) * read(noise, first_row, quad, column, candidates, latent, at);
            }
            tile.numbers[quad * shape.stride + column] = y;
            scratch[scratch_at + item] = y;
        }
        sync_cube();
    }

    for item in range_stepped(UNIT_POS as usize, items, THREADS) {
        let (quad, column) = (item / latent, item % latent);
        let y = scratch[scratch_at + item];
        write(y, out, first_row, quad, candidates, latent, rows_at + column);
    }
}

/// The smallest output of several networks of `layers` layers each, for a tile of one state's candidates: from
/// `[states, candidates, latent]` to `[states, candidates]`. `shares` is `[states, shares]`.
#[cube(launch_unchecked)]
pub(crate) fn smallest(
    numbers: &[f32],
    table: &[i32],
    shares: &[f32],
    latents: &[f32],
    out: &mut [f32],
    scratch: &mut [Quad],
    share_width: u32,
    candidates: u32,
    latent: u32,
    #[comptime] networks: usize,
    #[comptime] layers: usize,
    #[comptime] shape: TileShape,
) {
    let (candidates, latent) = (candidates as usize, latent as usize);
    let state = CUBE_POS_Y as usize;
    let first_row = CUBE_POS_X as usize * shape.quads * LANES;
    let rows_at = state * candidates * latent;
    let from = buffer_after(layers, shape);
    let quad = min(UNIT_POS as usize, comptime!(shape.quads - 1));
    let mut tile = Tile::new(shape);
    // WGSL cannot write infinity.
    let mut best = Quad::new(f32::MAX);

    for network in 0..networks {
        for item in range_stepped(UNIT_POS as usize, latent * shape.quads, THREADS) {
            let (quad, column) = (item / latent, item % latent);
            let z = read(latents, first_row, quad, column, candidates, latent, rows_at);
            tile.numbers[quad * shape.stride + column] = z;
        }
        sync_cube();
        let share_at = state * share_width as usize;
        let first = network * layers;
        run_layers(numbers, table, shares, scratch, &mut tile, first, share_at, 0, 0, layers, shape);
        best = min(best, tile.numbers[from + quad * shape.stride]);
        // The next network's input goes where this one's output may be.
        sync_cube();
    }
    if (UNIT_POS as usize) < shape.quads {
        write(best, out, first_row, quad, candidates, 1usize, state * candidates);
    }
}
