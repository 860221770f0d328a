//! How the page looks, and what it tells the user.

use super::{Cause, Command, Launch, Part};

/// Actions on the look of the page.
#[derive(Clone, Debug)]
pub enum ViewAction {
    Theme(Theme),
    /// The system has turned dark or light.
    SystemDark(bool),
    Layers(Layers),
    SwitchValues,
    Help(bool),
    /// Something was typed that cannot be used.
    Invalid(String),
    /// Put a notice away.
    Dismiss(usize),
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

/// Layers drawn on the maze besides walls and ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// V over the maze.
    pub values: bool,
    /// The candidates.
    pub plans: bool,
}

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// Something the user must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

/// How the page looks.
#[derive(Clone, Debug)]
pub struct View {
    theme: Theme,
    system_dark: bool,
    layers: Layers,
    embed: bool,
    help: bool,
    notices: Vec<Notice>,
}

impl View {
    pub(super) fn new(launch: &Launch) -> Self {
        Self {
            theme: launch.theme,
            system_dark: launch.dark,
            layers: Layers { values: true, plans: true },
            embed: launch.embed,
            help: false,
            notices: Vec::new(),
        }
    }

    /// The theme chosen.
    pub fn theme(&self) -> Theme {
        self.theme
    }

    pub(super) fn system_dark(&self) -> bool {
        self.system_dark
    }

    pub fn layers(&self) -> Layers {
        self.layers
    }

    /// Returns true if only the figure is shown, for other pages.
    pub fn embed(&self) -> bool {
        self.embed
    }

    /// Returns true while the help is open.
    pub fn help(&self) -> bool {
        self.help
    }

    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    pub(super) fn notify(&mut self, level: Level, text: String) {
        let notice = Notice { level, text };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Puts errors away.
    pub(super) fn forgive(&mut self) {
        self.notices.retain(|notice| notice.level != Level::Error);
    }

    pub(super) fn act(&mut self, action: ViewAction, commands: &mut Vec<Command>) {
        match action {
            ViewAction::Theme(theme) => {
                self.theme = theme;
                commands.push(Command::RememberTheme(theme));
            }
            ViewAction::SystemDark(dark) => self.system_dark = dark,
            ViewAction::Layers(layers) => self.layers = layers,
            ViewAction::SwitchValues => self.layers.values = !self.layers.values,
            ViewAction::Help(help) => self.help = help,
            ViewAction::Invalid(text) => self.notify(Level::Error, text),
            ViewAction::Dismiss(index) => {
                if index < self.notices.len() {
                    self.notices.remove(index);
                }
            }
        }
    }
}

impl Part for View {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            // They were about the weights of before.
            Cause::Weights => self.notices.clear(),
            Cause::Device
            | Cause::Failure
            | Cause::Task
            | Cause::Critic
            | Cause::World
            | Cause::Run
            | Cause::Link => {}
        }
    }
}
