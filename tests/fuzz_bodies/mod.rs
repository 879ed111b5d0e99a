//! What the fuzz targets do with a text from outside, one body for every parser: each reads the text as the program
//! does and asserts more than that nothing panics. `tests/fuzz_corpus.rs` runs the same bodies over the corpus.

mod agent_files;
mod judging;
mod machine;
mod reports;
mod service;
mod wire;

/// A fuzz target's name and its body.
pub type Body = (&'static str, fn(&[u8]));

/// Every body, by the name of its target.
pub const BODIES: &[Body] = &[
    ("json", agent_files::json),
    ("app_info", agent_files::app_info),
    ("config", agent_files::config),
    ("config_edit", agent_files::config_edit),
    ("identity", agent_files::identity),
    ("log", agent_files::log),
    ("status_log", agent_files::status_log),
    ("version", agent_files::version),
    ("mend", agent_files::mend),
    ("endpoint", machine::endpoint),
    ("ip_rules", machine::ip_rules),
    ("proxies", machine::proxies),
    ("processes", machine::processes),
    ("resolver", machine::resolver),
    ("dns", machine::dns),
    ("certificate", machine::certificate),
    ("firewall", machine::firewall),
    ("tables", machine::tables),
    ("kernel", machine::kernel),
    ("hosts", machine::hosts),
    ("host", judging::host),
    ("recording", judging::recording),
    ("journal", judging::journal),
    ("bundle", reports::bundle),
    ("redact", reports::redact),
    ("context", reports::context),
    ("printable", reports::printable_line),
    ("credentials", service::credentials),
    ("service", service::service),
    ("metadata", service::metadata),
    ("http", wire::http),
    ("live", wire::live),
    ("escape", wire::escape),
    ("helper", wire::helper),
    ("output", judging::output),
];

/// Runs one body.
///
/// # Panics
/// When there is no body of this name, and when the body finds something.
pub fn run(name: &str, data: &[u8]) {
    let body = BODIES.iter().find(|(known, _)| *known == name).map(|(_, body)| body);
    body.unwrap_or_else(|| panic!("no body {name}"))(data);
}

/// The data up to the first line that is only `--`, and what follows it.
fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(4).position(|window| window == b"\n--\n") {
        Some(at) => (&data[..at], &data[at + 4..]),
        None => (data, b""),
    }
}

/// `NAME=VALUE` lines as an environment.
fn environment(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect()
}
