//! The device suite on a GPU, through the WGSL shaders that the page uses in a browser.
//!
//! `cargo xtask test` runs it on Mesa's software driver. Where no adapter is found, every test fails.
#![recursion_limit = "256"]

use std::sync::OnceLock;

use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuBackend, WgpuSetup, wgpu};
use diar_tests::{subjects, suite};

/// A device can be set up only once.
fn gpu() -> &'static (Device, WgpuSetup) {
    static GPU: OnceLock<(Device, WgpuSetup)> = OnceLock::new();
    GPU.get_or_init(|| {
        Device::wgpu_options()
            .graphics_api(WgpuBackend::Vulkan)
            .init_with_setup()
            .expect("an adapter: install a Vulkan driver, such as Mesa's lavapipe (mesa-vulkan-drivers)")
    })
}

#[test]
fn an_adapter_is_really_used() {
    let info = gpu().1.adapter.get_info();
    println!("adapter: {} ({:?}, {:?})", info.name, info.device_type, info.backend);
    assert_eq!(info.backend, wgpu::Backend::Vulkan);
    assert!(!info.name.is_empty());
    assert_ne!(gpu().0, Device::flex());
}

macro_rules! on_the_gpu {
    ($($subject:ident),*) => {
        $(
            #[test]
            fn $subject() {
                pollster::block_on(suite::$subject(&gpu().0));
            }
        )*
    };
}

subjects!(on_the_gpu);
