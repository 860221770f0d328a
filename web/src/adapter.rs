//! The WebGPU adapter the browser offers, asked for by name: web-sys still calls `navigator.gpu` unstable.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::messages::Backend;
use crate::patience::within;

/// Milliseconds that the browser has to offer an adapter. Some never answer.
const PATIENCE: u32 = 10_000;

/// A WebGPU adapter.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// What it calls itself.
    pub name: String,
    /// WebGPU, but drawn by the CPU.
    pub software: bool,
}

/// The adapter to decide on, for this choice of the user: a real one, or any that was asked for.
///
/// # Errors
/// Why the CPU decides, if the user wants to know.
pub async fn choose(backend: Backend) -> Result<Adapter, Option<String>> {
    if backend == Backend::Cpu {
        return Err(None);
    }
    let asked = backend == Backend::Webgpu;
    match find().await {
        Ok(adapter) if adapter.software && !asked => Err(Some(format!(
            "WebGPU is software rendering here ({}), which is slower than the CPU itself, so decisions are computed on \
             the CPU. Choose WebGPU to use it all the same.",
            adapter.name
        ))),
        Ok(adapter) => Ok(adapter),
        Err(reason) if asked => {
            Err(Some(format!("WebGPU was asked for, but {reason}. The CPU is used instead.")))
        }
        Err(reason) => Err(Some(format!("No WebGPU: {reason}. The CPU is used."))),
    }
}

/// The adapter the browser offers, in a window or a worker.
///
/// # Errors
/// Why there is none.
async fn find() -> Result<Adapter, String> {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let gpu = get(&get(&js_sys::global(), "navigator"), "gpu");
    let Ok(request) = get(&gpu, "requestAdapter").dyn_into::<Function>() else {
        return Err("this browser has none (navigator.gpu is missing)".into());
    };
    let options = Object::new();
    let _ = Reflect::set(&options, &"powerPreference".into(), &"high-performance".into());
    let promise = request.call1(&gpu, &options).map(JsValue::unchecked_into::<Promise>);
    let adapter = match promise {
        Ok(promise) => match within(PATIENCE, JsFuture::from(promise)).await {
            Some(answer) => answer.unwrap_or(JsValue::NULL),
            None => {
                return Err(format!(
                    "the browser did not say within {} s whether it has an adapter",
                    PATIENCE / 1000
                ));
            }
        },
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
