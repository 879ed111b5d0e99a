//! Which keys do what where the session stands; every face shows and obeys this one table.

use crate::core::flow::keys::{Binding, Command, Key};
use crate::core::flow::{Form, Layer, Mending, Place, Session, Stage};
use crate::core::text::Text;

fn bind(keys: &[Key], shown: &'static str, label: Text, command: Command, in_footer: bool) -> Binding {
    Binding { keys: keys.to_vec(), shown, label, command, in_footer }
}

/// The keys of a form, whose text fields take letters; the form itself takes these keys, too, before any command sees
/// them.
fn form_bindings(form: &Form, close: Text) -> Vec<Binding> {
    use Key::*;
    let (choose, field) = (Text::fixed("choose", "选择"), Text::fixed("field", "字段"));
    let up_down = if form.has_list() { choose } else { field };
    let mut out = accepting().to_vec();
    out.push(bind(&[Up, Down], "Up/Dn", up_down, Command::ChooseDown, true));
    out.extend(between_fields());
    out.push(bind(&[Esc], "Esc", close, Command::Close, true));
    out
}

/// The keys that accept a field of a form, and the form from any field of it: ten fields are a long way to the button.
fn accepting() -> [Binding; 2] {
    [
        bind(&[Key::Enter], "Enter", Text::fixed("accept", "确定"), Command::Choose, true),
        bind(&[Key::Ctrl('s')], "^S", Text::fixed("accept all", "全部确定"), Command::Choose, true),
    ]
}

/// The keys from field to field.
fn between_fields() -> [Binding; 2] {
    [
        bind(&[Key::Tab], "Tab", Text::fixed("next field", "下一项"), Command::ChooseDown, true),
        bind(&[Key::BackTab], "S-Tab", Text::fixed("field above", "上一项"), Command::ChooseUp, true),
    ]
}

/// The keys for a screenful. Where there is more, the mark below the text names them; the footer need not.
fn pages() -> [Binding; 2] {
    let label = || Text::fixed("page", "翻一屏");
    [
        bind(&[Key::PageUp], "PgUp/PgDn", label(), Command::PageUp, false),
        bind(&[Key::PageDown, Key::Char(' ')], "PgUp/PgDn", label(), Command::PageDown, false),
    ]
}

/// The keys to both ends of a text or list.
fn ends() -> [Binding; 2] {
    let label = || Text::fixed("to an end", "到开头或末尾");
    [
        bind(&[Key::Home], "Home/End", label(), Command::Top, false),
        bind(&[Key::End], "Home/End", label(), Command::Bottom, false),
    ]
}

/// The keys of the journal. One without an entry has nothing to choose, take back or copy.
fn journal_bindings(has_entry: bool, filter: Binding) -> Vec<Binding> {
    use Key::*;
    let mut out = Vec::new();
    if has_entry {
        let choose = || Text::fixed("choose", "选择");
        out.push(bind(&[Up, Char('k')], "Up/Dn", choose(), Command::ChooseUp, false));
        out.push(bind(&[Down, Char('j')], "Up/Dn", choose(), Command::ChooseDown, true));
        out.extend(pages());
        out.extend(ends());
        let take_back = Text::fixed("take back (preview)", "撤销（预览）");
        out.push(bind(&[Enter, Char('u')], "Enter", take_back, Command::Choose, true));
        out.push(bind(&[Char('y')], "y", Text::fixed("copy command", "复制命令"), Command::Copy, true));
        out.push(filter);
    }
    let close = Text::fixed("close", "关闭");
    out.push(bind(&[Esc, Char('J'), Char('q')], "Esc", close, Command::Close, true));
    out
}

/// The keys of a row of so many buttons; from a lone one there is nowhere to go.
fn button_bindings(buttons: usize) -> Vec<Binding> {
    use Key::*;
    let mut out = vec![bind(&[Enter], "Enter", Text::fixed("press", "按下按钮"), Command::Choose, true)];
    if buttons > 1 {
        let (left, any) = (Text::fixed("button to the left", "左侧按钮"), Text::fixed("choose", "选择按钮"));
        out.insert(0, bind(&[Right, Tab, Char('l'), Char('>')], "</>", any, Command::NextStep, true));
        out.insert(0, bind(&[Left, BackTab, Char('h'), Char('<')], "Left", left, Command::PreviousStep, false));
    }
    out
}

impl Session {
    /// The keys that work now, most important first. Text fields take letters themselves; they list only the rest.
    pub fn bindings(&self) -> Vec<Binding> {
        use Key::*;
        let close = |label: Text| bind(&[Esc, Char('q')], "Esc", label, Command::Close, true);
        let scrolls = self.has_more_to_scroll();
        let scroll = |out: &mut Vec<Binding>| {
            let label = || Text::fixed("scroll", "滚动");
            out.push(bind(&[Up, Char('k')], "Up/Dn", label(), Command::ScrollUp, false));
            out.push(bind(&[Down, Char('j')], "Up/Dn", label(), Command::ScrollDown, scrolls));
            out.extend(pages());
            out.extend(ends());
        };
        let mut out = Vec::new();
        let filter = || bind(&[Char('/')], "/", Text::fixed("filter", "筛选"), Command::Filter, true);
        if self.is_filtering() {
            return self.filter_bindings();
        }
        match self.layers.last() {
            Some(Layer::Help { .. }) => {
                scroll(&mut out);
                // Both keys of a pair are named at the second of them.
                out.iter_mut().skip(1).step_by(2).for_each(|binding| binding.in_footer = scrolls);
                out.push(filter());
                out.push(bind(
                    &[Esc, Enter, Char('?'), Char('q')],
                    "Esc",
                    Text::fixed("close", "关闭"),
                    Command::Close,
                    true,
                ));
            }
            Some(Layer::Map { .. }) => {
                let choose = || Text::fixed("choose a step", "选择步骤");
                out.push(bind(&[Up, Char('k')], "Up/Dn", choose(), Command::ChooseUp, false));
                out.push(bind(&[Down, Char('j')], "Up/Dn", choose(), Command::ChooseDown, true));
                out.extend(ends());
                out.push(bind(&[Enter], "Enter", Text::fixed("go there", "前往"), Command::Choose, true));
                out.push(filter());
                out.push(bind(&[Esc, Char('m'), Char('q')], "Esc", Text::fixed("close", "关闭"), Command::Close, true));
            }
            Some(Layer::Form(form)) => {
                out.extend(form_bindings(form, Text::fixed("close without saving", "不保存并关闭")));
            }
            Some(Layer::Journal(layer)) => {
                let has_entry = layer.entries.as_ref().is_some_and(|entries| !entries.is_empty());
                out.extend(journal_bindings(has_entry, filter()));
            }
            Some(Layer::Groups(_)) => self.group_bindings(&mut out),
            Some(Layer::Key(_)) => {
                out.extend(accepting());
                out.extend(between_fields());
                let forget = Text::fixed("forget what was typed", "放弃输入");
                out.push(bind(&[Esc], "Esc", forget, Command::Close, true));
            }
            Some(Layer::Watch(layer)) => {
                if !layer.asks_service && layer.ended != Some(true) {
                    // Short, so that both are in sight also in a narrow window.
                    let (ok, fail) = (Text::fixed("shows OK", "显示 OK"), Text::fixed("shows FAIL", "显示 FAIL"));
                    out.push(bind(&[Char('1')], "1", ok, Command::Number(1), true));
                    out.push(bind(&[Char('2')], "2", fail, Command::Number(2), true));
                }
                let label = match layer.ended {
                    None => Text::fixed("stop waiting", "不再等待"),
                    Some(_) => Text::fixed("continue", "继续"),
                };
                let keys: &[Key] = if layer.ended.is_some() { &[Esc, Enter, Char('q')] } else { &[Esc, Char('q')] };
                out.push(bind(keys, "Esc", label, Command::Close, true));
            }
            Some(Layer::Resume(_)) => {
                out.push(bind(&[Enter], "Enter", Text::fixed("resume", "继续上次会话"), Command::Choose, true));
                out.push(bind(&[Esc, Char('n')], "Esc", Text::fixed("start over", "重新开始"), Command::Close, true));
            }
            Some(Layer::BrokenOff(_)) => {
                let choose = || Text::fixed("choose", "选择");
                out.push(bind(&[Up, Char('k')], "Up/Dn", choose(), Command::ChooseUp, false));
                out.push(bind(&[Down, Char('j'), Tab], "Up/Dn", choose(), Command::ChooseDown, true));
                out.push(bind(&[Enter], "Enter", Text::fixed("do it", "执行"), Command::Choose, true));
                for (number, (digit, mending)) in (1..).zip(["1", "2", "3"].into_iter().zip(Mending::ALL)) {
                    let key = Char(char::from(b'0' + number));
                    out.push(bind(&[key], digit, mending.word(), Command::Number(number), false));
                }
                out.push(bind(&[Esc, Char('q')], "Esc", Mending::Leave.word(), Command::Close, true));
            }
            Some(Layer::ConfirmQuit) => {
                out.push(bind(&[Enter], "Enter", Text::fixed("quit", "退出"), Command::Choose, true));
                out.push(bind(&[Esc, Char('n')], "Esc", Text::fixed("stay", "留下"), Command::Close, true));
            }
            Some(Layer::Remedy(layer)) => match &layer.stage {
                Stage::Asking(form) => {
                    out.extend(form_bindings(form, Text::fixed("back, change nothing", "返回，不做更改")));
                }
                Stage::Planning => out.push(close(Text::fixed("back", "返回"))),
                Stage::Preview { .. } => {
                    out.extend(button_bindings(self.buttons().len()));
                    scroll(&mut out);
                    out.push(bind(&[Char('y')], "y", Text::fixed("copy", "复制"), Command::Copy, true));
                    out.push(bind(&[Esc], "Esc", Text::fixed("change nothing", "不做更改"), Command::Close, true));
                }
                Stage::Applying { .. } => scroll(&mut out),
                Stage::Verifying { .. } => {
                    scroll(&mut out);
                    out.push(bind(&[Esc], "Esc", Text::fixed("stop waiting", "不再等待"), Command::Close, true));
                }
                Stage::Outcome { .. } => {
                    out.extend(button_bindings(self.buttons().len()));
                    scroll(&mut out);
                    if layer.refused_plan().is_some() {
                        out.push(bind(&[Char('y')], "y", Text::fixed("copy", "复制"), Command::Copy, true));
                    }
                    out.push(bind(&[Esc], "Esc", Text::fixed("back to the step", "返回该步骤"), Command::Close, true));
                }
            },
            None => self.page_bindings(&mut out),
        }
        if !matches!(self.layers.last(), Some(Layer::Form(_) | Layer::Key(_)))
            && !matches!(self.layers.last(), Some(Layer::Remedy(layer)) if matches!(layer.stage, Stage::Asking(_)))
        {
            if !matches!(self.layers.last(), Some(Layer::Help { .. })) {
                out.push(bind(&[Char('?')], "?", Text::fixed("help", "帮助"), Command::Help, true));
            }
            if self.layers.is_empty() {
                out.push(bind(&[Char('q')], "q", Text::fixed("quit", "退出"), Command::Quit, true));
            }
            out.push(bind(
                &[Char('L')],
                "L",
                Text::fixed("中文", "English"),
                Command::Language,
                self.layers.is_empty(),
            ));
        }
        // Where no help can be opened, the footer names them if it has room.
        let has_help = out.iter().any(|binding| binding.command == Command::Help);
        out.push(bind(&[Ctrl('c')], "^C", Text::fixed("quit", "退出"), Command::Quit, !has_help));
        out.push(bind(&[Ctrl('z')], "^Z", Text::fixed("suspend", "挂起"), Command::Suspend, !has_help));
        out
    }

    /// The keys of the list of machine groups.
    fn group_bindings(&self, out: &mut Vec<Binding>) {
        use Key::*;
        let choose = || Text::fixed("choose", "选择");
        out.push(bind(&[Up, Char('k')], "Up/Dn", choose(), Command::ChooseUp, false));
        out.push(bind(&[Down, Char('j')], "Up/Dn", choose(), Command::ChooseDown, true));
        out.extend(pages());
        out.extend(ends());
        out.push(bind(&[Enter], "Enter", Text::fixed("take it", "选用"), Command::Choose, true));
        out.push(bind(&[Char('/')], "/", Text::fixed("filter", "筛选"), Command::Filter, true));
        let new = Text::fixed("new group", "新建机器组");
        out.push(bind(&[Char('n')], "n", new, Command::NewGroup, true));
        out.push(bind(&[Esc, Char('q')], "Esc", Text::fixed("close", "关闭"), Command::Close, true));
    }

    /// The keys while a filter is typed; all letters go into it.
    fn filter_bindings(&self) -> Vec<Binding> {
        use Key::*;
        let mut out = Vec::new();
        if !matches!(self.layers.last(), Some(Layer::Help { .. })) {
            out.push(bind(&[Up], "Up/Dn", Text::fixed("choose", "选择"), Command::ChooseUp, true));
            out.push(bind(&[Down], "Up/Dn", Text::fixed("choose", "选择"), Command::ChooseDown, false));
        }
        // The filter itself takes Enter before any command sees it.
        out.push(bind(&[], "Enter", Text::fixed("keep the filter", "保留筛选"), Command::Choose, true));
        out.push(bind(&[Esc], "Esc", Text::fixed("show all", "显示全部"), Command::Close, true));
        out.push(bind(&[Ctrl('c')], "^C", Text::fixed("quit", "退出"), Command::Quit, true));
        out.push(bind(&[Ctrl('z')], "^Z", Text::fixed("suspend", "挂起"), Command::Suspend, true));
        out
    }

    /// The keys of a page without a layer above it.
    fn page_bindings(&self, out: &mut Vec<Binding>) {
        use Key::*;
        let choose = || Text::fixed("choose", "选择");
        out.push(bind(&[Up, Char('k')], "Up/Dn", choose(), Command::ChooseUp, false));
        out.push(bind(&[Down, Char('j'), Tab], "Up/Dn", choose(), Command::ChooseDown, true));
        out.push(bind(&[Enter], "Enter", Text::fixed("do it", "执行"), Command::Choose, true));
        out.push(bind(
            &[Left, Char('h'), Char('<'), Char('p'), BackTab, Esc],
            "Left",
            Text::fixed("step before", "上一步"),
            Command::PreviousStep,
            false,
        ));
        out.push(bind(
            &[Right, Char('l'), Char('>'), Char('n')],
            "</>",
            Text::fixed("step", "步骤"),
            Command::NextStep,
            true,
        ));
        out.push(bind(&[Home], "Home", Text::fixed("first step", "第一步"), Command::FirstStep, false));
        out.push(bind(&[End], "End", Text::fixed("end of the walk", "流程末尾"), Command::LastStep, false));
        out.extend(pages());
        for number in 1..=9u8 {
            let key = Char(char::from(b'0' + number));
            out.push(bind(
                &[key],
                "1-9",
                Text::fixed("do the action with that number", "执行该编号的操作"),
                Command::Number(number),
                false,
            ));
        }
        if matches!(self.place, Place::Step(_)) {
            out.push(bind(&[Char('r')], "r", Text::fixed("check again", "重新检查"), Command::Recheck, true));
        }
        out.push(bind(
            &[Char('R')],
            "R",
            Text::fixed("check everything again", "全部重新检查"),
            Command::RecheckAll,
            false,
        ));
        out.push(bind(&[Char('f')], "f", Text::fixed("facts", "填写信息"), Command::Tell, true));
        out.push(bind(&[Char('m')], "m", Text::fixed("map", "流程图"), Command::Map, true));
        out.push(bind(&[Char('t')], "t", Text::fixed("ticket", "工单"), Command::Ticket, false));
        out.push(bind(
            &[Char('J')],
            "J",
            Text::fixed("journal: what was changed", "操作日志"),
            Command::Journal,
            self.place == Place::Finish,
        ));
        out.push(bind(
            &[Char('u')],
            "u",
            Text::fixed("undo the newest change", "撤销最近一次更改"),
            Command::Undo,
            false,
        ));
        out.push(bind(&[Char('y')], "y", Text::fixed("copy the evidence", "复制证据"), Command::Copy, false));
    }

    /// What a key means now.
    pub fn command_of(&self, key: &Key) -> Option<Command> {
        self.bindings().into_iter().find(|binding| binding.keys.contains(key)).map(|binding| binding.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_without_an_entry_offers_to_close_it_and_nothing_else() {
        let filter = || bind(&[Key::Char('/')], "/", Text::fixed("filter", "筛选"), Command::Filter, true);
        let commands =
            |has_entry| journal_bindings(has_entry, filter()).into_iter().map(|one| one.command).collect::<Vec<_>>();
        assert_eq!(commands(false), [Command::Close]);
        assert!([Command::Choose, Command::Copy, Command::Close].iter().all(|one| commands(true).contains(one)));
    }
}
