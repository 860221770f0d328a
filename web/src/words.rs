//! The words of the method: what they mean, and the equations and the algorithm they come from.

pub mod formulas;
pub mod glossary;
mod mathml;
mod parts;

pub use formulas::{Equation, Line, algorithm_2, equations, line_id};
pub use glossary::{TERMS, Term, Word};
