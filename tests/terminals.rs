//! A full walk, a cure and an orderly end on every kind of terminal that operators sit at: several values of `TERM`,
//! tmux, screen, and an SSH line. Needs a laboratory, and what it tests; says SKIPPED and why where something lacks.
//! `LOGTAIL_DOCTOR_BIN` names another program to walk with than the one built beside the tests, such as a release build.
#![cfg(target_os = "linux")]

use lab::{Lab, Pty};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// A restart of the stand-in agent and the checks again.
const CURE: Duration = Duration::from_secs(60);

/// The wizard on a host whose agent is stopped.
const WIZARD: &str = "logtail-doctor --region cn-hangzhou";

/// A host whose agent is stopped, and on it `program`; None, said aloud, when one of them cannot be had.
fn host_with(program: &str) -> Option<Lab> {
    let lab = Lab::new().stopped().build_or_skip()?;
    if lab.sh(&format!("command -v {program}")).code != 0 {
        lab::skip::skip(&format!("{program} is not installed"));
        return None;
    }
    Some(lab)
}

/// Starts the agent with the keys that the screens show, and waits for the proof.
fn cure(pty: &mut Pty) {
    let title = "Start the agent";
    pty.wait_for_verdicts(SOON);
    pty.choose(title, SOON);
    pty.confirm(SOON);
    pty.wait_for("Cured", CURE);
    pty.send("Enter");
    pty.wait_until("the running agent", SOON, |screen| {
        screen.lines().any(|line| line.contains("2 Running") && line.contains("PASS"))
    });
}

/// The walk in this terminal; afterwards the program has ended in order and the heartbeat is there.
fn walk(lab: &Lab, mut pty: Pty) {
    cure(&mut pty);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    assert!(!pty.alternate_screen(), "the terminal is given back");
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
}

fn on(term: &str) {
    let Some(lab) = host_with("sh") else { return };
    let setting = format!("TERM={term}");
    let mut argv = vec!["env", &setting];
    argv.extend(WIZARD.split(' '));
    let pty = lab.terminal(&argv, 80, 24);
    walk(&lab, pty);
}

#[test]
fn on_an_xterm() {
    on("xterm-256color");
}

#[test]
fn on_the_linux_console() {
    on("linux");
}

#[test]
fn on_a_vt100() {
    on("vt100");
}

#[test]
fn on_the_terminal_that_screen_emulates() {
    on("screen");
}

/// A terminal that cannot move its cursor gets the plain walk, and not one escape sequence.
#[test]
fn on_a_dumb_terminal() {
    let Some(lab) = host_with("sh") else { return };
    let mut argv = vec!["env", "TERM=dumb"];
    argv.extend(WIZARD.split(' '));
    let mut pty = lab.terminal(&argv, 80, 60);
    let title = "Start the agent";
    let screen = pty.wait_until("the question with the remedy", SOON, |screen| {
        screen.contains(title) && screen.contains("Number or letter>")
    });
    let line = screen.lines().rev().find(|line| line.contains(title)).unwrap_or_default();
    let number: String = line.split(title).next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let answer = |pty: &mut Pty, word: &str| {
        pty.send(word);
        pty.send("Enter");
    };
    answer(&mut pty, &number);
    pty.wait_for("Type yes", SOON);
    answer(&mut pty, "yes");
    pty.wait_for("Cured", CURE);
    answer(&mut pty, "");
    pty.wait_until("the question after the cure", SOON, |screen| screen.trim_end().ends_with("Number or letter>"));
    answer(&mut pty, "q");
    assert_eq!(pty.exit_code(SOON), 0);
    assert!(!pty.raw().contains(&0x1b), "an escape sequence on a dumb terminal");
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
}

#[test]
fn inside_tmux() {
    let Some(lab) = host_with("tmux") else { return };
    let pty = lab.terminal(&["tmux", "-f", "/dev/null", "-L", "walk", "new-session", WIZARD], 80, 25);
    walk(&lab, pty);
}

#[test]
fn inside_screen() {
    let Some(lab) = host_with("screen") else { return };
    let start =
        format!("mkdir -p -m 700 /root/.screens; SCREENDIR=/root/.screens exec screen -U -c /dev/null {WIZARD}");
    let pty = lab.terminal(&["sh", "-c", &start], 80, 24);
    walk(&lab, pty);
}

/// What the program asked the outer terminal to copy last, if it reached that.
fn copied(pty: &Pty) -> Option<String> {
    use base64::Engine;
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    let (_, rest) = raw.rsplit_once("\x1b]52;")?;
    let encoded = rest.split_once(';')?.1.split(['\x07', '\x1b']).next()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `y` on the page of the stopped agent copies its evidence to the clipboard of the terminal outside.
fn copies(mut pty: Pty) {
    pty.wait_until("every verdict", SOON, |screen| {
        screen.contains("Start the agent") && !screen.lines().any(|line| line.contains(" .. "))
    });
    pty.send("y");
    pty.wait_for("OSC 52", SOON);
    // The bytes go out before the notice, so they are there.
    let text = copied(&pty).expect("the terminal outside was asked to copy");
    assert!(text.contains("Running") && text.contains("agent-stopped"), "{text}");
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
}

#[test]
fn the_clipboard_is_reached_through_tmux_whichever_way_it_allows() {
    let Some(lab) = host_with("tmux") else { return };
    for (number, settings) in
        ["set -s set-clipboard on", "set -s set-clipboard off\nset -g allow-passthrough on"].into_iter().enumerate()
    {
        let (file, socket) = (format!("/root/tmux-{number}"), format!("copy-{number}"));
        lab.write(&file, format!("{settings}\n"));
        copies(lab.terminal(&["tmux", "-f", &file, "-L", &socket, "new-session", WIZARD], 80, 25));
    }
}

#[test]
fn the_clipboard_is_reached_through_screen() {
    let Some(lab) = host_with("screen") else { return };
    let start =
        format!("mkdir -p -m 700 /root/.screens; SCREENDIR=/root/.screens exec screen -U -c /dev/null {WIZARD}");
    copies(lab.terminal(&["sh", "-c", &start], 80, 24));
}

/// The words that log in over an SSH line from the host to itself.
const SSH: &str = "exec ssh -t -p 2222 -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                   -o LogLevel=ERROR root@127.0.0.1";

/// Starts a server for SSH lines on the host.
fn serve_ssh(lab: &Lab) {
    let server = "set -e; mkdir -p /run/sshd; ip link set lo up; ssh-keygen -q -t ed25519 -N '' -f /root/key; \
                  ssh-keygen -q -t ed25519 -N '' -f /root/server; cp /root/key.pub /root/allowed; \
                  /usr/sbin/sshd -p 2222 -h /root/server -o ListenAddress=127.0.0.1 -o StrictModes=no -o UsePAM=no \
                  -o AuthorizedKeysFile=/root/allowed -o PermitRootLogin=yes -o PidFile=none \
                  -o SetEnv=LANG=C.UTF-8 -o SetEnv=SSL_CERT_FILE=/etc/ssl/lab-ca.pem";
    let started = lab.sh(server);
    assert_eq!(started.code, 0, "{started:?}");
}

#[test]
fn over_an_ssh_line() {
    let Some(lab) = host_with("sshd") else { return };
    serve_ssh(&lab);
    let command = format!("{SSH} 'SSL_CERT_FILE=/etc/ssl/lab-ca.pem LANG=C.UTF-8 {WIZARD}'");
    let pty = lab.terminal(&["sh", "-c", &command], 80, 24);
    walk(&lab, pty);
}

#[test]
fn a_session_whose_ssh_line_drops_is_offered_again() {
    let Some(lab) = host_with("sshd") else { return };
    serve_ssh(&lab);
    let command = format!("{SSH} 'SSL_CERT_FILE=/etc/ssl/lab-ca.pem LANG=C.UTF-8 {WIZARD}'");
    let mut pty = lab.terminal(&["sh", "-c", &command], 80, 24);
    pty.wait_for("Start the agent", SOON);
    pty.send("1");
    pty.wait_for("[ Cancel ]", SOON);
    // The line drops: both ends of the connection are cut off at once.
    lab.sh("pkill -KILL -x ssh; pkill -KILL -f 'sshd: root' || pkill -KILL -x sshd-session; true");
    lab.wait("the end of the wizard", SOON, |lab| lab.sh("pgrep -x logtail-doctor").code != 0);
    drop(pty);

    let argv: Vec<_> = WIZARD.split(' ').collect();
    let mut pty = lab.terminal(&argv, 80, 24);
    pty.wait_for("stopped at step 2, Running", SOON);
    pty.send("Enter");
    pty.confirm(SOON);
    pty.wait_for("Cured", CURE);
    pty.send("Enter");
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);

    // What ended in order is not offered again.
    let mut pty = lab.terminal(&argv, 80, 24);
    let screen = pty.wait_for_verdicts(SOON);
    assert!(!screen.contains("broken off"), "{screen}");
}

#[test]
fn the_journal_lists_a_change_and_takes_it_back() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = lab.read("/etc/hosts");
    let fixed = lab.run(&["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes"]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    let mut pty = lab.terminal(&["logtail-doctor", "--region", "cn-hangzhou", "--group-ip", "10.1.1.5"], 80, 24);
    pty.wait_for("Installed", SOON);
    pty.send("J");
    let screen = pty.wait_for("Bind the hostname", SOON);
    assert!(screen.contains("/etc/hosts") && screen.contains("applied"), "{screen}");
    pty.send("Enter");
    pty.confirm(SOON);
    pty.wait_for("Taken back", CURE);
    pty.send("Enter");
    pty.wait_for("undone", SOON);
    assert_eq!(lab.read("/etc/hosts"), before);
}

#[test]
fn a_secret_in_the_agent_s_configuration_never_reaches_the_screen() {
    const SECRET: &str = "kZ93PlantedSecretValue77xQ";
    let config = format!(
        "{{\"config_server_address\": \"http://logtail.cn-beijing-intranet.log.aliyuncs.com\", \
         \"data_server_list\": [{{\"cluster\": \"cn-beijing\", \"endpoint\": \"cn-beijing-intranet.log.aliyuncs.com\"}}],\n\
         \"default_access_key\": \"{SECRET}\", \"proxy\": \"http://ops:{SECRET}@10.9.9.9:3128\"}}\n"
    );
    let Some(lab) = Lab::new().config(config).build_or_skip() else { return };
    let argv = ["logtail-doctor", "--region", "cn-hangzhou", "--network", "intranet"];
    let mut pty = lab.terminal(&argv, 200, 50);
    pty.wait_for_verdicts(SOON);
    for _ in 0..12 {
        pty.send("PageDown");
        pty.send("Right");
    }
    pty.send("Home");
    pty.send("Right");
    pty.send("Right");
    let screen = pty.wait_for("Set the endpoint", SOON);
    let line = screen.lines().rev().find(|line| line.contains("Set the endpoint")).unwrap_or_default();
    let number = line.split("Set the endpoint").next().unwrap_or_default().trim().chars().next_back().unwrap_or('1');
    pty.send(&number.to_string());
    let preview = pty.wait_for("[ Cancel ]", SOON);
    assert!(preview.contains("default_access_key"), "the diff quotes the line:\n{preview}");
    pty.send("Esc");
    pty.wait_gone("[ Cancel ]", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    let written = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(!written.contains(SECRET), "the secret was written to the terminal");
}
