//! Messages of the worker that decides, of the one beside it, and what goes wrong in them.

use super::run::Computation;
use super::{Cause, Command, DecidingAction, Level, State, Verdict, Worker};
use crate::messages::{Backend, DeviceInfo, Failure, ToPage, Weights};

impl State {
    pub(super) fn fold_deciding(&mut self, action: DecidingAction, commands: &mut Vec<Command>) {
        match action {
            DecidingAction::Heard(message) => self.hear(message, commands),
            DecidingAction::Broken(reason) => self.fail(Failure::Compute, &reason, commands),
            DecidingAction::Retry => {
                self.view.forgive();
                self.start_worker(Cause::Device, commands);
            }
            DecidingAction::Backend(backend) => {
                if backend != self.deciding.backend() || self.deciding.failed() {
                    self.deciding.choose_backend(backend);
                    self.start_worker(Cause::Device, commands);
                }
            }
            DecidingAction::Weights(address) => {
                self.deciding.choose_bundle(address);
                self.start_worker(Cause::Weights, commands);
            }
            DecidingAction::Adapter => self.deciding.offer_adapter(commands),
            DecidingAction::Trial(Some(message)) => {
                if let Some(verdict) = self.deciding.hear_trial(message, self.run.plan(), commands) {
                    self.decide(&verdict, commands);
                }
            }
            DecidingAction::Trial(None) => self.deciding.end_trial(commands),
        }
    }

    /// Replaces the worker by another one.
    fn start_worker(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        self.reset(cause, commands);
        self.deciding.start(commands);
    }

    fn hear(&mut self, message: ToPage, commands: &mut Vec<Command>) {
        match message {
            ToPage::Progress { loaded, total } => self.deciding.comes_on(Worker::Fetching { loaded, total }),
            ToPage::Preparing { device } => self.deciding.comes_on(Worker::Preparing(device)),
            ToPage::Ready { device, weights } => self.loaded(device, weights, commands),
            ToPage::Second { loaded, address, weights } => self.take_second(&loaded, &address, weights),
            ToPage::Measured { loaded, millis } => {
                if let Some(verdict) = self.deciding.measured(&loaded, millis) {
                    self.decide(&verdict, commands);
                }
            }
            ToPage::Field { field } => self.paint(field),
            ToPage::Begun { generation, start } => self.begun(generation, start),
            ToPage::Events { generation, events, millis } => {
                if self.comparison.plan_of(generation).is_some() {
                    self.comparison.extend(events);
                } else {
                    self.run.extend(generation, events, millis);
                }
            }
            ToPage::Idle { generation } => {
                self.run.idle(generation);
                self.comparison.idle(generation);
            }
            ToPage::Imagined { ticket, ways, values } => self.insight.imagined(ticket, ways, values),
            ToPage::Denoised { ticket, trail } => self.insight.denoised(ticket, trail),
            ToPage::Scored { ticket, contacts, done } => self.scoring.scored(ticket, contacts, done),
            ToPage::Failed { failure, generation: Some(generation), message }
                if self.comparison.plan_of(generation).is_some() =>
            {
                self.comparison.abandon();
                let what = if failure == Failure::Run { "cannot begin" } else { "cannot go on" };
                self.view.notify(Level::Error, format!("The other run {what}: {message}."));
            }
            ToPage::Failed { failure, generation, message } => {
                let own = self.run.computation().map(Computation::generation);
                // A failure of a run that is no longer wanted is no news.
                if generation.is_none() || generation == own {
                    self.fail(failure, &message, commands);
                }
            }
        }
    }

    /// The worker can decide.
    fn loaded(&mut self, device: DeviceInfo, weights: Weights, commands: &mut Vec<Command>) {
        if self.deciding.is_another(&weights) {
            self.reset(Cause::Weights, commands);
            let text = "The weights have changed at their address since they were loaded first: the page begins anew.";
            self.view.notify(Level::Info, text.into());
        }
        if let Some(note) = &device.note {
            let as_wanted = device.webgpu || self.deciding.backend() != Backend::Webgpu;
            self.view.notify(if as_wanted { Level::Info } else { Level::Warning }, note.clone());
        }
        self.deciding.comes_on(Worker::Ready(device, weights));
        self.go_on(commands);
        self.deciding.try_gpu(commands);
    }

    /// Gives a worker that can decide all that it does not know yet, and goes on with the run.
    fn go_on(&mut self, commands: &mut Vec<Command>) {
        commands.extend(self.retraining.teach());
        commands.extend(self.comparison.introduce());
        self.resume(commands);
    }

    /// Decides on the device after a trial of WebGPU.
    fn decide(&mut self, verdict: &Verdict, commands: &mut Vec<Command>) {
        let ([cpu, gpu], device) = (verdict.millis, &verdict.device);
        let label = device.label();
        if verdict.is_for_webgpu() {
            let text = format!("Decisions now come from {label}: {gpu:.1} ms each, {cpu:.1} ms on the CPU.");
            self.view.notify(Level::Info, text);
            self.deciding.adopt_trial(device.clone(), commands);
            self.reset(Cause::Device, commands);
            self.go_on(commands);
        } else {
            let text = format!(
                "Decisions stay on the CPU: {cpu:.1} ms each, {gpu:.1} ms on {label}. Choose WebGPU in the settings to use \
                 it all the same."
            );
            self.view.notify(Level::Info, text);
            self.deciding.end_trial(commands);
        }
    }

    fn fail(&mut self, failure: Failure, message: &str, commands: &mut Vec<Command>) {
        match failure {
            Failure::Compute | Failure::DeviceLost if self.deciding.on_webgpu() => {
                self.view.notify(
                    Level::Warning,
                    format!("WebGPU failed on the way ({message}). The same run goes on on the CPU, from the same seed."),
                );
                self.deciding.choose_backend(Backend::Cpu);
                self.start_worker(Cause::Device, commands);
            }
            Failure::Compute | Failure::DeviceLost | Failure::Weights => {
                let text = if failure == Failure::Weights {
                    message.to_owned()
                } else {
                    format!("Computing decisions failed: {message}.")
                };
                self.view.notify(Level::Error, text);
                self.reset(Cause::Failure, commands);
                self.deciding.comes_on(Worker::Failed(message.to_owned()));
            }
            Failure::Run => {
                self.view.notify(Level::Error, format!("This run cannot begin: {message}."));
                self.run.abandon();
                self.cursor.pause();
            }
            Failure::Critic => {
                self.view.notify(Level::Error, message.to_owned());
                self.revert_critic(commands);
            }
            // A trial that fails is no news.
            Failure::Measure => self.deciding.end_trial(commands),
            Failure::Insight => {
                self.view.notify(Level::Error, message.to_owned());
                self.insight.missed();
            }
            Failure::Scoring => {
                self.view.notify(Level::Error, message.to_owned());
                self.scoring.end();
            }
        }
    }
}
