//! Times of repetitions, and what is said about them.

/// How long each repetition took, ms. Never empty.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    sorted: Vec<f64>,
}

impl Times {
    /// Some times, ms; `None` without any.
    pub(crate) fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        (!times.is_empty()).then_some(Self { sorted: times })
    }

    /// The middle one, ms.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// From the first quartile to the third (interquartile range), ms: neither a pause of the machine nor the number
    /// of repetitions changes it much.
    pub(crate) fn spread(&self) -> f64 {
        self.quantile(0.75) - self.quantile(0.25)
    }

    /// Between neighbours, in proportion.
    fn quantile(&self, share: f64) -> f64 {
        let at = share * (self.sorted.len() - 1) as f64;
        let (low, high) = (self.sorted[at.floor() as usize], self.sorted[at.ceil() as usize]);
        low + (high - low) * at.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_taken_between_neighbours() {
        assert!(Times::of(Vec::new()).is_none());
        let one = Times::of(vec![7.0]).unwrap();
        assert_eq!((one.median(), one.spread()), (7.0, 0.0));
        let even = Times::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((even.median(), even.spread()), (2.5, 1.5));
        let outlier = Times::of(vec![1.0, 2.0, 1000.0, 2.0, 3.0]).unwrap();
        assert_eq!((outlier.median(), outlier.spread()), (2.0, 1.0));
    }
}
