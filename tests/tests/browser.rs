//! The device suite in a browser: on WebGPU, which must be there, and on the CPU.
#![cfg(target_arch = "wasm32")]
#![recursion_limit = "256"]

use std::sync::Once;

use burn::tensor::Device;
use diar_tests::{subjects, suite};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs the static constructors that Burn's kernel compiler registers itself with.
///
/// They are called by hand, once, because otherwise the linker wraps every export in a call of all of them.
fn start() {
    static START: Once = Once::new();
    // SAFETY: the linker makes this function; it takes and returns nothing, and `Once` calls it once.
    START.call_once(|| unsafe { __wasm_call_ctors() });
}

mod cpu {
    use super::*;

    macro_rules! on_the_cpu {
        ($($subject:ident),*) => {
            $(
                #[wasm_bindgen_test]
                async fn $subject() {
                    start();
                    suite::$subject(&Device::flex()).await;
                }
            )*
        };
    }

    subjects!(on_the_cpu);
}

#[cfg(feature = "webgpu")]
mod webgpu {
    use std::cell::OnceCell;

    use burn::tensor::wgpu::wgpu;

    use super::*;

    thread_local! {
        static GPU: OnceCell<(Device, wgpu::AdapterInfo)> = const { OnceCell::new() };
    }

    /// A device can be set up only once; tests run one after the other.
    async fn gpu() -> (Device, wgpu::AdapterInfo) {
        start();
        if let Some(gpu) = GPU.with(|cell| cell.get().cloned()) {
            return gpu;
        }
        let (device, setup) =
            Device::wgpu_options().init_with_setup_async().await.expect("the browser has a WebGPU adapter");
        let gpu = (device, setup.adapter.get_info());
        GPU.with(|cell| cell.get_or_init(|| gpu).clone())
    }

    #[wasm_bindgen_test]
    async fn an_adapter_is_really_used() {
        let (device, info) = gpu().await;
        assert_eq!(info.backend, wgpu::Backend::BrowserWebGpu);
        assert_ne!(device, Device::flex());
    }

    macro_rules! on_the_gpu {
        ($($subject:ident),*) => {
            $(
                #[wasm_bindgen_test]
                async fn $subject() {
                    suite::$subject(&gpu().await.0).await;
                }
            )*
        };
    }

    subjects!(on_the_gpu);
}
