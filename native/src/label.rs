//! Rewards for data that have none: those of reaching a place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place that is rewarded: 1 for a step that ends within the radius of it, by the first two numbers of the state that
/// follows; 0 for any other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RewardAt {
    /// The place, in the units of the data.
    pub place: [f64; 2],
    /// The radius around it, in the same units.
    pub radius: f64,
}

impl RewardAt {
    /// The reward of a step into a state of at least two numbers.
    pub(crate) fn reward(self, state: &[f32]) -> f32 {
        let [x, y] = [0, 1].map(|i| f64::from(state[i]) - self.place[i]);
        f32::from(u8::from(x.hypot(y) <= self.radius))
    }
}

impl FromStr for RewardAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').map_while(|number| number.trim().parse().ok()).collect();
        match *numbers {
            [x, y, radius]
                if text.matches(',').count() == 2
                    && numbers.iter().all(|number| number.is_finite())
                    && radius > 0.0 =>
            {
                Ok(Self { place: [x, y], radius })
            }
            _ => Err(
                "expected a place and a radius above 0, three numbers with ',' between them, such as 3,1,0.5"
                    .to_owned(),
            ),
        }
    }
}

impl TryFrom<String> for RewardAt {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RewardAt> for String {
    fn from(at: RewardAt) -> Self {
        at.to_string()
    }
}

impl fmt::Display for RewardAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: [x, y], radius } = self;
        write!(f, "{x},{y},{radius}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_with_a_radius_is_three_numbers_and_nothing_else() {
        let at = RewardAt { place: [3.0, -1.5], radius: 0.5 };
        for text in ["3,-1.5,0.5", " 3 , -1.5 , 5e-1 "] {
            assert_eq!(text.parse(), Ok(at), "{text}");
        }
        assert_eq!(at.to_string().parse(), Ok(at));
        for text in [
            "",
            "3",
            "3,1",
            "3,1,",
            "3,1,0.5,2",
            "3,1,0.5,",
            ",,",
            "3,1,0",
            "3,1,-1",
            "NaN,1,1",
            "3,1,inf",
            "3;1;1",
            "3,x,1",
        ] {
            let error = text.parse::<RewardAt>().unwrap_err();
            assert!(error.contains("three numbers"), "{text}: {error}");
        }
    }

    #[test]
    fn the_edge_belongs_to_the_place() {
        let at: RewardAt = "3,1,0.5".parse().unwrap();
        for (state, reward) in [([3.0, 1.0], 1.0), ([3.0, 1.5], 1.0), ([3.3, 0.6], 1.0), ([3.4, 0.6], 0.0)] {
            assert_eq!(at.reward(&state), reward, "{state:?}");
        }
    }
}
