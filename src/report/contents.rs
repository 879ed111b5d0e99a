//! What a bundle holds: each file with where it comes from and why it is in it, the list of them to read before anything
//! is written, and the packed whole. All of it is made of a [`Case`], so nothing in it is a secret.

use super::bundle::{OBSERVATIONS, bundle_name};
use super::ticket::WANTED_FILES;
use super::{Case, Recording, Style, json, text, ticket};
use crate::core::journal::JOURNAL;
use crate::core::observe::{Answer, CloudQuestion, Observations, Question};
use crate::core::text::{Lang, Text, pad, printable};
use crate::say;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io;

/// Observations beyond this many bytes of JSON are left out, the largest first.
const OBSERVATIONS_LIMIT: usize = 24 << 20;
/// The table of contents inside a bundle.
const MANIFEST: &str = "MANIFEST.json";

/// One file of a bundle.
struct Item {
    name: String,
    source: String,
    why: Text,
    bytes: Vec<u8>,
}

/// The bundle's bytes.
///
/// # Errors
/// Only if memory cannot be written to.
pub fn pack(case: &Case, lang: Lang) -> io::Result<Vec<u8>> {
    let top = bundle_name(case);
    let items = items(case, lang)?;
    let manifest = (MANIFEST.to_string(), manifest(case, &items, lang)?);
    let files = std::iter::once(manifest).chain(items.into_iter().map(|item| (item.name, item.bytes)));
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let taken = case.report.taken.started_at.raw().parse::<jiff::Timestamp>().map_or(0, |time| time.as_second());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(taken).unwrap_or_default());
        tar.append_data(&mut header, format!("{top}/{name}"), bytes.as_slice())?;
    }
    tar.into_inner()?.finish()
}

fn items(case: &Case, lang: Lang) -> io::Result<Vec<Item>> {
    let recording = Recording { observations: bounded(&case.recording.observations), ..case.recording.clone() };
    let plain = Style { ascii: true, ..Style::default() };
    let made = "logtail-doctor";
    let item = |name: &str, source: &str, why: Text, bytes: Vec<u8>| Item {
        name: name.to_string(),
        source: source.to_string(),
        why,
        bytes,
    };
    let mut items = vec![
        item(
            "ticket.txt",
            made,
            Text::fixed("the text to paste into a ticket", "用于粘贴到工单的文本"),
            ticket(case, lang).into_bytes(),
        ),
        item(
            "report.txt",
            made,
            Text::fixed("what was found, for people", "检查结果，供阅读"),
            text(&case.report, lang, plain).into_bytes(),
        ),
        item(
            "report.json",
            made,
            Text::fixed("what was found, for programs", "检查结果，供程序读取"),
            json(&case.report, lang).into_bytes(),
        ),
        item(
            OBSERVATIONS,
            made,
            Text::fixed(
                "all that was read, to judge it elsewhere: check --from",
                "读取到的全部内容，可用 check --from 重新判断",
            ),
            serde_json::to_vec_pretty(&recording)?,
        ),
        item(
            "redactions.json",
            made,
            Text::fixed("how many places were masked, by kind", "各类脱敏的处数"),
            serde_json::to_vec_pretty(&case.masked)?,
        ),
    ];
    for name in WANTED_FILES.into_iter().chain([JOURNAL]) {
        let why = match name == JOURNAL {
            true => Text::fixed("what this tool changed on the host", "本工具在主机上做过的修改"),
            false => Text::fixed("the vendor asks for it", "阿里云工单要求提供"),
        };
        for (number, (path, file)) in case.files(name).into_iter().enumerate() {
            let name = if number == 0 { name.to_string() } else { format!("{}-{name}", number + 1) };
            items.push(item(&name, &path.display().to_string(), why.clone(), file.bytes.clone()));
        }
    }
    Ok(items)
}

/// The table of contents, for programs.
#[derive(Serialize)]
struct Manifest<'a> {
    schema_version: u32,
    tool_version: &'a str,
    files: Vec<Entry<'a>>,
    /// What `observations.json` holds.
    observations: Vec<Read>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    source: &'a str,
    size: usize,
    sha256: String,
    why: &'a str,
}

#[derive(Serialize)]
struct Read {
    source: String,
    size: usize,
    why: String,
}

fn manifest(case: &Case, items: &[Item], lang: Lang) -> io::Result<Vec<u8>> {
    let entry = |item: &'_ Item| {
        let hash: String = Sha256::digest(&item.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        (hash, item.bytes.len())
    };
    let files = items.iter().map(|item| {
        let (sha256, size) = entry(item);
        Entry { name: &item.name, source: &item.source, size, sha256, why: item.why.get(lang) }
    });
    let whole = Manifest {
        schema_version: super::SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        files: files.collect(),
        observations: reads(case, lang),
    };
    Ok(serde_json::to_vec_pretty(&whole)?)
}

fn reads(case: &Case, lang: Lang) -> Vec<Read> {
    let seen = bounded(&case.recording.observations);
    let read = |(question, answer): (&Question, &Answer)| {
        let (source, why) = about(question);
        let size = serde_json::to_vec(answer).map_or(0, |json| json.len());
        Read { source, size, why: why.get(lang).to_string() }
    };
    seen.answers().map(read).collect()
}

/// The list of what a bundle would hold: name, size, source and reason of each file, and of each thing that was read.
///
/// # Errors
/// Only if memory cannot be written to.
pub fn listing(case: &Case, lang: Lang) -> io::Result<String> {
    let items = items(case, lang)?;
    let mut rows = Vec::new();
    for item in &items {
        rows.push((item.name.clone(), item.bytes.len(), item.source.clone(), item.why.get(lang).to_string()));
    }
    let size = manifest(case, &items, lang)?.len();
    let why = Text::fixed("this list, with checksums", "本清单及校验和");
    rows.push((MANIFEST.to_string(), size, "logtail-doctor".to_string(), why.get(lang).to_string()));
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(printable(text).trim_end());
        out.push('\n');
    };
    line(
        Text::fixed("Files of the bundle (bytes, name, source, why):", "诊断包中的文件（字节数、名称、来源、用途）：")
            .get(lang),
    );
    for (name, size, source, why) in rows {
        line(&format!("  {size:>9}  {}  {source}  ({why})", pad(&name, 22)));
    }
    line("");
    let read = Text::fixed(
        "Read for it, in observations.json (bytes, source, why):",
        "为此读取的内容，位于 observations.json（字节数、来源、用途）：",
    );
    line(read.get(lang));
    for read in reads(case, lang) {
        line(&format!("  {:>9}  {}  ({})", read.size, read.source, read.why));
    }
    line("");
    let masked: usize = case.masked.values().sum();
    let said = say!("Masked in {masked} places. Nothing was written.", "已脱敏 {masked} 处。未写入任何文件。");
    line(said.get(lang));
    Ok(out)
}

/// Where the answer to a question comes from, and why it is asked.
fn about(question: &Question) -> (String, Text) {
    match question {
        Question::File(path) | Question::Tail(path) => {
            (path.display().to_string(), Text::fixed("a check reads it", "检查项读取其内容"))
        }
        Question::Present(path) => (
            path.display().to_string(),
            Text::fixed("whether it is there; its content is not read", "是否存在，不读取内容"),
        ),
        Question::Dir(path) => (path.display().to_string(), Text::fixed("the names in it", "目录中的文件名")),
        Question::Place(path) => (
            path.display().to_string(),
            Text::fixed("where it leads and on which file system", "指向何处及所在文件系统"),
        ),
        Question::Trusted(path) => {
            (path.display().to_string(), Text::fixed("whether somebody else could change it", "是否可被其他用户修改"))
        }
        Question::Program(path) => {
            (path.display().to_string(), Text::fixed("whether it can run here", "能否在本机运行"))
        }
        Question::WatchProcesses { .. } => {
            ("/proc".into(), Text::fixed("whether the worker stays up", "工作进程是否持续运行"))
        }
        Question::Processes => ("/proc".into(), Text::fixed("the processes of the agent", "Agent 的进程")),
        Question::Environment { pid } => (
            format!("/proc/{pid}/environ"),
            Text::fixed("the variables that bear on the agent, no others", "仅与 Agent 有关的环境变量"),
        ),
        Question::Interfaces => ("ip addr".into(), Text::fixed("the addresses of this host", "本机的 IP 地址")),
        Question::Lookup(name) => {
            (format!("getent ahostsv4 {name}"), Text::fixed("what the name resolves to", "域名解析结果"))
        }
        Question::AskNameserver { server, name } => {
            (format!("DNS {server} {name}"), Text::fixed("what this nameserver answers", "该 DNS 服务器的应答"))
        }
        Question::Reach(target) => {
            let scheme = if target.tls { "https" } else { "http" };
            (
                format!("GET {scheme}://{}{}", target.place(), target.path),
                Text::fixed("whether the endpoint answers", "服务入口是否应答"),
            )
        }
        Question::ReadCommand(command) => {
            (command.line(), Text::fixed("what the system says of services and rules", "系统的服务与规则状态"))
        }
        Question::Clock => ("clock".into(), Text::fixed("the time of this host", "本机时间")),
        Question::Identity => ("uname, /etc/os-release".into(), Text::fixed("which system this is", "操作系统信息")),
        Question::Metadata => {
            ("http://100.100.100.200".into(), Text::fixed("which ECS instance this is", "ECS 实例信息"))
        }
        Question::Cloud(CloudQuestion::Credentials) => {
            ("AccessKey".into(), Text::fixed("where a key was found; not the key", "找到密钥的位置，不含密钥本身"))
        }
        Question::Cloud(_) => {
            ("SLS API".into(), Text::fixed("what the service knows of this host", "服务端记录的本机信息"))
        }
    }
}

/// The observations that fit, the smallest first.
fn bounded(seen: &Observations) -> Observations {
    let length = |pair: &(&Question, &Answer)| serde_json::to_vec(pair).map_or(usize::MAX, |json| json.len());
    let mut sized: Vec<(usize, (&Question, &Answer))> = seen.answers().map(|pair| (length(&pair), pair)).collect();
    sized.sort_by_key(|(size, _)| *size);
    let mut left = OBSERVATIONS_LIMIT;
    let mut fits = |size: usize| {
        left = left.saturating_sub(size);
        left > 0
    };
    sized.into_iter().filter(|(size, _)| fits(*size)).map(|(_, (q, a))| (q.clone(), a.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Taken;
    use crate::report::model::samples;
    use std::io::Read;

    #[test]
    fn the_manifest_names_every_file_with_its_checksum() {
        let found = samples::investigation();
        let taken = Taken { started_at: "2026-11-22T05:40:00Z".into(), elapsed_ms: 312 };
        let case = Case::new(&found, found.seen(), taken, Some(samples::agent()));
        let packed = pack(&case, Lang::En).unwrap();
        let mut files = Vec::new();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
        let (first, manifest) = files.remove(0);
        assert_eq!(first, MANIFEST);
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let listed = manifest["files"].as_array().unwrap();
        assert_eq!(listed.len(), files.len());
        for (entry, (name, bytes)) in listed.iter().zip(&files) {
            let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(
                (entry["name"].as_str().unwrap(), entry["size"].as_u64().unwrap()),
                (name.as_str(), bytes.len() as u64)
            );
            assert_eq!(entry["sha256"].as_str().unwrap(), hash, "{name}");
            assert!(!entry["why"].as_str().unwrap().is_empty() && !entry["source"].as_str().unwrap().is_empty());
            let shown = listing(&case, Lang::Zh).unwrap();
            assert!(shown.contains(name.as_str()), "{shown}");
        }
        assert_eq!(manifest["observations"].as_array().unwrap().len(), found.seen().answers().count());
    }
}
