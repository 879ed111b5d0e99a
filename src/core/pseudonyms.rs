//! Other names for what says whose host this is: addresses, host names, ids of accounts, instances and projects. Equal
//! things get equal names, and addresses keep what is judged of them: which networks they share, and the special ranges
//! that they lie in. So a bundle with other names is judged as the host was. Pure: the seed comes from outside.
//!
//! It must not look for secrets; they are out before.

mod addresses;
mod learn;

use crate::core::observe::{Answer, FileSeen, Observations, Question};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

/// Where the kernel tells its routes: addresses in hexadecimal, their bytes in reverse.
const ROUTES: &str = "/proc/net/route";

/// Gives other names and keeps who has which.
#[derive(Debug)]
pub struct Pseudonyms {
    seed: [u8; 16],
    /// What is replaced where it stands as a word, in small letters, with its other name.
    words: BTreeMap<String, String>,
    addresses: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// What was replaced, by its other name.
    given: BTreeMap<String, String>,
}

impl Pseudonyms {
    /// The same seed gives the same names.
    pub fn new(seed: [u8; 16]) -> Pseudonyms {
        Pseudonyms { seed, words: BTreeMap::new(), addresses: BTreeMap::new(), given: BTreeMap::new() }
    }

    /// The real name behind each other name that was used.
    pub fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// The observations under other names; an answer that cannot be kept so is left out.
    pub fn observations(&mut self, seen: &Observations) -> Observations {
        seen.answers()
            .filter_map(|(question, answer)| {
                let answer = match (question, answer) {
                    (Question::File(path) | Question::Tail(path), Answer::File(Ok(file))) => {
                        Answer::File(Ok(self.file(path, file)))
                    }
                    (_, other) => self.through(other)?,
                };
                Some((self.through(question)?, answer))
            })
            .collect()
    }

    /// Anything that can be written as JSON and read back, under other names.
    pub fn through<T: Serialize + DeserializeOwned>(&mut self, thing: &T) -> Option<T> {
        let value = serde_json::to_value(thing).ok()?;
        serde_json::from_value(self.value(value)).ok()
    }

    fn file(&mut self, path: &Path, file: &FileSeen) -> FileSeen {
        let bytes = match path == Path::new(ROUTES) {
            true => self.routes(&file.bytes),
            false => self.bytes(&file.bytes),
        };
        let length = bytes.len() as u64;
        let size = if file.is_partial() { file.size.max(length + 1) } else { length };
        let link_to = file.link_to.as_ref().and_then(|path| self.through(path));
        FileSeen { bytes, size, link_to, ..file.clone() }
    }

    fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (key, self.value(value))).collect())
            }
            other => other,
        }
    }

    /// A text under other names.
    pub fn text(&mut self, text: &str) -> String {
        // Only runs of ASCII are replaced, by ASCII.
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            if !byte.is_ascii_alphanumeric() && byte != b':' {
                out.push(byte);
                at += 1;
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
            if let Some((name, length)) = self.replaced(rest, before) {
                out.extend_from_slice(name.as_bytes());
                at += length;
                continue;
            }
            let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count().max(1);
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            at += length;
        }
        out
    }

    /// The other name of what stands at the beginning, and the length of what it replaces.
    fn replaced(&mut self, rest: &[u8], before: Option<u8>) -> Option<(String, usize)> {
        if let Some(found) = self.address(rest, before) {
            return Some(found);
        }
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
        if before.is_some_and(|byte| b"-_".contains(&byte)) && length == 0 {
            return None;
        }
        // The whole word, else its parts up to a sign that joins words.
        let run = std::str::from_utf8(rest.get(..length)?).ok()?;
        let ends = [Some(length), run.rfind('_'), run.find('_')].into_iter().flatten();
        for end in ends.filter(|end| *end > 0) {
            let word = run.get(..end)?;
            if let Some(name) = self.word(word) {
                return Some((name, end));
            }
        }
        None
    }

    fn word(&mut self, word: &str) -> Option<String> {
        let name = match self.words.get(&word.to_ascii_lowercase()) {
            Some(name) => name.clone(),
            None if is_uuid(word) => self.uuid(word),
            None => return None,
        };
        self.given.insert(name.clone(), word.to_string());
        Some(name)
    }

    fn uuid(&self, word: &str) -> String {
        let hash = self.hash("uuid", word.to_ascii_uppercase().as_bytes());
        let digits: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        let mut digits = digits.chars();
        let other: String = word.chars().map(|c| if c == '-' { '-' } else { digits.next().unwrap_or('0') }).collect();
        if word.chars().any(|c| c.is_ascii_lowercase()) { other.to_ascii_lowercase() } else { other }
    }

    /// Bytes that depend on the seed and on what they are for, and tell neither.
    fn hash(&self, what: &str, of: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(what.as_bytes());
        hash.update([0]);
        hash.update(of);
        hash.finalize().into()
    }

    fn letters(&self, what: &str, of: &str, count: usize) -> String {
        let hash = self.hash(what, of.to_ascii_lowercase().as_bytes());
        hash.iter().cycle().take(count).map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    fn digits(&self, what: &str, of: &str) -> String {
        let hash = self.hash(what, of.as_bytes());
        let mut bytes = hash.iter().cycle();
        let other = |c: char| char::from(b'0' + (bytes.next().copied().unwrap_or_default() ^ c as u8) % 10);
        // The first digit stays, so that the number keeps its length.
        of.chars().take(1).chain(of.chars().skip(1).map(other)).collect()
    }
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::context::Context;
    use crate::core::observe::IdentitySeen;

    fn names() -> Pseudonyms {
        let mut names = Pseudonyms::new([7; 16]);
        let identity = IdentitySeen { hostname: "web-1.shop.example".into(), ..IdentitySeen::default() };
        let file = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            Answer::File(Ok(FileSeen {
                size: bytes.len() as u64,
                bytes,
                modified: 0,
                mode: 0o644,
                uid: 0,
                gid: 0,
                link_to: None,
            }))
        };
        let seen = Observations::from_iter([
            (Question::Identity, Answer::Identity(identity)),
            (Question::File("/etc/hosts".into()), file("127.0.0.1 localhost\n10.1.1.9 db-main # x\n")),
        ]);
        let context = Context {
            project: Some("shop-logs".into()),
            aliuid: Some("1654218965343050".into()),
            ..Context::default()
        };
        names.learn(&seen, &context);
        names
    }

    #[test]
    fn what_tells_whose_host_it_is_gets_another_name_everywhere() {
        let mut names = names();
        let text = "web-1 (WEB-1.shop.example) 10.1.1.5 db-main shop-logs.cn-hangzhou.log.aliyuncs.com \
                    /etc/ilogtail/users/1654218965343050 9C7A1F00-1234-1234-1234-123456789ABC_10.1.1.5_1700000000 fe80::1 \
                    00:16:3e:12:34:56";
        let other = names.text(text);
        for real in
            ["web-1", "WEB-1", "shop", "example", "10.1.1.5", "db-main", "1654218965343050", "9C7A1F00", "00:16:3e:12"]
        {
            assert!(!other.contains(real), "{real}: {other}");
        }
        assert!(other.contains(".cn-hangzhou.log.aliyuncs.com ") && other.contains("_1700000000"), "{other}");
        assert_eq!(other, names.text(text));
        assert_eq!(names.given().values().filter(|real| *real == "10.1.1.5").count(), 1);
        assert_eq!(
            names.text("localhost [info] file tcp 127.0.0.1 12:30:01 1.8.8"),
            "localhost [info] file tcp 127.0.0.1 12:30:01 1.8.8"
        );
    }

    #[test]
    fn a_route_table_keeps_its_form() {
        let mut names = names();
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                     eth0\t00000000\t0101010A\t0003\t0\t0\t0\t00000000\n\
                     eth0\t0001010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";
        let other = String::from_utf8(names.routes(table.as_bytes())).unwrap();
        let rows: Vec<Vec<&str>> = other.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!((rows[1][1], rows[2][2], rows[2][7]), ("00000000", "00000000", "00FFFFFF"));
        let gateway = names.v4("10.1.1.1".parse().unwrap());
        assert_eq!(rows[1][2], format!("{:08X}", u32::from_le_bytes(gateway.octets())));
        assert!(rows[2][1].starts_with("00") && rows[2][1] != "0001010A", "{other}");
    }
}
