//! Trained weights and all that is needed to use them, in one safetensors file.
//!
//! The file's metadata has one entry, `diar`: JSON with the format version, a SHA-256 over everything else, and
//! [`BundleInfo`]. Any safetensors library reads the tensors; see `docs/formats.md`.

use std::collections::{BTreeMap, HashMap};

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::data::Normaliser;
use crate::networks::AgentNetworks;
use crate::nn::{LoadError, NamedTensor};
use crate::score::Evaluation;
use crate::settings::{CriticSettings, InvalidSetting, Settings};
use crate::task::{Task, UnknownTask};

/// The version this program writes, and the newest it reads.
pub const VERSION: u64 = 1;
/// Key of the metadata entry.
const ENTRY: &str = "diar";
/// How the names of Q's and V's parameters begin.
const CRITIC: &str = "critic.";

/// Why bytes are not a usable bundle.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not a safetensors file, or a truncated one.
    #[error("not a whole safetensors file ({0}): download or export the bundle again")]
    Container(#[from] SafeTensorError),
    /// A safetensors file of another program.
    #[error("a safetensors file, but not a DIAR bundle: its metadata has no '{ENTRY}' entry")]
    Foreign,
    /// Written by a newer program.
    #[error("bundle format version {0} is newer than this program reads ({VERSION}): update DIAR")]
    Version(u64),
    /// Metadata that cannot be understood.
    #[error("the bundle's metadata is damaged: {0}")]
    Metadata(#[from] serde_json::Error),
    /// Contents that differ from what was written.
    #[error("the bundle is damaged: its contents hash to {found}, but {expected} was written")]
    Damaged {
        /// Hash in the metadata.
        expected: String,
        /// Hash of the contents.
        found: String,
    },
    /// A task this program does not know.
    #[error(transparent)]
    Task(#[from] UnknownTask),
    /// Settings that cannot be used.
    #[error("the bundle's settings cannot be used: {0}")]
    Setting(#[from] InvalidSetting),
    /// Sizes that do not fit together.
    #[error("the bundle's {what} is {found}, expected {expected}")]
    Size {
        /// Which number.
        what: &'static str,
        /// Its value.
        found: usize,
        /// What would be right.
        expected: String,
    },
    /// Parameters that do not fit the networks.
    #[error(transparent)]
    Parameters(#[from] LoadError),
    /// A tensor of numbers that are neither f32 nor f16.
    #[error("tensor '{name}' holds {found} numbers, expected F32 or F16")]
    Dtype {
        /// Which tensor.
        name: String,
        /// Its type.
        found: String,
    },
    /// A weight that is not a finite number, or too large for half precision.
    #[error("tensor '{0}' holds a number that is not finite at this precision")]
    NotFinite(String),
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Exactly as trained.
    F32,
    /// Half the size, three significant digits.
    F16,
}

/// Where the weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Seed of the run.
    pub seed: u64,
    /// Version of DIAR that trained it.
    pub diar_version: String,
    /// Version of Burn.
    pub burn_version: String,
    /// Commit of the source, empty when unknown.
    pub commit: String,
    /// SHA-256 of the training data.
    pub data_hash: String,
    /// Rows of the training data.
    pub data_rows: usize,
    /// Device it was trained on.
    pub device: String,
    /// Time spent training, in seconds.
    pub training_seconds: f64,
    /// Last losses of each stage.
    pub losses: BTreeMap<String, f64>,
    /// Where Q and V come from, when they were trained again for another goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relearned: Option<Relearned>,
}

/// How Q and V were trained again for another goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relearned {
    /// SHA-256 of the bundle that everything else comes from.
    pub from: String,
    /// The goal, m.
    pub goal: [f64; 2],
    /// Windows learned from.
    pub windows: usize,
}

/// Scores of the bundle's agent on the same starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Seed of the episodes.
    pub seed: u64,
    /// With Adaptive Revaluation.
    pub on: Evaluation,
    /// Without.
    pub off: Evaluation,
}

/// Everything in a bundle but the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleInfo {
    /// D4RL's environment id.
    pub task: String,
    /// Sizes of the networks, how they were trained, and the defaults for acting (`plan`).
    pub settings: Settings,
    /// States as the networks see them.
    pub state_norm: Normaliser,
    /// Latents as the diffusion model and Q see them.
    pub latent_norm: Normaliser,
    /// Where the weights come from.
    pub provenance: Provenance,
    /// Scores, once evaluated.
    pub scores: Option<Scores>,
}

/// The metadata entry: `info` stands last, so that its text, which the hash is over, can be told from the rest.
#[derive(Serialize)]
struct Header<'a> {
    version: u64,
    sha256: String,
    info: &'a BundleInfo,
}

/// The metadata entry as far as it is not `info`.
#[derive(Deserialize)]
struct Seal {
    sha256: String,
}

/// What stands between the rest of the entry and the text of `info`.
const INFO: &str = ",\"info\":";

/// A trained agent as plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    info: BundleInfo,
    tensors: BTreeMap<String, NamedTensor>,
    hash: String,
}

impl Bundle {
    /// A bundle of trained parameters.
    ///
    /// # Errors
    /// When sizes do not fit together.
    pub fn new(
        task: &Task,
        settings: Settings,
        state_norm: Normaliser,
        latent_norm: Normaliser,
        provenance: Provenance,
        tensors: Vec<NamedTensor>,
    ) -> Result<Self, BundleError> {
        let task = task.id.to_owned();
        let info = BundleInfo { task, settings, state_norm, latent_norm, provenance, scores: None };
        let tensors: BTreeMap<_, _> =
            tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        check(&info, tensors.values().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())))?;
        let hash = digest(&serde_json::to_string(&info)?, &encode(&tensors, Precision::F32)?, Precision::F32);
        Ok(Self { info, tensors, hash })
    }

    /// The same weights with scores.
    #[must_use]
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.info.scores = Some(scores);
        self
    }

    /// Everything but the tensors.
    pub fn info(&self) -> &BundleInfo {
        &self.info
    }

    /// SHA-256 of the contents as they were read or made, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// All parameters by name.
    pub fn tensors(&self) -> BTreeMap<String, NamedTensor> {
        self.tensors.clone()
    }

    /// SHA-256 of what gives latents their meaning, in hexadecimal: the VAE, the diffusion model and both normalisers.
    /// The same whatever Q and V are, and whatever was evaluated.
    ///
    /// # Errors
    /// When a weight is not a finite number.
    pub fn latent_space(&self) -> Result<String, BundleError> {
        let norms = serde_json::to_string(&(&self.info.state_norm, &self.info.latent_norm))?;
        let tensors = self.tensors.iter().filter(|(name, _)| !name.starts_with(CRITIC));
        let tensors = tensors.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        Ok(digest(&norms, &encode(&tensors, Precision::F32)?, Precision::F32))
    }

    /// The same VAE and diffusion model with another critic: its settings and parameters, and where they come from.
    ///
    /// # Errors
    /// When sizes do not fit together.
    pub fn with_critic(
        &self,
        critic: CriticSettings,
        provenance: Provenance,
        tensors: Vec<NamedTensor>,
    ) -> Result<Self, BundleError> {
        let BundleInfo { task, settings, state_norm, latent_norm, .. } = self.info.clone();
        let kept = self.tensors.values().filter(|tensor| !tensor.name.starts_with(CRITIC)).cloned();
        let settings = Settings { critic, ..settings };
        let tensors = kept.chain(tensors).collect();
        Self::new(Task::find(&task)?, settings, state_norm, latent_norm, provenance, tensors)
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }

    /// The bundle as a file.
    ///
    /// # Errors
    /// When a weight is too large for the precision.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, BundleError> {
        let encoded = encode(&self.tensors, precision)?;
        let sha256 = digest(&serde_json::to_string(&self.info)?, &encoded, precision);
        let header = Header { version: VERSION, sha256, info: &self.info };
        let views = encoded
            .iter()
            .map(|(name, (shape, bytes))| {
                Ok((name.clone(), TensorView::new(dtype(precision), shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, BundleError>>()?;
        let metadata = HashMap::from([(ENTRY.to_owned(), serde_json::to_string(&header)?)]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When the bytes are truncated, damaged, of another program, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or(BundleError::Foreign)?;
        let version = serde_json::from_str::<serde_json::Value>(entry)?;
        match version.get("version").and_then(serde_json::Value::as_u64) {
            Some(newer) if newer > VERSION => return Err(BundleError::Version(newer)),
            Some(_) => {}
            None => return Err(BundleError::Foreign),
        }
        // The text as it was written: what a later program adds to its own settings does not change its hash.
        let text = entry.split_once(INFO).and_then(|(_, rest)| rest.strip_suffix('}'));
        let text = text.ok_or(BundleError::Foreign)?;
        let Seal { sha256: expected } = serde_json::from_str(entry)?;
        let info: BundleInfo = serde_json::from_str(text)?;
        let file = SafeTensors::deserialize(bytes)?;

        let mut precision = Precision::F32;
        let mut encoded = BTreeMap::new();
        for (name, view) in file.iter() {
            precision = match view.dtype() {
                Dtype::F32 => Precision::F32,
                Dtype::F16 => Precision::F16,
                other => {
                    return Err(BundleError::Dtype { name: name.to_owned(), found: format!("{other:?}") });
                }
            };
            encoded.insert(name.to_owned(), (view.shape().to_vec(), view.data().to_vec()));
        }
        if file.iter().any(|(_, view)| view.dtype() != dtype(precision)) {
            return Err(BundleError::Dtype { name: "(several)".to_owned(), found: "mixed".to_owned() });
        }
        let found = digest(text, &encoded, precision);
        if found != expected {
            return Err(BundleError::Damaged { expected, found });
        }
        check(&info, encoded.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())))?;
        let tensors = decode(encoded, precision)?;
        Ok(Self { info, tensors, hash: found })
    }
}

type Encoded = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn dtype(precision: Precision) -> Dtype {
    match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    }
}

fn encode(tensors: &BTreeMap<String, NamedTensor>, precision: Precision) -> Result<Encoded, BundleError> {
    let encode = |tensor: &NamedTensor| {
        let mut bytes = Vec::with_capacity(tensor.values.len() * 4);
        for &value in &tensor.values {
            let finite = match precision {
                Precision::F32 => {
                    bytes.extend_from_slice(&value.to_le_bytes());
                    value.is_finite()
                }
                Precision::F16 => {
                    let value = f16::from_f32(value);
                    bytes.extend_from_slice(&value.to_le_bytes());
                    value.is_finite()
                }
            };
            if !finite {
                return Err(BundleError::NotFinite(tensor.name.clone()));
            }
        }
        Ok((tensor.shape.clone(), bytes))
    };
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), encode(tensor)?))).collect()
}

fn decode(encoded: Encoded, precision: Precision) -> Result<BTreeMap<String, NamedTensor>, BundleError> {
    let mut tensors = BTreeMap::new();
    for (name, (shape, bytes)) in encoded {
        let values: Vec<f32> = match precision {
            Precision::F32 => bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect(),
            Precision::F16 => {
                bytes.as_chunks::<2>().0.iter().map(|x| f16::from_le_bytes(*x).to_f32()).collect()
            }
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(BundleError::NotFinite(name));
        }
        tensors.insert(name.clone(), NamedTensor { name, shape, values });
    }
    Ok(tensors)
}

/// SHA-256 over the text of the metadata and, in order of their names, every tensor's name, shape and bytes.
fn digest(info: &str, tensors: &Encoded, precision: Precision) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        // Lengths separate the parts: no two bundles run together into the same bytes.
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(info.as_bytes());
    add(format!("{:?}", dtype(precision)).as_bytes());
    for (name, (shape, bytes)) in tensors {
        add(name.as_bytes());
        add(format!("{shape:?}").as_bytes());
        add(bytes);
    }
    format!("{:x}", hasher.finalize())
}

/// Checks what the metadata says, and that the tensors are those of networks of its sizes: a few bytes must not ask for
/// more memory than their file has.
fn check<'a>(
    info: &BundleInfo,
    shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>,
) -> Result<(), BundleError> {
    let task = Task::find(&info.task)?;
    let settings = &info.settings;
    settings.check()?;
    AgentNetworks::check_shapes(settings, task, shapes)?;
    for (what, norm, expected) in [
        ("state_norm", &info.state_norm, task.state_dim),
        ("latent_norm", &info.latent_norm, settings.vae.latent),
    ] {
        for found in [norm.mean.len(), norm.deviation.len()] {
            if found != expected {
                return Err(BundleError::Size { what, found, expected: format!("{expected} numbers") });
            }
        }
        let usable = norm.mean.iter().all(|x| x.is_finite())
            && norm.deviation.iter().all(|x| x.is_finite() && *x > 0.0);
        if !usable {
            return Err(BundleError::NotFinite(what.to_owned()));
        }
    }
    Ok(())
}
