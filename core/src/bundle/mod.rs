//! Trained weights and all that is needed to use them, in one safetensors file.
//!
//! The file's metadata has one entry, `diar`: JSON with the format version, a SHA-256 over everything else, and
//! [`BundleInfo`]. Any safetensors library reads the tensors; see `docs/formats.md`.

mod info;
mod lenient;
mod tensors;

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

pub use info::{BundleInfo, Info, Method, Provenance, Relearned, Scores};

use self::lenient::Aside;
use self::tensors::{decode, digest, dtype, encode};
use crate::benchmark::UnknownTask;
use crate::data::Normaliser;
use crate::nn::{LoadError, NamedTensor};
use crate::settings::{CriticSettings, InvalidSetting, Settings};
use crate::spec::{SpecError, TaskSpec};

/// The version this program writes, and the newest it reads.
pub const VERSION: u64 = 2;
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
    /// An agent of another method than is read here.
    #[error("the bundle is an agent of the method '{found}', but only {expected} can be used here")]
    Method {
        /// Its method.
        found: String,
        /// Methods that would be read.
        expected: String,
    },
    /// A task this program does not know.
    #[error(transparent)]
    Task(#[from] UnknownTask),
    /// A specification that cannot be used.
    #[error("the bundle's task cannot be used: {0}")]
    Spec(#[from] SpecError),
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

/// The metadata entry as far as it is not `info`.
#[derive(Deserialize)]
struct Seal {
    sha256: String,
}

/// What stands between the rest of the entry and the text of `info`.
const INFO: &str = ",\"info\":";

/// A trained agent as plain numbers, with what its method says beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed<I> {
    info: I,
    /// Fields of a newer program, which are kept.
    aside: Vec<Aside>,
    tensors: BTreeMap<String, NamedTensor>,
    hash: String,
}

/// An agent of DIAR or LDCQ.
pub type Bundle = Sealed<BundleInfo>;

impl Bundle {
    /// A bundle of trained parameters.
    ///
    /// # Errors
    /// When sizes do not fit together.
    pub fn new(
        task: TaskSpec,
        settings: Settings,
        state_norm: Normaliser,
        latent_norm: Normaliser,
        provenance: Provenance,
        tensors: Vec<NamedTensor>,
    ) -> Result<Self, BundleError> {
        let method = Method::of(&settings);
        let info = BundleInfo { task, method, settings, state_norm, latent_norm, provenance, scores: None };
        Self::of(info, tensors)
    }

    /// The same weights with scores.
    #[must_use]
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.info.scores = Some(scores);
        self
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
        let mut bundle = Self::new(task, settings, state_norm, latent_norm, provenance, tensors)?;
        let replaced = |path: &[String]| {
            path.starts_with(&["settings", "critic"].map(str::to_owned))
                || path.first().is_some_and(|name| name == "provenance")
        };
        bundle.aside.extend(self.aside.iter().filter(|(path, _)| !replaced(path)).cloned());
        Ok(bundle)
    }
}

impl<I: Info> Sealed<I> {
    /// Parameters and what is said beside them.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn of(info: I, tensors: Vec<NamedTensor>) -> Result<Self, BundleError> {
        let tensors: BTreeMap<_, _> =
            tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        info.check(tensors.values().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())))?;
        let hash = digest(&serde_json::to_string(&info)?, &encode(&tensors, Precision::F32)?, Precision::F32);
        Ok(Self { info, aside: Vec::new(), tensors, hash })
    }

    /// The same weights with something else said beside them.
    #[must_use]
    pub(crate) fn with_info(mut self, change: impl FnOnce(&mut I)) -> Self {
        change(&mut self.info);
        self
    }

    /// Everything but the tensors.
    pub fn info(&self) -> &I {
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

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }

    /// The bundle as a file.
    ///
    /// # Errors
    /// When a weight is too large for the precision.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, BundleError> {
        let encoded = encode(&self.tensors, precision)?;
        let info = self.text()?;
        let sha256 = digest(&info, &encoded, precision);
        // `info` stands last, so that its text, which the hash is over, can be told from the rest.
        let header = format!("{{\"version\":{VERSION},\"sha256\":\"{sha256}\"{INFO}{info}}}");
        let views = encoded
            .iter()
            .map(|(name, (shape, bytes))| {
                Ok((name.clone(), TensorView::new(dtype(precision), shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, BundleError>>()?;
        let metadata = HashMap::from([(ENTRY.to_owned(), header)]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// The text of the metadata, with what a newer program had written there.
    fn text(&self) -> Result<String, serde_json::Error> {
        if self.aside.is_empty() {
            return serde_json::to_string(&self.info);
        }
        let mut tree = serde_json::to_value(&self.info)?;
        lenient::restore(&mut tree, &self.aside);
        serde_json::to_string(&tree)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When the bytes are truncated, damaged, of another program or method, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let Entry { text, version, sha256: expected, tree } = Entry::read(bytes)?;
        let tree = if version == 1 { I::upgraded(tree)? } else { tree };
        let found = tree.get("method").and_then(Value::as_str).unwrap_or_default();
        if !I::METHODS.iter().any(|method| method.name() == found) {
            let expected = I::METHODS.iter().map(|method| method.name()).collect::<Vec<_>>().join(" or ");
            return Err(BundleError::Method { found: found.to_owned(), expected });
        }
        let (info, aside) = lenient::read::<I>(tree)?;
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
        let found = digest(&text, &encoded, precision);
        if found != expected {
            return Err(BundleError::Damaged { expected, found });
        }
        info.check(encoded.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())))?;
        let tensors = decode(encoded, precision)?;
        Ok(Self { info, aside, tensors, hash: found })
    }
}

/// The metadata entry of a file.
struct Entry {
    /// The text of `info` as it was written: what a later program adds to its own settings does not change its hash.
    text: String,
    version: u64,
    sha256: String,
    /// `info` as a tree.
    tree: Value,
}

impl Entry {
    fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or(BundleError::Foreign)?;
        let version = serde_json::from_str::<Value>(entry)?;
        let version = match version.get("version").and_then(Value::as_u64) {
            Some(newer) if newer > VERSION => return Err(BundleError::Version(newer)),
            Some(version) => version,
            None => return Err(BundleError::Foreign),
        };
        let text = entry.split_once(INFO).and_then(|(_, rest)| rest.strip_suffix('}'));
        let text = text.ok_or(BundleError::Foreign)?;
        let Seal { sha256 } = serde_json::from_str(entry)?;
        Ok(Self { text: text.to_owned(), version, sha256, tree: serde_json::from_str(text)? })
    }
}

/// The method of the agent in a file; nothing else is read of it.
///
/// # Errors
/// When the bytes are truncated, of another program or of a newer version, or the method is unknown.
pub fn method_of(bytes: &[u8]) -> Result<Method, BundleError> {
    let Entry { version, tree, .. } = Entry::read(bytes)?;
    let tree = if version == 1 { BundleInfo::upgraded(tree)? } else { tree };
    let found = tree.get("method").and_then(Value::as_str).unwrap_or_default();
    Method::find(found)
}

/// Checks that numbers of a normaliser are as many as they should be and usable.
///
/// # Errors
/// When they are not.
pub(crate) fn check_norm(what: &'static str, norm: &Normaliser, expected: usize) -> Result<(), BundleError> {
    for found in [norm.mean.len(), norm.deviation.len()] {
        if found != expected {
            return Err(BundleError::Size { what, found, expected: format!("{expected} numbers") });
        }
    }
    let usable =
        norm.mean.iter().all(|x| x.is_finite()) && norm.deviation.iter().all(|x| x.is_finite() && *x > 0.0);
    if usable { Ok(()) } else { Err(BundleError::NotFinite(what.to_owned())) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A bundle of version 1.
    const FIRST: &[u8] = include_bytes!("../../../weights/maze2d-umaze-v1.safetensors");

    #[test]
    fn the_first_version_is_read_and_written_anew() {
        let first = Bundle::from_bytes(FIRST).unwrap();
        let text = String::from_utf8_lossy(&FIRST[8..200]).into_owned();
        assert!(text.contains("\\\"version\\\":1,"), "{text}");
        assert_eq!((first.info.method, first.info.settings.data.horizon), (Method::Diar, 30));
        assert_eq!(first.info.task, *crate::benchmark::MAZE2D[0].spec);
        let second = Bundle::from_bytes(&first.to_bytes(Precision::F32).unwrap()).unwrap();
        assert_eq!((second.info(), second.tensors()), (first.info(), first.tensors()));
        assert_eq!(second.latent_space().unwrap(), first.latent_space().unwrap());
    }

    /// Fields of a newer program at every depth: the bundle is read without them and written with them.
    #[test]
    fn optional_fields_of_a_newer_program_are_kept() {
        let mut newer = Bundle::from_bytes(FIRST).unwrap();
        let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let aside = vec![
            (path(&["card"]), json!({"text": "an agent", "links": [1, 2]})),
            (path(&["provenance", "host"]), json!("a server")),
            (path(&["settings", "critic", "train", "warmup"]), json!(100)),
            (path(&["settings", "plan", "beam"]), json!(null)),
            (path(&["task", "observation", "units"]), json!(["m"])),
        ];
        newer.aside.clone_from(&aside);
        let bytes = newer.to_bytes(Precision::F32).unwrap();
        let read = Bundle::from_bytes(&bytes).unwrap();
        assert_eq!(read.info(), newer.info());
        let sorted = |aside: &[Aside]| {
            let mut aside = aside.to_vec();
            aside.sort_by(|a, b| a.0.cmp(&b.0));
            aside
        };
        assert_eq!(sorted(&read.aside), sorted(&aside));
        assert_eq!(read.to_bytes(Precision::F32).unwrap(), bytes);
        // Another critic has its own.
        let Bundle { info, .. } = &read;
        let critic: Vec<NamedTensor> =
            read.tensors().into_values().filter(|tensor| tensor.name.starts_with(CRITIC)).collect();
        let other = read.with_critic(info.settings.critic.clone(), info.provenance.clone(), critic).unwrap();
        let kept: Vec<_> = other.aside.iter().map(|(path, _)| path.join(".")).collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
    }

    #[test]
    fn a_task_that_cannot_be_is_refused() {
        let bundle = Bundle::from_bytes(FIRST).unwrap();
        let BundleInfo { task, settings, state_norm, latent_norm, provenance, .. } = bundle.info.clone();
        let tensors = bundle.tensors().into_values().collect();
        let endless = TaskSpec { max_steps: 0, ..task };
        let error = Bundle::new(endless, settings, state_norm, latent_norm, provenance, tensors).unwrap_err();
        assert!(error.to_string().contains("max_steps is 0, expected 1 to"), "{error}");
    }
}
