//! The shapes that a file should not have.

use super::expect::File;
use lab::Lab;

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text that is nothing of its kind.
    Malformed,
    /// The first half of what it should be.
    Truncated,
    Empty,
    /// What it should be and 100 MB of nothing behind it.
    Huge,
    NotUtf8,
    /// A directory where a file should be; an empty one where the directory `users` should be.
    Directory,
    Fifo,
    /// No right for anybody but root, and seen by an ordinary user.
    Unreadable,
    /// A symbolic link to itself.
    Loop,
}

/// Every shape.
pub const ALL: [Shape; 9] = [
    Shape::Malformed,
    Shape::Truncated,
    Shape::Empty,
    Shape::Huge,
    Shape::NotUtf8,
    Shape::Directory,
    Shape::Fifo,
    Shape::Unreadable,
    Shape::Loop,
];

impl Shape {
    /// Gives the file this shape; what was there waits beside it.
    pub fn put(self, lab: &Lab, file: &File) {
        let path = file.path;
        must(lab, &format!("mkdir -p \"$(dirname {path})\"; if [ -e {path} ]; then mv {path} {path}.away; fi"));
        // Of a directory there is no half; a file stands in its place then.
        let half =
            format!("if [ -f {path}.away ]; then head -c $(($(stat -c %s {path}.away) / 2)) {path}.away; fi > {path}");
        let whole = format!("if [ -f {path}.away ]; then cat {path}.away; fi > {path}");
        let make = match self {
            Shape::Malformed => {
                lab.write(path, file.malformed);
                "true".to_string()
            }
            Shape::Truncated => half,
            Shape::Empty => format!(": > {path}"),
            Shape::Huge => format!("{whole}; truncate -s 100M {path}"),
            Shape::NotUtf8 => {
                lab.write(path, b"\xff\xfe{\x00\x80\"\xc3\x28\n\xf0\x9f");
                "true".to_string()
            }
            Shape::Directory => format!("mkdir {path}"),
            Shape::Fifo => format!("mkfifo {path}"),
            Shape::Unreadable => format!(
                "{{ [ ! -d {path}.away ] || mkdir {path}; }}; [ -d {path} ] || {{ {whole}; }}; chmod 000 {path}"
            ),
            Shape::Loop => format!("ln -s {path} {path}"),
        };
        must(lab, &make);
        // An init script keeps its right to be run.
        if path.starts_with("/etc/init.d/") && self != Shape::Unreadable && self != Shape::Loop {
            must(lab, &format!("chmod 755 {path}"));
        }
    }

    /// Takes it away again and puts back what was there.
    pub fn take_away(self, lab: &Lab, file: &File) {
        let path = file.path;
        must(lab, &format!("rm -rf {path}; if [ -e {path}.away ]; then mv {path}.away {path}; fi"));
    }
}

fn must(lab: &Lab, command: &str) {
    let output = lab.sh(command);
    assert_eq!(output.code, 0, "{command}: {output:?}");
}
