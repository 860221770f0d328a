//! Deciding on a GPU in a handful of launches, one source for CUDA, Vulkan and WebGPU.
//!
//! A kernel here runs a table of layers over a tile of rows ([`tile`]), so one of them serves every network of every
//! size ([`program`]). Nothing is read back from the device on the way.

mod kernels;
mod launch;
mod networks;
mod normals;
mod program;
mod ranking;
mod sampling;
mod tile;

pub(crate) use networks::SideBySide;
pub(crate) use normals::draw;
pub(crate) use program::{Builder, Placed};
pub(crate) use ranking::PlacedQ;
pub(crate) use sampling::{FACTORS, PlacedDenoiser, Steps};

use core::cell::Cell;

use burn::backend::DispatchDevice;
use burn::tensor::Device;

use tile::{THREADS, TileShape};

std::thread_local! {
    static LAUNCHES: Cell<u64> = const { Cell::new(0) };
}

/// How many of these kernels this thread has launched, for tests and measurements.
pub fn launches() -> u64 {
    LAUNCHES.get()
}

fn count_launch() {
    LAUNCHES.set(LAUNCHES.get() + 1);
}

/// Whether the kernels serve this device: it is a GPU, and nobody asked for the reference path.
pub(crate) fn serves(device: &Device) -> bool {
    !super::reference_only() && matches!(device.as_dispatch(), DispatchDevice::Cube(_))
}

/// Whether a work-group of the device holds tiles of layers of so many columns.
fn fits(device: &Device, widest: usize) -> bool {
    let DispatchDevice::Cube(device) = device.as_dispatch() else { return false };
    let client = device.client();
    let hardware = &client.properties().hardware;
    TileShape::of(widest).bytes() <= hardware.max_shared_memory_size
        && THREADS <= hardware.max_units_per_cube as usize
}
