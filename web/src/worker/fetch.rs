//! Fetching weights, with progress in bytes, and windows.

use super::post;
use crate::fetch::{Trouble, bytes};
use crate::messages::ToPage;

/// The weights at an address; the page is told how far they have come.
pub(crate) async fn weights(address: &str) -> Result<Vec<u8>, String> {
    let tell = |loaded, total| post(&ToPage::Progress { loaded, total });
    bytes(address, tell).await.map_err(|trouble| refused("weights", address, &trouble))
}

/// What is at an address.
#[cfg(feature = "train")]
pub(crate) async fn quietly(what: &str, address: &str) -> Result<Vec<u8>, String> {
    bytes(address, |_, _| ()).await.map_err(|trouble| refused(what, address, &trouble))
}

fn refused(what: &str, address: &str, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Answered { status, text } => format!(
            "The {what} are not there: {address} answered {status} {text}. Check the address, or open the page without \
             ?bundle=."
        ),
        Trouble::TooLarge(error) => format!("The {what} of {address} are too large: {error}."),
        Trouble::Silent { .. } | Trouble::Broken(_) => format!(
            "The {what} could not be fetched from {address}: {trouble}. Check the connection and try again."
        ),
    }
}
