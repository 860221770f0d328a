//! WebGPU beside the CPU: where there is a real adapter, a second worker gets ready on it while the first decides on the
//! CPU. A decision is measured on both, once, and the faster one goes on with the run.

use super::{Backend, Command, DeviceInfo, Level, State, ToPage, ToWorker, Weights, Worker};

/// The second worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    device: Option<DeviceInfo>,
    /// Milliseconds per decision, on the CPU and on WebGPU.
    millis: [Option<f64>; 2],
}

impl State {
    /// Tries WebGPU where the browser has an adapter that is worth it, once the CPU decides.
    pub(super) fn try_gpu(&mut self, commands: &mut Vec<Command>) {
        let on_cpu = self.ready().is_some_and(|(device, _)| !device.webgpu);
        if self.adapter && self.backend == Backend::Auto && self.trial.is_none() && on_cpu {
            self.trial = Some(Trial { device: None, millis: [None; 2] });
            commands.push(Command::StartTrial { bundle: self.bundle.clone() });
        }
    }

    /// Takes a message of the second worker.
    pub(super) fn hear_trial(&mut self, message: ToPage, commands: &mut Vec<Command>) {
        let own = self.ready().map(|(_, weights)| weights.hash.clone());
        let Some(trial) = &mut self.trial else { return };
        match message {
            ToPage::Ready { device, weights } if device.webgpu && own.as_ref() == Some(&weights.hash) => {
                trial.device = Some(device);
                let plan = self.plan.clone();
                commands.push(Command::SendTrial(ToWorker::Measure { plan: plan.clone() }));
                commands.push(Command::Send(ToWorker::Measure { plan }));
            }
            ToPage::Measured { loaded, millis } if own.as_ref() == Some(&loaded) => {
                trial.millis[1] = Some(millis);
                self.decide(commands);
            }
            ToPage::Ready { .. } | ToPage::Measured { .. } | ToPage::Failed { .. } => {
                self.end_trial(commands)
            }
            _ => {}
        }
    }

    /// The first worker has measured a decision.
    pub(super) fn measured(&mut self, loaded: &str, millis: f64, commands: &mut Vec<Command>) {
        let own = self.ready().is_some_and(|(_, weights)| weights.hash == loaded);
        if let Some(trial) = self.trial.as_mut().filter(|_| own) {
            trial.millis[0] = Some(millis);
            self.decide(commands);
        }
    }

    fn decide(&mut self, commands: &mut Vec<Command>) {
        let Some(Trial { device: Some(device), millis: [Some(cpu), Some(gpu)] }) = &self.trial else {
            return;
        };
        let (device, cpu, gpu) = (device.clone(), *cpu, *gpu);
        if gpu < cpu {
            self.trial = None;
            self.adapter = false;
            self.notify(
                Level::Info,
                format!(
                    "Decisions now come from {}: {gpu:.1} ms each, {cpu:.1} ms on the CPU.",
                    device.label()
                ),
            );
            if let Worker::Ready(_, weights) = &self.worker {
                let weights = weights.clone();
                commands.push(Command::AdoptTrial);
                self.adopt(device, weights, commands);
            }
        } else {
            self.notify(
                Level::Info,
                format!(
                    "Decisions stay on the CPU: {cpu:.1} ms each, {gpu:.1} ms on {}. Choose WebGPU in the settings to use it \
                     all the same.",
                    device.label()
                ),
            );
            self.end_trial(commands);
        }
    }

    /// Goes on with the run in the second worker.
    fn adopt(&mut self, device: DeviceInfo, weights: Weights, commands: &mut Vec<Command>) {
        self.worker = Worker::Ready(device, weights);
        self.run = None;
        self.renew_rival();
        self.forget_insight();
        commands.extend(self.teach());
        commands.extend(self.introduce());
        commands.extend(self.resume());
    }

    /// Ends a trial that came to no result: the next worker that decides on the CPU calls for another.
    pub(super) fn interrupt_trial(&mut self, commands: &mut Vec<Command>) {
        if self.trial.take().is_some() {
            commands.push(Command::EndTrial);
        }
    }

    pub(super) fn end_trial(&mut self, commands: &mut Vec<Command>) {
        // Once is enough.
        self.adapter = false;
        if self.trial.take().is_some() {
            commands.push(Command::EndTrial);
        }
    }
}
