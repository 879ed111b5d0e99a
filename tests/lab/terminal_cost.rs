//! What the wizard costs its terminal: `cargo run --release --example terminal_cost [COLUMNSxROWS] [PROGRAM [ARGUMENT…]]`.
//! Drives a program (this one, built beside the example, or the one that `LOGTAIL_DOCTOR_BIN` names) in a
//! pseudo-terminal and prints the first frame, the keys, ten idle seconds, memory; and of this program, where there is
//! root for a laboratory, three seconds in which it waits for endpoints that do not answer. Needs Linux; the numbers
//! are medians, and times mean something only in a release build.

use lab::{Fault, Lab, Pty};
use std::time::{Duration, Instant};

const RUNS: usize = 9;
const IDLE: Duration = Duration::from_secs(10);
/// No byte for this long: the screen is settled.
const QUIET: Duration = Duration::from_millis(150);
/// The end of a frame.
const END: &[u8] = b"\x1b[?2026l";
/// How long the wizard is watched while its probes run, and how long a probe of a silent endpoint lasts.
const PROBING: Duration = Duration::from_secs(3);
const PROBE_S: &str = "8";

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How many frames these bytes end.
fn frames(bytes: &[u8]) -> usize {
    bytes.windows(END.len()).filter(|window| window == &END).count()
}

/// Waits for the first frame.
fn begin(pty: &Pty) {
    let begin = Instant::now();
    while frames(&pty.raw()) == 0 && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_micros(200));
    }
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

/// A number of a file below `/proc`, such as `PID/status`.
fn number(file: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{file}")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// How often the threads of the process have been woken.
fn wakeups(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |name: std::ffi::OsString| {
        number(&format!("{pid}/task/{}/status", name.to_string_lossy()), "voluntary_ctxt_switches")
    };
    tasks.map(|task| of(task.file_name())).sum()
}

/// Watches for some time a program that is left alone, and prints what it did.
fn watch(name: &str, pty: &Pty, pid: u32, time: Duration) {
    let (bytes, cpu, woken) = (pty.raw().len(), cpu_ms(pid), wakeups(pid));
    std::thread::sleep(time);
    let (bytes, cpu, woken) = (pty.raw().len() - bytes, cpu_ms(pid) - cpu, wakeups(pid) - woken);
    let seconds = time.as_secs_f64();
    println!(
        "{name:15} {:8.1} bytes/s, {:.1} wake-ups/s, {cpu:.1} ms of processor in {seconds:.0} s",
        bytes as f64 / seconds,
        woken / seconds
    );
}

/// The wizard on a host whose probes all wait for an answer that never comes.
fn measure_probing(columns: u16, rows: u16) {
    let silent = Lab::new().service(Fault::Drop("*".into(), None)).not_ecs();
    let Some(lab) = silent.build_or_skip() else { return };
    let pty = lab.terminal(&["logtail-doctor", "--region", "cn-hangzhou", "--timeout", PROBE_S], columns, rows);
    begin(&pty);
    // What answers at once is there; the rest is waited for.
    settle(&pty);
    let is_looking = |pty: &Pty| pty.screen().contains(" .. ");
    assert!(is_looking(&pty), "nothing is waited for:\n{}", pty.screen());
    // The wizard is the child of what brought it onto the host.
    let children = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let wizard = pty.pid().and_then(|pid| children(pid).split_whitespace().next()?.parse().ok());
    let Some(wizard) = wizard else { return println!("while probing   skipped: this kernel does not tell children") };
    watch("while probing", &pty, wizard, PROBING);
    assert!(is_looking(&pty), "the probes ended too soon:\n{}", pty.screen());
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
    let is_ours = words.is_empty();
    if is_ours {
        let here = std::env::current_exe().expect("a path");
        let built = here.ancestors().nth(2).expect("a target directory").join("logtail-doctor");
        let program = std::env::var_os("LOGTAIL_DOCTOR_BIN").map_or(built, Into::into);
        assert!(program.is_file(), "{} is not built: cargo build --release", program.display());
        words = vec![program.display().to_string()];
    }
    let state = tempfile::tempdir().expect("a directory");
    let state = state.path().display().to_string();
    let settings = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
    let mut env: Vec<_> = settings.map(|(key, value)| (key.to_string(), value.to_string())).to_vec();
    env.push(("LOGTAIL_DOCTOR_STATE".into(), state));

    let (mut frame_ms, mut frame_cpu, mut frame_bytes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        let pty = Pty::spawn(&words, &env, columns, rows);
        begin(&pty);
        frame_ms.push(started.elapsed().as_secs_f64() * 1e3);
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
    let Some(pid) = pty.pid() else { return };
    for (name, keys) in [("choice", ["Down", "Up"]), ("step", ["Right", "Left"])] {
        let (mut ms, mut bytes, mut drawn, mut writes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for turn in 0..20 {
            let (before, calls) = (pty.raw().len(), number(&format!("{pid}/io"), "syscw"));
            let begin = Instant::now();
            pty.send(keys[(turn / 3) % 2]);
            while pty.raw().len() == before && begin.elapsed() < Duration::from_millis(300) {
                std::thread::sleep(Duration::from_micros(100));
            }
            let took = begin.elapsed().as_secs_f64() * 1e3;
            settle(&pty);
            let wrote = pty.raw().split_off(before);
            // A key at the end of a list changes nothing, and writes nothing.
            if !wrote.is_empty() {
                ms.push(took);
                bytes.push(wrote.len() as f64);
                drawn.push(frames(&wrote) as f64);
                // To anything: the frame, the wake-up of one thread by another, the file of the session.
                writes.push(number(&format!("{pid}/io"), "syscw") - calls);
            }
        }
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        println!(
            "{name:15} {:8.2} ms, {:.0} bytes, {:.0} at most, {:.0} frame at most, {:.0} write(2) of all kinds",
            median(ms),
            median(bytes.clone()),
            most(&bytes),
            most(&drawn),
            median(writes)
        );
    }
    settle(&pty);
    watch("idle", &pty, pid, IDLE);
    println!("memory          {:8.1} MB resident at most", number(&format!("{pid}/status"), "VmHWM") / 1024.0);
    pty.send("q");
    match is_ours {
        true => measure_probing(columns, rows),
        false => println!("while probing   skipped: only this program, given no other"),
    }
}
