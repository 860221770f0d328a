//! Links of versions 2 to 4: every bit of an episode, in the order of its fields, through an adaptive range coder.
//!
//! Actions take nearly all the room, and they are exact. Each is coded as a residual against a linear extrapolation of the two
//! before: first its bin (1/256 of [0, 1)), which a good guess makes cheap, then its exact value within the bin.
//!
//! Version 2 numbers its task among Maze2D's three. Version 3 names it, with the fingerprint of its specification, and may carry
//! rounded states, for simulators that are not exact everywhere. Version 4 may be of any method: beside settings of plans it
//! knows a method's name with its own settings, and decisions without a chosen candidate.

use std::sync::Arc;

use super::coder::{Bit, Coder, Decoder, Encoder, Number, Signed};
use super::states;
use super::{HASH_LENGTH, Link, LinkDecision, LinkError, Other};
use crate::agent::{
    ACTION_PARTS, ActingSettings, Intervention, InterventionKind, Outcome, OwnSettings, RunSpec, Scenario,
};
use crate::benchmark::MAZE2D;
use crate::bundle::Method;
use crate::env;
use crate::maze::World;
use crate::settings::{PlanSettings, Sampler, SamplerSettings};
use crate::spec::TaskSpec;

/// Most decisions in a link, changes to a maze, and interventions.
pub(super) const MOST_DECISIONS: usize = 1 << 15;
const MOST_TOGGLED: usize = 256;
const MOST_INTERVENTIONS: usize = 256;
/// Largest number among the settings.
const LARGEST: usize = 1 << 16;
/// Values lie on so many steps between the smallest and the largest of the episode.
const LEVELS: f64 = 255.0;
/// Parts of [0, 1) that actions lie in, as a power of two: those of shareable actions.
const PART_BITS: u32 = ACTION_PARTS.to_bits() / (1 << 23) - 127;
/// Parts of either side.
const SIDE: i64 = 1 << PART_BITS;
/// A guess this far out may well mean 1 itself.
const EDGE: i64 = SIDE * 9 / 10;

pub(super) const NO_SENSE: LinkError = LinkError::Damaged("its contents make no sense");
const UNKNOWN: LinkError = LinkError::Damaged("its task is not known");
/// Longest name of a task, in bytes.
const LONGEST_NAME: usize = 200;
/// Longest settings of a method without latents, in bytes.
const LONGEST_SETTINGS: usize = 4096;

/// Settings that are to be filled in.
const UNSET: PlanSettings = PlanSettings {
    candidates: 0,
    sampler: SamplerSettings { kind: Sampler::Ddpm, steps: 0, extra_steps: 0 },
    exec_horizon: 0,
    revalue: false,
    retry_cap: 0,
    margin: 0.0,
    mean_action: false,
};

/// The bytes of a link.
///
/// # Errors
/// When it breaks a limit, which its reader would refuse.
pub(super) fn pack(link: &Link, version: u32) -> Result<Vec<u8>, LinkError> {
    let mut encoder = Encoder::new();
    code(&mut encoder, &mut link.clone(), version)?;
    Ok(encoder.finish())
}

/// The link of some bytes, which may be any.
pub(super) fn unpack(bytes: &[u8], version: u32) -> Result<Link, LinkError> {
    let mut link = Link {
        task: String::new(),
        bundle: String::new(),
        run: RunSpec::new(0, 0, UNSET),
        cursor: 0,
        decisions: Vec::new(),
        actions: Vec::new(),
        recorded: None,
        other: None,
    };
    code(&mut Decoder::new(bytes), &mut link, version)?;
    Ok(link)
}

/// Goes through a link: writes it, or fills it in.
pub(super) fn code(coder: &mut impl Coder, link: &mut Link, version: u32) -> Result<(), LinkError> {
    let task = if version == 2 { numbered(coder, link)? } else { named(coder, link)? };
    hash(coder, &mut link.bundle);
    link.run.seed = wide(coder, link.run.seed);
    link.run.episode = wide(coder, link.run.episode);
    if flag(coder, link.run.start.is_some()) {
        let mut start = link.run.start.take().unwrap_or_default();
        start.resize(task.state_dim(), 0.0);
        link.run.start = Some(start.into_iter().map(|x| real(coder, x)).collect());
    }
    link.cursor = wide(coder, link.cursor.into()).try_into().map_err(|_| NO_SENSE)?;
    acting(coder, &mut link.run.settings, version)?;
    scenario(coder, &mut link.run.scenario)?;
    if flag(coder, link.other.is_some()) {
        let settings = link.run.settings.clone();
        let same = Other { bundle: String::new(), settings, scenario: Scenario::default() };
        let other = link.other.get_or_insert(same);
        hash(coder, &mut other.bundle);
        if flag(coder, other.settings != link.run.settings) {
            acting(coder, &mut other.settings, version)?;
        }
        scenario(coder, &mut other.scenario)?;
    }
    episode(coder, &task, link)?;
    if version > 2 && flag(coder, link.recorded.is_some()) {
        let mut recorded = link.recorded.take().unwrap_or_default();
        states::code(coder, &mut recorded, link.actions.len() + 1, task.state_dim())?;
        link.recorded = Some(recorded);
    }
    Ok(())
}

/// The task by its number among Maze2D's three.
fn numbered(coder: &mut impl Coder, link: &mut Link) -> Result<Arc<TaskSpec>, LinkError> {
    let known = MAZE2D.iter().position(|task| task.id() == link.task).unwrap_or(MAZE2D.len());
    let task = MAZE2D.get(coder.bits(8, known as u64) as usize).ok_or(UNKNOWN)?;
    task.id().clone_into(&mut link.task);
    Ok(Arc::clone(&task.spec))
}

/// The task by its name, when its specification is the one that is known here.
fn named(coder: &mut impl Coder, link: &mut Link) -> Result<Arc<TaskSpec>, LinkError> {
    let length = limited(coder, link.task.len(), LONGEST_NAME)?;
    let mut name = std::mem::take(&mut link.task).into_bytes();
    name.resize(length, 0);
    let name: Vec<u8> = name.into_iter().map(|byte| coder.bits(7, byte.into()) as u8).collect();
    link.task = String::from_utf8(name).map_err(|_| NO_SENSE)?;
    let known = env::spec(&link.task);
    let own = known.as_ref().map(|spec| spec.fingerprint()).unwrap_or_default();
    let found = coder.bits(64, own);
    let task = known.ok_or(UNKNOWN)?;
    if found == own {
        Ok(task)
    } else {
        Err(LinkError::Damaged("its task is not the one of that name that is known here"))
    }
}

/// Decisions, with their actions and values.
fn episode(coder: &mut impl Coder, task: &TaskSpec, link: &mut Link) -> Result<(), LinkError> {
    let count = limited(coder, link.decisions.len(), MOST_DECISIONS)?;
    link.decisions.resize_with(count, LinkDecision::default);
    let mut values = Values::code(coder, &link.decisions)?;
    let mut outcomes = Outcomes::default();
    let rounded = flag(coder, link.is_shareable());
    let mut channels = vec![Channel { rounded, ..Channel::default() }; task.action_dim()];
    let mut choices = Choices::code(coder, &link.run.settings, &link.decisions)?;
    let mut t = 0;
    for decision in &mut link.decisions {
        choices.decision(coder, decision);
        outcomes.code(coder, choices.horizon, decision)?;
        let steps = usize::from(decision.steps);
        if t + steps > task.max_steps {
            return Err(LinkError::Damaged("it has more steps than an episode"));
        }
        link.actions.resize_with(link.actions.len().max(t + steps), Vec::new);
        for (h, action) in link.actions[t..t + steps].iter_mut().enumerate() {
            action.resize(task.action_dim(), 0.0);
            for (channel, number) in channels.iter_mut().zip(action) {
                *number = channel.code(coder, *number, h == 0)?;
            }
        }
        if let Some(values) = &mut values {
            values.decision(coder, decision);
        }
        t += steps;
    }
    Ok(())
}

/// Choices of decisions, and how long a whole one is followed.
struct Choices {
    /// Candidates are always chosen from.
    always: bool,
    /// Bit of a decision that chose, where not all do.
    any: Bit,
    /// Bits of a candidate's index.
    bits: u32,
    horizon: usize,
}

impl Choices {
    fn code(
        coder: &mut impl Coder,
        settings: &ActingSettings,
        decisions: &[LinkDecision],
    ) -> Result<Self, LinkError> {
        let (always, most, horizon) = match settings {
            ActingSettings::Plan(plan) => (true, plan.candidates - 1, plan.exec_horizon),
            ActingSettings::Own(_) => {
                let most = decisions.iter().filter_map(|decision| decision.chosen).max().unwrap_or(0);
                (false, limited(coder, most.into(), u16::MAX.into())?, 1)
            }
        };
        Ok(Self { always, any: Bit::default(), bits: usize::BITS - most.leading_zeros(), horizon })
    }

    fn decision(&mut self, coder: &mut impl Coder, decision: &mut LinkDecision) {
        let any = self.always || coder.bit(&mut self.any, decision.chosen.is_some());
        let mut chosen = || coder.bits(self.bits, decision.chosen.unwrap_or(0).into()) as u16;
        decision.chosen = any.then(&mut chosen);
    }
}

/// What the ends of decisions look like, by how long the plan before was followed.
#[derive(Default)]
struct Outcomes {
    revalued: [Bit; 3],
    steps: [Number; 3],
    completed: Bit,
    whole: Bit,
    /// 0, 1, or more steps.
    before: usize,
}

impl Outcomes {
    fn code(
        &mut self,
        coder: &mut impl Coder,
        horizon: usize,
        decision: &mut LinkDecision,
    ) -> Result<(), LinkError> {
        let given = usize::from(decision.steps);
        let mut steps = |coder: &mut _| limited_by(coder, &mut self.steps[self.before], given, LARGEST - 1);
        let revalued = matches!(decision.outcome, Some(Outcome::Revalued { .. }));
        let (outcome, steps) = if coder.bit(&mut self.revalued[self.before], revalued) {
            let at = steps(coder)?;
            (Some(Outcome::Revalued { at }), at)
        } else if coder.bit(&mut self.completed, decision.outcome == Some(Outcome::Completed)) {
            let whole = coder.bit(&mut self.whole, given == horizon);
            (Some(Outcome::Completed), if whole { horizon } else { steps(coder)? })
        } else {
            let ends = [None, Some(Outcome::Goal), Some(Outcome::TimeLimit)];
            let end = ends.iter().position(|&end| end == decision.outcome).unwrap_or(0);
            let end = ends.get(coder.bits(2, end as u64) as usize).ok_or(NO_SENSE)?;
            (*end, steps(coder)?)
        };
        self.before = steps.min(2);
        decision.outcome = outcome;
        decision.steps = steps as u16;
        Ok(())
    }
}

/// The values of an episode, rounded.
struct Values {
    scale: Scale,
    /// The last value of a current state.
    last: i64,
    ends: Signed,
    /// At the first comparison of a decision, and later.
    now: [Signed; 2],
    /// Whether a decision under way has been compared once more.
    compared: Bit,
}

impl Values {
    /// The range of the values, where all decisions have them.
    fn code(coder: &mut impl Coder, decisions: &[LinkDecision]) -> Result<Option<Self>, LinkError> {
        let complete = |decision: &LinkDecision| decision.v_end.is_some() && decision.compared();
        if !flag(coder, !decisions.is_empty() && decisions.iter().all(complete)) {
            return Ok(None);
        }
        let all = || decisions.iter().flat_map(|decision| decision.v_end.iter().chain(&decision.v_now));
        let ends = [all().copied().fold(f32::MAX, f32::min), all().copied().fold(f32::MIN, f32::max)];
        let [low, high] = ends.map(|end| f32::from_bits(coder.bits(32, end.to_bits().into()) as u32));
        if !low.is_finite() || !high.is_finite() {
            return Err(NO_SENSE);
        }
        Ok(Some(Self {
            scale: Scale { low: low.into(), span: f64::from(high) - f64::from(low) },
            last: 0,
            ends: Signed::default(),
            now: [Signed::default(); 2],
            compared: Bit::default(),
        }))
    }

    fn decision(&mut self, coder: &mut impl Coder, decision: &mut LinkDecision) {
        let Self { scale, last, ends, now, compared } = self;
        // What is predicted lies near the value before, and so does what comes next.
        let (_, v_end) = scale.code(coder, ends, *last, decision.v_end.unwrap_or_default());
        decision.v_end = Some(v_end);
        let steps = usize::from(decision.steps);
        let comparisons = match decision.outcome {
            Some(Outcome::Revalued { .. }) => steps + 1,
            Some(_) => steps,
            None => steps + usize::from(coder.bit(compared, decision.v_now.len() > steps)),
        };
        decision.v_now.resize(comparisons, 0.0);
        for (h, v) in decision.v_now.iter_mut().enumerate() {
            (*last, *v) = scale.code(coder, &mut now[h.min(1)], *last, *v);
        }
    }
}

/// Where levels lie.
struct Scale {
    low: f64,
    span: f64,
}

impl Scale {
    /// A value, told apart from a level: its own level, and what that means.
    fn code(&self, coder: &mut impl Coder, model: &mut Signed, from: i64, value: f32) -> (i64, f32) {
        let level = ((f64::from(value) - self.low) / self.span * LEVELS).round() as i64;
        let change = coder.signed(model, level.clamp(0, LEVELS as i64) - from);
        let level = from.saturating_add(change).clamp(0, LEVELS as i64);
        (level, (self.low + self.span * (level as f64 / LEVELS)) as f32)
    }
}

/// One number of the actions, over time.
#[derive(Clone, Copy, Default)]
struct Channel {
    /// Actions begin their parts.
    rounded: bool,
    /// The parts of the last two.
    before: [i64; 2],
    /// Whether the last was ±1.
    was_full: bool,
    full: [[Bit; 2]; 2],
    positive: [Bit; 2],
    change: [Signed; 2],
    tiny: Number,
}

impl Channel {
    fn code(&mut self, coder: &mut impl Coder, action: f32, first: bool) -> Result<f32, LinkError> {
        let [last, earlier] = self.before;
        let guess = (last + (last - earlier) * 3 / 4).clamp(-SIDE, SIDE - 1);
        let edge = !(-EDGE..EDGE).contains(&guess);
        let full = &mut self.full[usize::from(self.was_full)][usize::from(edge)];
        let full = coder.bit(full, action.abs() >= 1.0);
        let action = if full {
            if coder.bit(&mut self.positive[usize::from(guess >= 0)], action > 0.0) { 1.0 } else { -1.0 }
        } else {
            let change = coder.signed(&mut self.change[usize::from(first)], part(action) - guess);
            let part = guess.saturating_add(change);
            if !(-SIDE..SIDE).contains(&part) {
                return Err(NO_SENSE);
            }
            if self.rounded { first_of(part) } else { within(coder, &mut self.tiny, part, action)? }
        };
        self.before = [part(action).clamp(-SIDE, SIDE - 1), last];
        self.was_full = full;
        Ok(action)
    }
}

/// Which part an action lies in: 0, 1, … from 0 upwards, -1, -2, … from -0 downwards.
fn part(action: f32) -> i64 {
    let part = (action.abs() * SIDE as f32) as i64;
    if action.is_sign_negative() { -1 - part } else { part }
}

/// The number nearest to 0 in a part.
fn first_of(part: i64) -> f32 {
    if part < 0 { (1 + part) as f32 / ACTION_PARTS + 0.0 } else { part as f32 / ACTION_PARTS }
}

/// Which number in its part an action is.
fn within(coder: &mut impl Coder, tiny: &mut Number, part: i64, action: f32) -> Result<f32, LinkError> {
    const MANTISSA: u32 = 23;
    let part_size = if part < 0 { -1 - part } else { part };
    let bits = action.abs().to_bits();
    let (common, free) = if part_size == 0 {
        // All exponents below that of the first part's end.
        let largest = 126 - PART_BITS;
        let below = u64::from(largest.saturating_sub(bits >> MANTISSA));
        let below = coder.number(tiny, below);
        let exponent = u64::from(largest).checked_sub(below).ok_or(NO_SENSE)?;
        ((exponent as u32) << MANTISSA, MANTISSA)
    } else {
        ((part_size as f32 / SIDE as f32).to_bits(), MANTISSA - part_size.ilog2())
    };
    let rest = coder.bits(free, u64::from(bits) & ((1 << free) - 1)) as u32;
    let size = f32::from_bits(common | rest);
    Ok(if part < 0 { -size } else { size })
}

/// Settings of any method; versions before the fourth have those of plans only.
fn acting(coder: &mut impl Coder, acting: &mut ActingSettings, version: u32) -> Result<(), LinkError> {
    if version < 4 || flag(coder, acting.plan().is_some()) {
        let mut plan = acting.plan().copied().unwrap_or(UNSET);
        settings(coder, &mut plan)?;
        *acting = plan.into();
        return Ok(());
    }
    let (name, act) = match acting {
        ActingSettings::Own(OwnSettings { method, act }) => (method.name(), act.to_string()),
        ActingSettings::Plan(_) => Default::default(),
    };
    let name = text(coder, name.to_owned(), LONGEST_NAME)?;
    let method = Method::find(&name).map_err(|_| LinkError::Damaged("its method is not known"))?;
    let act = serde_json::from_str(&text(coder, act, LONGEST_SETTINGS)?).map_err(|_| NO_SENSE)?;
    *acting = OwnSettings { method, act }.into();
    Ok(())
}

/// A text.
fn text(coder: &mut impl Coder, text: String, longest: usize) -> Result<String, LinkError> {
    let mut bytes = text.into_bytes();
    bytes.resize(limited(coder, bytes.len(), longest)?, 0);
    for byte in &mut bytes {
        *byte = coder.bits(8, (*byte).into()) as u8;
    }
    String::from_utf8(bytes).map_err(|_| NO_SENSE)
}

fn settings(coder: &mut impl Coder, settings: &mut PlanSettings) -> Result<(), LinkError> {
    const KINDS: [Sampler; 3] = [Sampler::Ddpm, Sampler::Ddim, Sampler::Sde];
    let kind = KINDS.iter().position(|&kind| kind == settings.sampler.kind).unwrap_or(0);
    settings.sampler.kind = *KINDS.get(coder.bits(2, kind as u64) as usize).ok_or(NO_SENSE)?;
    for number in [
        &mut settings.candidates,
        &mut settings.sampler.steps,
        &mut settings.sampler.extra_steps,
        &mut settings.exec_horizon,
        &mut settings.retry_cap,
    ] {
        *number = limited(coder, *number, LARGEST - 1)?;
    }
    settings.revalue = flag(coder, settings.revalue);
    settings.mean_action = flag(coder, settings.mean_action);
    settings.margin = real(coder, settings.margin.into()) as f32;
    // Candidates are sized by them.
    Ok(settings.check(settings.sampler.steps)?)
}

fn scenario(coder: &mut impl Coder, scenario: &mut Scenario) -> Result<(), LinkError> {
    if !flag(coder, !scenario.is_original()) {
        return Ok(());
    }
    let World { toggled, goal } = &mut scenario.world;
    let count = limited(coder, toggled.len(), MOST_TOGGLED)?;
    toggled.resize(count, (0, 0));
    for (i, j) in toggled {
        *i = coder.bits(4, (*i).into()) as u8;
        *j = coder.bits(4, (*j).into()) as u8;
    }
    if flag(coder, goal.is_some()) {
        *goal = Some(goal.unwrap_or_default().map(|x| real(coder, x)));
    }
    let count = limited(coder, scenario.interventions.len(), MOST_INTERVENTIONS)?;
    let none = Intervention { decision: 0, kind: InterventionKind::Keep };
    scenario.interventions.resize(count, none);
    for Intervention { decision, kind } in &mut scenario.interventions {
        *decision = wide(coder, (*decision).into()).try_into().map_err(|_| NO_SENSE)?;
        let (code, value) = match *kind {
            InterventionKind::Keep => (0, 0),
            InterventionKind::Drop { at } => (1, at),
            InterventionKind::Take { candidate } => (2, candidate),
        };
        let value = |coder: &mut _| limited(coder, value.into(), u16::MAX.into()).map(|v| v as u16);
        *kind = match coder.bits(2, code) {
            0 => InterventionKind::Keep,
            1 => InterventionKind::Drop { at: value(coder)? },
            2 => InterventionKind::Take { candidate: value(coder)? },
            _ => return Err(NO_SENSE),
        };
    }
    Ok(())
}

/// A bundle's hash; anything else is as good as none.
fn hash(coder: &mut impl Coder, bundle: &mut String) {
    let text = |number| format!("{number:0HASH_LENGTH$x}");
    let number = u64::from_str_radix(bundle, 16).unwrap_or(0);
    if flag(coder, *bundle == text(number)) {
        *bundle = text(coder.bits(64, number));
    } else {
        bundle.clear();
    }
}

/// A real number: those that have few digits in binary take half the room, 0 none.
fn real(coder: &mut impl Coder, x: f64) -> f64 {
    let short = f64::from(x as f32).to_bits() == x.to_bits();
    if !flag(coder, short) {
        return f64::from_bits(coder.bits(64, x.to_bits()));
    }
    let bits = u64::from((x as f32).to_bits());
    if flag(coder, bits == 0) { 0.0 } else { f32::from_bits(coder.bits(32, bits) as u32).into() }
}

/// Any whole number.
fn wide(coder: &mut impl Coder, x: u64) -> u64 {
    let [high, low] = [x >> 32, x & 0xFFFF_FFFF].map(|half| coder.number(&mut Number::default(), half));
    high << 32 | low & 0xFFFF_FFFF
}

fn limited(coder: &mut impl Coder, x: usize, most: usize) -> Result<usize, LinkError> {
    limited_by(coder, &mut Number::default(), x, most)
}

fn limited_by(coder: &mut impl Coder, model: &mut Number, x: usize, most: usize) -> Result<usize, LinkError> {
    let x = coder.number(model, x as u64);
    if x <= most as u64 { Ok(x as usize) } else { Err(LinkError::Damaged("a number is too large")) }
}

pub(super) fn flag(coder: &mut impl Coder, bit: bool) -> bool {
    coder.bits(1, bit.into()) == 1
}
