//! The proxy that login shells of this host get and the agent's process may not: the operator's `curl` works, the
//! heartbeat does not.

use crate::core::agent::reach::Proxy;
use crate::core::observe::{FileSeen, Observations, Observed, Unanswered};

/// So many scripts of `/etc/profile.d` are read.
const SCRIPTS: usize = 32;
const PROFILES: &str = "/etc/profile.d";

/// A proxy that a file sets for shells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellProxy {
    pub proxy: Proxy,
    pub path: String,
}

/// The first proxy for http that the files for login shells set.
///
/// # Errors
/// Something has not been looked at yet.
pub fn proxy(see: &Observations) -> Result<Option<ShellProxy>, Unanswered> {
    let mut looked: Vec<(String, Result<&Observed<FileSeen>, Unanswered>)> =
        ["/etc/environment", "/etc/profile"].iter().map(|path| (path.to_string(), see.file(path))).collect();
    let scripts = see.dir(PROFILES)?;
    let entries = scripts.iter().flat_map(|dir| &dir.entries);
    let names = entries.map(|entry| entry.name.as_str()).filter(|name| name.ends_with(".sh")).take(SCRIPTS);
    looked.extend(names.map(|name| {
        let path = format!("{PROFILES}/{name}");
        let file = see.file(&path);
        (path, file)
    }));
    let mut found = None;
    for (path, file) in looked {
        if let Ok(file) = file?
            && found.is_none()
        {
            found = set_in(&file.text()).map(|proxy| ShellProxy { proxy, path });
        }
    }
    Ok(found)
}

/// The last proxy for http that a script sets: `[export] NAME=VALUE`, quoted or not.
pub(in crate::core::checks) fn set_in(text: &str) -> Option<Proxy> {
    let values = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("export ").trim_start();
        let (name, value) = line.split_once('=')?;
        let is_proxy = ["http_proxy", "all_proxy"].iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        let value = value.split([';', ' ', '#']).next().unwrap_or_default().trim_matches(['"', '\'']);
        is_proxy.then_some(value).filter(|value| !value.is_empty() && !value.contains('$'))
    });
    values.filter_map(Proxy::parse).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ways_to_set_a_proxy_are_understood() {
        for (text, expected) in [
            ("export http_proxy=http://proxy:3128", Some("http://proxy:3128")),
            ("HTTP_PROXY=\"http://proxy:3128/\"; export HTTP_PROXY", Some("http://proxy:3128")),
            ("  ALL_PROXY='proxy:1' # all", Some("http://proxy:1")),
            ("http_proxy=a:1\nhttp_proxy=b:2", Some("http://b:2")),
            ("# export http_proxy=http://proxy:3128", None),
            ("https_proxy=http://proxy:3128", None),
            ("http_proxy=$OTHER\nno_proxy=x", None),
            ("http_proxy=", None),
        ] {
            assert_eq!(set_in(text).map(|proxy| proxy.place()).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_script_breaks_the_reader(text in "(\\PC|\\n|http_proxy=){0,60}") {
            set_in(&text);
        }
    }
}
