//! Networks of a bundle in a worker: of every method in the module for WebGPU (feature `methods`), of DIAR and LDCQ alone in the
//! page's own, which a first visit waits for.

#[cfg(feature = "methods")]
mod every;
#[cfg(not(feature = "methods"))]
mod latent;

#[cfg(feature = "methods")]
pub(super) use every::{File, Networks, Running};
#[cfg(not(feature = "methods"))]
pub(super) use latent::{File, Networks, Running};
