//! Secrets that were found, to be found again where nothing names them. Pure.

use super::names::token_length;
use super::rule::Rule;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::collections::{BTreeMap, BTreeSet};

/// Shorter values are masked where their name stands, but not looked for elsewhere: they may be ordinary words.
pub(super) const MEMORABLE: usize = 12;

/// Looking costs the same for one and for thousands.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_head: BTreeMap<[u8; MEMORABLE], Vec<OneKnown>>,
    firsts: BTreeSet<u8>,
}

#[derive(Debug)]
struct OneKnown {
    secret: Vec<u8>,
    rule: Rule,
    token: String,
}

impl Known {
    /// Remembers a secret with its rule and token, when it is long enough; also as it looks in a URL, in JSON and in
    /// base64. What begins as our own tokens do is a piece of a text that was masked before and cut: it would be found in
    /// every token.
    pub fn learn(&mut self, secret: &[u8], rule: Rule, token: &str) {
        if secret.starts_with(b"***") || secret.len() < MEMORABLE {
            return;
        }
        let mut forms = vec![secret.to_vec(), BASE64_STANDARD.encode(secret).into_bytes()];
        forms.extend([percent_encoded(secret), json_escaped(secret)].into_iter().filter(|form| form != secret));
        for form in forms {
            let Some(&head) = form.first_chunk::<MEMORABLE>() else { continue };
            self.firsts.insert(head[0]);
            let same_head = self.by_head.entry(head).or_default();
            same_head.push(OneKnown { secret: form, rule, token: token.to_string() });
            same_head.sort_by_key(|known| std::cmp::Reverse(known.secret.len()));
        }
    }

    /// Masks every known secret; tells each time by which rule.
    pub fn mask(&self, bytes: Vec<u8>, mut told: impl FnMut(Rule)) -> Vec<u8> {
        if self.firsts.is_empty() {
            return bytes;
        }
        let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            // A secret may be a piece of our tokens' words.
            if let Some(length) = token_length(rest) {
                out.extend_from_slice(rest.get(..length).unwrap_or_default());
                at += length;
                continue;
            }
            let same_head = match self.firsts.contains(&byte) {
                true => rest.first_chunk::<MEMORABLE>().and_then(|head| self.by_head.get(head)),
                false => None,
            };
            match same_head.into_iter().flatten().find(|known| rest.starts_with(&known.secret)) {
                Some(OneKnown { secret, rule, token }) => {
                    out.extend_from_slice(token.as_bytes());
                    told(*rule);
                    at += secret.len();
                }
                None => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        out
    }
}

/// Replaces a sequence wherever the bytes around it, if any, are `free`. Returns the bytes and how often.
pub(super) fn replace(bytes: &[u8], old: &[u8], new: &[u8], free: impl Fn(u8) -> bool) -> (Vec<u8>, usize) {
    let (mut out, mut times, mut at) = (Vec::new(), 0, 0);
    let Some((&first, _)) = old.split_first() else { return (bytes.to_vec(), 0) };
    while let Some(&byte) = bytes.get(at) {
        if byte == first && bytes.get(at..).is_some_and(|rest| rest.starts_with(old)) {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at)).is_none_or(|&byte| free(byte));
            let after = bytes.get(at + old.len()).is_none_or(|&byte| free(byte));
            if before && after {
                out.extend_from_slice(new);
                times += 1;
                at += old.len();
                continue;
            }
        }
        out.push(byte);
        at += 1;
    }
    (out, times)
}

fn percent_encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => out.push(byte),
            false => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

fn json_escaped(bytes: &[u8]) -> Vec<u8> {
    let quoted = serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap_or_default();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().as_bytes().to_vec()
}
