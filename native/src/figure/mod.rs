//! The paper's figures for our runs, as SVG.

mod maze;
mod methods;
mod scores;
mod svg;

pub use maze::{Journey, Way, paths, values, ways};
pub use methods::methods;
pub use scores::scores;
pub use svg::Svg;
