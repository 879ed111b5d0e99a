//! The vendor's installers, `logtail.sh` and `loongcollector.sh`: what `install PARAMETER` and `upgrade` leave on the
//! machine (domain.md, section 2). They are called in one shell line that downloads them first.

use super::parts::{Flavour, Printed, Systemd};
use super::world::World;
use std::path::Path;

impl World {
    /// `sh -c 'cd DIR && fetch URL … && ./SCRIPT WORDS'`; None when the line runs neither installer.
    pub(super) fn shell(&mut self, words: &[&str], root: bool) -> Option<Printed> {
        let ["-c", line] = words else { return None };
        let run = line.split(" && ").last()?;
        let mut words = run.split(' ');
        let flavour = match words.next()? {
            "./logtail.sh" => Flavour::Logtail188,
            "./loongcollector.sh" => Flavour::Loong331,
            _ => return None,
        };
        let script = run.split(' ').next().unwrap_or_default().trim_start_matches("./").to_string();
        if !root {
            return Some(Printed::error(1, format!("{script}: run it as root")));
        }
        let url = line.split(' ').find(|word| word.starts_with("http")).unwrap_or_default();
        let fetched = format!("URL:{url} -> \"{script}\" [1]");
        Some(match (words.next(), words.next()) {
            (Some("install"), Some(parameter)) => {
                let (region, suffix) = match parameter.strip_suffix("-internet") {
                    Some(region) => (region, ""),
                    None => (parameter, "-intranet"),
                };
                self.install_anew(flavour, region, suffix);
                let name = flavour.program();
                Printed::lines(
                    0,
                    [
                        fetched,
                        format!("install logtail files success, parameter: {parameter}"),
                        format!("{name} is running"),
                        "install success".to_string(),
                    ],
                )
            }
            (Some("upgrade"), _) => {
                let stopped = self.pair().0.is_some();
                if stopped {
                    self.end_agent();
                }
                let modified = self.now_s();
                self.install_programs(modified);
                self.start_agent();
                Printed::lines(0, [fetched, "upgrade success".to_string()])
            }
            _ => Printed::error(1, format!("Usage: {script} install PARAMETER | upgrade | uninstall")),
        })
    }

    /// A new agent in the usual place; what was in its install directory is gone.
    fn install_anew(&mut self, flavour: Flavour, region: &str, suffix: &str) {
        self.end_agent();
        self.agent.flavour = flavour;
        self.agent.community = false;
        self.agent.install_dir = "/usr/local/ilogtail".into();
        self.files.drop(Path::new("/usr/local/ilogtail"));
        let modified = self.now_s();
        self.install_agent(region, suffix, modified);
        if let Some(Systemd { units, .. }) = &mut self.systemd {
            let usual = World::usual_units(flavour).units;
            units.extend(usual.into_iter().filter(|(name, _)| name != "chronyd"));
        }
        self.start_agent();
    }
}
