//! `fix` on files that it must not touch: one clear sentence, nothing changed.

use super::expect::{FILES, File};
use super::shapes::Shape;
use lab::OWNER;
use std::time::{Duration, Instant};

/// A remedy, the file that it would change, and the shapes in which it must not.
const CASES: &[(&[&str], &str, &[Shape])] = &[
    (
        &["add-aliuid", "--aliuid", OWNER, "--same-account", "no"],
        "/etc/ilogtail/users",
        // A file in the place of the directory is cured: it is kept aside.
        &[Shape::Fifo, Shape::Loop],
    ),
    (
        &["set-endpoint", "--region", "cn-shanghai", "--network", "internet"],
        "/usr/local/ilogtail/ilogtail_config.json",
        &[Shape::Malformed, Shape::NotUtf8, Shape::Huge, Shape::Directory, Shape::Fifo, Shape::Loop],
    ),
    (
        &["write-custom-id", "--custom-id", "db"],
        "/etc/ilogtail/user_defined_id",
        &[Shape::Directory, Shape::Fifo, Shape::Huge, Shape::Loop],
    ),
    (&["bind-hostname", "--set", "ip=10.1.1.5"], "/etc/hosts", &[Shape::Directory, Shape::Huge, Shape::Loop]),
];

/// Tries them all, a host for each remedy.
pub fn try_all() {
    let mut wrong = Vec::new();
    for (words, path, shapes) in CASES {
        let file: &File = FILES.iter().find(|file| file.path == *path).expect("a file of the table");
        let Some(lab) = (file.build)().build_or_skip() else { return };
        for shape in *shapes {
            shape.put(&lab, file);
            let look = format!(
                "ls -ld --time-style=full-iso {path} {path}*; [ -f {path} ] && head -c 4096 {path} | sha256sum; find /etc/ilogtail /usr/local/ilogtail -name '*.bak'"
            );
            let before = lab.sh(&look).stdout;
            let begin = Instant::now();
            let output = lab.run(&[&["fix", "--yes", "--timeout", "2"], *words].concat());
            let took = begin.elapsed();
            let after = lab.sh(&look).stdout;
            shape.take_away(&lab, file);
            let what = format!("{} with {path} {shape:?}", words[0]);
            println!("{what}: {} ms, {}, {}", took.as_millis(), output.code, output.stderr.trim());
            if !matches!(output.code, 2 | 3) || output.stderr.trim().is_empty() || output.stderr.contains("panicked") {
                wrong.push(format!("{what}: {output:?}"));
            }
            if after != before {
                wrong.push(format!("{what}: changed\n{before}\n{after}"));
            }
            if took > Duration::from_secs(6) {
                wrong.push(format!("{what}: took {took:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} complaint(s)\n{}", wrong.len(), wrong.join("\n"));
}
