//! Which device decides: WebGPU where it is real or asked for, the CPU otherwise.

use burn::tensor::Device;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::fail;
use crate::messages::{Backend, DeviceInfo, Failure};

struct Adapter {
    name: String,
    software: bool,
}

/// Chooses and initialises a device. There is always one: the CPU needs nothing.
pub async fn choose(backend: Backend) -> (Device, DeviceInfo) {
    let cpu = |note| (Device::flex(), DeviceInfo::cpu(note));
    if backend == Backend::Cpu {
        return cpu(None);
    }
    let asked = backend == Backend::Webgpu;
    let adapter = match adapter().await {
        Ok(adapter) if adapter.software && !asked => {
            return cpu(Some(format!(
                "WebGPU is software rendering here ({}), which is slower than the CPU itself, so decisions are computed \
                 on the CPU. Choose WebGPU to use it all the same.",
                adapter.name
            )));
        }
        Ok(adapter) => adapter,
        Err(reason) if asked => {
            return cpu(Some(format!("WebGPU was asked for, but {reason}. The CPU is used instead.")));
        }
        Err(reason) => return cpu(Some(format!("No WebGPU: {reason}. The CPU is used."))),
    };
    match Device::wgpu_options().init_with_setup_async().await {
        Ok((device, setup)) => {
            setup.device.set_device_lost_callback(|reason, message| {
                fail(Failure::DeviceLost, None, format!("device lost, {reason:?}: {message}"));
            });
            (device, DeviceInfo { webgpu: true, name: adapter.name, software: adapter.software, note: None })
        }
        Err(error) => cpu(Some(format!("WebGPU did not start ({error}). The CPU is used instead."))),
    }
}

/// The adapter the browser offers. `navigator.gpu` is read by name: web-sys still calls it unstable.
async fn adapter() -> Result<Adapter, String> {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let gpu = get(&get(&js_sys::global(), "navigator"), "gpu");
    let Ok(request) = get(&gpu, "requestAdapter").dyn_into::<Function>() else {
        return Err("this browser has none (navigator.gpu is missing)".into());
    };
    let options = Object::new();
    let _ = Reflect::set(&options, &"powerPreference".into(), &"high-performance".into());
    let promise = request.call1(&gpu, &options).map(JsValue::unchecked_into::<Promise>);
    let adapter = match promise {
        Ok(promise) => JsFuture::from(promise).await.unwrap_or(JsValue::NULL),
        Err(_) => JsValue::NULL,
    };
    if adapter.is_null() || adapter.is_undefined() {
        return Err("this browser offers no adapter".into());
    }
    let info = get(&adapter, "info");
    let word = |name: &str| get(&info, name).as_string().filter(|word| !word.is_empty());
    let name = word("description").unwrap_or_else(|| {
        let words: Vec<String> = ["vendor", "architecture"].into_iter().filter_map(word).collect();
        if words.is_empty() { "adapter without a name".into() } else { words.join(" ") }
    });
    let known = ["swiftshader", "llvmpipe", "lavapipe", "basic render"];
    let everything = format!("{name} {}", word("architecture").unwrap_or_default()).to_lowercase();
    let software = get(&info, "isFallbackAdapter").is_truthy()
        || get(&adapter, "isFallbackAdapter").is_truthy()
        || known.iter().any(|part| everything.contains(part));
    Ok(Adapter { name, software })
}
