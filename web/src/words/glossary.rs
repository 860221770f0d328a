//! The words that the page uses, each explained for somebody who meets it for the first time.

use super::mathml::{id, latent, math, op, revaluation, round, row, sub, upright, value};
use super::parts::{end, now, of, q, s, state_decoder, theta, v, window, z};

/// A word of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Where the particle is, and how fast.
    State,
    /// A piece of recording.
    Window,
    /// A plan in numbers.
    Latent,
    /// The plans of a decision.
    Candidates,
    /// What imagines plans.
    Diffusion,
    /// One pass from noise to plan.
    SamplerStep,
    /// What a plan is worth.
    Quality,
    /// What a state is worth.
    Value,
    /// How optimistic V is.
    Expectile,
    /// How much later rewards count.
    Discount,
    /// How long a plan is.
    Horizon,
    /// From plan to action.
    PolicyDecoder,
    /// From plan to outcome.
    StateDecoder,
    /// The outcome.
    PredictedEnd,
    /// Dropping a plan.
    Revaluation,
    /// One way to score.
    FirstContact,
    /// The other.
    NativeScore,
    /// What is learned from most often.
    Replay,
    /// What turns recordings into plans.
    BetaVae,
}

/// What there is to say about a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name within an address, an id or a class.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Where the paper has it, or who else does.
    pub source: &'static str,
    /// The equation that defines it, or uses it first.
    pub equation: Option<usize>,
    /// The lines of Algorithm 2 that are about it.
    pub lines: &'static [usize],
}

/// Every term, in the order in which they build on each other.
pub const TERMS: [Term; 19] = [
    Term::State,
    Term::Horizon,
    Term::Window,
    Term::Latent,
    Term::BetaVae,
    Term::Diffusion,
    Term::SamplerStep,
    Term::Candidates,
    Term::Quality,
    Term::Value,
    Term::Expectile,
    Term::Discount,
    Term::Replay,
    Term::PolicyDecoder,
    Term::StateDecoder,
    Term::PredictedEnd,
    Term::Revaluation,
    Term::FirstContact,
    Term::NativeScore,
];

impl Term {
    /// What there is to say about it.
    pub fn word(self) -> Word {
        match self {
            Self::State => Word {
                id: "state",
                name: "state",
                meaning: "Where the particle is and how fast it moves: two coordinates and two velocities. It is all that \
                          the agent sees; it has no map of the maze.",
                source: "Section 2",
                equation: None,
                lines: &[],
            },
            Self::Horizon => Word {
                id: "horizon",
                name: "horizon",
                meaning: "How many environment steps a plan lasts when nothing ends it earlier; 30 in these mazes.",
                source: "Section 2, Alg. 2 line 12",
                equation: None,
                lines: &[12],
            },
            Self::Window => Word {
                id: "window",
                name: "window",
                meaning: "A piece of the recorded data, H steps long: the states passed through and the actions taken. The \
                          agent learns from windows and from nothing else.",
                source: "Eq. 1",
                equation: Some(1),
                lines: &[],
            },
            Self::Latent => Word {
                id: "latent",
                name: "latent",
                meaning: "A whole plan squeezed into a short list of numbers, 16 here. It does not list actions: a decoder \
                          reads it together with each new state.",
                source: "Section 2, Eq. 1",
                equation: Some(1),
                lines: &[],
            },
            Self::BetaVae => Word {
                id: "beta-vae",
                name: "β-VAE",
                meaning: "The pair of networks that turns windows into latents and latents back into actions. β says how \
                          much tidiness of the latents is worth against faithful actions.",
                source: "Eq. 1, Alg. 3",
                equation: Some(1),
                lines: &[],
            },
            Self::Diffusion => Word {
                id: "diffusion",
                name: "diffusion model",
                meaning: "A network that imagines plans. It starts from pure noise and removes it bit by bit, until a latent is \
                          left that somebody in the recordings might have had in this state.",
                source: "Eq. 2, Alg. 4; μ_ψ(z | s) in Alg. 2 line 6",
                equation: Some(2),
                lines: &[],
            },
            Self::SamplerStep => Word {
                id: "sampler-step",
                name: "sampler step",
                meaning: "One pass on the way from noise to latent. More of them follow the model more closely, and take \
                          longer.",
                source: "Eq. 2; the paper takes 500",
                equation: Some(2),
                lines: &[],
            },
            Self::Candidates => Word {
                id: "candidates",
                name: "candidates",
                meaning: "The latents sampled for one decision. Each begins with other noise, so each is another plan for \
                          the same state.",
                source: "Alg. 2 line 6",
                equation: None,
                lines: &[6],
            },
            Self::Quality => Word {
                id: "q",
                name: "Q",
                meaning: "What it is worth to follow plan z from state s, in the same points as V. The plan with the largest \
                          Q is chosen.",
                source: "Eq. 7, Alg. 2 lines 7-8",
                equation: Some(7),
                lines: &[],
            },
            Self::Value => Word {
                id: "v",
                name: "V",
                meaning: "What it is worth to be in state s. A point is a step spent at the goal; with γ = 0.99 it counts 1 % less \
                          for every step until then, and to stay for good is worth 100. The strongest colour is near the goal.",
                source: "Eq. 6, Alg. 2 lines 10 and 14",
                equation: Some(6),
                lines: &[],
            },
            Self::Expectile => Word {
                id: "expectile",
                name: "expectile",
                meaning: "How far V looks up to the better plans of a state: 0.5 would be their mean, 1 the best of them. \
                          At 0.9 it is optimistic without trusting a single lucky guess.",
                source: "Eq. 5 and 6",
                equation: Some(5),
                lines: &[],
            },
            Self::Discount => Word {
                id: "discount",
                name: "discount",
                meaning: "How much a reward still counts when it comes later. Because of it, being close to the goal is \
                          worth more than being far away.",
                source: "Eq. 3 and 7",
                equation: Some(7),
                lines: &[],
            },
            Self::Replay => Word {
                id: "replay",
                name: "prioritised replay",
                meaning: "While Q is learned, windows that surprised it are shown again more often than those it already \
                          gets right.",
                source: "Section 3.1, Alg. 1 lines 5 and 10",
                equation: None,
                lines: &[],
            },
            Self::PolicyDecoder => Word {
                id: "policy-decoder",
                name: "policy decoder",
                meaning: "Turns the chosen latent into the force for the next step. It looks at the state anew each time, \
                          so a plan copes with small surprises.",
                source: "Eq. 4, Alg. 2 line 19",
                equation: Some(4),
                lines: &[],
            },
            Self::StateDecoder => Word {
                id: "state-decoder",
                name: "state decoder",
                meaning: "Predicts in one jump the state in which a plan will end. It says nothing about the way there.",
                source: "Section 3.2, Alg. 2 line 9",
                equation: None,
                lines: &[9],
            },
            Self::PredictedEnd => Word {
                id: "predicted-end",
                name: "predicted end",
                meaning: "The state that the state decoder promises for the end of a plan. Its V is what the plan has to \
                          live up to.",
                source: "Alg. 2 lines 9-10",
                equation: None,
                lines: &[9, 10],
            },
            Self::Revaluation => Word {
                id: "revaluation",
                name: "Adaptive Revaluation",
                meaning: "Before every step: is the state of now already worth more than the predicted end? Then the plan is dropped \
                          for a new one. Most drops come a step or three early; some end a plan gone wrong.",
                source: "Section 3.2, Alg. 2 lines 14-17",
                equation: None,
                lines: &[13, 14, 15, 16],
            },
            Self::FirstContact => Word {
                id: "first-contact",
                name: "first-contact score",
                meaning: "Scores how soon the goal is first touched: every step from then on counts as a reward. 0 is an \
                          agent that acts at random, 100 D4RL's expert.",
                source: "not in the paper; its ancestor LDCQ scores so",
                equation: None,
                lines: &[],
            },
            Self::NativeScore => Word {
                id: "native-score",
                name: "native score",
                meaning: "D4RL's own score: only steps spent at the goal count, so that passing through and leaving is \
                          worth little. On the same scale from 0 to 100.",
                source: "D4RL",
                equation: None,
                lines: &[],
            },
        }
    }

    /// The paper's symbol as an element of HTML, if it has one.
    pub fn symbol(self) -> Option<String> {
        let (reading, symbol) = match self {
            Self::State => ("s", id("s")),
            Self::Horizon => ("H", id("H")),
            Self::Window => (
                "s and a from t to t plus H",
                row(&[sub(id("s"), window()), op(","), sub(id("a"), window())]),
            ),
            Self::Latent => ("z", z()),
            Self::BetaVae => ("beta", id("β")),
            Self::Diffusion => ("p of z given s", row(&[id("p"), round(&[z(), op("|"), id("s")])])),
            Self::SamplerStep => ("j", id("j")),
            Self::Candidates => ("n", latent(id("n"))),
            Self::Quality => ("Q of s and z", q(id("s"), z())),
            Self::Value => ("V of s", v(id("s"))),
            Self::Expectile => ("tau", value(id("τ"))),
            Self::Discount => ("gamma", id("γ")),
            Self::Replay => ("B", upright("ℬ")),
            Self::PolicyDecoder => {
                ("pi of a given s and z", of("π", theta("D"), &[id("a"), op("|"), id("s"), op(","), z()]))
            }
            Self::StateDecoder => ("f of s t plus H given s t and z", state_decoder(z())),
            Self::PredictedEnd => ("s t plus H", s(end())),
            Self::Revaluation => (
                "V of s t plus H is less than V of s t plus h",
                revaluation(row(&[v(s(end())), op("&lt;"), v(s(now()))])),
            ),
            Self::FirstContact | Self::NativeScore => return None,
        };
        Some(math(reading, &[symbol]))
    }

    /// The term of an id.
    pub fn find(id: &str) -> Option<Self> {
        TERMS.into_iter().find(|term| term.word().id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mathml::{balanced, characters};
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_term_is_found_by_its_own_id() {
        assert_eq!(TERMS.into_iter().collect::<HashSet<_>>().len(), TERMS.len());
        for term in TERMS {
            assert_eq!(Term::find(term.word().id), Some(term));
        }
        assert_eq!(Term::find("latents"), None);
    }

    #[test]
    fn symbols_are_the_papers() {
        let shown = |term: Term| term.symbol().map(|html| characters(&html));
        assert_eq!(shown(Term::Quality).as_deref(), Some("Q(s,z)"));
        assert_eq!(shown(Term::PolicyDecoder).as_deref(), Some("πθD(a|s,z)"));
        assert_eq!(shown(Term::Revaluation).as_deref(), Some("V(st+H)<V(st+h)"));
        assert_eq!(shown(Term::NativeScore), None);
        assert!(TERMS.into_iter().filter_map(Term::symbol).all(|html| balanced(&html)));
    }

    #[test]
    fn explanations_are_short_sentences() {
        for word in TERMS.map(Term::word) {
            assert!(word.meaning.ends_with('.') && word.meaning.len() < 240, "{}", word.name);
            let longest = word.meaning.split_inclusive(['.', '?']).map(str::len).max();
            assert!(longest.is_some_and(|longest| longest <= 170), "{}", word.name);
            assert!(!word.source.is_empty());
            assert!(word.equation.is_none_or(|number| (1..=7).contains(&number)));
            assert!(word.lines.iter().all(|number| (1..=26).contains(number)));
        }
    }
}
