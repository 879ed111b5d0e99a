//! What the wizard costs its terminal: `cargo run --release --example terminal_cost [COLUMNSxROWS] [PROGRAM [ARGUMENT…]]`.
//! Drives a program (this one, built beside the example) in a pseudo-terminal and prints the first frame, the keys, ten
//! idle seconds, memory. Needs Linux; the numbers are medians, and mean something only in a release build.

use lab::Pty;
use std::time::{Duration, Instant};

const RUNS: usize = 9;
const IDLE: Duration = Duration::from_secs(10);
/// No byte for this long: the screen is settled.
const QUIET: Duration = Duration::from_millis(150);
/// The end of a frame.
const END: &[u8] = b"\x1b[?2026l";

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn has_frame(bytes: &[u8]) -> bool {
    bytes.windows(END.len()).any(|window| window == END)
}

/// Waits until the program has written nothing for a while.
fn settle(pty: &Pty) {
    let (mut known, mut since) = (pty.raw().len(), Instant::now());
    while since.elapsed() < QUIET {
        std::thread::sleep(Duration::from_millis(5));
        let now = pty.raw().len();
        if now != known {
            (known, since) = (now, Instant::now());
        }
    }
}

/// Milliseconds of processor that the process and its threads have used.
fn cpu_ms(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let used = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or_default()
    };
    tasks.map(|task| used(task.path())).sum::<f64>() / 1e6
}

/// A number of `/proc/PID/status`, or of a thread's.
fn status(pid: u32, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let size = words
        .first()
        .and_then(|word| word.split_once('x'))
        .and_then(|(columns, rows)| Some((columns.parse::<u16>().ok()?, rows.parse::<u16>().ok()?)));
    if size.is_some() {
        words.remove(0);
    }
    let (columns, rows) = size.unwrap_or((80, 24));
    if words.is_empty() {
        let here = std::env::current_exe().expect("a path");
        let built = here.ancestors().nth(2).expect("a target directory").join("logtail-doctor");
        assert!(built.is_file(), "{} is not built: cargo build --release", built.display());
        words = vec![built.display().to_string()];
    }
    let state = tempfile::tempdir().expect("a directory");
    let state = state.path().display().to_string();
    let settings = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
    let mut env: Vec<_> = settings.map(|(key, value)| (key.to_string(), value.to_string())).to_vec();
    env.push(("LOGTAIL_DOCTOR_STATE".into(), state));

    let (mut frame_ms, mut frame_cpu, mut frame_bytes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begin = Instant::now();
        let pty = Pty::spawn(&words, &env, columns, rows);
        while !has_frame(&pty.raw()) && begin.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_micros(200));
        }
        frame_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        frame_cpu.push(pty.pid().map(cpu_ms).unwrap_or_default());
        frame_bytes.push(pty.raw().len() as f64);
    }
    println!(
        "first frame     {:8.1} ms, {:.1} ms of processor, {:.0} bytes",
        median(frame_ms),
        median(frame_cpu),
        median(frame_bytes)
    );

    let mut pty = Pty::spawn(&words, &env, columns, rows);
    settle(&pty);
    std::thread::sleep(Duration::from_secs(3));
    settle(&pty);
    println!("settled         {:8} bytes in all", pty.raw().len());
    for (name, keys) in [("choice", ["Down", "Up"]), ("step", ["Right", "Left"])] {
        let (mut ms, mut bytes) = (Vec::new(), Vec::new());
        for number in 0..20 {
            let before = pty.raw().len();
            let begin = Instant::now();
            pty.send(keys[(number / 3) % 2]);
            while pty.raw().len() == before && begin.elapsed() < Duration::from_millis(300) {
                std::thread::sleep(Duration::from_micros(100));
            }
            let took = begin.elapsed().as_secs_f64() * 1e3;
            settle(&pty);
            let wrote = pty.raw().len() - before;
            // A key at the end of a list changes nothing, and writes nothing.
            if wrote > 0 {
                ms.push(took);
                bytes.push(wrote as f64);
            }
        }
        let most = bytes.iter().copied().fold(0.0, f64::max);
        println!("{name:15} {:8.2} ms, {:.0} bytes, {most:.0} at most", median(ms), median(bytes));
    }
    if let Some(pid) = pty.pid() {
        settle(&pty);
        let (bytes, cpu) = (pty.raw().len(), cpu_ms(pid));
        let switches = status(pid, "voluntary_ctxt_switches");
        std::thread::sleep(IDLE);
        println!(
            "idle 10 s       {:8} bytes, {:.1} ms of processor, {:.0} wake-ups",
            pty.raw().len() - bytes,
            cpu_ms(pid) - cpu,
            status(pid, "voluntary_ctxt_switches") - switches
        );
        println!("memory          {:8.1} MB resident at most", status(pid, "VmHWM") / 1024.0);
    }
    pty.send("q");
}
