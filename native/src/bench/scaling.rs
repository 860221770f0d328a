//! How cost grows: the same path at size after size.

use diar_core::benchmark::Benchmark;
use diar_core::settings::{Preset, Settings};

use super::path::{HotPath, Work, critic, few_steps, half_width};
use super::report::{Section, Sweep};

/// Candidates of a decision where something else grows.
const CANDIDATES: usize = 64;
/// Sampler steps of a decision where something else grows.
const STEPS: usize = 5;

/// Every sweep.
pub(crate) fn sections(task: &Benchmark) -> Vec<Section> {
    let paper = || Settings::preset(Preset::Paper, &task.basis());
    let decision = |candidates, steps| HotPath::decision(paper(), candidates, few_steps(steps));
    vec![
        section(
            "decision time against candidates, 5 steps",
            Sweep::Candidates,
            powers(1, 4096, 2).map(|n| decision(n, STEPS)),
        ),
        section(
            "decision time against sampler steps, 64 candidates",
            Sweep::Steps,
            [1, 5, 10, 20, 50, 100, 200, 500].into_iter().map(|steps| decision(CANDIDATES, steps)),
        ),
        section(
            "time of one decision in each of so many environments, 64 candidates, 5 steps",
            Sweep::Batch,
            powers(1, 1024, 4).map(|lanes| HotPath { lanes, ..decision(CANDIDATES, STEPS) }),
        ),
        section(
            "denoiser training step against batch, paper width",
            Sweep::Batch,
            powers(32, 8192, 2).map(|batch| {
                let mut settings = paper();
                settings.diffusion.train.batch = batch;
                HotPath::training(Work::DenoiserStep, settings)
            }),
        ),
        section(
            "critic training step against batch, paper width, n = 32",
            Sweep::Batch,
            powers(32, 8192, 2).map(|batch| {
                let mut settings = critic(task);
                settings.critic.train.batch = batch;
                HotPath::training(Work::CriticStep, settings)
            }),
        ),
        section(
            "VAE training step against batch, `cpu` width",
            Sweep::Batch,
            powers(32, 2048, 2).map(|batch| {
                let mut settings = half_width(task);
                settings.vae.train.batch = batch;
                HotPath::training(Work::VaeStep, settings)
            }),
        ),
        section(
            "VAE training step against width, 2 layers, batch 128",
            Sweep::Width,
            powers(32, 256, 2).map(|hidden| {
                let mut settings = half_width(task);
                settings.vae.hidden = hidden;
                HotPath::training(Work::VaeStep, settings)
            }),
        ),
    ]
}

fn section(title: &'static str, sweep: Sweep, paths: impl Iterator<Item = HotPath>) -> Section {
    Section { title: Some(title), sweep: Some(sweep), paths: paths.collect(), rows: Vec::new() }
}

/// From `first` to `last`, each `factor` times the one before.
fn powers(first: usize, last: usize, factor: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(first), move |&n| Some(n * factor)).take_while(move |&n| n <= last)
}

#[cfg(test)]
mod tests {
    use diar_core::benchmark::MAZE2D;

    use super::*;

    /// Along a sweep only the swept size changes, and all settings can be used.
    #[test]
    fn sweeps_change_one_size() {
        for section in sections(&MAZE2D[0]) {
            let sweep = section.sweep.unwrap();
            let values: Vec<usize> = section.paths.iter().map(|path| sweep.of(path).unwrap()).collect();
            assert!(
                values.is_sorted_by(|a, b| a < b) && values.len() >= 4,
                "{:?}: {values:?}",
                section.title
            );
            let rest = |path: &HotPath| {
                let sizes = [Sweep::Candidates, Sweep::Steps, Sweep::Batch, Sweep::Width];
                sizes.into_iter().filter(|&size| size != sweep).map(|size| size.of(path)).collect::<Vec<_>>()
            };
            for path in &section.paths {
                path.settings.check().unwrap();
                assert_eq!(path.name(), section.paths[0].name());
                assert_eq!(rest(path), rest(&section.paths[0]), "{:?}", section.title);
            }
        }
    }
}
