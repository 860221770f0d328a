//! A field for a whole number. It is rendered anew only when its number changes, so that whoever types is not disturbed
//! by a run that goes on meanwhile.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::perhaps;
use crate::state::{Action, RunAction, ViewAction};

/// What the number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Candidates,
    SamplerSteps,
    Seed,
}

impl Number {
    fn id(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::SamplerSteps => "sampler-steps",
            Self::Seed => "seed",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Candidates => "Candidates n",
            Self::SamplerSteps => "Sampler steps",
            Self::Seed => "Seed",
        }
    }

    /// What a text asks for; none where it is no such number.
    fn action(self, text: &str) -> Option<Action> {
        match self {
            Self::Candidates => text.parse().ok().map(|n| RunAction::Candidates(n).into()),
            Self::SamplerSteps => text.parse().ok().map(|n| RunAction::SamplerSteps(n).into()),
            Self::Seed => text.parse().ok().map(|seed| RunAction::Seed(seed).into()),
        }
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub number: Number,
    pub value: u64,
    #[prop_or_default]
    pub max: Option<usize>,
    #[prop_or_default]
    pub disabled: bool,
    pub dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Field(props: &Props) -> Html {
    let (number, value) = (props.number, props.value.to_string());
    let onchange = {
        let value = value.clone();
        perhaps(&props.dispatch, move |event: Event| {
            let field: HtmlInputElement = event.target_dyn_into()?;
            let text = field.value();
            // What is refused is put back; what is taken comes back as the new value.
            field.set_value(&value);
            Some(number.action(text.trim()).unwrap_or_else(|| {
                let name = number.name();
                ViewAction::Invalid(format!(
                    "{name} is '{text}', expected a whole number that is not negative."
                ))
                .into()
            }))
        })
    };
    let min = if number == Number::Seed { "0" } else { "1" };
    html! {
        <label>
            <span>{ number.name() }</span>
            <input id={number.id()} type="number" {min} max={props.max.map(|max| max.to_string())} step="1"
                disabled={props.disabled} {value} {onchange} />
        </label>
    }
}
