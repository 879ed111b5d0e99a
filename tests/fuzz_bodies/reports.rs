//! What leaves the machine or comes back to it: bundles, the remembered context, masked and printable text.

use super::judging;
use logtail_doctor::core::context::Field;
use logtail_doctor::core::flow::Session;
use logtail_doctor::core::text::{Lang, cut, pad, printable, printable_block, width};
use logtail_doctor::memory;
use logtail_doctor::report::{Redactor, read_packed};
use std::io::Write;
use std::path::Path;

const SECRET: &str = "qW7xPz0rT5uVbN3mKd91LsHf";

/// The bytes as a bundle, and as the recording in one; what reads is judged.
pub fn bundle(data: &[u8]) {
    let path = Path::new("bundle.tar.gz");
    let _ = read_packed(path, data);
    let packed = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).expect("memory");
        gzip.finish().expect("memory")
    };
    let _ = read_packed(path, packed(data).as_slice());
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(data.len() as u64);
    tar.append_data(&mut header, "top/observations.json", data).expect("memory");
    if read_packed(path, packed(&tar.into_inner().expect("memory")).as_slice()).is_ok() {
        judging::recording(data);
    }
}

/// Masking twice masks no more, and a named secret on a line of its own never stays, whatever stands around it.
pub fn redact(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let once = Redactor::new().text(&text);
    assert_eq!(Redactor::new().text(&once), once);
    let (before, after) = super::parts(data);
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    for planted in [format!("{{\"access_key_secret\": \"{SECRET}\"}}"), format!("ACCESS_KEY_SECRET={SECRET}")] {
        let masked = Redactor::new().text(&format!("{before}\n{planted}\n{after}"));
        assert!(!masked.contains(SECRET), "{masked}");
    }
    let mut learnt = Redactor::new();
    learnt.text(&format!("password={SECRET}"));
    if !text.contains('\0') {
        let masked = learnt.text(&format!("{before} {SECRET} {after}"));
        assert!(!masked.contains(SECRET), "{masked}");
    }
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        let once = Redactor::new().value(value);
        assert_eq!(Redactor::new().value(once.clone()), once);
    }
}

/// What is remembered is valid field by field, is remembered again as it is, and makes a session.
pub fn context(data: &[u8]) {
    let Ok(context) = memory::remembered(data) else { return };
    for &field in &Field::ALL {
        let mut other = context.clone();
        assert!(other.set(field, &context.get(field)).is_ok(), "{field:?}");
    }
    let written = serde_json::to_vec(&context).expect("plain data");
    assert_eq!(memory::remembered(&written).as_ref(), Ok(&context));
    let session = Session::new(context, Lang::Zh, false, Vec::new());
    assert!(!session.actions().is_empty() || session.is_looking());
}

/// Nothing that drives a terminal passes, and a cut keeps its width.
pub fn printable_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = printable(&text);
    assert!(!shown.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')));
    assert_eq!(printable(&shown), shown);
    assert!(printable_block(&text).iter().all(|line| printable(line) == *line));
    for cells in [0, 1, 2, 3, 7, 20, 80] {
        let part = cut(&shown, cells);
        assert!(width(&part) <= cells, "{part:?} is wider than {cells}");
        assert_eq!(width(&pad(&shown, cells)), cells);
    }
}
