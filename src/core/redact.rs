//! Takes secrets out of everything that leaves this machine or reaches a screen.
//!
//! A secret is found by its own shape (access key ids, private keys) or by the name before it (`access_key_secret`,
//! `Authorization`, `password`, ...), in JSON, ini, environment, command line, header and URL form. Equal secrets get
//! equal tokens, so that a reader still sees what belongs together, and a token is never masked again. What was found
//! once is remembered: the same value is masked later also where nothing names it.
//!
//! AliUids are no secrets: a ticket needs the owner's. But a host may carry those of other customers, so the ones that
//! lie in a `users` directory and that the operator did not tell get zeros in their middle. They stay digits, so that
//! a bundle is judged as the host was.

mod forms;
mod known;
mod names;
mod pairs;
mod rule;
mod scan;
mod values;
mod views;

pub use rule::Rule;

use crate::core::observe::{Answer, DirSeen, FileSeen, Observations, Question};
use known::{Known, MEMORABLE};
use names::{is_harmless, names_secret};
use scan::Form;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// A text is gone through at most this often. Two are the rule, and one where nothing is found.
const PASSES: usize = 8;

/// A longer file is not learnt from when only pieces of it are to be shown, in bytes.
const LEARNT_LIMIT: usize = 64 << 10;

/// Masks secrets; remembers what it has masked, and how often by which rule.
#[derive(Debug, Default)]
pub struct Redactor {
    tokens: BTreeMap<Vec<u8>, String>,
    known: Known,
    counts: BTreeMap<Rule, usize>,
    /// AliUids to mask, with their masks.
    aliuids: BTreeMap<String, String>,
}

impl Redactor {
    pub fn new() -> Redactor {
        Redactor::default()
    }

    /// How many places were masked, by rule. A place that is looked at twice counts once: tokens stay.
    pub fn counts(&self) -> &BTreeMap<Rule, usize> {
        &self.counts
    }

    /// Learns which AliUids to mask: those in `users` directories that are not `told`.
    pub fn mask_aliuids(&mut self, seen: &Observations, told: Option<&str>) {
        for (question, answer) in seen.answers() {
            if let Answer::Metadata(Ok(instance)) = answer
                && Some(instance.owner_account_id.as_str()) != told
            {
                let owner = &instance.owner_account_id;
                self.aliuids.insert(owner.clone(), mask_digits(owner));
            }
            let (Question::Dir(path), Answer::Dir(Ok(DirSeen { entries, .. }))) = (question, answer) else { continue };
            if path.file_name().is_none_or(|name| name != "users") {
                continue;
            }
            for entry in entries {
                for digits in names::digit_runs(&entry.name).filter(|digits| Some(*digits) != told) {
                    let mask = mask_digits(digits);
                    if mask != digits {
                        self.aliuids.insert(digits.to_string(), mask);
                    }
                }
            }
        }
    }

    /// The text without secrets.
    pub fn text(&mut self, text: &str) -> String {
        // Every cut is beside an ASCII byte, so the rest is still UTF-8.
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// The bytes without secrets. Text that hides behind NUL bytes (UTF-16) comes back without them.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        if bytes.contains(&0) {
            let dense: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
            let masked = self.dense(&dense);
            return if masked == dense { bytes.to_vec() } else { masked };
        }
        self.dense(bytes)
    }

    /// Masks until nothing more is found: what stands around a secret may show its own shape only once that is out of
    /// the way.
    fn dense(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = self.once(bytes);
        if masked == bytes {
            return masked;
        }
        for _ in 1..PASSES {
            let more = self.once(&masked);
            if more == masked {
                break;
            }
            masked = more;
        }
        masked
    }

    fn once(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for found in scan::secrets(bytes) {
            let Some(secret) = bytes.get(found.start..found.end) else { continue };
            let token = self.token(found.rule, secret);
            self.learn_parts(found.rule, secret);
            self.learn_inside(secret);
            out.extend_from_slice(bytes.get(done..found.start).unwrap_or_default());
            match found.form {
                Form::AsIs => out.extend_from_slice(token.as_bytes()),
                // JSON stays JSON where a bare number was the secret.
                Form::Quoted => out.extend_from_slice(format!("\"{token}\"").as_bytes()),
            }
            done = found.end;
        }
        out.extend_from_slice(bytes.get(done..).unwrap_or_default());
        self.learnt(out)
    }

    /// Learns the secrets that each line of a masked stretch names by itself. A stretch that was never closed (an element,
    /// a quote, a private key) runs over lines that have nothing to do with it, and what they name may stand bare
    /// elsewhere.
    fn learn_inside(&mut self, stretch: &[u8]) {
        for line in stretch.split(|&byte| byte == b'\n') {
            // The first line of a private key is none.
            for found in scan::secrets(line).into_iter().filter(|found| found.rule != Rule::PrivateKey) {
                if let Some(secret) = line.get(found.start..found.end) {
                    self.known_token(found.rule, secret);
                }
            }
        }
    }

    /// Learns what may stand alone elsewhere: the password behind a user, and each text of a list.
    fn learn_parts(&mut self, rule: Rule, stretch: &[u8]) {
        let password = stretch.iter().position(|&byte| byte == b':').and_then(|colon| stretch.get(colon + 1..));
        if let Some(password) = password.filter(|part| rule == Rule::UrlCredentials && part.len() >= MEMORABLE) {
            self.known_token(rule, password);
        }
        if rule == Rule::PrivateKey {
            let is_key = |line: &&[u8]| {
                line.len() > MEMORABLE && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
            };
            for line in stretch.split(|byte| b"\n\\".contains(byte)).map(<[u8]>::trim_ascii).filter(is_key) {
                self.known_token(rule, line);
            }
        }
        if stretch.starts_with(b"[") {
            for part in stretch.split(|byte| b"[]\"', \n".contains(byte)).filter(|part| part.len() >= MEMORABLE) {
                self.known_token(rule, part);
            }
        }
    }

    /// Masks what was learnt elsewhere, and AliUids.
    fn learnt(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let counts = &mut self.counts;
        bytes = self.known.mask(bytes, |rule| *counts.entry(rule).or_default() += 1);
        for (aliuid, mask) in &self.aliuids {
            let (masked, times) =
                known::replace(&bytes, aliuid.as_bytes(), mask.as_bytes(), |around| !around.is_ascii_digit());
            if times > 0 {
                bytes = masked;
                *self.counts.entry(Rule::Aliuid).or_default() += times;
            }
        }
        bytes
    }

    /// The token of a secret in one more place.
    fn token(&mut self, rule: Rule, secret: &[u8]) -> String {
        *self.counts.entry(rule).or_default() += 1;
        self.known_token(rule, secret)
    }

    /// The token of a secret: the same for the same secret, which is known from now on.
    fn known_token(&mut self, rule: Rule, secret: &[u8]) -> String {
        if let Some(token) = self.tokens.get(secret) {
            return token.clone();
        }
        let number = self.tokens.len() + 1;
        let token = format!("***{}-{number}***", rule.word());
        self.known.learn(secret, rule, &token);
        self.tokens.insert(secret.to_vec(), token.clone());
        token
    }

    /// A JSON value without secrets, wherever in it they stand.
    pub fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => self.array(items),
            Value::Object(fields) => {
                // Bytes that are no text travel as base64; they were masked before they were encoded.
                if fields.len() == 1 && fields.contains_key("base64") {
                    return Value::Object(fields);
                }
                let is_named = named_beside(&fields) || labelled(&fields);
                let fields = fields.into_iter().map(|(key, value)| {
                    let masked = match is_named && names_value(&key) {
                        true => self.all_of(value),
                        false => self.named(&key, value),
                    };
                    (self.text(&key), masked)
                });
                Value::Object(fields.collect())
            }
            other => other,
        }
    }

    /// A list; a pair of name and value is masked by its name, and so is what follows an option of a command line.
    fn array(&mut self, mut items: Vec<Value>) -> Value {
        if let [Value::String(name), Value::String(_)] = items.as_slice() {
            let name = name.clone();
            let value = items.pop().unwrap_or_default();
            let masked = self.named(&name, value);
            return Value::Array(vec![Value::String(self.text(&name)), masked]);
        }
        let mut option = None;
        let masked = items.into_iter().map(|item| {
            let before = option.take();
            option = item.as_str().filter(|word| word.starts_with('-') && !word.contains('=')).map(str::to_string);
            match before {
                Some(name) => self.named(&name, item),
                None => self.value(item),
            }
        });
        Value::Array(masked.collect())
    }

    /// The value of a field or variable.
    fn named(&mut self, name: &str, value: Value) -> Value {
        // What the service answered about its key is a structure of ours, and holds no secret.
        let is_ours = name == "credentials" && value.as_object().is_some_and(|fields| fields.len() == 1);
        match names_secret(name.as_bytes()) && !is_ours {
            true => self.all_of(value),
            false => self.value(value),
        }
    }

    /// A value that is secret with all that is in it.
    fn all_of(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) if !is_harmless(text.as_bytes()) => {
                self.learn_inside(text.as_bytes());
                Value::String(self.token(Rule::NamedSecret, text.as_bytes()))
            }
            Value::Number(number) => Value::String(self.token(Rule::NamedSecret, number.to_string().as_bytes())),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.all_of(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (self.text(&key), self.all_of(value))).collect())
            }
            other => other,
        }
    }

    /// Anything that can be written as JSON and read back, without secrets; None when it cannot be read back.
    pub fn through<T: Serialize + DeserializeOwned>(&mut self, thing: &T) -> Option<T> {
        let value = serde_json::to_value(thing).ok()?;
        serde_json::from_value(self.value(value)).ok()
    }

    /// Observations without secrets. An answer that cannot be kept without them is left out.
    pub fn seen(&mut self, seen: &Observations) -> Observations {
        // The first pass learns the secrets that are named somewhere; the second finds them everywhere. Where none was
        // learnt there is nothing more to find.
        let known = self.tokens.len();
        let first = self.seen_once(seen);
        if self.tokens.len() == known { first } else { self.seen_once(&first) }
    }

    /// Learns the secrets that an answer names, to find them where only a piece of it is shown. A log is not gone through:
    /// it is long, and shown in whole lines, which name their secrets themselves.
    pub fn learn(&mut self, answer: &Answer) {
        match answer {
            Answer::File(Ok(file)) if file.bytes.len() <= LEARNT_LIMIT => {
                self.bytes(&file.bytes);
            }
            Answer::Environment(_) | Answer::ReadCommand(_) | Answer::Processes(_) => {
                self.through(answer);
            }
            _ => {}
        }
    }

    fn seen_once(&mut self, seen: &Observations) -> Observations {
        seen.answers()
            .filter_map(|(question, answer)| {
                let answer = match answer {
                    Answer::File(Ok(file)) => Answer::File(Ok(self.file(file))),
                    other => other.clone(),
                };
                self.through(&(question.clone(), answer))
            })
            .collect()
    }

    fn file(&mut self, file: &FileSeen) -> FileSeen {
        let bytes = self.bytes(&file.bytes);
        let length = bytes.len() as u64;
        let size = if file.is_partial() { file.size.max(length + 1) } else { length };
        FileSeen { bytes, size, ..file.clone() }
    }
}

/// Whether a field of these names a secret whose value is in another one: `{"name": "PASSWORD", "value": "x"}`.
fn named_beside(fields: &serde_json::Map<String, Value>) -> bool {
    let name = ["name", "key", "Name", "Key"].iter().find_map(|field| fields.get(*field)?.as_str());
    name.is_some_and(|name| names_secret(name.as_bytes())) && fields.keys().any(|key| names_value(key))
}

/// Whether a row of evidence shows a variable that holds a secret: its label is the variable's name.
fn labelled(fields: &serde_json::Map<String, Value>) -> bool {
    let label = fields.get("label").and_then(|label| label.get("en")?.as_str()).unwrap_or_default();
    let is_variable = label.contains('_') || label == label.to_uppercase() || label == label.to_lowercase();
    is_variable && !label.contains(' ') && names_secret(label.as_bytes())
}

fn names_value(key: &str) -> bool {
    ["value", "val", "Value", "default", "content"].contains(&key)
}

/// Digits with zeros in the middle: the first and the last four stay.
fn mask_digits(digits: &str) -> String {
    let last = digits.len().saturating_sub(4);
    digits.chars().enumerate().map(|(at, digit)| if at < 4 || at >= last { digit } else { '0' }).collect()
}

#[cfg(test)]
mod tests;
