//! The device of this worker: the CPU, or WebGPU in the module that is built for it.

use burn::tensor::Device;

use crate::adapter;
use crate::messages::{Backend, DeviceInfo};

/// Initialises a device. There is always one: the CPU needs nothing.
#[cfg(feature = "webgpu")]
pub(crate) async fn choose(backend: Backend) -> (Device, DeviceInfo) {
    use super::fail;
    use crate::messages::Failure;
    use crate::patience::within;

    /// Milliseconds that the adapter's device has to start.
    const PATIENCE: u32 = 30_000;

    let cpu = |note| (Device::flex(), DeviceInfo::cpu(note));
    let adapter = match adapter::choose(backend).await {
        Ok(adapter) => adapter,
        Err(note) => return cpu(note),
    };
    match within(PATIENCE, Device::wgpu_options().init_with_setup_async()).await {
        None => cpu(Some(format!(
            "WebGPU did not start within {} s on {}. The CPU is used instead.",
            PATIENCE / 1000,
            adapter.name
        ))),
        Some(Ok((device, setup))) => {
            setup.device.set_device_lost_callback(|reason, message| {
                fail(Failure::DeviceLost, None, format!("device lost, {reason:?}: {message}"));
            });
            (device, DeviceInfo { webgpu: true, name: adapter.name, software: adapter.software, note: None })
        }
        Some(Err(error)) => cpu(Some(format!("WebGPU did not start ({error}). The CPU is used instead."))),
    }
}

/// The CPU, and why it is not WebGPU.
#[cfg(not(feature = "webgpu"))]
pub(crate) async fn choose(backend: Backend) -> (Device, DeviceInfo) {
    (Device::flex(), DeviceInfo::cpu(adapter::choose(backend).await.err().flatten()))
}
