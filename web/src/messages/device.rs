//! Devices: the one asked for, and the one that decides.

use serde::{Deserialize, Serialize};

/// Which device the user wants decisions to be computed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// WebGPU where a real adapter exists, the CPU otherwise.
    #[default]
    Auto,
    /// The CPU, whatever the browser offers.
    Cpu,
    /// WebGPU, even where it is software rendering.
    Webgpu,
}

impl Backend {
    /// Every choice, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Cpu, Self::Webgpu];

    /// The name used in the address and as a form value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Webgpu => "webgpu",
        }
    }

    /// The choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name)
    }
}

/// The device that decisions are computed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// True for WebGPU.
    pub webgpu: bool,
    /// Name of the WebGPU adapter, or of the CPU backend.
    pub name: String,
    /// WebGPU, but drawn by the CPU.
    pub software: bool,
    /// Why it is not the device one might expect, if so.
    pub note: Option<String>,
}

impl DeviceInfo {
    /// The CPU, with the reason why it was chosen.
    pub fn cpu(note: Option<String>) -> Self {
        let name = if cfg!(feature = "relaxed-simd") { "Flex, SIMD with FMA" } else { "Flex, SIMD" };
        Self { webgpu: false, name: name.into(), software: false, note }
    }

    /// The kind of the device, for the badge.
    pub fn kind(&self) -> &'static str {
        match (self.webgpu, self.software) {
            (false, _) => "CPU",
            (true, false) => "WebGPU",
            (true, true) => "WebGPU (software rendering)",
        }
    }

    /// The device in words.
    pub fn label(&self) -> String {
        match (self.webgpu, self.software) {
            (false, _) => format!("CPU ({})", self.name),
            (true, false) => format!("WebGPU ({})", self.name),
            (true, true) => format!("WebGPU ({}, software rendering)", self.name),
        }
    }
}
