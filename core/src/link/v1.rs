//! Links of version 1, as earlier pages wrote them: no scenario and no values.

use serde::Deserialize;

use super::{Link, LinkDecision, LinkError};
use crate::agent::{Outcome, RunSpec};
use crate::settings::PlanSettings;

/// Most bytes a link may unpack to.
const LARGEST: usize = 256 * 1024;

/// What postcard packs, field by field.
#[derive(Deserialize)]
struct Packed {
    task: String,
    bundle: String,
    seed: u64,
    episode: u64,
    start: Option<[f64; 4]>,
    settings: PlanSettings,
    cursor: u32,
    decisions: Vec<PackedDecision>,
    actions: Vec<[f32; 2]>,
}

#[derive(Deserialize)]
struct PackedDecision {
    chosen: u16,
    steps: u16,
    outcome: Option<Outcome>,
}

/// The packed record of deflated bytes.
pub(super) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, LinkError> {
    miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, LARGEST)
        .map_err(|_| LinkError::Damaged("it does not unpack"))
}

/// The link of a packed record, which may be any bytes.
pub(super) fn unpack(packed: &[u8]) -> Result<Link, LinkError> {
    let packed: Packed =
        postcard::from_bytes(packed).map_err(|_| LinkError::Damaged("its contents make no sense"))?;
    let decisions = packed.decisions.into_iter().map(|PackedDecision { chosen, steps, outcome }| {
        LinkDecision { chosen: Some(chosen), steps, outcome, v_end: None, v_now: Vec::new() }
    });
    Ok(Link {
        task: packed.task,
        bundle: packed.bundle,
        run: RunSpec {
            start: packed.start.map(|start| start.to_vec()),
            ..RunSpec::new(packed.seed, packed.episode, packed.settings)
        },
        cursor: packed.cursor,
        decisions: decisions.collect(),
        // They were recorded before the motors clipped them.
        actions: packed
            .actions
            .into_iter()
            .map(|action| action.map(|a| a.clamp(-1.0, 1.0)).to_vec())
            .collect(),
        recorded: None,
        other: None,
    })
}
