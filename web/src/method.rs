//! Names of methods, as the page says them.

use diar_core::agent::ActingSettings;
use diar_core::bundle::Method;

/// The method of a run's settings.
pub fn acting_name(settings: &ActingSettings) -> String {
    match settings {
        ActingSettings::Plan(_) => "DIAR or LDCQ".to_owned(),
        ActingSettings::Own(own) => method_name(own.method),
    }
}

/// The name of a method.
pub fn method_name(method: Method) -> String {
    match method {
        Method::Bc => "Behaviour cloning".to_owned(),
        Method::Diffuser => "Diffuser".to_owned(),
        Method::Dd => "Decision Diffuser".to_owned(),
        Method::Dt => "Decision Transformer".to_owned(),
        other => other.name().to_uppercase(),
    }
}
