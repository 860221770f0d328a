//! Stage 3: the values of states and of state-latent pairs (Eq. 5-7, Alg. 1).

mod loss;
mod networks;
mod rewards;

pub use loss::{
    BootstrapTerms, bootstrap_factor, expectile_loss, importance_weighted, ldcq_targets, td_targets,
};
pub use networks::{QNetwork, TwinQ, VNetwork};
pub use rewards::{RewardError, check_rewards};
