//! How long `logtail-doctor check` takes on a healthy host, with every endpoint silent, and on a host with very many
//! processes, interfaces or log lines: `cargo run --release --example bench_check`. Needs root. Prints a table, and
//! exits with 1 when a limit is exceeded.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lab::{Builder, Fault, Lab};

/// What may come on top of the slowest round trip, or of the time limit.
const SLACK: Duration = Duration::from_millis(300);
/// Each time is the median of so many runs.
const RUNS: usize = 5;
const LOG: &str = "/usr/local/ilogtail/ilogtail.LOG";

/// The host on which times are measured: its name, how it is built, what is done to it, and how long to wait.
struct Case {
    name: &'static str,
    builder: Builder,
    prepare: String,
    timeout_s: u64,
    /// The part of the time that nobody can save: the wait for those who are silent.
    wait: Duration,
}

fn case(name: &'static str, builder: Builder, prepare: impl Into<String>) -> Case {
    Case { name, builder, prepare: prepare.into(), timeout_s: 3, wait: Duration::ZERO }
}

fn cases() -> Vec<Case> {
    let silent = |builder: Builder| builder.service(Fault::Drop("*".into(), None)).not_ecs();
    let waiting =
        |name, builder, timeout_s| Case { timeout_s, wait: Duration::from_secs(timeout_s), ..case(name, builder, "") };
    let mut interfaces = String::new();
    for number in 0..199 {
        let _ = write!(interfaces, "ip link add x{number} type bridge; ip addr add 10.77.{number}.1/24 dev x{number};");
    }
    vec![
        case("healthy", Lab::new(), ""),
        waiting("every endpoint silent, --timeout 3", silent(Lab::new()), 3),
        waiting("every endpoint silent, --timeout 1", silent(Lab::new()), 1),
        waiting("the same without DNS, --timeout 3", silent(Lab::new()).service(Fault::DnsSilent), 3),
        // Forks of one shell, each waiting for a line that never comes: the cheapest processes there are.
        case(
            "20,000 processes",
            Lab::new(),
            "mkfifo /run/never; (exec 3<>/run/never; i=0; while [ $i -lt 20000 ]; do read x <&3 & i=$((i+1)); done; wait) \
             >/dev/null 2>&1 & sleep 1; last=0; while now=$(ls /proc | wc -l); [ $now -gt $last ]; do last=$now; sleep 1; done",
        ),
        case("200 interfaces", Lab::new(), interfaces),
        case("a log of 2 GB", Lab::new(), format!("cp {LOG} /run/log; truncate -s 2G {LOG}; cat /run/log >> {LOG}")),
    ]
}

/// The median time of a check, and its exit code.
fn measure(lab: &Lab, timeout_s: u64) -> (Duration, i32) {
    let timeout = timeout_s.to_string();
    let mut code = 0;
    let mut run = |_| {
        let begin = Instant::now();
        code = lab.run(&["check", "--format", "json", "--timeout", &timeout]).code;
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..RUNS).map(&mut run).collect();
    times.sort();
    (times[RUNS / 2], code)
}

fn main() -> ExitCode {
    let mut is_slow = false;
    println!("{:40} {:>10} {:>10} {:>10}  exit", "host", "processes", "median", "limit");
    for case in cases() {
        let Some(lab) = case.builder.build_or_skip() else { return ExitCode::FAILURE };
        if !case.prepare.is_empty() {
            lab.sh(&case.prepare);
        }
        let processes = lab.sh("ls /proc | grep -c '^[0-9]'").stdout;
        let (time, code) = measure(&lab, case.timeout_s);
        let limit = case.wait + SLACK;
        is_slow |= time > limit;
        let mark = if time > limit { "  TOO SLOW" } else { "" };
        println!(
            "{:40} {:>10} {:>7} ms {:>7} ms  {code}{mark}",
            case.name,
            processes.trim(),
            time.as_millis(),
            limit.as_millis()
        );
    }
    ExitCode::from(u8::from(is_slow))
}
