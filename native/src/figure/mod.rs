//! The paper's figures for our runs, as SVG.

mod maze;
mod scores;
mod svg;

pub use maze::{Journey, paths, values};
pub use scores::scores;
pub use svg::Svg;
