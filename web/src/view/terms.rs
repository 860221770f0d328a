//! Words that explain themselves, and the method in formulas.

use diar_core::agent::Phase;
use yew::prelude::*;

use crate::story::Part;
use crate::words::{self, Equation, Line, Word, algorithm_2, equations, line_id};

/// A formula or a line of the algorithm; both come from this program, never from anybody's input.
fn markup(html: &str) -> Html {
    Html::from_html_unchecked(AttrValue::from(html.to_owned()))
}

fn card_id(word: &Word) -> String {
    format!("term-{}", word.id)
}

/// A text with terms in it.
pub(crate) fn text(parts: &[Part]) -> Html {
    let part = |part: &Part| match *part {
        Part::Words(words) => html! { { words } },
        Part::Term(term, words) => html! { <Term {term} words={AttrValue::Static(words)} /> },
    };
    parts.iter().map(part).collect()
}

#[derive(PartialEq, Properties)]
pub(crate) struct TermProps {
    /// What is explained.
    pub term: words::Term,
    /// The words that fit the sentence; the term's name when there are none.
    #[prop_or_default]
    pub words: Option<AttrValue>,
}

/// A word in a sentence that opens the card of its term.
///
/// The browser does the rest: Enter opens the card, Escape or a click elsewhere closes it, and the focus stays here.
#[component]
pub(crate) fn Term(props: &TermProps) -> Html {
    let word = props.term.word();
    let words = props.words.clone().unwrap_or(AttrValue::Static(word.name));
    html! { <button type="button" class="term" popovertarget={card_id(&word)}>{ words }</button> }
}

/// The cards of all terms; once on a page, whatever number of words opens them.
#[component]
pub(crate) fn Cards() -> Html {
    let formulas = use_memo((), |()| (equations(), algorithm_2()));
    html! { <>{ for words::TERMS.map(|term| card(term, &formulas.0, &formulas.1)) }</> }
}

fn card(term: words::Term, equations: &[Equation], lines: &[Line]) -> Html {
    let word = term.word();
    let equation = equations.iter().find(|equation| Some(equation.number) == word.equation);
    let lines: Vec<&Line> = lines.iter().filter(|line| word.lines.contains(&line.number)).collect();
    let depth = lines.iter().map(|line| line.depth).min().unwrap_or(0);
    html! {
        <div id={card_id(&word)} class="term-card" popover="auto" role="note" aria-label={word.name}>
            <p class="term-card__head">
                <strong>{ word.name }</strong>
                if let Some(symbol) = term.symbol() {
                    <span class="term-card__symbol">{ markup(&symbol) }</span>
                }
            </p>
            <p>{ word.meaning }</p>
            if let Some(equation) = equation {
                { formula(equation) }
            }
            if !lines.is_empty() {
                <ol class="algorithm">
                    { for lines.iter().map(|line| html! {
                        <li class="algorithm__line" value={line.number.to_string()} style={nested(line.depth - depth)}>
                            { markup(&line.html) }
                        </li>
                    }) }
                </ol>
            }
            <p class="quiet">{ word.source }</p>
        </div>
    }
}

/// The style of a line so many levels deep.
fn nested(depth: usize) -> String {
    format!("--depth: {depth}")
}

/// An equation, which may be wider than its place.
fn formula(equation: &Equation) -> Html {
    html! {
        <div class="equation" tabindex="0" role="group" aria-label={format!("Equation {}", equation.number)}>
            { markup(&equation.html) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct FormulasProps {
    /// The part of a decision that is shown; its lines of the algorithm stand out.
    #[prop_or_default]
    pub phase: Option<Phase>,
}

/// Equations 1-7 and Algorithm 2.
#[component]
pub(crate) fn Formulas(props: &FormulasProps) -> Html {
    let equations = use_memo((), |()| equations());
    let lines = use_memo((), |()| algorithm_2());
    let line = |line: &Line| {
        let now = props.phase.is_some() && line.phase == props.phase;
        // The first line of a part carries its id.
        let first = line.number == 1 || lines[line.number - 2].phase != line.phase;
        let id = line.phase.filter(|_| first).and_then(line_id);
        html! {
            <li {id} value={line.number.to_string()} class={classes!("algorithm__line", now.then_some("algorithm__line--now"))}
                aria-current={now.then_some("step")} style={nested(line.depth)}>
                { markup(&line.html) }
            </li>
        }
    };
    html! {
        <section class="card formulas" aria-labelledby="formulas-title">
            <h2 id="formulas-title">{ "The method in formulas" }</h2>
            <p class="formulas__colours">
                <span class="m-latent">{ "plans" }</span>
                <span class="m-q">{ "what a plan is worth" }</span>
                <span class="m-value">{ "what a state is worth" }</span>
                <span class="m-break">{ "revaluation" }</span>
            </p>
            <div class="formulas__parts">
                <ol class="equations">
                    { for equations.iter().map(|equation| html! {
                        <li id={format!("equation-{}", equation.number)}>
                            <h3>{ format!("Eq. {} · {}", equation.number, equation.title) }</h3>
                            { formula(equation) }
                            <p class="quiet">{ equation.meaning }</p>
                        </li>
                    }) }
                </ol>
                <div>
                    <h3 id="algorithm-title">{ "Algorithm 2 · How it decides" }</h3>
                    <ol class="algorithm" tabindex="0" aria-labelledby="algorithm-title">{ for lines.iter().map(line) }</ol>
                </div>
            </div>
        </section>
    }
}
