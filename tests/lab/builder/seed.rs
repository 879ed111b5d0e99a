//! The tree of files that lies over this machine's root, and the interfaces of the host.

use super::{Builder, Flavour, Sudo};
use crate::plan::{self, ROUTER};
use crate::vendor;
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// sha512-crypt of [`crate::PASSWORD`].
const PASSWORD_HASH: &str =
    "$6$laboratory$i/yJDf5cikrxbSPmclzFpoY2.rfI3O8nDOoqK79LxCyBLRiEphs3THffNcYWP75ZDMPSvtz/aMz9Zd8tVYEyD1";

impl Builder {
    /// Commands for ip(8) on the host before and after the uplink exists, and the name of the uplink.
    pub(super) fn interfaces(&self) -> (String, String, String) {
        let (mut before, mut after, mut uplink) = ("link set lo up\n".to_string(), String::new(), String::new());
        for (name, addresses) in &self.nics {
            let is_uplink = uplink.is_empty() && !addresses.is_empty();
            let batch = if uplink.is_empty() && !is_uplink { &mut before } else { &mut after };
            if !is_uplink {
                let _ = writeln!(batch, "link add name {name} type bridge");
            }
            for address in addresses {
                let length = if address.contains('/') { "" } else { "/24" };
                let _ = writeln!(batch, "addr add {address}{length} dev {name}");
            }
            let _ = writeln!(batch, "link set {name} up");
            if is_uplink {
                let _ = writeln!(batch, "route add default via {ROUTER} dev {name} onlink");
                uplink.clone_from(name);
            }
        }
        (before, uplink, after)
    }

    /// The tree of files that lies over this machine's root.
    pub(super) fn write_seed(&self, seed: &Path, stand_in: &Path) -> io::Result<()> {
        let mut files: Vec<(String, Vec<u8>, u32)> = Vec::new();
        let mut add = |path: &str, content: &str, mode: u32| files.push((path.into(), content.into(), mode));
        let [first, second] = plan::NAME_SERVERS;
        add(
            "/etc/resolv.conf",
            &format!("nameserver {first}\nnameserver {second}\noptions timeout:1 attempts:1\n"),
            0o644,
        );
        add("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n", 0o644);
        add("/etc/hosts", &self.hosts, 0o644);
        add("/etc/hostname", &format!("{}\n", self.hostname), 0o644);
        add("/usr/local/bin/logtail-doctor", "", 0o755);
        add("/etc/ssl/lab-ca.pem", "", 0o644);
        if !self.users.is_empty() {
            for (path, content, mode) in self.accounts()? {
                add(&path, &content, mode);
            }
        }
        if let Some((name, version)) = self.flavour.names() {
            add("/usr/local/ilogtail/ilogtail_config.json", &self.healthy_config(), 0o644);
            add(&format!("/etc/init.d/{name}d"), &self.script(name), 0o755);
            if name != "ilogtail" {
                add("/etc/init.d/ilogtaild", &format!("#!/bin/sh\nexec /etc/init.d/{name}d \"$@\"\n"), 0o755);
            }
            add(plan::BEHAVIOUR, &serde_json::to_string(&self.behaviour)?, 0o644);
            make_directory(seed, Path::new("etc/ilogtail/users"))?;
            let program = seed.join(format!("usr/local/ilogtail/{name}_{version}"));
            make_directory(seed, Path::new("usr/local/ilogtail"))?;
            std::fs::hard_link(stand_in, &program).or_else(|_| std::fs::copy(stand_in, &program).map(|_| ()))?;
            symlink(format!("{name}_{version}"), seed.join(format!("usr/local/ilogtail/{name}")))?;
            for level in if self.at_boot { [2, 3, 5].as_slice() } else { &[] } {
                let link = PathBuf::from(format!("etc/rc{level}.d"));
                make_directory(seed, &link)?;
                symlink(format!("../init.d/{name}d"), seed.join(link).join(format!("S90{name}d")))?;
            }
        }
        files.extend(self.files.iter().cloned());
        std::fs::create_dir_all(seed)?;
        std::fs::set_permissions(seed, PermissionsExt::from_mode(0o755))?;
        for (path, content, mode) in files {
            let path = Path::new(path.trim_start_matches('/'));
            make_directory(seed, path.parent().unwrap_or(Path::new("")))?;
            std::fs::write(seed.join(path), content)?;
            std::fs::set_permissions(seed.join(path), PermissionsExt::from_mode(mode))?;
        }
        Ok(())
    }

    /// This machine's accounts and the test's users among them, with what they may do.
    fn accounts(&self) -> io::Result<Vec<(String, String, u32)>> {
        let read = std::fs::read_to_string;
        let (mut passwd, mut group, mut shadow) = (read("/etc/passwd")?, read("/etc/group")?, read("/etc/shadow")?);
        let mut files = Vec::new();
        for (id, (name, sudo)) in (30_001..).zip(&self.users) {
            let _ = writeln!(passwd, "{name}:x:{id}:{id}::/home/{name}:/bin/sh");
            let _ = writeln!(group, "{name}:x:{id}:");
            let _ = writeln!(shadow, "{name}:{PASSWORD_HASH}:20000:0:99999:7:::");
            files.push((format!("/home/{name}/.profile"), String::new(), 0o644));
            let allowed = match sudo {
                Sudo::No => continue,
                Sudo::Password => "ALL",
                Sudo::Free => "NOPASSWD: ALL",
                Sudo::ScriptOnly => "NOPASSWD: /etc/init.d/ilogtaild, /etc/init.d/loongcollectord",
            };
            files.push((format!("/etc/sudoers.d/{name}"), format!("{name} ALL=(ALL) {allowed}\n"), 0o440));
        }
        files.push(("/etc/passwd".into(), passwd, 0o644));
        files.push(("/etc/group".into(), group, 0o644));
        files.push(("/etc/shadow".into(), shadow, 0o600));
        Ok(files)
    }

    /// The configuration that the installer writes for this region and version (domain, section 3.4).
    fn healthy_config(&self) -> String {
        let (region, kind) = (&self.region, if self.public { "" } else { "-intranet" });
        let endpoint = format!("{region}{kind}.log.aliyuncs.com");
        let config = if self.flavour == Flavour::Loong331 {
            serde_json::json!({
                "primary_region": region, "config_servers": [format!("http://logtail.{endpoint}")],
                "data_servers": [{"region": region, "endpoint_list": [endpoint]}],
                "cpu_usage_limit": 0.4, "mem_usage_limit": 384, "max_bytes_per_sec": 20_971_520,
            })
        } else {
            serde_json::json!({
                "config_server_address": format!("http://logtail.{endpoint}"),
                "data_server_list": [{"cluster": region, "endpoint": endpoint}],
                "cpu_usage_limit": 0.4, "mem_usage_limit": 384, "max_bytes_per_sec": 20_971_520,
            })
        };
        format!("{config:#}\n")
    }

    fn script(&self, name: &str) -> String {
        let stopped = if self.old_script { "stop success" } else { "stop successfully" };
        let restart = if self.old_script { "    #RESTART#" } else { "    " };
        vendor::init_script(name, stopped).replace("    #RESTART#", restart)
    }
}

/// Makes `seed/path` with every directory on the way open to all, whatever this process's umask: their modes become
/// those of the host's directories.
fn make_directory(seed: &Path, path: &Path) -> io::Result<()> {
    let mut at = seed.to_path_buf();
    std::fs::create_dir_all(&at)?;
    for part in path {
        at.push(part);
        if !at.exists() {
            std::fs::create_dir(&at)?;
            std::fs::set_permissions(&at, PermissionsExt::from_mode(0o755))?;
        }
    }
    Ok(())
}
