//! Where the API of the service is reached, and which region an endpoint belongs to. Simple rules over names; the
//! table of all regions belongs to the agent's room.

use crate::core::text::Text;
use std::fmt;

/// The environment variable that overrides the API endpoint: `scheme://host:port`, for private clouds and tests.
pub const ENDPOINT_VARIABLE: &str = "LOGTAIL_DOCTOR_ENDPOINT";
/// The environment variable that overrides the address of the ECS metadata: `scheme://host:port`.
pub const METADATA_VARIABLE: &str = "LOGTAIL_DOCTOR_METADATA";

/// One way to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub tls: bool,
    /// The name without the project.
    pub host: String,
    pub port: u16,
    /// Whether requests connect to `host` itself and name the project in the `Host` header only.
    pub fixed: bool,
}

impl Endpoint {
    /// The public endpoint of a region, by HTTPS.
    pub fn public(region: &str) -> Endpoint {
        Endpoint { tls: true, host: format!("{region}.log.aliyuncs.com"), port: 443, fixed: false }
    }

    /// The endpoint of a region in the private network of Alibaba Cloud, by HTTPS.
    pub fn intranet(region: &str) -> Endpoint {
        Endpoint { tls: true, host: format!("{region}-intranet.log.aliyuncs.com"), port: 443, fixed: false }
    }

    /// Reads `scheme://host:port`; the scheme may be missing (HTTPS) and the port too.
    ///
    /// # Errors
    /// The sentence that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Endpoint, Text> {
        let refuse = || {
            Text::fixed(
                "an endpoint is written scheme://host:port, for example https://cn-hangzhou.log.aliyuncs.com:443",
                "服务入口的格式为 scheme://host:port，例如 https://cn-hangzhou.log.aliyuncs.com:443",
            )
        };
        let text = text.trim().trim_end_matches('/');
        let (tls, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err(refuse()),
            None => (true, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(refuse)?),
            None => (rest, if tls { 443 } else { 80 }),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || host.len() > 253 || !host.chars().all(good) {
            return Err(refuse());
        }
        Ok(Endpoint { tls, host: host.to_ascii_lowercase(), port, fixed: false })
    }

    /// The endpoint of [`ENDPOINT_VARIABLE`]'s value: requests go to exactly this host and port.
    ///
    /// # Errors
    /// As [`Endpoint::parse`], and the scheme must be there.
    pub fn overriding(text: &str) -> Result<Endpoint, Text> {
        // Without a scheme nobody could say whether a private cloud is meant to be reached by TLS.
        let text = if text.contains("://") { text } else { "" };
        Ok(Endpoint { fixed: true, ..Endpoint::parse(text)? })
    }

    /// The `Host` header of a request: without the port, because exactly this is signed.
    pub fn host_header(&self, project: Option<&str>) -> String {
        match project {
            Some(project) => format!("{project}.{}", self.host),
            None => self.host.clone(),
        }
    }

    /// The host to connect to.
    pub fn connect_host(&self, project: Option<&str>) -> String {
        if self.fixed { self.host.clone() } else { self.host_header(project) }
    }

    /// The region, when the name tells it.
    pub fn region(&self) -> Option<&str> {
        region_of(&self.host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.port == if self.tls { 443 } else { 80 } {
            write!(out, "{scheme}://{}", self.host)
        } else {
            write!(out, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// The endpoints to try in turn. An override stands alone. On an ECS instance in the project's region the private
/// network comes first; elsewhere only the public endpoint can answer.
pub fn choose(overriding: Option<&Endpoint>, region: &str, same_region: bool) -> Vec<Endpoint> {
    match (overriding, same_region) {
        (Some(endpoint), _) => vec![endpoint.clone()],
        (None, true) => vec![Endpoint::intranet(region), Endpoint::public(region)],
        (None, false) => vec![Endpoint::public(region)],
    }
}

/// The region that an endpoint's name tells: the first label before `.log.` or `.sls.aliyuncs.com`, without a suffix
/// for the kind of network (gateway SDK, `parse_region`). A leading project or `logtail.` is skipped. `log-global`
/// belongs to no region.
pub fn region_of(endpoint: &str) -> Option<&str> {
    let host = endpoint.trim().rsplit("://").next().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let front = host.strip_suffix(".log.aliyuncs.com").or_else(|| host.strip_suffix(".sls.aliyuncs.com"))?;
    let label = front.rsplit('.').next().unwrap_or_default();
    let bare = ["-intranet", "-share", "-vpc", "-internal"].iter().find_map(|suffix| label.strip_suffix(suffix));
    Some(bare.unwrap_or(label)).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_region_is_read_from_any_form_of_endpoint() {
        for (endpoint, region) in [
            ("cn-hangzhou.log.aliyuncs.com", Some("cn-hangzhou")),
            ("https://cn-beijing-intranet.log.aliyuncs.com/", Some("cn-beijing")),
            ("http://my-project.cn-shanghai-internal.log.aliyuncs.com:80", Some("cn-shanghai")),
            ("cn-hangzhou-share.log.aliyuncs.com", Some("cn-hangzhou")),
            ("cn-hangzhou-corp.sls.aliyuncs.com", Some("cn-hangzhou-corp")),
            ("ap-southeast-1-vpc.log.aliyuncs.com", Some("ap-southeast-1")),
            ("cn-shanghai-finance-1.log.aliyuncs.com", Some("cn-shanghai-finance-1")),
            ("log-global.aliyuncs.com", None),
            ("127.0.0.1:8080", None),
            (".log.aliyuncs.com", None),
            ("", None),
        ] {
            assert_eq!(region_of(endpoint), region, "{endpoint}");
        }
    }

    #[test]
    fn an_endpoint_reads_and_shows_the_same() {
        for (typed, shown) in [
            ("https://cn-hangzhou.log.aliyuncs.com", "https://cn-hangzhou.log.aliyuncs.com"),
            ("cn-hangzhou.log.aliyuncs.com/", "https://cn-hangzhou.log.aliyuncs.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://HOST:80", "http://host"),
        ] {
            assert_eq!(Endpoint::parse(typed).unwrap().to_string(), shown);
        }
        for bad in
            ["", "ftp://host", "http://", "http://host:0", "http://host:99999", "http://a b", "http://u:p@h:1", "h/x"]
        {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers_and_what_reads_shows_the_same(text in "(https?://)?[a-zA-Z0-9.:/@-]{0,30}|.*") {
            region_of(&text);
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()).ok(), Some(endpoint));
            }
        }
    }

    #[test]
    fn an_override_is_connected_to_itself_and_named_with_the_project() {
        let local = Endpoint::overriding("http://127.0.0.1:8080").unwrap();
        assert_eq!(local.connect_host(Some("p")), "127.0.0.1");
        assert_eq!(local.host_header(Some("p")), "p.127.0.0.1");
        assert_eq!(choose(Some(&local), "cn-hangzhou", true), vec![local]);
        let both = choose(None, "cn-hangzhou", true);
        assert_eq!(both[0].connect_host(Some("p")), "p.cn-hangzhou-intranet.log.aliyuncs.com");
        assert_eq!(both[1].host_header(None), "cn-hangzhou.log.aliyuncs.com");
        assert_eq!(choose(None, "cn-hangzhou", false).len(), 1);
    }
}
