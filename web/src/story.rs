//! The guided tour, as data: what it says, and what the figure shows meanwhile.

use diar_core::agent::{Phase, Trace};

use crate::timeline;
use crate::words::Term;

/// A moment of any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before anything has happened.
    Start,
    /// A decision, counted from 0, right after one of its parts; after the first of that kind when there are several,
    /// and with all of them when it is [`Phase::Done`].
    AfterPart(usize, Phase),
    /// The first plan that Adaptive Revaluation drops.
    FirstRevaluation,
    /// The first contact with the goal.
    Goal,
}

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Highlight {
    /// Where the particle is.
    State,
    /// The candidates.
    Fan,
    /// The one with the largest Q.
    Best,
    /// What the particle does.
    Action,
    /// The predicted end of the plan.
    End,
    /// V of now beside V of the end.
    Values,
    /// Where the plan is dropped.
    Break,
}

/// What the figure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// When.
    pub moment: Moment,
    /// What stands out.
    pub highlight: Highlight,
}

/// A piece of a step's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Words(&'static str),
    /// A term of the glossary, in the words that fit the sentence.
    Term(Term, &'static str),
}

/// A step of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name within an address or an id.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it says.
    pub text: &'static [Part],
    /// What the figure shows.
    pub scene: Scene,
}

use Part::{Term as T, Words as W};

/// The tour: one state, many plans, one of them chosen, followed, and dropped.
pub const STEPS: [Step; 7] = [
    Step {
        id: "plans",
        title: "One place, many plans",
        text: &[
            W("The particle wants to reach the ring. It knows only its "),
            T(Term::State, "state"),
            W(", and has only ever watched recordings. So it dreams: a "),
            T(Term::Diffusion, "diffusion model"),
            W(" imagines many "),
            T(Term::Candidates, "plans"),
            W(", each a short list of numbers, a "),
            T(Term::Latent, "latent z"),
            W(". Every line is one of them, played out to its end."),
        ],
        scene: Scene { moment: Moment::AfterPart(0, Phase::Predict), highlight: Highlight::Fan },
    },
    Step {
        id: "choice",
        title: "Q picks one",
        text: &[
            W("Which plan is worth most? "),
            T(Term::Quality, "Q(s, z)"),
            W(" rates each: pale lines promise little, strong violet ones a lot. It takes the strongest."),
        ],
        scene: Scene { moment: Moment::AfterPart(0, Phase::Predict), highlight: Highlight::Best },
    },
    Step {
        id: "prediction",
        title: "Look before you leap",
        text: &[
            W("Before it moves, a "),
            T(Term::StateDecoder, "state decoder"),
            W(" looks ahead: after "),
            T(Term::Horizon, "H steps"),
            W(" of this plan it should be here, at the "),
            T(Term::PredictedEnd, "predicted end"),
            W(". "),
            T(Term::Value, "V"),
            W(" says what being there is worth. That number is the promise of the plan."),
        ],
        scene: Scene { moment: Moment::AfterPart(0, Phase::Predict), highlight: Highlight::End },
    },
    Step {
        id: "comparison",
        title: "Is it still worth it?",
        text: &[
            W("Before every push it asks: what is it worth to be here, now? As long as "),
            T(Term::Value, "V"),
            W(
                " of now is not above V of the predicted end, the plan still leads somewhere better, and it goes on.",
            ),
        ],
        scene: Scene { moment: Moment::AfterPart(0, Phase::Compare), highlight: Highlight::Values },
    },
    Step {
        id: "action",
        title: "Go",
        text: &[
            W("The "),
            T(Term::PolicyDecoder, "policy decoder"),
            W(
                " turns the plan into a push, looks where that led, and makes the next push of it. The plan stays the \
               same; the pushes follow the state.",
            ),
        ],
        scene: Scene { moment: Moment::AfterPart(0, Phase::Follow), highlight: Highlight::Action },
    },
    Step {
        id: "revaluation",
        title: "It changes its mind",
        text: &[
            W(
                "Here the place it has reached is worth more than the end it was promised. Going on would be a step down, \
               so it drops the plan and imagines new ones. That is ",
            ),
            T(Term::Revaluation, "Adaptive Revaluation"),
            W("."),
        ],
        scene: Scene { moment: Moment::FirstRevaluation, highlight: Highlight::Break },
    },
    Step {
        id: "yours",
        title: "Your turn",
        text: &[
            W("Drag the start somewhere else and watch it decide from there. Then switch "),
            T(Term::Revaluation, "revaluation"),
            W(" off and see it go without second thoughts. Every dotted word explains itself."),
        ],
        scene: Scene { moment: Moment::Start, highlight: Highlight::State },
    },
];

/// Where a moment lies in a run, in parts; `None` when the run has not come so far, or never does.
pub fn moment(trace: &Trace, moment: Moment) -> Option<usize> {
    match moment {
        Moment::Start => Some(0),
        Moment::AfterPart(index, phase) => after_part(trace, index, phase),
        Moment::FirstRevaluation => timeline::revaluations(trace).first().copied(),
        Moment::Goal => trace.first_contact().map(|step| timeline::moment_of_step(trace, step)),
    }
}

fn after_part(trace: &Trace, index: usize, phase: Phase) -> Option<usize> {
    let decision = trace.decisions.get(index)?;
    let parts = match phase {
        Phase::Sample => 1,
        Phase::Rank => 2,
        Phase::Predict => 3,
        Phase::Compare => 4,
        Phase::Follow => 5,
        Phase::Done => {
            decision.outcome?;
            timeline::parts(decision)
        }
    };
    let end = timeline::end_of_decision(trace, index);
    let begin = end - timeline::parts(decision);
    (begin + parts <= end).then_some(begin + parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording;
    use crate::sample::{Script, trace};
    use crate::timeline::Glimpse;
    use diar_core::agent::Outcome;

    fn recorded() -> Trace {
        recording::decode(include_bytes!("../assets/recorded.bin")).unwrap()
    }

    #[test]
    fn moments_are_found() {
        let trace = trace(&[Script::Completed(2), Script::Dropped(0), Script::Goal(3)]);
        // 7, 4 and 9 parts.
        let at = |wish| moment(&trace, wish);
        assert_eq!(at(Moment::Start), Some(0));
        assert_eq!(at(Moment::AfterPart(0, Phase::Sample)), Some(1));
        assert_eq!(at(Moment::AfterPart(1, Phase::Predict)), Some(10));
        assert_eq!(at(Moment::AfterPart(1, Phase::Compare)), Some(11));
        assert_eq!(at(Moment::AfterPart(1, Phase::Follow)), None);
        assert_eq!(at(Moment::AfterPart(2, Phase::Done)), Some(20));
        assert_eq!(at(Moment::AfterPart(3, Phase::Sample)), None);
        assert_eq!((at(Moment::FirstRevaluation), at(Moment::Goal)), (Some(11), Some(20)));
    }

    #[test]
    fn what_has_not_happened_is_not_found() {
        let trace = trace(&[Script::Open(1)]);
        for wish in [Moment::FirstRevaluation, Moment::Goal, Moment::AfterPart(0, Phase::Done)] {
            assert_eq!(moment(&trace, wish), None, "{wish:?}");
        }
    }

    /// Whatever the tour tells of must be there to be seen, in the run that the page begins with.
    #[test]
    fn the_tour_can_be_told_with_the_recorded_run() {
        let trace = recorded();
        let glimpses = STEPS.map(|step| {
            let at = moment(&trace, step.scene.moment).unwrap_or_else(|| panic!("{}", step.id));
            (step.scene.highlight, Glimpse::at(&trace, at).unwrap())
        });
        for (highlight, glimpse) in glimpses {
            let seen = match highlight {
                Highlight::State => glimpse.state().len() == 4,
                Highlight::Fan | Highlight::Best => {
                    glimpse.ranking().is_some_and(|(q, _)| q.len() > 1) && glimpse.prediction().is_some()
                }
                Highlight::End => glimpse.prediction().is_some(),
                Highlight::Action => glimpse.phase() == Some(Phase::Follow),
                Highlight::Values => {
                    let now = glimpse.v_now().last().copied();
                    glimpse.prediction().zip(now).is_some_and(|((_, end), now)| now <= end)
                }
                Highlight::Break => {
                    let now = glimpse.v_now().last().copied();
                    matches!(glimpse.outcome(), Some(Outcome::Revalued { .. }))
                        && glimpse.prediction().zip(now).is_some_and(|((_, end), now)| now > end)
                }
            };
            assert!(seen, "{highlight:?}");
        }
        let goal = moment(&trace, Moment::Goal).and_then(|at| Glimpse::at(&trace, at)).unwrap();
        assert_eq!(goal.outcome(), Some(Outcome::Goal));
    }

    #[test]
    fn the_tour_goes_forward_in_time() {
        let trace = recorded();
        let moments: Vec<_> = STEPS.iter().map(|step| moment(&trace, step.scene.moment)).collect();
        // The last step begins anew.
        assert!(moments[..STEPS.len() - 1].is_sorted(), "{moments:?}");
        assert_eq!(moments.last(), Some(&Some(0)));
    }

    /// A minute of reading.
    #[test]
    fn the_tour_is_short() {
        let words: usize = STEPS
            .iter()
            .flat_map(|step| step.text)
            .map(|part| match part {
                W(text) | T(_, text) => text.split_whitespace().count(),
            })
            .sum();
        assert!(words <= 240, "{words} words");
    }
}
