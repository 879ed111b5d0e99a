//! A list of twelve rows on the real terminal layer, for measuring that layer from outside and for nothing else.
//!
//! Arrows move, `q` and Ctrl-C quit, Ctrl-Z suspends, `!` panics, `s` runs `sh` on the lent terminal, `y` copies.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use logtail_doctor::core::text::{Lang, pad};
use logtail_doctor::ui::clipboard::Through;
use logtail_doctor::ui::panic::install_panic_hook;
use logtail_doctor::ui::{
    Busy, Depth, FaceKind, Glyphs, Gone, Input, Keys, Screen, Signal, Signals, Theme, decide_face,
};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};
use std::env;
use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;

const ROWS: usize = 12;

fn main() -> ExitCode {
    let told = |name: &str| env::var(name).ok();
    let term = told("TERM");
    match decide_face(stdin().is_terminal(), stdout().is_terminal(), term.as_deref(), false, None) {
        FaceKind::Wizard => {}
        FaceKind::Plain => {
            (1..=ROWS).for_each(|row| println!("{row}. PASS  a step of the list"));
            return ExitCode::SUCCESS;
        }
        FaceKind::None => {
            eprintln!("terminal_probe: needs a terminal");
            return ExitCode::from(2);
        }
    }
    let look = Look {
        theme: Theme::of(Depth::decide(
            false,
            told("NO_COLOR").as_deref(),
            term.as_deref(),
            told("COLORTERM").as_deref(),
        )),
        glyphs: Glyphs::decide(
            false,
            Lang::En,
            [told("LC_ALL").as_deref(), told("LC_CTYPE").as_deref(), told("LANG").as_deref()],
            term.as_deref(),
        ),
    };
    install_panic_hook(Lang::En, |_| None);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() else {
        return ExitCode::from(2);
    };
    let code = runtime.block_on(run(&look)).unwrap_or(129);
    ExitCode::from(code)
}

struct Look {
    theme: Theme,
    glyphs: Glyphs,
}

async fn run(look: &Look) -> Result<u8, Gone> {
    let mut signals = Signals::new(Busy::default()).map_err(|_| Gone)?;
    let mut screen = Screen::enter()?;
    let mut at = 0;
    screen.draw(|frame| view(frame, look, at))?;
    let mut keys = Keys::new(env::var_os("SSH_CONNECTION").is_some())?;
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Suspend => screen.suspend()?,
                Signal::Continue => {
                    screen.continued()?;
                }
                ends => return Ok(ends.exit_code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            },
            input = keys.next() => match input {
                Input::Gone => return Err(Gone),
                Input::Paste(_) | Input::Resize(..) => {}
                Input::Key(KeyEvent { code, modifiers, .. }) => match (code, modifiers) {
                    (KeyCode::Char('q'), _) | (KeyCode::Char('c'), KeyModifiers::CONTROL) => return Ok(0),
                    (KeyCode::Char('z'), KeyModifiers::CONTROL) => screen.suspend()?,
                    (KeyCode::Char('!'), _) => panic!("asked for"),
                    (KeyCode::Char('y'), _) => {
                        let _ = screen.copy("evidence", Through::Nothing);
                    }
                    (KeyCode::Char('s'), _) => {
                        keys.pause();
                        screen.pause();
                        let _ = tokio::process::Command::new("sh").status().await;
                        signals.forget_typed().await;
                        screen.resume()?;
                        keys.resume()?;
                    }
                    (KeyCode::Down, _) => at = (at + 1).min(ROWS - 1),
                    (KeyCode::Up, _) => at = at.saturating_sub(1),
                    _ => {}
                },
            },
        }
        screen.draw(|frame| view(frame, look, at))?;
    }
}

fn view(frame: &mut Frame, look: &Look, at: usize) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    let [left, right] = Layout::horizontal([Constraint::Length(34), Constraint::Min(0)]).areas(body);
    frame.render_widget(Line::styled("terminal_probe: twelve rows", look.theme.title), head);
    frame.render_widget(Line::styled("Up/Down move   q quit", look.theme.key), foot);
    let rows: Vec<Line> = (0..ROWS)
        .map(|row| {
            let mark = if row == at { look.glyphs.cursor() } else { " " };
            let text = format!("{mark} {} PASS  step number {}", look.glyphs.pass(), row + 1);
            let style = if row == at { look.theme.selected } else { look.theme.pass };
            Line::styled(pad(&text, 30), style)
        })
        .collect();
    let pane = |title| Block::bordered().border_set(look.glyphs.border()).border_style(look.theme.border).title(title);
    frame.render_widget(Paragraph::new(rows).block(pane("Steps")), left);
    let evidence: Vec<Line> = (0..ROWS)
        .map(|line| Line::from(format!("{:<12} value {} of step {}", "evidence", line * 7 + at, at + 1)))
        .collect();
    frame.render_widget(Paragraph::new(evidence).block(pane("Evidence")), right);
}
