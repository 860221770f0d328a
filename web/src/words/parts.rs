//! What the formulas are made of: states, latents, networks, each written the same way everywhere.

use super::mathml::{accent, id, latent, number, op, quality, round, row, sub, sub_sup, upright, value};

/// s with an index.
pub(crate) fn s(index: String) -> String {
    sub(id("s"), index)
}

pub(crate) fn t() -> String {
    id("t")
}

/// t + H.
pub(crate) fn end() -> String {
    row(&[t(), op("+"), id("H")])
}

/// t + h.
pub(crate) fn now() -> String {
    row(&[t(), op("+"), id("h")])
}

/// t : t + H.
pub(crate) fn window() -> String {
    row(&[t(), op(":"), t(), op("+"), id("H")])
}

pub(crate) fn z() -> String {
    latent(id("z"))
}

/// z with an index.
pub(crate) fn z_at(index: String) -> String {
    latent(sub(id("z"), index))
}

/// z at t with an exponent: which of the candidates.
pub(crate) fn candidate(which: String) -> String {
    latent(sub_sup(id("z"), t(), which))
}

/// The last candidate's number, n - 1.
pub(crate) fn last() -> String {
    row(&[id("n"), op("−"), number("1")])
}

/// The z̃ that the diffusion model draws in Eq. 6.
pub(crate) fn drawn() -> String {
    latent(sub(accent(id("z"), "~"), t()))
}

/// A function with an index, of some arguments.
pub(crate) fn of(name: &str, index: String, arguments: &[String]) -> String {
    row(&[sub(id(name), index), round(arguments)])
}

/// Q of a state and a latent.
pub(crate) fn q(state: String, z: String) -> String {
    quality(row(&[id("Q"), round(&[state, op(","), z])]))
}

/// Q with its parameters.
pub(crate) fn q_of(parameters: String, state: String, z: String) -> String {
    quality(of("Q", parameters, &[state, op(","), z]))
}

/// V of a state.
pub(crate) fn v(state: String) -> String {
    value(row(&[id("V"), round(&[state])]))
}

/// V with its parameters.
pub(crate) fn v_of(state: String) -> String {
    value(of("V", id("η"), &[state]))
}

/// The diffusion model, given a state.
pub(crate) fn diffusion(state: String) -> String {
    of("μ", id("ψ"), &[z(), op("|"), state])
}

/// θ of one of the four networks of the β-VAE.
pub(crate) fn theta(part: &str) -> String {
    sub(id("θ"), id(part))
}

/// The policy decoder of step i of a window.
pub(crate) fn policy(step: String, z: String) -> String {
    of("π", theta("D"), &[sub(id("a"), step.clone()), op("|"), s(step), op(","), z])
}

/// The state decoder of the chosen candidate.
pub(crate) fn state_decoder(z: String) -> String {
    of("f", id("θ"), &[s(end()), op("|"), s(t()), op(","), z])
}

/// An expectation over something, before its brackets.
pub(crate) fn mean(over: String) -> String {
    sub(upright("𝔼"), over)
}

pub(crate) fn data() -> String {
    upright("𝒟")
}

/// The sum of rewards of a window, discounted.
pub(crate) fn reward() -> String {
    sub(id("r"), window())
}
