//! What an operator does at the wizard again and again, by the keys that its screens name.

use crate::Pty;
use std::time::Duration;

impl Pty {
    /// Waits until every step of the flowchart has its verdict, and returns the screen.
    ///
    /// # Panics
    /// With the full screen, when it did not come to that in time.
    pub fn wait_for_verdicts(&mut self, within: Duration) -> String {
        self.wait_until("the flowchart with a verdict for every step", within, |screen| {
            screen.contains("Heartbeat") && !screen.lines().any(|line| line.contains(" .. "))
        })
    }

    /// Presses the number of the page's action whose label begins so.
    ///
    /// # Panics
    /// With the full screen, when there is no such action in time.
    pub fn choose(&mut self, label: &str, within: Duration) {
        let screen = self.wait_until(label, within, |screen| number_of(screen, label).is_some());
        self.send(&number_of(&screen, label).unwrap_or('1').to_string());
    }

    /// Fills the fields of a form, from the first one on, and gives them to the wizard.
    ///
    /// # Panics
    /// With the full screen, when no form comes in time.
    pub fn fill_in(&mut self, answers: &[&str], within: Duration) {
        self.wait_for("Enter accept", within);
        for answer in answers {
            self.send("C-u");
            self.send(answer);
            self.send("Enter");
        }
        self.send("Enter");
    }

    /// Presses the first button of a preview that changes something.
    ///
    /// # Panics
    /// With the full screen, when no preview comes in time.
    pub fn confirm(&mut self, within: Duration) {
        self.wait_for("[ Cancel ]", within);
        self.press_second();
    }

    /// Presses the second button in a row: the first one never changes anything.
    pub fn press_second(&mut self) {
        self.send("Right");
        self.send("Enter");
    }
}

/// The number before an action of the page.
fn number_of(screen: &str, label: &str) -> Option<char> {
    screen.lines().find_map(|line| {
        let (before, _) = line.split_once(label)?;
        before.trim_end().chars().next_back().filter(char::is_ascii_digit)
    })
}
