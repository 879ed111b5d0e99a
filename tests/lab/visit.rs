//! A host with a fault, to look at by hand: `cargo run --example laboratory FAULT [COMMAND…]` opens a shell on it, or
//! runs the command, in this terminal. Needs root. The host is gone when the shell ends.

use std::time::{Duration, Instant};

use lab::{Builder, Fault, Flavour, Lab, Pty};

/// A fault's name and the host that has it.
type Named = (&'static str, fn() -> Builder);

/// The faults that can be asked for by name.
const FAULTS: &[Named] = &[
    ("healthy", Lab::new),
    ("none", || Lab::new().agent(Flavour::None)),
    ("stopped", || Lab::new().stopped()),
    ("hosts", || Lab::new().hosts_line("203.0.113.7 iZbp1lab")),
    ("account", || Lab::new().not_ecs().users(&[])),
    ("drop", || Lab::new().service(Fault::Drop("logtail.*".into(), None))),
    ("clock", || Lab::new().service(Fault::ClockOffset(3600))),
    ("loong", || Lab::new().agent(Flavour::Loong331)),
    ("nics", || {
        Lab::new()
            .agent(Flavour::Logtail207)
            .hosts_line("127.0.1.1 iZbp1lab")
            .nics(&[("ens3", &["10.1.1.5"]), ("docker0", &["172.17.0.1"])])
    }),
    ("cloud", || Lab::new().cloud_key().group_ips(&["10.1.1.6", "10.1.1.77"])),
    ("custom", || Lab::new().user_defined_id("web\r\n").group_custom_ids(&["web"])),
];

/// Waits until the screen has not changed for a while: then every answer is there.
fn settle(pty: &Pty) {
    let (mut frame, mut since) = (pty.frame(), Instant::now());
    while frame.is_blank() || since.elapsed() < Duration::from_millis(1500) {
        std::thread::sleep(Duration::from_millis(50));
        let now = pty.frame();
        if now != frame {
            (frame, since) = (now, Instant::now());
        }
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let wanted = words.next().unwrap_or_default();
    let Some((_, builder)) = FAULTS.iter().find(|(name, _)| *name == wanted) else {
        let names: Vec<_> = FAULTS.iter().map(|(name, _)| *name).collect();
        eprintln!("which host? one of: {}", names.join(" "));
        std::process::exit(2);
    };
    let Some(lab) = builder().build_or_skip() else { std::process::exit(1) };
    let command: Vec<String> = words.collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let argv = if command.is_empty() { vec!["bash", "--norc"] } else { command };
    // With PICTURE=FILE the command's screen after the keys KEYS is drawn into that file instead of being shown.
    if let Some(file) = std::env::var_os("PICTURE") {
        let mut pty = lab.terminal(&argv, 80, 24);
        for key in std::env::var("KEYS").unwrap_or_default().split_whitespace() {
            settle(&pty);
            pty.send(key);
        }
        settle(&pty);
        std::fs::write(file, pty.picture()).expect("the picture is written");
        return;
    }
    let status = lab.here(&argv).status();
    drop(lab);
    std::process::exit(status.ok().and_then(|status| status.code()).unwrap_or(1));
}
