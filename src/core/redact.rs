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

mod scan;

use crate::core::observe::{Answer, DirSeen, FileSeen, Observations, Question};
use scan::{Form, Known};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The kinds of secret, as tokens and counts name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `LTAI...`, `STS....`: it names a secret without being one, and whoever reads it knows the account's user.
    AccessKeyId,
    /// A value that is named as a secret.
    NamedSecret,
    /// The value of an authorization header, `Bearer` or `Basic`.
    Authorization,
    /// User and password in a URL.
    UrlCredentials,
    PrivateKey,
    /// An AliUid that the operator did not tell.
    Aliuid,
}

impl Rule {
    /// The word in tokens.
    const fn word(self) -> &'static str {
        match self {
            Rule::AccessKeyId => "access-key-id",
            Rule::NamedSecret => "secret",
            Rule::Authorization => "authorization",
            Rule::UrlCredentials => "url-credentials",
            Rule::PrivateKey => "private-key",
            Rule::Aliuid => "aliuid",
        }
    }
}

/// A text is gone through at most this often. Two are the rule, and one where nothing is found.
const PASSES: usize = 8;

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
                for digits in scan::digit_runs(&entry.name).filter(|digits| Some(*digits) != told) {
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

    /// Masks what was learnt elsewhere, and AliUids.
    fn learnt(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let counts = &mut self.counts;
        bytes = self.known.mask(bytes, |rule| *counts.entry(rule).or_default() += 1);
        for (aliuid, mask) in &self.aliuids {
            let (masked, times) =
                scan::replace(&bytes, aliuid.as_bytes(), mask.as_bytes(), |around| !around.is_ascii_digit());
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
                let fields = fields.into_iter().map(|(key, value)| {
                    let masked = self.named(&key, value);
                    (self.text(&key), masked)
                });
                Value::Object(fields.collect())
            }
            other => other,
        }
    }

    /// A list; a pair of name and value is masked by its name.
    fn array(&mut self, mut items: Vec<Value>) -> Value {
        if let [Value::String(name), Value::String(_)] = items.as_slice() {
            let name = name.clone();
            let value = items.pop().unwrap_or_default();
            let masked = self.named(&name, value);
            return Value::Array(vec![Value::String(self.text(&name)), masked]);
        }
        Value::Array(items.into_iter().map(|item| self.value(item)).collect())
    }

    /// The value of a field or variable.
    fn named(&mut self, name: &str, value: Value) -> Value {
        match value {
            Value::String(text) if scan::names_secret(name.as_bytes()) && !scan::is_harmless(text.as_bytes()) => {
                Value::String(self.token(Rule::NamedSecret, text.as_bytes()))
            }
            other => self.value(other),
        }
    }

    /// Anything that can be written as JSON and read back, without secrets; None when it cannot be read back.
    pub fn through<T: Serialize + DeserializeOwned>(&mut self, thing: &T) -> Option<T> {
        let value = serde_json::to_value(thing).ok()?;
        serde_json::from_value(self.value(value)).ok()
    }

    /// Observations without secrets. An answer that cannot be kept without them is left out.
    pub fn seen(&mut self, seen: &Observations) -> Observations {
        // The first pass learns the secrets that are named somewhere; the second finds them everywhere.
        let first = self.seen_once(seen);
        self.seen_once(&first)
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

/// Digits with zeros in the middle: the first and the last four stay.
fn mask_digits(digits: &str) -> String {
    let last = digits.len().saturating_sub(4);
    digits.chars().enumerate().map(|(at, digit)| if at < 4 || at >= last { digit } else { '0' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{EntryKind, EntrySeen};
    use proptest::prelude::*;

    const SECRET: &str = "qW7xPz0rT5uVbN3mKd91LsHf";

    #[test]
    fn secrets_go_in_every_form_and_the_rest_stays() {
        for form in [
            r#"{"access_key_secret": "@", "x": 1}"#,
            r#"{"accessKeySecret":"@"}"#,
            r#"{\"sts_token\":\"@\"}"#,
            "access-key = @\nnext = 1",
            "export ALIBABA_CLOUD_ACCESS_KEY_SECRET='@' X=1",
            "tool --password @ --verbose",
            "GET /x?SecurityToken=@&b=1",
            "<AccessKeySecret>@</AccessKeySecret>",
        ] {
            let masked = Redactor::new().text(&form.replace('@', SECRET));
            assert_eq!(masked, form.replace('@', "***secret-1***"));
        }
        assert_eq!(Redactor::new().text(r#"{"password": 12345}"#), r#"{"password": "***secret-1***"}"#);
    }

    #[test]
    fn shapes_are_secrets_without_a_name() {
        let mut redactor = Redactor::new();
        let text = "key LTAI5tAbCdEfGhIjKlMnOp12 http://u:p@h:80/ Authorization: LOG abc:def=\nnext\n\
                    -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nend Bearer abcdefgh.ijk";
        assert_eq!(
            redactor.text(text),
            "key ***access-key-id-1*** http://***url-credentials-2***@h:80/ Authorization: ***authorization-3***\nnext\n\
             ***private-key-4***\nend Bearer ***authorization-5***"
        );
        assert_eq!(redactor.counts()[&Rule::Authorization], 2);
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            r#"{"password": "", "token": null, "secret": true}"#,
            "<SecretKey>\n</SecretKey>",
            "echo $token > /tmp/file\nnext",
            "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\nno PRIVATE KEY",
            "the token is missing, the password too: see the secret store",
            r#"{"config_server_address":"http://logtail.cn-hangzhou.log.aliyuncs.com"}"#,
            "10.0.0.1 web-1 1654218965343050",
            r#"{"working_ip":"","ip":"10.0.0.1","uuid":"None"}"#,
        ] {
            assert_eq!(Redactor::new().text(text), text);
        }
    }

    #[test]
    fn equal_secrets_get_equal_tokens_and_are_found_without_their_name() {
        let mut redactor = Redactor::new();
        let first = redactor.text(&format!("secret={SECRET}"));
        assert_eq!(first, "secret=***secret-1***");
        assert_eq!(redactor.text(&format!("auth with {SECRET} failed")), "auth with ***secret-1*** failed");
    }

    #[test]
    fn tokens_are_never_masked_whatever_the_secret_is_called() {
        let mut redactor = Redactor::new();
        assert_eq!(redactor.text("password=authorization x"), "password=***secret-1*** x");
        assert_eq!(redactor.text("Authorization: LOG a:b"), "Authorization: ***authorization-2***");
    }

    #[test]
    fn an_element_on_lines_of_its_own_teaches_its_value_without_the_blanks() {
        let mut redactor = Redactor::new();
        let masked = redactor.text(&format!("<SecretKey>\n  {SECRET}\n</SecretKey>\nonce more {SECRET}."));
        assert_eq!(masked, "<SecretKey>\n  ***secret-1***\n</SecretKey>\nonce more ***secret-1***.");
    }

    #[test]
    fn what_an_unclosed_stretch_swallows_is_found_elsewhere_all_the_same() {
        for opening in ["<SecretKey>", "\"token\":", "-----BEGIN PRIVATE KEY-----", "password='"] {
            let text = format!("bare {SECRET} here {opening}\nACCESS_KEY_SECRET={SECRET}\nnext");
            let masked = Redactor::new().text(&text);
            assert!(!masked.contains(SECRET), "{masked}");
        }
    }

    #[test]
    fn foreign_aliuids_lose_their_middle_and_the_told_one_stays() {
        let mut seen = Observations::default();
        let entry = |name: &str| EntrySeen { name: name.into(), kind: EntryKind::File, size: 0, modified: 0 };
        let entries = vec![entry("1654218965343050"), entry("1999999999999999"), entry(".x")];
        seen.keep(Question::Dir("/etc/ilogtail/users".into()), Answer::Dir(Ok(DirSeen { entries, cut: false })));
        let mut redactor = Redactor::new();
        redactor.mask_aliuids(&seen, Some("1654218965343050"));
        let masked = redactor.seen(&seen);
        let names: Vec<String> = masked
            .dir("/etc/ilogtail/users")
            .unwrap()
            .as_ref()
            .unwrap()
            .entries
            .iter()
            .map(|e| e.name.clone())
            .collect();
        assert_eq!(names, ["1654218965343050", "1999000000009999", ".x"]);
    }

    #[test]
    fn names_and_values_in_separate_strings_belong_together() {
        let mut seen = Observations::default();
        let pairs =
            vec![("ACCESS_KEY_SECRET".to_string(), SECRET.to_string()), ("working_ip".into(), "1.2.3.4".into())];
        seen.keep(Question::Environment { pid: 1 }, Answer::Environment(Ok(pairs)));
        let text = serde_json::to_string(&Redactor::new().seen(&seen)).unwrap();
        assert!(!text.contains(SECRET) && text.contains("1.2.3.4"), "{text}");
    }

    #[test]
    fn wide_text_hides_nothing() {
        let wide: Vec<u8> = format!("password={SECRET}").bytes().flat_map(|byte| [byte, 0]).collect();
        assert_eq!(Redactor::new().bytes(&wide), b"password=***secret-1***");
        assert_eq!(Redactor::new().bytes(b"a\0b"), b"a\0b");
    }

    proptest! {
        #[test]
        fn a_planted_secret_never_survives(
            before in "[ -~\\n中]{0,40}",
            after in "[ -~\\n中]{0,40}",
            secret in "[A-Za-z0-9+/=._-]{16,40}",
            form in 0usize..8,
        ) {
            let planted = match form {
                0 => format!("\"access_key_secret\": \"{secret}\""),
                1 => format!("\"accessKeySecret\":\"{secret}\""),
                2 => format!("\nsts_token = {secret}\n"),
                3 => format!("\nexport PASSWORD={secret}\n"),
                4 => format!("\nAuthorization: {secret}\n"),
                5 => format!(" https://user:{}@host/ ", secret.replace('/', "")),
                6 => format!(" --access-key-secret {secret} "),
                _ => format!("\naccess_key_id: LTAI{}\n", secret.replace(|c: char| !c.is_ascii_alphanumeric(), "x")),
            };
            let text = format!("{before}\n{planted}\n{after}");
            let needle = match form {
                5 => secret.replace('/', ""),
                7 => secret.replace(|c: char| !c.is_ascii_alphanumeric(), "x"),
                _ => secret,
            };
            prop_assume!(!before.contains(&needle) && !after.contains(&needle));
            let masked = Redactor::new().text(&text);
            prop_assert!(!masked.contains(&needle), "{masked}");
        }

        #[test]
        fn masking_twice_is_masking_once(text in "[ -~\\n中]{0,80}", secret in "[A-Za-z0-9]{8,30}") {
            let text = format!("{text}\ntoken={secret} {text}");
            let once = Redactor::new().text(&text);
            prop_assert_eq!(Redactor::new().text(&once), once.clone());
        }

        #[test]
        fn any_bytes_are_fine(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Redactor::new().bytes(&bytes);
        }
    }
}
