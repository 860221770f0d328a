//! What leaves the page: a figure, an animation, and the picture that stands in for the page while it loads.

pub mod gif;
mod png;
pub mod poster;
mod shapes;
pub mod svg;
