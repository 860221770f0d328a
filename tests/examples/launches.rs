//! Kernels launched for one decision on a GPU, by part, with fused kernels and without, and for one step of each stage of
//! training: `launches`.
//!
//! `CubeCL` counts: it writes a line for every kernel it launches, whoever asked for it.

#[cfg(all(feature = "webgpu", not(target_arch = "wasm32")))]
fn main() {
    gpu::report();
}

/// There is no GPU in this build.
#[cfg(not(all(feature = "webgpu", not(target_arch = "wasm32"))))]
fn main() {}

#[cfg(all(feature = "webgpu", not(target_arch = "wasm32")))]
mod gpu {
    use std::path::Path;
    use std::sync::Arc;

    use burn::tensor::Device;
    use burn::tensor::wgpu::WgpuBackend;
    use diar_core::agent::{Agent, Observed, Phase, Planner, Policy};
    use diar_core::benchmark::MAZE2D;
    use diar_core::bundle::Bundle;
    use diar_core::env::maze2d::generate;
    use diar_core::kernel::reference;
    use diar_core::learn::{Stage, Training};
    use diar_core::rng::Key;
    use diar_core::settings::{PlanSettings, Preset, Sampler, SamplerSettings, Settings};

    /// Parts of a decision, in order. What sampling leaves in Burn's queue is launched when ranking reads its result, so
    /// the two are counted together.
    const PARTS: [(&str, &[Phase]); 4] = [
        ("sample, rank", &[Phase::Sample, Phase::Rank]),
        ("predict", &[Phase::Predict]),
        ("compare", &[Phase::Compare]),
        ("follow", &[Phase::Follow]),
    ];

    pub(crate) fn report() {
        // CubeCL looks for its settings in the working directory, and writes to the file they name.
        let folder = std::env::temp_dir().join(format!("diar-launches-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for CubeCL's settings");
        let log = folder.join("launches.log");
        let settings = format!("[profiling.logger]\nlevel = \"minimal\"\nfile = '{}'\n", log.display());
        std::fs::write(folder.join("cubecl.toml"), settings).expect("CubeCL's settings");
        std::env::set_current_dir(&folder).expect("the folder is there");

        let device = Device::wgpu_options().graphics_api(WgpuBackend::Vulkan).init();
        let device = device.expect("an adapter: install a Vulkan driver, such as Mesa's lavapipe");
        let bundle = include_bytes!("../../weights/maze2d-umaze-v1.safetensors");
        let bundle = Bundle::from_bytes(bundle).expect("the shipped bundle is whole");
        let agent = Arc::new(Agent::load(&bundle, &device).expect("the shipped weights fit"));
        let count = || decision(&agent, &log);
        let (fused, plain) = (count(), reference(count));
        println!("part          fused  plain");
        for (((part, _), fused), plain) in PARTS.iter().zip(fused).zip(plain) {
            println!("{part:12} {fused:6} {plain:6}");
        }
        println!("all          {:6} {:6}", fused.iter().sum::<usize>(), plain.iter().sum::<usize>());
        for (stage, count) in training(&device, &log) {
            println!("{:12} {count:6}", format!("{stage} step"));
        }
        let _ = std::fs::remove_dir_all(folder);
    }

    /// Kernels launched in the second step of each stage, of the preset `paper` but for the length of its sampler, the
    /// first step's variants being out of the way. Smaller batches take as many launches.
    fn training(device: &Device, log: &Path) -> Vec<(Stage, usize)> {
        let task = &MAZE2D[0];
        let mut settings = Settings::preset(Preset::Paper, &task.basis());
        settings.data.rows = 200;
        for train in [&mut settings.vae.train, &mut settings.diffusion.train, &mut settings.critic.train] {
            (train.steps, train.batch) = (3, 4);
        }
        settings.critic.latents = 8;
        settings.critic.sampler = SamplerSettings { kind: Sampler::Sde, steps: 5, extra_steps: 0 };
        let data = Arc::new(generate(task.maze(), settings.data.rows, 0));
        let mut training =
            Training::new(settings, Arc::clone(&task.spec), data, device).expect("the settings fit");
        let mut counts = Vec::new();
        while training.stage() != Stage::Done {
            let (stage, position, total) = (training.stage(), training.position(), training.total());
            let before = lines(log);
            training.step(false).expect("the device learns");
            device.sync().expect("the device finishes");
            if position == 1 || total == 1 {
                counts.push((stage, lines(log) - before));
            }
        }
        counts
    }

    /// Kernels launched in each part of a planner's third decision: before that it lays out the sampler, compiles, and
    /// tries variants out.
    fn decision(agent: &Arc<Agent>, log: &Path) -> [usize; PARTS.len()] {
        let settings = PlanSettings {
            candidates: 64,
            sampler: SamplerSettings { kind: Sampler::Sde, steps: 5, extra_steps: 0 },
            exec_horizon: 1,
            margin: f32::MAX,
            ..agent.settings().plan
        };
        let state = vec![1.0, 1.0, 0.0, 0.0];
        let lanes = [(Key::new(1), state.as_slice())];
        let planner = Planner::new(Arc::clone(agent), settings, lanes, false);
        let mut planner = planner.expect("the settings fit");
        let mut counts = [0; PARTS.len()];
        for _ in 0..3 {
            for ((_, phases), count) in PARTS.iter().zip(&mut counts) {
                let before = lines(log);
                for phase in *phases {
                    assert_eq!(planner.phase(0), *phase, "the plan is kept");
                    pollster::block_on(planner.advance()).expect("the device decides");
                }
                *count = lines(log) - before;
            }
            planner.observe(0, Observed { state: &state, reward: 0.0, ended: None });
        }
        counts
    }

    fn lines(log: &Path) -> usize {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        text.lines().filter(|line| line.contains("Executing")).count()
    }
}
