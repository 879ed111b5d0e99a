//! Secrets planted in everything that is read come out nowhere; under other names a host is judged alike and nothing
//! tells whose it is; and whatever a bundle says, nothing in it drives a terminal.

use logtail_doctor::carry_out::{Applier, Store};
use logtail_doctor::cli::{Settings, args::Format, bundle, looking};
use logtail_doctor::core::checks::{Investigation, check};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{CauseId, StepId, Verdict};
use logtail_doctor::core::flow::Session;
use logtail_doctor::core::observe::Observations;
use logtail_doctor::core::text::{Lang, Text};
use logtail_doctor::engine::{self, Looking};
use logtail_doctor::host::recorded::RecordedHost;
use logtail_doctor::host::simulated::{Scenario, SimulatedHost, scenarios};
use logtail_doctor::report::{self, AgentInfo, Case, Planted, Recording, Style, Taken};
use logtail_doctor::ui::{Depth, Glyphs, Keep, Plain, Services, Theme, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Value;
use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

const NOW_MS: i64 = 1_795_326_000_000;

fn settings(dir: &Path, context: &Context) -> Settings {
    Settings {
        no_colour: true,
        lang: Lang::En,
        style: Style::default(),
        read_only: false,
        asks: false,
        roots_dir: None,
        context: context.clone(),
        store: Store { dir: dir.to_path_buf(), actor: "test".into() },
    }
}

fn agent(_: &Observations) -> Option<AgentInfo> {
    None
}

/// What was seen of a simulated host, with the investigation.
async fn looked_at(scenario: &Scenario) -> Looking {
    let host = SimulatedHost::new(scenario.world(NOW_MS));
    let mut looking = Looking::new(Arc::new(host), Investigation::new(check, scenario.context.clone()));
    looking.settle().await;
    looking
}

fn outcomes(found: &Investigation) -> Vec<(StepId, Verdict, Vec<CauseId>)> {
    let of = |step: &StepId| {
        let finding = &found.finding(*step).expect("a settled step").finding;
        (*step, finding.verdict, finding.causes.iter().map(|cause| cause.id).collect())
    };
    StepId::ALL.iter().map(of).collect()
}

fn unpacked(packed: &[u8]) -> String {
    let mut all = Vec::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(packed)).entries().unwrap() {
        let mut entry = entry.unwrap();
        all.extend_from_slice(&entry.path_bytes());
        entry.read_to_end(&mut all).unwrap();
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test(start_paused = true)]
async fn secrets_in_every_source_come_out_of_no_report_bundle_ticket_or_preview() {
    let mut planted = 0;
    for scenario in scenarios() {
        let looking = looked_at(scenario).await;
        let test = report::self_test(looking.found().seen(), &scenario.context, check, agent).unwrap();
        assert!(test.forms >= 15 && test.sources > 5 && test.planted >= 50, "{test:?}");
        assert_eq!(test.leaks, [""; 0], "{}", scenario.id);
        planted += test.planted;
    }
    assert!(planted >= 200 * scenarios().len(), "{planted}");
}

/// The screens and the plain lines of a walk over a host whose every answer holds secrets.
#[tokio::test(start_paused = true)]
async fn secrets_in_every_source_reach_no_screen() {
    for scenario in scenarios().iter().step_by(3) {
        let looking = looked_at(scenario).await;
        let planted = Planted::in_all_of(looking.found().seen());
        let host = Arc::new(RecordedHost::new(&planted.observations));
        for lang in [Lang::En, Lang::Zh] {
            let found = Investigation::new(check, scenario.context.clone());
            let mut looking = Looking::new(host.clone(), found);
            let mut session = Session::new(scenario.context.clone(), lang, true, Vec::new());
            let services = Services {
                evidence_text: report::evidence_text,
                ticket_text: Box::new(|found, lang| {
                    report::ticket(&Case::new(found, found.seen(), Taken::at(NOW_MS, 0), None), lang)
                }),
                write_bundle: Box::new(|_, _| Err(Text::fixed("no", "否"))),
                remember: Box::new(|_| {}),
                keep: Keep::new(Box::new(|_| {})),
            };
            let answers = "1\n\n2\n\nt\n\nJ\n\nn\n1\n\nn\nn\nn\nn\nn\nn\nn\nn\nq\n";
            let mut face = Plain::new(Cursor::new(answers), Vec::new(), true, false, services).unwrap();
            let store = Store { dir: "/var/lib/logtail-doctor".into(), actor: "test".into() };
            // Nothing is applied in this walk, so whatever could be changed is another host.
            let applier = Applier::new(Arc::new(SimulatedHost::new(scenario.world(NOW_MS))), store);
            engine::run(&mut looking, &mut session, applier, &mut face).await;
            let said = String::from_utf8(face.into_out()).unwrap();
            let mut screens = String::new();
            let theme = Theme::of(Depth::Mono);
            for (columns, rows) in [(80, 24), (200, 50)] {
                let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
                terminal.draw(|frame| view::draw(frame, &mut session, &theme, Glyphs::Ascii)).unwrap();
                let cells = terminal.backend().buffer().content().iter().map(|cell| cell.symbol());
                screens.extend(cells);
            }
            // A secret that is broken over lines is out, too.
            let joined = |text: &str| text.split_whitespace().collect::<String>();
            let out = [("lines", joined(&said)), ("screens", joined(&screens)), ("said", said)];
            assert_eq!(planted.leaks(&out), [""; 0], "{}", scenario.id);
        }
    }
}

/// Taking secrets out takes nothing out that is judged.
#[tokio::test(start_paused = true)]
async fn a_bundle_is_judged_as_its_host_was() {
    for scenario in scenarios() {
        let looking = looked_at(scenario).await;
        let found = looking.found();
        let case = Case::new(found, found.seen(), Taken::at(NOW_MS, 0), None);
        let packed = report::pack(&case, Lang::En).unwrap();
        let recording = report::read_packed(Path::new("b"), packed.as_slice()).unwrap();
        let again = recording.judged(check, recording.told());
        assert_eq!(outcomes(&again), outcomes(found), "{}", scenario.id);
    }
}

#[tokio::test(start_paused = true)]
async fn under_other_names_a_host_is_judged_alike_and_nothing_tells_whose_it_is() {
    for scenario in scenarios() {
        let looking = looked_at(scenario).await;
        let found = looking.found();
        let case = Case::new(found, found.seen(), Taken::at(NOW_MS, 0), None);
        let other = report::anonymous(&case, [5; 16], check, agent);
        let other = other.unwrap_or_else(|step| panic!("{}: {step:?} is judged otherwise", scenario.id));
        let packed = report::pack(&other.case, Lang::En).unwrap();
        let recording = report::read_packed(Path::new("b"), packed.as_slice()).unwrap();
        let again = recording.judged(check, recording.told());
        assert_eq!(outcomes(&again), outcomes(found), "{}", scenario.id);
        let (all, map) = (unpacked(&packed), String::from_utf8(other.map).unwrap());
        let hostname = found.seen().identity().unwrap().hostname.raw().to_string();
        for real in [hostname.as_str(), "10.1.1.5", "1654218965343050", "demo-project"] {
            let is_judged_word = ["localhost"].contains(&real);
            assert!(is_judged_word || !all.contains(real), "{}: {real}", scenario.id);
        }
        assert!(map.contains("10.1.1.5") && map.contains(&hostname), "{map}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_map_of_names_lies_beside_the_bundle_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = &scenarios()[0];
    let host = || Arc::new(SimulatedHost::new(scenario.world(NOW_MS)));
    let settings = settings(Path::new("/var/lib/logtail-doctor"), &scenario.context);
    let place = dir.path().join("b.tar.gz");
    let list = bundle::Wish { output: None, lists: true, is_anonymous: false };
    let mut out = Vec::new();
    assert_eq!(bundle::bundle(host(), check, &settings, list, &mut out).await.unwrap(), 0);
    let shown = String::from_utf8(out).unwrap();
    for word in ["observations.json", "report.txt", "/etc/hosts", "Nothing was written", "MANIFEST.json"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let wish = bundle::Wish { output: Some(&place), lists: false, is_anonymous: true };
    let mut out = Vec::new();
    assert_eq!(bundle::bundle(host(), check, &settings, wish, &mut out).await.unwrap(), 0);
    let map = dir.path().join("b.names.json");
    for path in [&place, &map] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let names = fs::read_to_string(&map).unwrap();
    assert!(names.contains("10.1.1.5"));
    let packed = unpacked(&fs::read(&place).unwrap());
    assert!(!packed.contains("10.1.1.5") && !packed.contains("real_names") && !packed.contains("names.json"));
    let mut out = Vec::new();
    assert_eq!(bundle::self_test(host(), check, &settings, &mut out).await.unwrap(), 0);
    assert!(String::from_utf8(out).unwrap().contains("None came out"));
}

/// Puts what drives a terminal into every text of a recording that may be any text.
fn driven(value: &mut Value, whole: &mut Value, path: &mut Vec<String>) {
    const DRIVER: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}";
    match value {
        Value::String(text) => {
            let before = text.clone();
            *text = format!("{text}{DRIVER}");
            let pointer: String = path.iter().map(|part| format!("/{part}")).collect();
            if let Some(place) = whole.pointer_mut(&pointer) {
                *place = Value::String(text.clone());
            }
            if serde_json::from_value::<Recording>(whole.clone()).is_err() {
                if let Some(place) = whole.pointer_mut(&pointer) {
                    *place = Value::String(before.clone());
                }
                *text = before;
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                path.push(number.to_string());
                driven(item, whole, path);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                // Of a file's bytes every line is judged elsewhere; here one text stands for them.
                path.push(key.replace('~', "~0").replace('/', "~1"));
                driven(field, whole, path);
                path.pop();
            }
        }
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_in_a_bundle_drives_a_terminal() {
    for scenario in scenarios().iter().step_by(5) {
        let looking = looked_at(scenario).await;
        let found = looking.found();
        let case = Case::new(found, found.seen(), Taken::at(NOW_MS, 0), None);
        let mut recording = case.recording.clone();
        // Long texts cost time here and are no other kind.
        recording.observations = (recording.observations.answers())
            .filter(|(_, answer)| serde_json::to_string(answer).unwrap().len() < 2000)
            .map(|(question, answer)| (question.clone(), answer.clone()))
            .collect();
        let mut value = serde_json::to_value(&recording).unwrap();
        let mut whole = value.clone();
        driven(&mut value, &mut whole, &mut Vec::new());
        let recording: Recording = serde_json::from_value(whole).unwrap();
        assert!(serde_json::to_string(&recording.taken).unwrap().contains("u001b"), "the start time is one of them");
        let settings = settings(Path::new("/nowhere"), &Context::default());
        for lang in [Lang::En, Lang::Zh] {
            for format in [Format::Text, Format::Json, Format::Markdown] {
                let mut out = Vec::new();
                let settings = Settings { lang, ..settings.clone() };
                looking::check_recording(&recording, recording.told(), check, &settings, format, &mut out).unwrap();
                let out = String::from_utf8(out).unwrap();
                let drives = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}' | '\u{9b}');
                let bad: Vec<&str> = out.lines().filter(|line| line.contains(drives)).collect();
                assert!(bad.is_empty(), "{} {format:?}: {bad:?}", scenario.id);
            }
        }
    }
}
