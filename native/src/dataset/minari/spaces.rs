//! Gymnasium's spaces, as Minari writes them: a JSON text in which Python has written numbers that JSON lacks.

use serde_json::Value;

use super::super::Bounds;

/// A space of observations or actions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Space {
    /// Numbers between bounds.
    Box(Bounds),
    /// Another one, by its name.
    Other(String),
}

impl Space {
    /// A space from its text; of a dictionary of spaces, the one of that name. None where there is no space, or one that is
    /// not understood.
    pub(super) fn of(text: &Value, part: Option<&str>) -> Option<Self> {
        let space = tree(text)?;
        match (space["type"].as_str()?, part) {
            ("Dict", Some(part)) => Self::numbers(&space["subspaces"][part]),
            _ => Self::numbers(&space),
        }
    }

    fn numbers(space: &Value) -> Option<Self> {
        let kind = space["type"].as_str()?;
        if kind != "Box" {
            return Some(Self::Other(kind.to_owned()));
        }
        let bounds = |name: &str| {
            let mut numbers = Vec::new();
            flatten(&space[name], &mut numbers)?;
            Some(numbers)
        };
        let (low, high) = (bounds("low")?, bounds("high")?);
        (low.len() == high.len()).then_some(Self::Box(Bounds { low, high }))
    }
}

/// A space's text as JSON.
fn tree(text: &Value) -> Option<Value> {
    let text = text.as_str()?.replace("-Infinity", "\"-inf\"").replace("Infinity", "\"inf\"");
    serde_json::from_str(&text).ok()
}

/// Names of the spaces in a dictionary of spaces, but for one; none where it is another space.
pub(super) fn beside(text: &Value, part: &str) -> Vec<String> {
    let space = tree(text).unwrap_or_default();
    let names = space["subspaces"].as_object().into_iter().flat_map(|spaces| spaces.keys());
    names.filter(|name| *name != part).cloned().collect()
}

/// Numbers in nested lists; infinite ones are texts.
fn flatten(value: &Value, numbers: &mut Vec<f32>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, numbers)),
        Value::Number(number) => {
            numbers.push(number.as_f64()? as f32);
            Some(())
        }
        Value::String(text) => {
            numbers.push(text.parse().ok()?);
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_have_their_bounds_and_other_spaces_their_names() {
        let of = |text: &str, part| Space::of(&Value::from(text), part);
        let ball = r#"{"type": "Box", "shape": [2], "low": [-Infinity, -1.5], "high": [Infinity, 1]}"#;
        let bounds = Bounds { low: vec![f32::NEG_INFINITY, -1.5], high: vec![f32::INFINITY, 1.0] };
        assert_eq!(of(ball, None), Some(Space::Box(bounds.clone())));
        assert_eq!(of(ball, Some("observation")), Some(Space::Box(bounds.clone())));
        let parts = format!(r#"{{"type": "Dict", "subspaces": {{"goal": 3, "observation": {ball}}}}}"#);
        assert_eq!(of(&parts, Some("observation")), Some(Space::Box(bounds)));
        assert_eq!(of(&parts, None), Some(Space::Other("Dict".to_owned())));
        assert_eq!(of(&parts, Some("other")), None);
        assert_eq!(beside(&Value::from(parts), "observation"), ["goal"]);
        assert!(beside(&Value::from(ball), "observation").is_empty());
        let grid = r#"{"type": "Box", "low": [[0, 1], [2, 3]], "high": [[4, 5], [6, 7]]}"#;
        let Some(Space::Box(grid)) = of(grid, None) else { panic!() };
        assert_eq!(grid.low, [0.0, 1.0, 2.0, 3.0]);
        let discrete = r#"{"type": "Discrete", "dtype": "int64", "start": 0, "n": 4}"#;
        assert_eq!(of(discrete, None), Some(Space::Other("Discrete".to_owned())));
        for broken in
            ["", "{", "3", r#"{"type": "Box", "low": [0], "high": []}"#, r#"{"type": "Box", "low": [null]}"#]
        {
            assert_eq!(of(broken, None), None, "{broken}");
        }
        assert_eq!(Space::of(&Value::Null, None), None);
    }
}
