//! A form: one row a value, judged as it is typed, each row skippable. Pure text editing; no terminal.

use super::Key;
use crate::core::context::{Field, InstallParameter};
use crate::core::remedies::{InputId, Inputs};
use crate::core::text::Text;
use std::net::Ipv4Addr;
use tui_input::{Input, InputRequest};

/// What the values are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What the operator knows of the cloud side; kept and remembered.
    Context,
    /// The inputs of the remedy that is being planned.
    Remedy,
}

/// A value that can be chosen instead of typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    /// What it is, for people; empty when the value says it all.
    pub label: Text,
}

/// The lists that rows choose from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offered<'a> {
    pub regions: &'a [Choice],
    /// The addresses of this host.
    pub addresses: &'a [Choice],
}

/// One value.
#[derive(Debug, Clone)]
pub struct Row {
    pub input: InputId,
    pub edit: Input,
    /// Why the text is not acceptable; None while it is, or is empty.
    pub error: Option<Text>,
    choices: Vec<Choice>,
    /// What stood here before anything was typed.
    before: String,
    /// The marked one among those that match the text: what Enter takes. None while the row is left empty.
    pub picked: Option<usize>,
    /// Whether the row may not stay empty, so that a line is marked from the beginning.
    is_needed: bool,
}

impl Row {
    fn new(input: InputId, value: String, choices: Vec<Choice>, is_needed: bool) -> Row {
        let edit = Input::new(value.clone());
        let mut row = Row { input, before: value, edit, error: None, choices, picked: None, is_needed };
        row.mark();
        row
    }

    /// Marks what is typed as a whole among all that are then listed, else the first line. An empty row that no remedy
    /// needs has no mark: Enter leaves it empty, and a mark would say otherwise.
    fn mark(&mut self) {
        let typed = self.edit.value().trim();
        let whole = self.matching().iter().position(|choice| choice.value == typed);
        self.picked = whole.or((self.is_needed || !typed.is_empty()).then_some(0));
    }

    /// The choices that match what is typed: all of them while the text is empty or one of them as a whole.
    pub fn matching(&self) -> Vec<&Choice> {
        let typed = self.edit.value().trim().to_lowercase();
        if typed.is_empty() || self.choices.iter().any(|choice| choice.value == typed) {
            return self.choices.iter().collect();
        }
        let hits = |choice: &&Choice| {
            choice.value.contains(&typed)
                || choice.label.get(crate::core::text::Lang::En).to_lowercase().contains(&typed)
                || choice.label.get(crate::core::text::Lang::Zh).contains(&typed)
        };
        self.choices.iter().filter(hits).collect()
    }

    /// All choices of a row that has a list, whatever is typed.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// Whether this row chooses from a list.
    pub fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }
}

/// What a key did to the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormKey {
    /// The form took it.
    Taken,
    /// The button was pressed, or Ctrl-S anywhere, and every value is acceptable.
    Submitted,
    /// Not a key of the form.
    Ignored,
}

/// The rows and, below them, one button.
#[derive(Debug, Clone)]
pub struct Form {
    pub title: Text,
    pub purpose: Purpose,
    pub rows: Vec<Row>,
    /// The row with the cursor; `rows.len()` is the button.
    pub focus: usize,
    /// What is to be said of the values that were accepted.
    pub said: Option<Text>,
    /// The values behind the rows, kept acceptable at all times.
    inputs: Inputs,
}

impl Form {
    /// A form for these values, each with a suggestion that fills its row when nothing was told.
    pub fn new(title: Text, purpose: Purpose, wanted: &[(InputId, String)], inputs: Inputs, offered: Offered) -> Form {
        let rows = wanted
            .iter()
            .map(|(input, suggestion)| {
                let value = match inputs.get(*input) {
                    told if told.is_empty() => suggestion.clone(),
                    told => told,
                };
                let plain = |values: &[&str]| -> Vec<Choice> {
                    values.iter().map(|value| Choice { value: value.to_string(), label: Text::same("") }).collect()
                };
                let choices = match input {
                    InputId::Context(Field::Region) => offered.regions.to_vec(),
                    InputId::Context(field) => plain(field.choices()),
                    InputId::Ip => offered.addresses.to_vec(),
                    InputId::CreateGroup => plain(&["yes", "no"]),
                    InputId::Force => plain(&["no", "yes"]),
                    InputId::OldIp => Vec::new(),
                };
                Row::new(*input, value, choices, purpose == Purpose::Remedy)
            })
            .collect();
        let mut form = Form { title, purpose, rows, focus: 0, said: None, inputs };
        for row in 0..form.rows.len() {
            form.judge(row);
        }
        form
    }

    /// The acceptable values: of the rows that are acceptable what they say, of the others what was there before.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Whether something was typed or chosen that closing the form loses.
    pub fn is_touched(&self) -> bool {
        self.rows.iter().any(|row| row.edit.value() != row.before)
    }

    /// Whether the field with the cursor chooses from a list that has a line.
    pub fn has_list(&self) -> bool {
        self.rows.get(self.focus).is_some_and(|row| row.has_choices() && !row.matching().is_empty())
    }

    /// Handles a key.
    pub fn handle(&mut self, key: &Key) -> FormKey {
        let on_button = self.focus >= self.rows.len();
        match key {
            Key::Tab => self.focus = (self.focus + 1).min(self.rows.len()),
            Key::BackTab => self.focus = self.focus.saturating_sub(1),
            Key::Enter if on_button => return self.submit(),
            // From any row, as Enter on it and then on the button.
            Key::Ctrl('s') => {
                self.take_picked();
                return self.submit();
            }
            Key::Enter => {
                self.take_picked();
                // What is refused is mended where it stands.
                let is_refused = self.rows.get(self.focus).is_some_and(|row| row.error.is_some());
                self.focus += usize::from(!is_refused);
            }
            Key::Up if on_button => self.focus = self.focus.saturating_sub(1),
            Key::Up => self.pick_or_move(false),
            Key::Down if !on_button => self.pick_or_move(true),
            Key::Paste(text) if !on_button => {
                for c in text.trim().chars() {
                    // A pasted list keeps its separators; other control characters have no business in a value.
                    let c = if c.is_control() { ' ' } else { c };
                    self.edit(InputRequest::InsertChar(c));
                }
            }
            Key::Char(c) if !on_button => self.edit(InputRequest::InsertChar(*c)),
            Key::Backspace if !on_button => self.edit(InputRequest::DeletePrevChar),
            Key::Delete if !on_button => self.edit(InputRequest::DeleteNextChar),
            Key::Left if !on_button => self.edit(InputRequest::GoToPrevChar),
            Key::Right if !on_button => self.edit(InputRequest::GoToNextChar),
            Key::Home if !on_button => self.edit(InputRequest::GoToStart),
            Key::End if !on_button => self.edit(InputRequest::GoToEnd),
            Key::Ctrl('u') if !on_button => self.edit(InputRequest::DeleteLine),
            Key::Ctrl('w') if !on_button => self.edit(InputRequest::DeletePrevWord),
            _ => return FormKey::Ignored,
        }
        FormKey::Taken
    }

    /// Up and Down: through the list of a row that has one while the text is being chosen, else between the rows.
    fn pick_or_move(&mut self, down: bool) {
        let Some(row) = self.rows.get_mut(self.focus) else { return };
        let count = row.matching().len();
        match (down, row.picked) {
            (true, None) if count > 0 => row.picked = Some(0),
            (true, Some(at)) if at + 1 < count => row.picked = Some(at + 1),
            (false, Some(at)) if at > 0 && count > 0 => row.picked = Some(at - 1),
            (true, _) => self.focus += 1,
            (false, _) => self.focus = self.focus.saturating_sub(1),
        }
    }

    /// Enter on a row with a list takes the marked line; a row without a mark stays as it is.
    fn take_picked(&mut self) {
        let focus = self.focus;
        if let Some(row) = self.rows.get_mut(focus)
            && let Some(picked) = row.picked
            && let Some(choice) = row.matching().get(picked)
            // The list of addresses only helps: one that was typed as a whole is meant, though it be of no interface.
            && !(row.input == InputId::Ip && picked == 0 && row.edit.value().trim().parse::<Ipv4Addr>().is_ok())
        {
            row.edit = Input::new(choice.value.clone());
            row.mark();
        }
        self.judge(focus);
    }

    fn edit(&mut self, request: InputRequest) {
        let focus = self.focus;
        let Some(row) = self.rows.get_mut(focus) else { return };
        let before = row.edit.value().to_string();
        row.edit.handle(request);
        if row.edit.value() != before {
            row.mark();
            self.judge(focus);
        }
    }

    /// Judges a row as it stands; an acceptable value is kept behind it.
    fn judge(&mut self, index: usize) {
        if let Some(row) = self.rows.get_mut(index) {
            let is_half_typed_choice = row.has_choices()
                && !row.edit.value().trim().is_empty()
                && !row.choices.iter().any(|choice| choice.value == row.edit.value().trim())
                && !row.matching().is_empty();
            row.error = match self.inputs.set(row.input, row.edit.value()) {
                Err(refusal) if !is_half_typed_choice => Some(refusal),
                _ => None,
            };
        }
    }

    /// Where the installer's parameter stands in the row of the region, the region stays there, and its network type goes
    /// to the row of the network, unless something else was typed there. What was made of it is said.
    fn split(&mut self) {
        let is = |row: &Row, field: Field| row.input == InputId::Context(field);
        let Some(at) = self.rows.iter().position(|row| is(row, Field::Region)) else { return };
        let Some(split) = InstallParameter::of(self.rows[at].edit.value()) else { return };
        self.said = Some(split.text());
        let mut put = |field: Field, value: &str, is_wanted: fn(&Row) -> bool| {
            for row in self.rows.iter_mut().filter(|row| is(row, field) && is_wanted(row)) {
                row.edit = Input::new(value.to_string());
                row.mark();
            }
        };
        put(Field::Region, &split.region, |_| true);
        put(Field::Network, split.network.id(), |row| row.edit.value().trim() == row.before);
        if !self.rows.iter().any(|row| is(row, Field::Network)) {
            // There is no row that could refuse it, and it is one of the three that there are.
            let _ = self.inputs.set(InputId::Context(Field::Network), split.network.id());
        }
    }

    fn submit(&mut self) -> FormKey {
        self.split();
        for index in 0..self.rows.len() {
            self.judge(index);
            let row = &mut self.rows[index];
            if row.error.is_none()
                && let Err(refusal) = self.inputs.set(row.input, row.edit.value())
            {
                row.error = Some(refusal);
            }
        }
        match self.rows.iter().position(|row| row.error.is_some()) {
            Some(wrong) => {
                self.focus = wrong;
                FormKey::Taken
            }
            None => FormKey::Submitted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions() -> Vec<Choice> {
        ["cn-beijing", "cn-hangzhou", "us-east-1"]
            .map(|value| Choice { value: value.into(), label: Text::same("") })
            .to_vec()
    }

    fn form(rows: &[Field]) -> Form {
        let wanted: Vec<_> = rows.iter().map(|field| (InputId::Context(*field), String::new())).collect();
        let regions = regions();
        let offered = Offered { regions: &regions, ..Offered::default() };
        Form::new(Text::same("t"), Purpose::Context, &wanted, Inputs::default(), offered)
    }

    fn type_in(form: &mut Form, text: &str) {
        for c in text.chars() {
            form.handle(&Key::Char(c));
        }
    }

    #[test]
    fn typing_filters_the_regions_and_enter_takes_the_chosen_one() {
        let mut form = form(&[Field::Region]);
        type_in(&mut form, "cn");
        form.handle(&Key::Down);
        form.handle(&Key::Enter);
        assert_eq!(form.inputs().context.region.as_deref(), Some("cn-hangzhou"));
        assert_eq!(form.handle(&Key::Enter), FormKey::Submitted);
    }

    #[test]
    fn a_choice_that_is_typed_as_a_whole_is_taken() {
        let mut form = form(&[Field::Network]);
        type_in(&mut form, "internet");
        form.handle(&Key::Enter);
        assert_eq!(form.inputs().context.network, Some(crate::core::context::NetworkType::Internet));
    }

    #[test]
    fn a_refused_value_is_said_as_it_is_typed_and_blocks_the_button() {
        let mut form = form(&[Field::Aliuid, Field::Project]);
        type_in(&mut form, "alice");
        assert!(form.rows[0].error.is_some());
        form.handle(&Key::Enter);
        assert_eq!(form.focus, 0, "a refused value keeps the cursor");
        form.focus = 2;
        assert_eq!(form.handle(&Key::Enter), FormKey::Taken);
        assert_eq!(form.focus, 0, "the cursor goes to what is wrong");
        form.handle(&Key::Ctrl('u'));
        assert!(form.rows[0].error.is_none(), "an empty row is skipped");
    }

    #[test]
    fn ctrl_s_accepts_the_form_from_any_row_of_it() {
        let mut form = form(&[Field::Region, Field::Network, Field::Project, Field::Aliuid]);
        type_in(&mut form, "us");
        assert_eq!(form.handle(&Key::Ctrl('s')), FormKey::Submitted);
        assert_eq!(form.inputs().context.region.as_deref(), Some("us-east-1"), "the marked line, as by Enter");
        assert_eq!(form.inputs().context.network, None, "what was not touched stays untold");
        form.focus = 3;
        type_in(&mut form, "alice");
        form.focus = 0;
        assert_eq!(form.handle(&Key::Ctrl('s')), FormKey::Taken);
        assert_eq!(form.focus, 3, "the cursor goes to what is wrong");
        form.focus = form.rows.len();
        form.rows[3].edit = Input::default();
        assert_eq!(form.handle(&Key::Ctrl('s')), FormKey::Submitted, "on the button, too");
    }

    #[test]
    fn the_installers_parameter_is_split_into_its_two_rows_and_that_is_said() {
        for rows in [&[Field::Region, Field::Network][..], &[Field::Region]] {
            let mut form = form(rows);
            type_in(&mut form, "cn_hangzhou_internet");
            form.focus = form.rows.len();
            assert_eq!(form.handle(&Key::Enter), FormKey::Submitted);
            let context = &form.inputs().context;
            assert_eq!(context.region.as_deref(), Some("cn-hangzhou"));
            assert_eq!(context.network, Some(crate::core::context::NetworkType::Internet));
            assert!(form.said.as_ref().is_some_and(|said| said.get(crate::core::text::Lang::En).contains("installer")));
        }
    }

    #[test]
    fn an_untouched_choice_stays_untold() {
        let mut form = form(&[Field::Network, Field::SameAccount]);
        for _ in 0..3 {
            form.handle(&Key::Enter);
        }
        assert_eq!(form.inputs().context, Inputs::default().context);
    }

    #[test]
    fn every_line_of_a_list_can_be_chosen_and_enter_takes_what_is_marked() {
        for (downs, taken) in [(0, ""), (1, "intranet"), (2, "internet")] {
            let mut form = form(&[Field::Network]);
            for _ in 0..downs {
                form.handle(&Key::Down);
            }
            let marked = form.rows[0].picked.map_or("", |at| form.rows[0].matching()[at].value.as_str()).to_string();
            form.handle(&Key::Enter);
            assert_eq!((marked.as_str(), form.inputs().context.get(Field::Network).as_str()), (taken, taken));
        }
    }

    #[test]
    fn enter_takes_the_marked_line_where_a_remedy_needs_it() {
        let wanted = [(InputId::Context(Field::Network), String::new())];
        let mut form = Form::new(Text::same("t"), Purpose::Remedy, &wanted, Inputs::default(), Offered::default());
        form.handle(&Key::Enter);
        assert_eq!(form.inputs().context.get(Field::Network), "intranet");
    }

    #[test]
    fn the_addresses_of_this_host_are_offered_and_another_one_may_be_typed() {
        let addresses: Vec<_> = ["10.0.0.17", "192.168.1.4"]
            .map(|value| Choice { value: value.into(), label: Text::same("eth0") })
            .to_vec();
        let offered = Offered { addresses: &addresses, ..Offered::default() };
        let wanted = [(InputId::Ip, String::new())];
        let form = || Form::new(Text::same("t"), Purpose::Remedy, &wanted, Inputs::default(), offered);
        let taken = |keys: &[Key]| {
            let mut form = form();
            for key in keys {
                form.handle(key);
            }
            form.inputs().get(InputId::Ip)
        };
        assert!(form().has_list());
        assert_eq!(taken(&[Key::Enter]), "10.0.0.17");
        assert_eq!(taken(&[Key::Down, Key::Enter]), "192.168.1.4");
        assert_eq!(taken(&[Key::Paste("192".into()), Key::Enter]), "192.168.1.4");
        assert_eq!(taken(&[Key::Paste("10.0.0.1".into()), Key::Enter]), "10.0.0.1", "typed as a whole");
    }

    #[test]
    fn a_pasted_list_of_addresses_is_taken() {
        let mut form = form(&[Field::GroupIp]);
        form.handle(&Key::Paste("10.0.0.1\r\n10.0.0.2\n".into()));
        assert_eq!(form.inputs().context.group_ips.len(), 2);
    }
}
