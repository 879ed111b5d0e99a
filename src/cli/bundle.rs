//! `bundle`: look once, then write the support bundle, or show what it would hold, or show that no secret gets into it.

use super::{COULD_NOT_RUN, FAILS, NOTHING_FAILS, Settings, looking, wiring};
use crate::core::checks::Judge;
use crate::core::text::{Text, printable};
use crate::host::Host;
use crate::report::{self, Anonymous, BundleError, Case};
use crate::say;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    pub output: Option<&'a Path>,
    /// Only the list of what it would hold.
    pub lists: bool,
    pub is_anonymous: bool,
}

/// Looks once and packs the support bundle; returns its name without ending, and its bytes.
///
/// # Errors
/// It cannot be packed.
pub async fn packed(host: Arc<dyn Host>, judge: Judge, settings: &Settings) -> io::Result<(String, Vec<u8>)> {
    let case = case(&host, judge, settings).await;
    Ok((report::bundle_name(&case), report::pack(&case, settings.lang)?))
}

async fn case(host: &Arc<dyn Host>, judge: Judge, settings: &Settings) -> Case {
    let (looking, seen, taken) = looking::look_for_case(host, judge, settings).await;
    Case::new(looking.found(), &seen, taken, wiring::agent_info(&seen))
}

/// Writes the bundle, or shows what it would hold.
///
/// # Errors
/// It cannot be packed, or the result cannot be written.
pub async fn bundle(
    host: Arc<dyn Host>,
    judge: Judge,
    settings: &Settings,
    wish: Wish<'_>,
    out: &mut impl Write,
) -> io::Result<u8> {
    let mut case = case(&host, judge, settings).await;
    let mut map = None;
    if wish.is_anonymous {
        match report::anonymous(&case, seed()?, judge, wiring::agent_info) {
            Ok(Anonymous { case: other, map: names }) => (case, map) = (other, Some(names)),
            Err(step) => {
                let (title, id) = (step.title(), step.id());
                let (en, zh) = title.both();
                settings.complain(&Text::filled(
                    format!("Under other names the step \"{en}\" ({id}) would be judged differently, so no bundle was written. Run it without --anonymous."),
                    format!("匿名化后步骤“{zh}”（{id}）的结论会发生变化，因此未写入诊断包。请去掉 --anonymous 后重试。"),
                ));
                return Ok(COULD_NOT_RUN);
            }
        }
    }
    if wish.lists {
        out.write_all(report::listing(&case, settings.lang)?.as_bytes())?;
        out.flush()?;
        return Ok(NOTHING_FAILS);
    }
    let name = report::bundle_name(&case);
    let written = report::write_bundle(&report::pack(&case, settings.lang)?, &places(&name, wish.output));
    let path = match written {
        Ok(path) => path,
        Err(error) => return Ok(not_written(settings, &error)),
    };
    if let Some(map) = map {
        match report::write_bundle(&map, &[beside(&path)]) {
            Ok(map) => {
                let map = map.display();
                settings.complain(&say!(
                    "The real names are in {map}, readable by you alone. Do not send that file.",
                    "真实名称保存在 {map}，仅您可读。请勿发送该文件。"
                ));
            }
            Err(error) => return Ok(not_written(settings, &error)),
        }
    }
    settings.say(out, &Text::same(path.display().to_string()))?;
    out.flush()?;
    Ok(NOTHING_FAILS)
}

fn not_written(settings: &Settings, error: &BundleError) -> u8 {
    let error = error.to_string();
    settings.complain(&say!("The bundle could not be written: {error}", "无法写入诊断包：{error}"));
    COULD_NOT_RUN
}

/// Plants secrets in what is read here and shows whether any comes out; 0 when none does.
///
/// # Errors
/// The result cannot be written.
pub async fn self_test(host: Arc<dyn Host>, judge: Judge, settings: &Settings, out: &mut impl Write) -> io::Result<u8> {
    let (_, seen, _) = looking::look_for_case(&host, judge, settings).await;
    let test = report::self_test(&seen, &settings.context, judge, wiring::agent_info)?;
    let (planted, forms, sources) = (test.planted, test.forms, test.sources);
    settings.say(
        out,
        &say!(
            "Planted {planted} secrets in {forms} forms in {sources} answers of this host, in memory only.",
            "已在本机的 {sources} 项读取结果中（仅在内存里）植入 {planted} 个密文，共 {forms} 种形式。"
        ),
    )?;
    for leak in &test.leaks {
        writeln!(out, "  {}", printable(leak))?;
    }
    let count = test.leaks.len();
    let said = match count {
        0 => Text::fixed(
            "None came out: not in the report, the ticket, the previews or the bundle.",
            "报告、工单、预览和诊断包中均未出现任何一个。",
        ),
        _ => say!(
            "{count} came out. Do not send a bundle of this version; please report this list.",
            "有 {count} 处泄露。请勿发送此版本生成的诊断包，并反馈以上列表。"
        ),
    };
    settings.say(out, &said)?;
    out.flush()?;
    Ok(if count == 0 { NOTHING_FAILS } else { FAILS })
}

/// Where a bundle is to be written; in a directory under the usual name.
fn places(name: &str, output: Option<&Path>) -> Vec<PathBuf> {
    match output {
        Some(path) if path.is_dir() => vec![path.join(format!("{name}.tar.gz"))],
        Some(path) => vec![path.to_path_buf()],
        None => report::bundle_places(name),
    }
}

/// The file of the real names beside a bundle.
fn beside(bundle: &Path) -> PathBuf {
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".tgz")).unwrap_or(&name);
    bundle.with_file_name(format!("{stem}.names.json"))
}

/// What nobody can guess, so that nobody can try all addresses and see which one got this name.
fn seed() -> io::Result<[u8; 16]> {
    let mut seed = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}
