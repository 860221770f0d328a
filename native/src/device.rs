//! Devices by name: `cpu`, `cuda:N`, `wgpu`, `wgpu:N`.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use thiserror::Error;

/// A device as it is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// The CPU, through Burn's Flex back end.
    Cpu,
    /// An NVIDIA GPU by number.
    Cuda(usize),
    /// The best GPU of the system's graphics API, or one by number.
    Wgpu(Option<usize>),
}

/// A device name that is not known.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown device '{0}': expected cpu, cuda:N, wgpu or wgpu:N (N is a number from 0)")]
pub struct UnknownDevice(String);

/// A device that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// The program was built without it.
    #[error(
        "device '{device}' is not in this build of diar: build it with `--features {feature}`, or use --device cpu"
    )]
    NotBuilt {
        /// What was asked for.
        device: DeviceName,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The machine does not have it.
    #[error(
        "device '{device}' cannot be used on this machine ({reason}): use --device cpu, or install its driver"
    )]
    Absent {
        /// What was asked for.
        device: DeviceName,
        /// What the driver layer says.
        reason: String,
    },
}

impl FromStr for DeviceName {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice(text.to_owned());
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (kind, Some(number.parse::<usize>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (kind, number) {
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", number) => Ok(Self::Cuda(number.unwrap_or(0))),
            ("wgpu", number) => Ok(Self::Wgpu(number)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Wgpu(None) => f.write_str("wgpu"),
            Self::Wgpu(Some(number)) => write!(f, "wgpu:{number}"),
        }
    }
}

impl DeviceName {
    /// The device, ready for tensors.
    ///
    /// # Errors
    /// When this build does not have the device, or this machine does not.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Cuda(number) => cuda(self, number),
            Self::Wgpu(number) => wgpu(self, number),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(name: DeviceName, number: usize) -> Result<Device, DeviceError> {
    probed(name, || Device::cuda(number))
}

#[cfg(not(feature = "cuda"))]
fn cuda(device: DeviceName, _number: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { device, feature: "cuda" })
}

/// A number counts the GPUs of a kind: discrete ones first, then integrated, virtual, and a software driver as 0.
#[cfg(feature = "wgpu")]
fn wgpu(name: DeviceName, number: Option<usize>) -> Result<Device, DeviceError> {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::{WgpuBackend, WgpuInitError};

    // The automatic choice falls back to OpenGL, which is far slower than the CPU: without Vulkan there is no GPU here.
    let api = if cfg!(any(target_os = "macos", target_os = "windows")) {
        WgpuBackend::Auto
    } else {
        WgpuBackend::Vulkan
    };
    let kinds = match number {
        None => vec![DeviceKind::DefaultDevice],
        Some(n) => [DeviceKind::DiscreteGpu(n), DeviceKind::IntegratedGpu(n), DeviceKind::VirtualGpu(n)]
            .into_iter()
            .chain((n == 0).then_some(DeviceKind::Cpu))
            .collect(),
    };
    let mut reason = String::new();
    for kind in kinds {
        let open = || Device::wgpu_options().device_kind(kind).graphics_api(api).init();
        reason = match crate::guard::guarded(open) {
            Ok(Ok(device)) => return probed(name, || device),
            Ok(Err(WgpuInitError::AdapterUnavailable { .. })) => match number {
                None => "no GPU with a driver was found".to_owned(),
                Some(n) => format!("no GPU number {n} with a driver was found"),
            },
            Ok(Err(error)) => error.to_string(),
            Err(message) => message,
        };
    }
    Err(DeviceError::Absent { device: name, reason: one_line(&reason) })
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(device: DeviceName, _number: Option<usize>) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { device, feature: "wgpu" })
}

/// Opens a device and computes something tiny on it: drivers are loaded at the first tensor, and panic when absent.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn probed(name: DeviceName, open: impl FnOnce() -> Device) -> Result<Device, DeviceError> {
    use burn::tensor::Tensor;

    let absent = |reason: &str| DeviceError::Absent { device: name, reason: one_line(reason) };
    let (device, sum) = crate::guard::guarded(|| {
        let device = open();
        let sum = Tensor::<1>::ones([4], &device).sum().into_data().iter::<f32>().next();
        (device, sum)
    })
    .map_err(|message| absent(&message))?;
    match sum {
        Some(4.0) => Ok(device),
        other => Err(absent(&format!("1+1+1+1 came out as {other:?}"))),
    }
}

/// Driver layers explain themselves over many lines; one is enough.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn one_line(text: &str) -> String {
    const LONGEST: usize = 160;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for name in ["cpu", "cuda:0", "cuda:3", "wgpu", "wgpu:1"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        for name in ["", "gpu", "cpu:1", "cuda:x", "cuda:-1", "wgpu:"] {
            let error = name.parse::<DeviceName>().unwrap_err().to_string();
            assert!(error.contains(&format!("'{name}'")), "{error}");
        }
    }
}
