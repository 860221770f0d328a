//! The device suite on the CPU.

use diar_tests::{subjects, suite};

macro_rules! on_the_cpu {
    ($($subject:ident),*) => {
        $(
            #[test]
            fn $subject() {
                pollster::block_on(suite::$subject(&burn::tensor::Device::flex()));
            }
        )*
    };
}

subjects!(on_the_cpu);
