//! WebGPU beside the CPU: where there is a real adapter, a second worker gets ready on it while the first decides on the
//! CPU. A decision is measured on both, once, and the faster one goes on with the run.

use super::{Command, Deciding, Worker};
use crate::messages::{Backend, DeviceInfo, Plan, ToPage, ToWorker};

/// The second worker.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::state) struct Trial {
    device: Option<DeviceInfo>,
    /// Milliseconds per decision, on the CPU and on WebGPU.
    millis: [Option<f64>; 2],
}

/// The result of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::state) struct Verdict {
    pub device: DeviceInfo,
    /// Milliseconds per decision, on the CPU and on WebGPU.
    pub millis: [f64; 2],
}

impl Verdict {
    /// Returns true if WebGPU is the faster one.
    pub(crate) fn is_for_webgpu(&self) -> bool {
        self.millis[1] < self.millis[0]
    }
}

impl Deciding {
    /// Takes note of an adapter.
    pub(in crate::state) fn offer_adapter(&mut self, commands: &mut Vec<Command>) {
        self.adapter = true;
        self.try_gpu(commands);
    }

    /// Tries WebGPU where the browser has an adapter that is worth it, once the CPU decides.
    pub(in crate::state) fn try_gpu(&mut self, commands: &mut Vec<Command>) {
        let on_cpu =
            self.ready().is_some_and(|(device, weights)| !device.webgpu && weights.settings.plan().is_some());
        if self.adapter && self.backend == Backend::Auto && self.trial.is_none() && on_cpu {
            self.trial = Some(Trial { device: None, millis: [None; 2] });
            commands.push(Command::StartTrial { bundle: self.bundle.clone() });
        }
    }

    /// Takes a message of the second worker; `plan` is what both measure.
    pub(in crate::state) fn hear_trial(
        &mut self,
        message: ToPage,
        plan: &Plan,
        commands: &mut Vec<Command>,
    ) -> Option<Verdict> {
        let own = self.ready().map(|(_, weights)| weights.hash.clone());
        let trial = self.trial.as_mut()?;
        match message {
            ToPage::Ready { device, weights } if device.webgpu && own.as_ref() == Some(&weights.hash) => {
                trial.device = Some(device);
                let measure = ToWorker::Measure { plan: plan.clone() };
                commands.push(Command::SendTrial(measure.clone()));
                commands.push(Command::Send(measure));
                None
            }
            ToPage::Measured { loaded, millis } if own.as_ref() == Some(&loaded) => {
                trial.millis[1] = Some(millis);
                self.verdict()
            }
            ToPage::Ready { .. } | ToPage::Measured { .. } | ToPage::Failed { .. } => {
                self.end_trial(commands);
                None
            }
            _ => None,
        }
    }

    /// The first worker has measured a decision, with the bundle of this hash.
    pub(in crate::state) fn measured(&mut self, loaded: &str, millis: f64) -> Option<Verdict> {
        let own = self.ready().is_some_and(|(_, weights)| weights.hash == loaded);
        let trial = self.trial.as_mut().filter(|_| own)?;
        trial.millis[0] = Some(millis);
        self.verdict()
    }

    fn verdict(&self) -> Option<Verdict> {
        match &self.trial {
            Some(Trial { device: Some(device), millis: [Some(cpu), Some(gpu)] }) => {
                Some(Verdict { device: device.clone(), millis: [*cpu, *gpu] })
            }
            _ => None,
        }
    }

    /// The second worker takes the place of the first.
    pub(in crate::state) fn adopt_trial(&mut self, device: DeviceInfo, commands: &mut Vec<Command>) {
        let Worker::Ready(before, _) = &mut self.worker else { return };
        *before = device;
        self.trial = None;
        self.adapter = false;
        commands.push(Command::AdoptTrial);
    }

    /// Ends a trial that came to no result: the next worker that decides on the CPU calls for another.
    pub(super) fn interrupt_trial(&mut self, commands: &mut Vec<Command>) {
        if self.trial.take().is_some() {
            commands.push(Command::EndTrial);
        }
    }

    /// Ends the trial for good.
    pub(in crate::state) fn end_trial(&mut self, commands: &mut Vec<Command>) {
        // Once is enough.
        self.adapter = false;
        self.interrupt_trial(commands);
    }

    #[cfg(test)]
    pub(in crate::state) fn tries_gpu(&self) -> bool {
        self.trial.is_some()
    }
}
