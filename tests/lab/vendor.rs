//! The vendor's side of an install: the init script, a download that knows one address, and installers that do what is
//! known of the real ones.

use std::fmt::Display;

/// Where install-agent finds its installer for the healthy host.
pub const INSTALL_URL: &str = "https://aliyun-observability-release-cn-hangzhou.oss-cn-hangzhou-internal.aliyuncs.com/loongcollector/linux64/latest/loongcollector.sh";
/// Where upgrade-agent and reinstall-agent find theirs for Logtail on the healthy host.
pub const UPGRADE_URL: &str =
    "http://logtail-release-cn-hangzhou.oss-cn-hangzhou-internal.aliyuncs.com/linux64/logtail.sh";

/// The init script of an agent of this name, which says `stopped` when it has stopped it.
pub fn init_script(name: &str, stopped: &str) -> String {
    include_str!("init_script.sh").replace("@NAME@", name).replace("@STOPPED@", stopped)
}

/// A wget(1) that knows one address and gives this script for it.
pub fn wget(url: &str, script: impl Display) -> String {
    format!(
        "#!/bin/sh\nfor word in \"$@\"; do case $word in http*) url=$word;; esac; to=$word; done\n\
         [ \"$url\" = {url} ] || {{ echo \"404 $url\" >&2; exit 8; }}\ncat > \"$to\" <<'INSTALLER'\n{script}\nINSTALLER\n"
    )
}

/// A wget(1) for `install` of LoongCollector in the region of the healthy host.
pub fn install() -> String {
    let config = serde_json::json!({
        "primary_region": "cn-hangzhou",
        "config_servers": ["http://logtail.cn-hangzhou-intranet.log.aliyuncs.com"],
        "data_servers": [{"region": "cn-hangzhou", "endpoint_list": ["cn-hangzhou-intranet.log.aliyuncs.com"]}],
    });
    let init = init_script("loongcollector", "stopped");
    let script = format!(
        "#!/bin/sh -e\n[ \"$*\" = \"install cn-hangzhou\" ]\nd=/usr/local/ilogtail\nmkdir -p $d /etc/ilogtail/users\n\
         cat /run/lab/stand_in > $d/loongcollector_3.3.1\nchmod 755 $d/loongcollector_3.3.1\n\
         ln -s loongcollector_3.3.1 $d/loongcollector\necho '{config}' > $d/ilogtail_config.json\n\
         cat > /etc/init.d/loongcollectord <<'INIT'\n{init}\nINIT\nchmod 755 /etc/init.d/loongcollectord\n\
         /etc/init.d/loongcollectord start"
    );
    wget(INSTALL_URL, script)
}

/// A wget(1) for Logtail's `upgrade`, as the agent's own script has it: it writes an init script where there is none,
/// stops the agent, does `then`, replaces the programs, starts it.
pub fn upgrade(then: &str) -> String {
    let init = init_script("ilogtail", "stop successfully");
    let script = format!(
        "#!/bin/sh -e\n[ \"$*\" = upgrade ]\n[ -e /etc/init.d/ilogtaild ] || cat > /etc/init.d/ilogtaild <<'INIT'\n\
         {init}\nINIT\nchmod 755 /etc/init.d/ilogtaild\n/etc/init.d/ilogtaild stop\n{then}\ncd /usr/local/ilogtail\n\
         cp ilogtail_1.8.8 ilogtail_2.0.7\nln -sfn ilogtail_2.0.7 ilogtail\n/etc/init.d/ilogtaild start"
    );
    wget(UPGRADE_URL, script)
}
