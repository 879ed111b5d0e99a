//! Shows that no secret leaves: plants secrets in everything that was read, in memory only, and looks for them in every
//! form in which anything leaves this program. No I/O; nothing of the host is changed.

use super::{AgentInfo, Case, Style, evidence_text, json, listing, markdown, pack, text, ticket};
use crate::core::checks::{Investigation, Judge};
use crate::core::context::Context;
use crate::core::finding::RemedyId;
use crate::core::observe::{Answer, EntryKind, EntrySeen, FileSeen, Observations, Question};
use crate::core::redact::Redactor;
use crate::core::remedies::{Inputs, Planned, plan, preview};
use crate::core::text::Lang;
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Read};

/// The forms in which a secret is planted; `@` is the secret.
const FORMS: [&str; 20] = [
    "password=@",
    "{\"access_key_secret\": \"@\"}",
    "{\"ak\": [\"@\"], \"n\": 1}",
    "{\\\"sts_token\\\":\\\"@\\\"}",
    "https_proxy=user:@\u{1}proxy.corp:3128",
    "https://user:a/#@\u{1}proxy.corp:3128/",
    "user:@\u{1}tcp(10.0.0.9:3306)/db",
    "Server=db;Uid=sa;Pwd=@;Encrypt=no",
    "Authorization: LOG x:@",
    "Bearer: @",
    "Cookie: a=b; sid=@",
    "x-acs-security-token: @",
    "<Password>@</Password>",
    "<add key=\"password\" value=\"@\"/>",
    "q=%22token%22%3A%22@%22",
    "eyJhbGciOiJIUzI1NiJ9.@.@",
    "tool --password @ --x",
    "machine h login root password @",
    "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----",
    "\u{2}password=@",
];

/// Every secret ends so.
const TAIL: &str = "Qz7xPw0rT5uVbN3";
/// And has so many characters before that: `mK` and its number.
const HEAD: usize = 7;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// How many secrets were planted.
    pub planted: usize,
    pub forms: usize,
    /// In how many answers.
    pub sources: usize,
    /// Each form that let a secret out, with the place where it stood.
    pub leaks: Vec<String>,
}

/// Observations with secrets in every answer, to see whether they come out.
#[derive(Debug)]
pub struct Planted {
    pub observations: Observations,
    /// What must not be found, with the form and the place.
    markers: Vec<(String, &'static str, String)>,
    sources: usize,
}

impl Planted {
    /// Plants secrets in all of `seen`.
    pub fn in_all_of(seen: &Observations) -> Planted {
        let mut planter = Planter::default();
        let observations = planter.observations(seen);
        Planted { observations, markers: planter.markers, sources: planter.sources }
    }

    /// The forms whose secret stands in one of these texts, with the place where it was planted. Each text has a name.
    pub fn leaks(&self, out: &[(&str, String)]) -> Vec<String> {
        let mut leaks = BTreeSet::new();
        for (what, text) in out {
            // All secrets have this in common, so a long text is searched twice and not thousands of times.
            let begins = text.match_indices(TAIL).map(|(at, _)| at.saturating_sub(HEAD));
            let encoded = BASE64_STANDARD.encode("password=mK0");
            let places = begins.chain(text.match_indices(&encoded).map(|(at, _)| at));
            for at in places.collect::<Vec<_>>() {
                let rest = text.get(at..).unwrap_or_default();
                let found = self.markers.iter().filter(|(needle, ..)| rest.starts_with(needle.as_str()));
                for (_, form, place) in found {
                    let form = form.trim_start_matches('\u{2}').replace('\u{1}', "@");
                    leaks.insert(format!("{what}: {form} <- {place}"));
                }
            }
        }
        leaks.into_iter().collect()
    }

    /// How many secrets were planted.
    pub fn count(&self) -> usize {
        self.markers.len()
    }
}

/// Plants secrets in all of `seen` and looks for them in all that would leave.
///
/// # Errors
/// Only if memory cannot be written to.
pub fn self_test(
    seen: &Observations,
    told: &Context,
    judge: Judge,
    agent_info: impl Fn(&Observations) -> Option<AgentInfo>,
) -> io::Result<SelfTest> {
    let test = Planted::in_all_of(seen);
    let planted = &test.observations;
    let mut out = Vec::new();
    let found = Investigation::new(judge, told.clone()).with_seen(planted.clone());
    let found = settled(found);
    let case = Case::new(&found, planted, super::Taken::at(0, 0), agent_info(planted));
    for lang in [Lang::En, Lang::Zh] {
        out.push(("report (text)", text(&case.report, lang, Style::default())));
        out.push(("report (json)", json(&case.report, lang)));
        out.push(("report (markdown)", markdown(&case.report, lang)));
        out.push(("ticket", ticket(&case, lang)));
        out.push(("list of the bundle", listing(&case, lang)?));
        out.push(("bundle", unpacked(&pack(&case, lang)?)?));
        for finding in case.report.findings() {
            out.push(("evidence", evidence_text(finding, lang)));
        }
        for &remedy in RemedyId::ALL {
            if let Ok(Planned::Ready(plan)) = plan(remedy, &Inputs::from_context(told), planted) {
                let lines = preview(&plan, true, lang).into_iter().map(|line| line.text + "\n");
                out.push(("preview", lines.collect()));
            }
        }
    }
    // What a face is told of each step, as the engine tells it.
    let mut redactor = Redactor::new();
    planted.answers().for_each(|(_, answer)| redactor.learn(answer));
    for (_, checked) in found.findings() {
        let shown = redactor.through(&checked.finding);
        out.push(("screen", serde_json::to_string(&shown)?));
    }
    let leaks = test.leaks(&out);
    Ok(SelfTest { planted: test.count(), forms: FORMS.len(), sources: test.sources, leaks })
}

/// Asks nobody: what was not read is answered as missing.
fn settled(mut found: Investigation) -> Investigation {
    loop {
        let asked = found.advance(0);
        if asked.is_empty() {
            return found;
        }
        for asked in asked {
            let answer = crate::host::recorded::unrecorded(&asked.question);
            found.answer(&asked, answer);
        }
    }
}

/// Every file of a bundle as one text.
fn unpacked(packed: &[u8]) -> io::Result<String> {
    let mut all = Vec::new();
    let mut archive = tar::Archive::new(GzDecoder::new(packed));
    for entry in archive.entries()? {
        let mut entry = entry?;
        all.extend_from_slice(&entry.path_bytes());
        all.push(b'\n');
        entry.read_to_end(&mut all)?;
        all.push(b'\n');
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

/// Plants, and remembers what it planted where.
#[derive(Default)]
struct Planter {
    /// What must not be found, with the form and the place.
    markers: Vec<(String, &'static str, String)>,
    sources: usize,
    next: usize,
}

impl Planter {
    /// One secret in the next form.
    fn secret(&mut self, place: &str) -> String {
        let form = FORMS.get(self.next % FORMS.len()).copied().unwrap_or_default();
        self.next += 1;
        self.in_form(form, place)
    }

    fn in_form(&mut self, form: &'static str, place: &str) -> String {
        let marker = format!("mK{:05}{TAIL}", self.markers.len());
        let text = form.trim_start_matches('\u{2}').replace('@', &marker).replace('\u{1}', "@");
        let (needle, text) = match form.starts_with('\u{2}') {
            true => {
                let encoded = BASE64_STANDARD.encode(&text);
                (encoded.clone(), format!("base64 {encoded} end"))
            }
            false => (marker, text),
        };
        self.markers.push((needle, form, place.to_string()));
        text
    }

    fn observations(&mut self, seen: &Observations) -> Observations {
        let planted = seen.answers().map(|(question, answer)| {
            let place = serde_json::to_string(question).unwrap_or_default();
            self.sources += 1;
            (question.clone(), self.answer(question, answer, &place))
        });
        planted.collect()
    }

    fn answer(&mut self, question: &Question, answer: &Answer, place: &str) -> Answer {
        match (question, answer) {
            // Every form in every file; nobody reads the bytes of one that is only looked for.
            (Question::File(_) | Question::Tail(_), Answer::File(Ok(file))) => {
                let mut bytes = file.bytes.clone();
                for form in FORMS {
                    bytes.push(b'\n');
                    bytes.extend_from_slice(self.in_form(form, place).as_bytes());
                }
                bytes.push(b'\n');
                let size = file.size + (bytes.len() - file.bytes.len()) as u64;
                Answer::File(Ok(FileSeen { bytes, size, ..file.clone() }))
            }
            (_, Answer::Environment(Ok(pairs))) => {
                let mut pairs = pairs.clone();
                for name in ["OSS_SK", "http_proxy", "LOONG_NOTE"] {
                    let value = match name {
                        "OSS_SK" => self.in_form("@", place),
                        "http_proxy" => self.in_form("user:@\u{1}proxy.corp:3128", place),
                        _ => self.secret(place),
                    };
                    pairs.push((name.to_string(), value));
                }
                Answer::Environment(Ok(pairs))
            }
            (_, Answer::Dir(Ok(dir))) => {
                let mut dir = dir.clone();
                let name = self.in_form("token=@", place);
                dir.entries.push(EntrySeen { name, kind: EntryKind::File, size: 0, modified: 0 });
                Answer::Dir(Ok(dir))
            }
            _ => self.leaves(answer, place),
        }
    }

    /// A secret behind every text in the answer that may be any text.
    fn leaves(&mut self, answer: &Answer, place: &str) -> Answer {
        let Ok(mut value) = serde_json::to_value(answer) else { return answer.clone() };
        let count = count_texts(&value);
        let mut planted = answer.clone();
        for number in 0..count {
            let before = (self.markers.len(), self.next);
            let mut with = value.clone();
            let secret = self.secret(place);
            let mut left = number;
            if let Some(text) = nth_text(&mut with, &mut left) {
                *text = format!("{text}\n{secret}\n");
            }
            match serde_json::from_value::<Answer>(with.clone()) {
                Ok(answer) => (value, planted) = (with, answer),
                // A word of ours or an address: no other text can stand there.
                Err(_) => {
                    self.markers.truncate(before.0);
                    self.next = before.1;
                }
            }
        }
        planted
    }
}

fn count_texts(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(count_texts).sum(),
        Value::Object(fields) => fields.values().map(count_texts).sum(),
        _ => 0,
    }
}

fn nth_text<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut String> {
    match value {
        Value::String(text) if *left == 0 => Some(text),
        Value::String(_) => {
            *left -= 1;
            None
        }
        Value::Array(items) => items.iter_mut().find_map(|item| nth_text(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth_text(value, left)),
        _ => None,
    }
}
