//! The laboratory host: the keeper, which owns the service side and everything that lives in a laboratory, and the
//! first process of the host.
//!
//! The keeper is the first process of a pid namespace, so whatever happens in the laboratory ends with it; and it ends
//! when its standard input does, so nothing is left even when the test is killed.

use crate::{authority::Authority, names, service};
use lab::plan;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Makes the root filesystem of the host and becomes its first process. Arguments: laboratory directory, stand_in,
/// logtail-doctor, host name. It says `up` when its network namespace can be given an interface, and waits for a line.
const SET_UP: &str = r#"
set -eu
ulimit -c 0
ip -batch "$1/nics-before"
echo up
mount -t tmpfs -o mode=755 lab "$1/fs"
mkdir "$1/fs/work" "$1/fs/root"
cp -a "$1/seed" "$1/fs/upper"
mount -t overlay -o "lowerdir=/,upperdir=$1/fs/upper,workdir=$1/fs/work" lab "$1/fs/root"
cd "$1/fs/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/lab/old run/lock
# The host is a machine of its own, though this one may be a container: nothing must say otherwise.
rm -f .dockerenv logtail_host
rm -rf root/.local/state/logtail-doctor var/lib/logtail-doctor
printf '0::/\n' > run/lab/cgroup
mount --bind run/lab/cgroup proc/1/cgroup
: > run/lab/stand_in
mount --bind "$2" run/lab/stand_in
mount --bind "$3" usr/local/bin/logtail-doctor
printf %s "$4" > proc/sys/kernel/hostname
read -r _
ip -batch "$1/nics-after"
pivot_root . run/lab/old
umount -l /run/lab/old
exec chroot . /run/lab/stand_in init < /dev/null
"#;

/// Runs the service side and the host until standard input ends. `arguments` are those of the set-up script after the
/// first; `uplink` is the name of the interface through which the host reaches the service, or empty for none.
pub fn keep(lab: &Path, arguments: &[&str], uplink: &str) -> io::Result<()> {
    ip(&format!(
        "link set lo up\nroute add local 100.64.0.0/10 dev lo\nroute add local 203.0.113.0/24 dev lo\naddr add {}/32 dev lo\n",
        plan::ROUTER
    ))?;
    let authority = Arc::new(Authority::new()?);
    std::fs::write(lab.join("seed/etc/ssl/lab-ca.pem"), authority.pem())?;
    let mut host = Command::new("unshare")
        .args(["--mount", "--uts", "--net", "--ipc", "--pid", "--fork", "--kill-child", "sh", "-c", SET_UP, "set-up"])
        .arg(lab)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    names::serve(lab)?;
    service::serve(lab, &authority)?;
    let service: plan::Service = plan::read(&lab.join("service.json"))?;
    if !service.faults.is_empty() {
        feed(Command::new("nft").args(["-f", "-"]), &service.firewall())?;
    }
    let mut said = BufReader::new(host.stdout.take().ok_or_else(|| io::Error::other("no output"))?).lines();
    let mut expect = |word: &str| match said.next() {
        Some(Ok(line)) if line == word => Ok(()),
        other => Err(io::Error::other(format!("the host did not come {word}: {other:?}"))),
    };
    expect("up")?;
    if !uplink.is_empty() {
        ip(&format!(
            "link add name {uplink} netns {} type veth peer name service\nlink set service up\nroute add default dev service\n",
            host.id()
        ))?;
    }
    host.stdin.take().ok_or_else(|| io::Error::other("no input"))?.write_all(b"go\n")?;
    expect("ready")?;
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;
    // The test was killed and cannot clear up itself.
    std::fs::remove_dir_all(lab)
}

fn ip(batch: &str) -> io::Result<()> {
    feed(Command::new("ip").args(["-batch", "-"]), batch)
}

fn feed(command: &mut Command, input: &str) -> io::Result<()> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or_else(|| io::Error::other("no input"))?.write_all(input.as_bytes())?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}

/// The first process of the host: adopts orphans and reaps them, as init does.
pub fn init() -> io::Result<()> {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    println!("ready");
    loop {
        children.wait()?;
        while !matches!(waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive) | Err(_)) {}
    }
}
