//! The walk in the README as a picture that moves, made from the program itself on a simulated host:
//! `PICTURE=FILE cargo run --example recording [OPTION…]`. The options go to the program, such as `--lang zh`.

use lab::Pty;
use lab::picture::{Scene, walk};
use std::time::{Duration, Instant};

/// The simulated host: its agent took the address of docker0.
const HOST: &str = "docker-bridge";
/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What happens by itself is shown for at least this long, however fast it was: each step of a change is to be seen.
const LEAST: Duration = Duration::from_millis(400);
/// The screen is settled when nothing has changed for this long.
const QUIET: Duration = Duration::from_millis(1700);
/// A step of the walk takes no longer.
const LIMIT: Duration = Duration::from_secs(90);

/// The keys of the walk, and how long the screen before each is left to be read, in milliseconds.
const KEYS: &[(&str, u64)] = &[
    ("1", 5000),
    ("Enter", 2000),
    ("Enter", 1200),
    ("Space", 4500),
    ("Right", 2500),
    ("Enter", 1200),
    ("Enter", 3500),
    ("1", 3000),
    ("1", 3500),
];

/// The last screen is left to be read for this long.
const END: Duration = Duration::from_secs(6);

/// Adds what the screen shows until it is settled.
fn watch(pty: &Pty, key: &str, scenes: &mut Vec<Scene>) {
    let begin = Instant::now();
    let mut since = Instant::now();
    while since.elapsed() < QUIET && begin.elapsed() < LIMIT {
        let frame = pty.frame();
        if !frame.is_blank() && scenes.last().is_none_or(|last| last.frame != frame) {
            if let Some(last) = scenes.last_mut() {
                last.lasts = last.lasts.max(since.elapsed().clamp(LEAST, QUIET));
            }
            scenes.push(Scene { frame, key: key.to_string(), lasts: Duration::ZERO });
            since = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
}

fn main() {
    let here = std::env::current_exe().expect("a path");
    let program = here.ancestors().nth(2).expect("a target directory").join("logtail-doctor");
    assert!(program.is_file(), "{} is not built: cargo build", program.display());
    let mut argv = vec![program.display().to_string(), "demo".into(), HOST.into()];
    argv.extend(std::env::args().skip(1));
    let file = std::env::var("PICTURE").expect("PICTURE names the file");
    let env = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")];
    let env = env.map(|(key, value)| (key.to_string(), value.to_string()));

    let mut pty = Pty::spawn(&argv, &env, 80, 24);
    let mut scenes = Vec::new();
    watch(&pty, &format!("$ logtail-doctor demo {HOST}"), &mut scenes);
    for &(key, read_ms) in KEYS {
        if let Some(last) = scenes.last_mut() {
            last.lasts = Duration::from_millis(read_ms);
        }
        pty.send(key);
        watch(&pty, &format!("[{key}]"), &mut scenes);
    }
    if let Some(last) = scenes.last_mut() {
        last.lasts = END;
    }
    let still = scenes.len().saturating_sub(1);
    let picture = walk(&scenes, still);
    println!("{} screens, {} bytes", scenes.len(), picture.len());
    std::fs::write(file, picture).expect("the picture is written");
}
