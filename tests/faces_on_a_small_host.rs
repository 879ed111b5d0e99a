//! `check`, `bundle` and `undo` on a host that exists only here: secrets in its files reach no output, and what is
//! changed is asked for first.

use logtail_doctor::carry_out::{Applier, Store};
use logtail_doctor::cli::args::{ConsentArgs, Format};
use logtail_doctor::cli::{Settings, bundle, changing, looking};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{Evidence, Finding, RemedyId, StepId};
use logtail_doctor::core::observe::*;
use logtail_doctor::core::text::{Lang, Text};
use logtail_doctor::host::*;
use logtail_doctor::report::{self, Style};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
const SECRET: &str = "pLantedSecretValue0123456789";
const KEY_ID: &str = "LTAI5tPlantedKeyId0001";
const FOREIGN_ALIUID: &str = "1999888877776666";

/// A host with one configuration file, one log and one authorised account.
struct Small;

fn file(text: String) -> Answer {
    let (bytes, size) = (text.clone().into_bytes(), text.len() as u64);
    Answer::File(Ok(FileSeen { bytes, size, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None }))
}

impl Host for Small {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let answer = match &question {
            Question::File(path) if path == Path::new(CONFIG) => {
                file(format!(r#"{{"access_key_id": "{KEY_ID}", "access_key_secret": "{SECRET}", "x": 1}}"#))
            }
            Question::Tail(_) => file(format!("[error] auth with {SECRET} for {FOREIGN_ALIUID} failed\n")),
            Question::Dir(_) => {
                let entry = EntrySeen { name: FOREIGN_ALIUID.into(), kind: EntryKind::File, size: 0, modified: 0 };
                Answer::Dir(Ok(DirSeen { entries: vec![entry], cut: false }))
            }
            Question::Clock => Answer::Clock(ClockSeen { now_ms: 1_795_323_600_900, offset_s: 0, booted: 0 }),
            Question::Identity => Answer::Identity(IdentitySeen {
                hostname: "small".into(),
                user: "root".into(),
                privileged: true,
                ..IdentitySeen::default()
            }),
            Question::File(_) => Answer::File(Err(Unavailable::Absent)),
            Question::Trusted(_) => Answer::Trusted(Ok(())),
            other => panic!("nobody asks for {other:?}"),
        };
        Box::pin(async move { answer })
    }
}

impl MutableHost for Small {
    fn perform(&self, _: Operation, _: LiveOutput) -> Pending<Result<Done, OperationError>> {
        Box::pin(async { Err(OperationError::ReadOnly) })
    }
}

fn small(settings: &Settings) -> Applier {
    Applier::new(Arc::new(Small), settings.store.clone())
}

/// A judge that quotes whatever it reads.
fn judge(step: StepId, see: &Observations, _: &Context) -> Result<Finding, Unanswered> {
    let quote =
        |file: &Observed<FileSeen>| Text::same(file.as_ref().map(|f| f.text().into_owned()).unwrap_or_default());
    let rows = vec![
        Evidence::new(Text::same("config"), quote(see.file(CONFIG)?), CONFIG),
        Evidence::new(Text::same("log"), quote(see.tail("/usr/local/ilogtail/ilogtail.LOG")?), "log"),
        Evidence::new(
            Text::same("users"),
            Text::same(format!("{:?}", see.dir("/etc/ilogtail/users")?)),
            "/etc/ilogtail/users",
        ),
    ];
    Ok(Finding::unknown(step, Text::fixed("Read.", "已读取。"), rows))
}

fn settings(dir: &Path) -> Settings {
    Settings {
        no_colour: false,
        lang: Lang::En,
        style: Style::default(),
        read_only: false,
        asks: false,
        roots_dir: None,
        context: Context::default(),
        store: Store { dir: dir.to_path_buf(), actor: "test".into() },
    }
}

/// The clock stands still meanwhile, so that the time in a bundle's name is the host's on a busy machine, too.
fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(work)
}

#[test]
fn planted_secrets_reach_no_form_of_the_report() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Text, Format::Json, Format::Markdown] {
        let mut out = Vec::new();
        let code = now(looking::check(Arc::new(Small), judge, &settings(dir.path()), format, &mut out)).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(code, 3, "unknown is never OK");
        assert!(!out.contains(SECRET) && !out.contains(KEY_ID), "{out}");
        assert!(out.contains("secret-") && out.contains(FOREIGN_ALIUID), "{out}");
    }
}

#[test]
fn planted_secrets_and_foreign_accounts_reach_no_file_of_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let (name, bytes) = now(bundle::packed(Arc::new(Small), judge, &settings(dir.path()))).unwrap();
    // It began a moment before the host's clock was read.
    let is_of_then = ["20261122T050000Z", "20261122T0459"].iter().any(|time| name.contains(time));
    assert!(name.starts_with("logtail-doctor-small-") && is_of_then, "{name}");
    let mut names = Vec::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let path = entry.path().unwrap().into_owned();
        for planted in [SECRET, KEY_ID, FOREIGN_ALIUID] {
            assert!(!text.contains(planted), "{planted} in {}", path.display());
        }
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    let expected = [
        "MANIFEST.json",
        "ticket.txt",
        "report.txt",
        "report.json",
        "observations.json",
        "redactions.json",
        "ilogtail_config.json",
    ];
    assert_eq!(names, expected);
    let path = report::write_bundle(&bytes, &[dir.path().join("b.tar.gz")]).unwrap();
    let recording = report::read_bundle(&path).unwrap();
    let config = recording.observations.file(CONFIG).unwrap().as_ref().unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&config.bytes).is_ok(), "masked JSON is still JSON");
    let mut out = Vec::new();
    let context = recording.told();
    let settings = settings(dir.path());
    let code = looking::check_recording(&recording, context, judge, &settings, Format::Text, &mut out).unwrap();
    assert_eq!(code, 3);
    assert!(String::from_utf8(out).unwrap().contains("1999000000006666"));
}

#[test]
fn nothing_to_undo_is_a_refusal_and_bad_input_is_usage() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let mut out = Vec::new();
    let consent = ConsentArgs { dry_run: false, yes: true };
    assert_eq!(now(changing::undo(small(&settings), judge, &settings, None, consent, &mut out)).unwrap(), 3);
    let set = ["ip=10.0.0".to_string()];
    let remedy = RemedyId::BindHostname;
    assert_eq!(now(changing::fix(small(&settings), judge, &settings, remedy, &set, consent, &mut out)).unwrap(), 2);
    assert!(out.is_empty());
}
