//! The commands that a simulated host understands. None is executed: each is answered from the world, with the texts
//! and exit codes of the real one, and changes the world as the real one would.

use super::parts::{Flavour, Printed, Sudo, Systemd, Unit};
use super::world::World;
use crate::core::observe::{CommandSeen, Observed, ReadCommand, Unavailable};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

impl World {
    /// A command that only looks.
    pub(super) fn look(&mut self, look: &ReadCommand) -> Observed<CommandSeen> {
        let argv = look.argv();
        if let Some(printed) = self.printed.get(&argv.join(" ")) {
            return Ok(printed.clone());
        }
        let printed = self.run(&argv).ok_or(Unavailable::Absent)?;
        let text = |wanted: bool| -> String {
            let own = printed.lines.iter().filter(|(is_error, _)| *is_error == wanted);
            own.map(|(_, line)| format!("{line}\n")).collect()
        };
        Ok(CommandSeen { code: Some(printed.code), out: text(false), err: text(true) })
    }

    /// Runs a command as this user; None when there is no such program.
    pub(super) fn run(&mut self, argv: &[String]) -> Option<Printed> {
        let printed = self.run_as(argv, self.person.uid == 0);
        self.settle();
        printed
    }

    fn run_as(&mut self, argv: &[String], root: bool) -> Option<Printed> {
        let line = argv.join(" ");
        if let Some(printed) = self.printed.get(&line) {
            let out = printed.out.lines().map(|line| (false, line.to_string()));
            let lines = out.chain(printed.err.lines().map(|line| (true, line.to_string()))).collect();
            return Some(Printed { code: printed.code.unwrap_or(-1), lines, takes: Duration::ZERO });
        }
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let (program, rest) = words.split_first()?;
        match *program {
            "sudo" => self.sudo(argv, root),
            "systemctl" | "/bin/systemctl" | "/usr/bin/systemctl" => self.systemctl(rest, root),
            "timedatectl" if self.systemd.is_some() => Some(self.timedatectl(rest, root)),
            "chronyc" if self.time.synchronised => Some(self.chronyc(rest, root)),
            "dmesg" if root => Some(Printed::lines(0, self.kernel_log.clone())),
            "dmesg" => Some(Printed::error(1, "dmesg: read kernel buffer failed: Operation not permitted")),
            "service" => {
                let (name, action) = (rest.first()?, rest.get(1)?);
                self.init_script(&Path::new("/etc/init.d").join(name), action, root)
            }
            "iptables" | "iptables-save" => self.iptables(program, rest, root),
            "sh" => self.shell(rest, root),
            "true" => Some(Printed::nothing(0)),
            "false" => Some(Printed::nothing(1)),
            script => self.init_script(Path::new(script), rest.first().unwrap_or(&""), root),
        }
    }

    /// `sudo -n COMMAND`, `sudo -n -l -- COMMAND`, `sudo -n true`.
    fn sudo(&mut self, argv: &[String], root: bool) -> Option<Printed> {
        let options = argv.iter().skip(1).take_while(|word| word.starts_with('-')).count();
        let lists = argv.iter().skip(1).take(options).any(|word| word == "-l");
        let command = argv.get(1 + options..).unwrap_or_default();
        match self.person.sudo {
            Sudo::Absent if !root => None,
            Sudo::NeedsPassword if !root => Some(Printed::error(1, "sudo: a password is required")),
            _ if lists => Some(Printed::lines(0, [command.join(" ")])),
            _ => Some(self.run_as(command, true).unwrap_or_else(|| {
                let program = command.first().map(String::as_str).unwrap_or_default();
                Printed::error(1, format!("sudo: {program}: command not found"))
            })),
        }
    }

    fn systemctl(&mut self, words: &[&str], root: bool) -> Option<Printed> {
        self.systemd.as_ref()?;
        let verb = words.first().copied().unwrap_or_default();
        if verb == "daemon-reload" {
            self.read_units();
            return Some(Printed::nothing(0));
        }
        if verb == "enable" {
            self.read_units();
        }
        let systemd = self.systemd.as_ref()?;
        let named = words.iter().skip(1).find(|word| !word.starts_with('-')).copied().unwrap_or_default();
        let name = named.trim_end_matches(".service").to_string();
        if matches!(name.as_str(), "multi-user.target" | "default.target") && verb == "show" {
            return Some(Printed::lines(0, ["LoadState=loaded", "ActiveState=active", "SubState=active"]));
        }
        let is_newest = systemd.is_newest;
        let Some(unit) = systemd.units.get(&name).cloned() else {
            return Some(match verb {
                "is-enabled" if is_newest => Printed::lines(4, ["not-found"]),
                "show" => Printed::lines(
                    0,
                    [
                        "Type=",
                        "MainPID=0",
                        "LoadState=not-found",
                        "ActiveState=inactive",
                        "SubState=dead",
                        "UnitFileState=",
                    ],
                ),
                "is-enabled" => Printed::error(
                    1,
                    format!("Failed to get unit file state for {name}.service: No such file or directory"),
                ),
                "is-active" => Printed::lines(3, ["inactive"]),
                _ => Printed::error(5, format!("Failed to {verb} {name}.service: Unit {name}.service not found.")),
            });
        };
        let active = self.unit_active(&name, &unit);
        Some(match verb {
            "is-enabled" if unit.enabled => Printed::lines(0, ["enabled"]),
            "is-enabled" => Printed::lines(1, ["disabled"]),
            "is-active" if active => Printed::lines(0, ["active"]),
            "is-active" => Printed::lines(3, ["inactive"]),
            "show" if words.contains(&"WantedBy,RequiredBy") => {
                let wants = if unit.enabled { "WantedBy=multi-user.target" } else { "WantedBy=" };
                Printed::lines(0, [wants, "RequiredBy="])
            }
            "show" => self.unit_show(&unit, active),
            _ if !root => Printed::error(1, format!("Failed to {verb} {name}.service: Access denied")),
            "enable" | "disable" => {
                self.set_unit(&name, |unit| unit.enabled = verb == "enable");
                Printed::nothing(0)
            }
            // A unit that systemd believes active is not started again, whatever became of its processes.
            "start" if active => Printed::nothing(0),
            "start" => self.unit_runs(&name, &["start"]),
            "stop" => self.unit_runs(&name, &["stop"]),
            "restart" => self.unit_runs(&name, &["stop", "start"]),
            _ => Printed::error(1, format!("Unknown command verb {verb}.")),
        })
    }

    /// systemd reads its units anew: those of the agent are there as long as their files are.
    fn read_units(&mut self) {
        for name in ["ilogtaild", "loongcollectord"] {
            let has_file = self.files.content(Path::new(&format!("/etc/systemd/system/{name}.service"))).is_some();
            let Some(systemd) = &mut self.systemd else { return };
            if !has_file {
                systemd.units.remove(name);
            } else if !systemd.units.contains_key(name) {
                systemd.units.insert(name.to_string(), Unit { enabled: false, active: false, oneshot: false });
            }
        }
    }

    /// Whether systemd calls a unit active.
    fn unit_active(&self, name: &str, unit: &Unit) -> bool {
        let is_agent = name == "ilogtaild" || name == "loongcollectord";
        unit.active && (unit.oneshot || !is_agent || self.pair().0.is_some())
    }

    fn unit_show(&self, unit: &Unit, active: bool) -> Printed {
        let pid = if unit.oneshot || !active { 0 } else { self.pair().0.unwrap_or(0) };
        let sub = match (active, unit.oneshot) {
            (false, _) => "dead",
            (true, true) => "exited",
            (true, false) => "running",
        };
        Printed::lines(
            0,
            [
                format!("Type={}", if unit.oneshot { "oneshot" } else { "forking" }),
                format!("MainPID={pid}"),
                "LoadState=loaded".into(),
                format!("ActiveState={}", if active { "active" } else { "inactive" }),
                format!("SubState={sub}"),
                format!("UnitFileState={}", if unit.enabled { "enabled" } else { "disabled" }),
            ],
        )
    }

    fn set_unit(&mut self, name: &str, change: impl FnOnce(&mut Unit)) {
        if let Some(unit) = self.systemd.as_mut().and_then(|systemd| systemd.units.get_mut(name)) {
            change(unit);
        }
    }

    /// systemd runs the init script behind a unit; what it prints goes to the journal.
    fn unit_runs(&mut self, name: &str, actions: &[&str]) -> Printed {
        let mut takes = Duration::ZERO;
        let mut code = 0;
        for action in actions {
            if name == "chronyd" || name == "systemd-timesyncd" {
                if *action == "start" {
                    self.time.synchronised = true;
                    self.correct_clock();
                }
            } else if let Some(done) = self.init_script(&Path::new("/etc/init.d").join(name), action, true) {
                takes += done.takes;
                code = done.code;
            }
            self.set_unit(name, |unit| unit.active = *action == "start" && code == 0);
        }
        if code == 0 {
            return Printed { takes, ..Printed::nothing(0) };
        }
        let text = format!("Job for {name}.service failed because the control process exited with error code.");
        Printed { takes, ..Printed::error(1, text) }
    }

    fn timedatectl(&mut self, words: &[&str], root: bool) -> Printed {
        let yes = |is: bool| if is { "yes" } else { "no" };
        match words {
            ["show", ..] => {
                let good = self.time.synchronised && self.time.offset_ms.abs() < 1000;
                let zone = if self.time.zone_s == 28_800 { "Asia/Shanghai" } else { "Etc/UTC" };
                let (ntp, good) = (yes(self.time.synchronised), yes(good));
                Printed::lines(
                    0,
                    [
                        format!("Timezone={zone}"),
                        "LocalRTC=no".into(),
                        "CanNTP=yes".into(),
                        format!("NTP={ntp}"),
                        format!("NTPSynchronized={good}"),
                    ],
                )
            }
            ["set-ntp", ..] if !root => Printed::error(1, "Failed to set ntp: Access denied"),
            ["set-ntp", on] => {
                self.time.synchronised = matches!(*on, "true" | "yes" | "1" | "on");
                if self.time.synchronised {
                    self.correct_clock();
                }
                Printed::nothing(0)
            }
            _ => Printed::error(1, "Unknown operation."),
        }
    }

    fn chronyc(&mut self, words: &[&str], root: bool) -> Printed {
        match words.iter().find(|word| !word.starts_with('-')) {
            Some(&"makestep") if root => {
                self.correct_clock();
                Printed::lines(0, ["200 OK"])
            }
            Some(&"makestep") => Printed::error(1, "501 Not authorised"),
            _ => Printed::error(1, "Unrecognized command"),
        }
    }

    /// Steps the clock to the true time. Start times of processes count from the boot, so they move with it.
    fn correct_clock(&mut self) {
        let offset_ms = self.time.offset_ms;
        self.shift_clock(-offset_ms);
    }

    /// Moves this host's clock; a positive number puts it ahead.
    pub(super) fn shift_clock(&mut self, by_ms: i64) {
        self.time.offset_ms += by_ms;
        for process in &mut self.processes {
            process.started += by_ms.div_euclid(1000);
        }
    }

    /// The units that an installer of this flavour leaves.
    pub(super) fn usual_units(flavour: Flavour) -> Systemd {
        let unit = |oneshot| Unit { enabled: true, active: true, oneshot };
        let mut units = BTreeMap::from([("chronyd".to_string(), unit(false)), ("ilogtaild".to_string(), unit(true))]);
        if flavour == Flavour::Loong331 {
            units.insert("loongcollectord".into(), unit(false));
        }
        Systemd { units, is_newest: false }
    }
}
