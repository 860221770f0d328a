//! Decisions for a simulator that is not ours: requests in JSON, answers in JSON.

mod request;
mod server;

pub use request::MOST_LANES;
pub use server::{Answer, Reply, Server};
