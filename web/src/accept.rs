//! Checks before one bundle is used beside another: a worker holds the hash of the bundle that it loaded, and takes in
//! only what was made from that bundle.

use diar_core::bundle::BundleInfo;
use thiserror::Error;

/// Why something made from a bundle does not fit to another.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Made from another bundle.
    #[error("expected it to come from the weights {expected}, found that it comes from {found}")]
    Origin {
        /// Hash of the bundle in use.
        expected: String,
        /// Hash of the bundle that it was made from.
        found: String,
    },
    /// Not a critic that was trained again.
    #[error("expected a critic trained from the weights {expected}, found weights trained from the start")]
    NotRelearned {
        /// Hash of the bundle in use.
        expected: String,
    },
}

/// Accepts what was made from the bundle in use, by the two hashes.
///
/// # Errors
/// When it was made from another bundle.
pub fn same(own: &str, from: &str) -> Result<(), Refusal> {
    if own == from {
        return Ok(());
    }
    Err(Refusal::Origin { expected: own.to_owned(), found: from.to_owned() })
}

/// Accepts a bundle whose critic was trained again from the bundle in use. Its other networks are then the same: the
/// hash is over all of them.
///
/// # Errors
/// When the critic was trained from another bundle, or not again.
pub fn critic(own: &str, offered: &BundleInfo) -> Result<(), Refusal> {
    match &offered.provenance.relearned {
        Some(relearned) => same(own, &relearned.from),
        None => Err(Refusal::NotRelearned { expected: own.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use diar_core::bundle::{Bundle, Precision, Relearned};

    use super::*;

    fn shipped(name: &str) -> Bundle {
        let path = format!("{}/../weights/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        Bundle::from_bytes(&std::fs::read(path).unwrap()).unwrap()
    }

    /// A bundle with its critic "trained again", as it comes out of the worker that trains.
    fn relearned(from: &Bundle) -> Bundle {
        let mut provenance = from.info().provenance.clone();
        provenance.relearned =
            Some(Relearned { from: from.hash().to_owned(), goal: [3.0, 1.0], windows: 10 });
        let tensors =
            from.tensors().into_values().filter(|tensor| tensor.name.starts_with("critic")).collect();
        let bundle = from.with_critic(from.info().settings.critic.clone(), provenance, tensors).unwrap();
        Bundle::from_bytes(&bundle.to_bytes(Precision::F32).unwrap()).unwrap()
    }

    #[test]
    fn a_worker_takes_only_a_critic_trained_from_its_own_bundle() {
        let (umaze, medium) = (shipped("maze2d-umaze-v1"), shipped("maze2d-medium-v1"));
        let critic_of = |bundle: &Bundle| relearned(bundle).info().clone();
        assert_eq!(critic(umaze.hash(), &critic_of(&umaze)), Ok(()));
        let refusal = critic(medium.hash(), &critic_of(&umaze)).unwrap_err();
        assert!(refusal.to_string().contains(umaze.hash()) && refusal.to_string().contains(medium.hash()));
        // Of the same maze and latent space, and still of other weights.
        let ldcq = shipped("maze2d-umaze-v1.ldcq");
        assert!(critic(umaze.hash(), &critic_of(&ldcq)).is_err());
        assert_eq!(
            critic(umaze.hash(), umaze.info()),
            Err(Refusal::NotRelearned { expected: umaze.hash().to_owned() })
        );
    }
}
