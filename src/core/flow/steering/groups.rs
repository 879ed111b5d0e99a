//! The list of machine groups: opened, moved in, chosen from.

use super::motion::Motion;
use crate::core::checks::{About, ListedGroup};
use crate::core::context::IdentityKind;
use crate::core::finding::{RemedyId, StepId};
use crate::core::flow::group_layer::GroupLayer;
use crate::core::flow::{Effect, Layer, RemedyLayer, Session};
use crate::core::remedies::Inputs;
use crate::core::text::Text;

/// So many groups on each side of the cursor are read: more than a screen shows.
const AROUND: usize = 20;

impl Session {
    /// The list and its place among the layers, also where the help or a question lies above it.
    fn group_layer(&self) -> Option<(usize, &GroupLayer)> {
        let places = self.layers.iter().enumerate().rev();
        places.into_iter().find_map(|(at, layer)| match layer {
            Layer::Groups(layer) => Some((at, layer)),
            _ => None,
        })
    }

    fn group_layer_mut(&mut self) -> Option<&mut GroupLayer> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Groups(layer) => Some(layer),
            _ => None,
        })
    }

    /// The groups that the filter leaves; empty until the names are there.
    pub fn group_rows(&self) -> Vec<&ListedGroup> {
        let Some((at, layer)) = self.group_layer() else { return Vec::new() };
        let Some(Ok(groups)) = &layer.groups else { return Vec::new() };
        // A filter belongs to the layer on top.
        let is_on_top = at + 1 == self.layers.len();
        groups.iter().filter(|group| !is_on_top || self.leaves(&group.name)).collect()
    }

    pub(super) fn open_groups(&mut self) -> Vec<Effect> {
        self.layers.push(Layer::Groups(GroupLayer::default()));
        vec![Effect::ListGroups(Vec::new())]
    }

    /// The groups were listed, or more is known of some. The cursor stays on its group.
    pub(super) fn groups_listed(&mut self, listed: Result<Vec<ListedGroup>, Text>) -> Vec<Effect> {
        let before = self.chosen_group().map(|group| group.name.clone());
        let Some(layer) = self.group_layer_mut() else { return Vec::new() };
        let is_first = layer.groups.is_none();
        layer.groups = Some(listed);
        // What was told before is where most will look first.
        let wanted = if is_first { self.context.machine_group.clone() } else { before };
        let rows = self.group_rows();
        let at = wanted.and_then(|name| rows.iter().position(|group| group.name == name)).unwrap_or(0);
        if let Some(layer) = self.group_layer_mut() {
            layer.chosen = at;
        }
        self.read_around()
    }

    pub(super) fn chosen_group(&self) -> Option<&ListedGroup> {
        let (_, layer) = self.group_layer()?;
        self.group_rows().get(layer.chosen).copied()
    }

    pub(super) fn group_move(&mut self, motion: Motion, page: usize) {
        let last = self.group_rows().len().saturating_sub(1);
        if let Some(layer) = self.group_layer_mut() {
            layer.chosen = motion.from(layer.chosen, last, page);
        }
    }

    /// Asks about the groups around the cursor of which nothing is known, unless answers are still awaited.
    pub(super) fn read_around(&mut self) -> Vec<Effect> {
        let rows = self.group_rows();
        let Some((_, layer)) = self.group_layer() else { return Vec::new() };
        let first = layer.chosen.saturating_sub(AROUND);
        let unread = |group: &&&ListedGroup| group.about == About::NotRead;
        let near: Vec<&&ListedGroup> = rows.iter().skip(first).take(2 * AROUND + 1).filter(unread).collect();
        let names: Vec<String> = near.iter().map(|group| group.name.clone()).collect();
        if layer.is_reading() || names.is_empty() {
            return Vec::new();
        }
        if let Some(layer) = self.group_layer_mut() {
            layer.asked.extend(names.iter().cloned());
        }
        vec![Effect::ListGroups(names)]
    }

    /// Takes the group under the cursor: from now on it is the one that the host should be in.
    pub(super) fn choose_group(&mut self) -> Vec<Effect> {
        let Some(group) = self.chosen_group().cloned() else { return Vec::new() };
        self.layers.pop();
        self.chosen = 0;
        let mut context = self.context.clone();
        context.machine_group = Some(group.name);
        // What was told of another group says nothing of this one; the service tells what it lists.
        context.group_ips.clear();
        context.custom_id = None;
        context.identity = None;
        if let About::Read { kind, custom_id, .. } = group.about {
            context.identity = kind;
            context.custom_id = custom_id.filter(|_| kind == Some(IdentityKind::Custom));
        }
        context.console_heartbeat = None;
        self.judge(context)
    }

    /// None of the groups fits: the remedy that adds this host, with the choice of a new group.
    pub(super) fn new_group(&mut self) -> Vec<Effect> {
        if matches!(self.layers.last(), Some(Layer::Groups(_))) {
            self.layers.pop();
        }
        let remedy = RemedyId::AddIpToGroup;
        self.layers.push(Layer::Remedy(Box::new(RemedyLayer::new(remedy).chosen_at(Some(StepId::Group)))));
        let mut context = self.context.clone();
        // The name of the group that was told is either none or that of one that does not fit.
        context.machine_group = None;
        let inputs = Inputs { create_group: Some(true), ..Inputs::from_context(&context) };
        vec![Effect::Plan(remedy, Box::new(inputs))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::context::Context;
    use crate::core::flow::*;
    use crate::core::flow::{Event, Key};
    use crate::core::text::Lang;

    fn listed(count: usize) -> Vec<ListedGroup> {
        (0..count).map(|number| ListedGroup { name: format!("group-{number}"), about: About::NotRead }).collect()
    }

    fn read(groups: &mut [ListedGroup], names: &[String]) {
        for group in groups.iter_mut().filter(|group| names.contains(&group.name)) {
            let kind = Some(IdentityKind::Ip);
            group.about = About::Read { kind, lines: 3, has_this_host: false, custom_id: None };
        }
    }

    fn open() -> Session {
        let mut session = Session::new(Context::default(), Lang::En, false, vec![]);
        assert_eq!(session.open_groups(), [Effect::ListGroups(vec![])]);
        session
    }

    #[test]
    fn of_a_thousand_groups_only_those_in_sight_are_read() {
        let (mut session, mut groups) = (open(), listed(1000));
        let mut asked = session.handle(Event::Groups(Ok(groups.clone())));
        let mut count = 0;
        while let [Effect::ListGroups(names)] = asked.as_slice() {
            count += names.len();
            assert!(session.handle(Event::Key(Key::Down)).is_empty(), "nothing is asked while answers are awaited");
            read(&mut groups, names);
            asked = session.handle(Event::Groups(Ok(groups.clone())));
        }
        assert!(asked.is_empty());
        assert!(count < 100, "{count} of 1000 were read");
        let far = session.handle(Event::Key(Key::End));
        assert!(matches!(far.as_slice(), [Effect::ListGroups(names)] if names.contains(&"group-999".to_string())));
    }

    #[test]
    fn what_comes_under_the_help_or_the_question_before_quitting_is_not_lost() {
        for above in [Layer::Help { scroll: 0 }, Layer::ConfirmQuit] {
            let mut session = open();
            session.layers.push(above);
            let asked = session.handle(Event::Groups(Ok(listed(3))));
            assert!(matches!(asked.as_slice(), [Effect::ListGroups(names)] if names.len() == 3), "{asked:?}");
            let mut groups = listed(3);
            let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
            read(&mut groups, &names);
            assert!(session.handle(Event::Groups(Ok(groups))).is_empty());
            session.handle(Event::Key(Key::Esc));
            let Some(Layer::Groups(layer)) = session.layers.last() else { panic!("{:?}", session.layers) };
            assert!(!layer.is_reading() && session.group_rows().len() == 3);
        }
    }

    #[test]
    fn a_page_key_moves_as_far_as_the_screen_shows() {
        let mut session = open();
        session.handle(Event::Groups(Ok(listed(100))));
        session.extent = (100, 16);
        session.handle(Event::Key(Key::PageDown));
        assert_eq!(session.chosen_group().map(|group| group.name.as_str()), Some("group-15"));
        session.handle(Event::Key(Key::End));
        session.handle(Event::Key(Key::PageUp));
        assert_eq!(session.chosen_group().map(|group| group.name.as_str()), Some("group-84"));
        session.handle(Event::Key(Key::Home));
        assert_eq!(session.chosen_group().map(|group| group.name.as_str()), Some("group-0"));
    }

    #[test]
    fn a_filter_and_enter_choose_a_group() {
        let mut session = open();
        session.handle(Event::Groups(Ok(listed(1000))));
        for key in [Key::Char('/'), Key::Char('7'), Key::Char('7'), Key::Char('7'), Key::Enter] {
            session.handle(Event::Key(key));
        }
        assert_eq!(session.group_rows().len(), 1);
        let effects = session.handle(Event::Key(Key::Enter));
        assert!(
            matches!(effects.as_slice(), [Effect::Judge(context)] if context.machine_group.as_deref() == Some("group-777"))
        );
        assert!(session.layers.is_empty() && session.search.is_none());
    }

    #[test]
    fn the_cursor_stays_on_its_group_when_the_list_is_sorted_anew() {
        let (mut session, mut groups) = (open(), listed(5));
        session.handle(Event::Groups(Ok(groups.clone())));
        session.handle(Event::Key(Key::Down));
        groups.reverse();
        session.handle(Event::Groups(Ok(groups)));
        assert_eq!(session.chosen_group().map(|group| group.name.as_str()), Some("group-1"));
    }

    #[test]
    fn a_new_group_is_planned_as_a_choice_of_adding() {
        let mut session = open();
        session.handle(Event::Groups(Ok(listed(2))));
        let effects = session.handle(Event::Key(Key::Char('n')));
        let [Effect::Plan(RemedyId::AddIpToGroup, inputs)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(inputs.create_group, Some(true));
    }
}
