//! Every bundle in `weights/` still is what its result file says, and still scores what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use diar::cli::EpisodeArgs;
use diar::evaluation::{self, AgentFile, BundleFile};
use diar::score::{ScoreFile, Scored};
use diar_core::benchmark::{Benchmark, Family, MAZE2D};
use diar_core::method::Agent;
use diar_core::settings::{PlanSettings, Target};

/// Episodes that are played again, about.
const EPISODES: usize = 200;
/// Points that another machine's rounding may change their mean by.
const TOLERANCE: f64 = 2.5;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn results() -> Vec<ScoreFile> {
    ScoreFile::read_all(&repository("docs/results")).unwrap()
}

/// Results of the agent in `weights/`, with its task; none for another agent's.
fn of_shipped(result: &ScoreFile) -> Option<(&'static Benchmark, &Scored)> {
    let task = Benchmark::find(&result.task).unwrap();
    let scored = result.agent.as_ref()?;
    (scored.file == Path::new("weights").join(format!("{}.safetensors", task.id()))).then_some((task, scored))
}

#[test]
fn every_result_belongs_to_the_weights_that_are_shipped() {
    let mut scored = Vec::new();
    for Scored { file, sha256, settings, .. } in results().iter().filter_map(|result| result.agent.as_ref()) {
        if file.starts_with("weights") {
            let bundle = AgentFile::read(&repository(file.to_str().unwrap())).unwrap().bundle;
            assert_eq!(bundle.hash(), sha256, "{}", file.display());
            assert_eq!(&bundle.settings(), settings, "{}", file.display());
            scored.push(file.clone());
        }
    }
    let weights = std::fs::read_dir(repository("weights")).unwrap();
    let agents: Vec<PathBuf> = weights
        .map(|entry| Path::new("weights").join(entry.unwrap().file_name()))
        .filter(|file| file.extension().is_some_and(|kind| kind == "safetensors"))
        // What the page compares with has its scores in the file.
        .filter(|file| !file.to_string_lossy().contains(".ldcq."))
        .collect();
    assert!(agents.len() >= MAZE2D.len());
    for file in agents {
        assert!(scored.contains(&file), "no result of {}", file.display());
    }
}

/// What the page compares an agent with: its own latents, judged by LDCQ's critic.
#[test]
fn shipped_rivals_share_the_latents_and_score_what_they_say() {
    diar::threads::start_all();
    let mut found = 0;
    for task in MAZE2D.iter() {
        let path = repository(&format!("weights/{}.ldcq.safetensors", task.id()));
        if !path.exists() {
            continue;
        }
        found += 1;
        let shipped = BundleFile::read(&repository(&format!("weights/{}.safetensors", task.id()))).unwrap();
        let rival = BundleFile::read(&path).unwrap();
        let info = rival.bundle.info();
        assert_eq!(rival.bundle.latent_space().unwrap(), shipped.bundle.latent_space().unwrap());
        assert_eq!(info.settings.critic.target, Target::Ldcq);
        let relearned = info.provenance.relearned.as_ref().expect("its critic was trained anew");
        assert_eq!(relearned.goal, task.maze().layout().goal_position());
        let recorded = info.scores.as_ref().expect("it was scored").off.first_contact.unwrap().mean;
        let plan = PlanSettings { revalue: false, ..info.settings.plan };
        let count = (EPISODES as u64).next_multiple_of(task.maze().layout().free_cells().len() as u64);
        let args = EpisodeArgs { episodes: count, seed: 0, batch: count };
        let agent = Agent::Latent(rival.agent(&Device::flex()).unwrap(), plan);
        let played = evaluation::play_stratified(&agent, args, true).unwrap();
        let scores = played
            .iter()
            .map(|episode| task.spec.normalise(task.spec.first_contact_return(episode.first_contact)));
        let mean = scores.sum::<f64>() / count as f64;
        println!("{}, LDCQ: {mean:.2}, recorded {recorded:.2}", task.id());
        assert!((mean - recorded).abs() < TOLERANCE, "{}: {mean}, recorded {recorded}", task.id());
    }
    assert!(found > 0, "no rival is shipped");
}

/// The first episodes of the protocol, up to the goal.
#[test]
fn shipped_weights_score_what_was_recorded() {
    diar::threads::start_all();
    for result in results() {
        let Some((task, Scored { file, plan, .. })) = of_shipped(&result) else { continue };
        let Some(plan) = *plan else { continue };
        if !matches!(task.family, Family::Maze2d(_)) || !plan.revalue {
            continue;
        }
        let agent = BundleFile::read(&repository(file.to_str().unwrap())).unwrap();
        let agent = Agent::Latent(agent.agent(&Device::flex()).unwrap(), plan);
        let count = EPISODES.next_multiple_of(task.maze().layout().free_cells().len());
        let args = EpisodeArgs { episodes: count as u64, seed: result.seed, batch: count as u64 };
        let played = evaluation::play_stratified(&agent, args, true).unwrap();
        let score = |contacts: &mut dyn Iterator<Item = Option<usize>>| {
            contacts.map(|contact| task.spec.normalise(task.spec.first_contact_return(contact))).sum::<f64>()
                / count as f64
        };
        let found = score(&mut played.iter().map(|episode| episode.first_contact));
        let recorded = score(&mut result.contacts[..count].iter().copied());
        println!("{} {}: {found:.2}, recorded {recorded:.2}", task.id(), result.method.title());
        assert!((found - recorded).abs() < TOLERANCE, "{}: {found}, recorded {recorded}", task.id());
    }
}

/// Digests that the program printed before tasks were open (commit 9865859), on a CPU with AVX-512.
const DIGESTS: [(&str, &str); 3] = [
    ("maze2d-umaze-v1", "46f3bec11d3370dd"),
    ("maze2d-medium-v1", "ee92928fae56524a"),
    ("maze2d-large-v1", "bd6e3a24b812aced"),
];

/// Narrower kernels round differently and may choose another candidate, so only a CPU with the same kernels must agree.
#[test]
fn shipped_agents_decide_as_they_did_before_tasks_were_open() {
    #[cfg(target_arch = "x86_64")]
    let same_kernels = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let same_kernels = false;
    for (task, before) in DIGESTS {
        let bundle = repository(&format!("weights/{task}.safetensors"));
        let played = Command::new(env!("CARGO_BIN_EXE_diar"))
            .arg("play")
            .arg(bundle)
            .args(["--seed", "3"])
            .output()
            .unwrap();
        assert!(played.status.success(), "{task}: {}", String::from_utf8_lossy(&played.stderr));
        let printed = String::from_utf8(played.stdout).unwrap();
        let digest = printed.lines().find_map(|line| line.strip_prefix("digest")).map(str::trim);
        let digest = digest.unwrap_or_else(|| panic!("{task}: no digest in {printed}"));
        println!("{task}: {digest}, before {before}");
        if same_kernels {
            assert_eq!(digest, before, "{task}");
        }
    }
}

/// The same of AntMaze. Its episodes go other ways on another build of MuJoCo, and few are played.
#[cfg(feature = "mujoco")]
#[test]
fn shipped_ants_reach_their_goals_as_often_as_recorded() {
    const EPISODES: u64 = 16;
    diar::threads::start_all();
    for result in results() {
        let Some((task, Scored { file, plan, .. })) = of_shipped(&result) else { continue };
        let Some(plan) = *plan else { continue };
        if !matches!(task.family, Family::AntMaze(..)) || plan.revalue {
            continue;
        }
        let agent = BundleFile::read(&repository(file.to_str().unwrap())).unwrap();
        let agent = Agent::Latent(agent.agent(&Device::flex()).unwrap(), plan);
        let args = EpisodeArgs { episodes: EPISODES, seed: result.seed, batch: EPISODES };
        let played = evaluation::play_stratified(&agent, args, true).unwrap();
        let found = played.iter().filter(|episode| episode.first_contact.is_some()).count();
        let expected = result.success_rate * EPISODES as f64;
        // Four deviations of so many throws, and one for the luck of few.
        let slack = 1.0 + 4.0 * (expected * (1.0 - result.success_rate)).sqrt();
        println!("{}: {found} of {EPISODES}, recorded {:.1} %", task.id(), 100.0 * result.success_rate);
        assert!((found as f64 - expected).abs() <= slack, "{}: {found}, expected {expected}", task.id());
    }
}
