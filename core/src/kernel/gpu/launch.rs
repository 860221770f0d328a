//! The kernels as operations on tensors of a GPU.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata, backend_extension};
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::{BufferArg, CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::tile::{LANES, THREADS, TileShape};
use super::{kernels, normals};

/// Most work-groups side by side in one direction.
const GROUPS_ACROSS: usize = 32_768;

/// How networks are launched; see [`kernels::networks`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Networks {
    /// Networks side by side.
    pub count: usize,
    /// Layers of each.
    pub layers: usize,
    /// Numbers in a row of all their outputs.
    pub total: usize,
    /// Tiles of rows.
    pub shape: TileShape,
}

/// How a chain is launched; see [`kernels::chain`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// Layers of the denoiser.
    pub layers: usize,
    /// Updates of the latents.
    pub updates: usize,
    /// Where the first update's row is.
    pub step_at: usize,
    /// Numbers in a row of an update.
    pub step_width: usize,
    /// Columns of outputs that are saved for later layers.
    pub slots: usize,
    /// Tiles of candidates.
    pub shape: TileShape,
}

/// How the smallest of several Q is launched; see [`kernels::smallest`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smallest {
    /// Networks.
    pub count: usize,
    /// Layers of each.
    pub layers: usize,
    /// Tiles of candidates.
    pub shape: TileShape,
}

/// How many numbers are drawn: for `shape[0]` numbers of `shape[1]` states each, `[candidates, latent]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normals {
    /// Shape of what is drawn.
    pub shape: [usize; 4],
}

/// The kernels as operations of a backend.
#[backend_extension(Cube, Fusion)]
pub(crate) trait Kernels: Backend {
    /// Two words of a key for each number of each state to standard normal numbers, on the device of `like`.
    #[fusion(dtype = like, shape = Shape::new(plan.shape))]
    fn normals(like: FloatTensor<Self>, keys: IntTensor<Self>, plan: Normals) -> FloatTensor<Self>;

    /// `[rows, input]` to `[rows, total]`.
    #[fusion(dtype = x, shape = of_networks(x, plan))]
    fn networks(
        numbers: FloatTensor<Self>,
        table: IntTensor<Self>,
        x: FloatTensor<Self>,
        plan: Networks,
    ) -> FloatTensor<Self>;

    /// `[numbers, states, candidates, latent]` to `[states, candidates, latent]`.
    #[fusion(dtype = noise, shape = of_chain(noise))]
    fn chain(
        numbers: FloatTensor<Self>,
        table: IntTensor<Self>,
        shares: FloatTensor<Self>,
        noise: FloatTensor<Self>,
        plan: Chain,
    ) -> FloatTensor<Self>;

    /// `[states, candidates, latent]` to `[states, candidates]`.
    #[fusion(dtype = latents, shape = of_smallest(latents))]
    fn smallest(
        numbers: FloatTensor<Self>,
        table: IntTensor<Self>,
        shares: FloatTensor<Self>,
        latents: FloatTensor<Self>,
        plan: Smallest,
    ) -> FloatTensor<Self>;
}

fn of_networks(x: &Shape, plan: &Networks) -> Shape {
    Shape::new([x[0], plan.total])
}

fn of_chain(noise: &Shape) -> Shape {
    Shape::new([noise[1], noise[2], noise[3]])
}

fn of_smallest(latents: &Shape) -> Shape {
    Shape::new([latents[0], latents[1]])
}

impl Kernels for CubeBackend {
    fn normals(like: CubeTensor, keys: CubeTensor, plan: Normals) -> CubeTensor {
        let [numbers, states, candidates, latent] = plan.shape;
        let out = empty(&like, Shape::new(plan.shape));
        let count = candidates * latent;
        let blocks = count.div_ceil(normals::BLOCK);
        let total = numbers * states * blocks;
        let client = like.client.clone();
        // Work-groups in two directions: one has a limit of 65 535.
        let groups = total.div_ceil(THREADS);
        let across = groups.min(GROUPS_ACROSS);
        // SAFETY: threads beyond `total` do nothing, and the others write the numbers of their block that there are.
        unsafe {
            normals::normals::launch_unchecked(
                &client,
                CubeCount::Static(across as u32, groups.div_ceil(across.max(1)) as u32, 1),
                CubeDim::new_1d(THREADS as u32),
                argument(keys),
                out.clone().into_buffer_arg(),
                count as u32,
                blocks as u32,
                total as u32,
            );
        }
        out
    }

    fn networks(numbers: CubeTensor, table: CubeTensor, x: CubeTensor, plan: Networks) -> CubeTensor {
        let out = empty(&x, of_networks(&x.shape(), &plan));
        let scratch = scratch(&x, 1);
        let rows = x.shape()[0];
        let Networks { count, layers, total, shape } = plan;
        let client = x.client.clone();
        // SAFETY: the table's offsets lie within `numbers`, as `Builder` made both; the kernel reads rows that there
        // are of `x` and writes those of `out`; no layer saves anything in `scratch`.
        unsafe {
            kernels::networks::launch_unchecked(
                &client,
                CubeCount::Static(tiles(rows, shape), count as u32, 1),
                CubeDim::new_1d(THREADS as u32),
                argument(numbers),
                argument(table),
                argument(x),
                out.clone().into_buffer_arg(),
                scratch,
                rows as u32,
                total as u32,
                layers,
                shape,
            );
        }
        out
    }

    fn chain(
        numbers: CubeTensor,
        table: CubeTensor,
        shares: CubeTensor,
        noise: CubeTensor,
        plan: Chain,
    ) -> CubeTensor {
        let whole = of_chain(&noise.shape());
        let (states, candidates, latent) = (whole[0], whole[1], whole[2]);
        let Chain { layers, updates, step_at, step_width, slots, shape } = plan;
        let out = empty(&noise, whole);
        let groups = tiles(candidates, shape);
        let scratch = scratch(&noise, states * groups as usize * slots * shape.quads);
        let share_width = shares.shape()[1];
        let client = noise.client.clone();
        // SAFETY: as above; `scratch` has `slots` columns of every quad of every work-group, and `noise` a row for
        // every update that has any.
        unsafe {
            kernels::chain::launch_unchecked(
                &client,
                CubeCount::Static(groups, states as u32, 1),
                CubeDim::new_1d(THREADS as u32),
                argument(numbers),
                argument(table),
                argument(shares),
                argument(noise),
                out.clone().into_buffer_arg(),
                scratch,
                updates as u32,
                step_at as u32,
                step_width as u32,
                share_width as u32,
                candidates as u32,
                latent as u32,
                slots as u32,
                layers,
                shape,
            );
        }
        out
    }

    fn smallest(
        numbers: CubeTensor,
        table: CubeTensor,
        shares: CubeTensor,
        latents: CubeTensor,
        plan: Smallest,
    ) -> CubeTensor {
        let size = latents.shape();
        let (states, candidates, latent) = (size[0], size[1], size[2]);
        let Smallest { count, layers, shape } = plan;
        let out = empty(&latents, of_smallest(&size));
        let scratch = scratch(&latents, 1);
        let share_width = shares.shape()[1];
        let client = latents.client.clone();
        // SAFETY: as for `networks`.
        unsafe {
            kernels::smallest::launch_unchecked(
                &client,
                CubeCount::Static(tiles(candidates, shape), states as u32, 1),
                CubeDim::new_1d(THREADS as u32),
                argument(numbers),
                argument(table),
                argument(shares),
                argument(latents),
                out.clone().into_buffer_arg(),
                scratch,
                share_width as u32,
                candidates as u32,
                latent as u32,
                count,
                layers,
                shape,
            );
        }
        out
    }
}

fn tiles(rows: usize, shape: TileShape) -> u32 {
    rows.div_ceil(shape.rows()) as u32
}

fn argument(tensor: CubeTensor) -> BufferArg {
    into_contiguous(tensor).into_buffer_arg()
}

/// A tensor of numbers that are not set yet, beside another.
fn empty(like: &CubeTensor, shape: Shape) -> CubeTensor {
    let handle = like.client.empty(shape.num_elements() * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, like.dtype)
}

/// So many quads for the kernel's own use.
fn scratch(like: &CubeTensor, quads: usize) -> BufferArg {
    let handle = like.client.empty(quads * LANES * size_of::<f32>());
    // SAFETY: the buffer is as long as the argument says.
    unsafe { BufferArg::from_raw_parts(handle, quads) }
}
