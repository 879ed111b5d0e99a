//! Which proxy a request of ours goes through, by the environment variables that curl and the official SDKs read.
//! The agent's own proxy is another matter: it comes from the agent's process, not from ours.

use super::secret::Secret;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::net::Ipv4Addr;

/// One HTTP proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub host: String,
    pub port: u16,
    /// The value of `Proxy-Authorization`, when the variable carries a user.
    pub authorization: Option<Secret>,
}

impl Proxy {
    /// `host:port`, without user and password.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn parse(value: &str) -> Option<Proxy> {
        let value = value.trim();
        let rest = match value.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return None,
            None => value,
        };
        let rest = rest.split('/').next().unwrap_or_default();
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, 80),
        };
        let authorization =
            user.map(|user| Secret::new(format!("Basic {}", BASE64_STANDARD.encode(percent_decoded(user)))));
        (!host.is_empty()).then(|| Proxy { host: host.to_string(), port, authorization })
    }
}

/// The proxies of an environment.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    except: Vec<String>,
    /// Values that name a proxy which cannot be used: another scheme than `http`, or unreadable. The variable's name.
    pub unusable: Vec<String>,
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; the lower-case name goes first, as in curl.
    pub fn of_environment(environment: &[(String, String)]) -> Proxies {
        let value = |name: &str| {
            let of = |name: &str| environment.iter().find(|(known, value)| known == name && !value.trim().is_empty());
            of(&name.to_ascii_lowercase()).or_else(|| of(name)).map(|(_, value)| value.as_str())
        };
        let mut proxies = Proxies::default();
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            let Some(text) = value(name) else { continue };
            match (Proxy::parse(text), name) {
                (Some(proxy), "HTTPS_PROXY") => proxies.https = Some(proxy),
                (Some(proxy), _) => proxies.http = Some(proxy),
                (None, _) => proxies.unusable.push(name.to_string()),
            }
        }
        let except = value("NO_PROXY").unwrap_or_default().split([',', ' ', ';']);
        proxies.except = except.map(|rule| rule.trim().to_ascii_lowercase()).filter(|rule| !rule.is_empty()).collect();
        proxies
    }

    /// The proxy for a request to this host and port, if any. This host itself is never reached through a proxy.
    pub fn choose(&self, tls: bool, host: &str, port: u16) -> Option<&Proxy> {
        let host = host.to_ascii_lowercase();
        let ip: Option<Ipv4Addr> = host.parse().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return None;
        }
        if self.except.iter().any(|rule| excepts(rule, &host, ip, port)) {
            return None;
        }
        if tls { self.https.as_ref() } else { self.http.as_ref() }
    }
}

/// Whether one rule of `NO_PROXY` covers a host: `*`, a name with its subdomains, an address, a network `a.b.c.d/n`;
/// each may name a port.
fn excepts(rule: &str, host: &str, ip: Option<Ipv4Addr>, port: u16) -> bool {
    let rule = match rule.rsplit_once(':') {
        Some((name, of)) if of.parse() == Ok(port) => name,
        Some(_) => return false,
        None => rule,
    };
    if rule == "*" {
        return true;
    }
    if let (Some(ip), Some((network, bits))) = (ip, rule.split_once('/')) {
        let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else { return false };
        let mask = u32::MAX.checked_shl(32u32.saturating_sub(bits)).unwrap_or(0);
        return bits <= 32 && network.to_bits() & mask == ip.to_bits() & mask;
    }
    let name = rule.trim_start_matches('*').trim_start_matches('.');
    !name.is_empty() && (host == name || host.strip_suffix(name).is_some_and(|front| front.ends_with('.')))
}

/// The bytes of a percent-encoded text; what is no proper escape stays as it is.
fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = digit(after.first()).zip(digit(after.get(1))).filter(|_| byte == b'%');
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(value) => {
                out.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn proxies(pairs: &[(&str, &str)]) -> Proxies {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Proxies::of_environment(&pairs)
    }

    #[test]
    fn scheme_and_exceptions_choose_the_proxy() {
        let all = proxies(&[
            ("HTTPS_PROXY", "http://secure:3128"),
            ("http_proxy", "plain:8080/"),
            ("HTTP_PROXY", "http://ignored:1"),
            ("NO_PROXY", "example.com, .internal;10.0.0.0/8 other.com:443,203.0.113.7"),
        ]);
        let at = |tls, host| all.choose(tls, host, if tls { 443 } else { 80 }).map(Proxy::place);
        assert_eq!(at(true, "p.cn-hangzhou.log.aliyuncs.com").as_deref(), Some("secure:3128"));
        assert_eq!(at(false, "p.cn-hangzhou.log.aliyuncs.com").as_deref(), Some("plain:8080"));
        for host in [
            "example.com",
            "a.EXAMPLE.com",
            "x.internal",
            "10.1.2.3",
            "other.com",
            "203.0.113.7",
            "127.0.0.1",
            "localhost",
        ] {
            assert_eq!(at(true, host), None, "{host}");
        }
        for host in ["badexample.com", "11.1.2.3", "com"] {
            assert!(at(true, host).is_some(), "{host}");
        }
        assert!(at(false, "other.com").is_some());
        assert!(proxies(&[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", "*")]).choose(true, "x.com", 443).is_none());
    }

    #[test]
    fn user_and_password_stay_hidden() {
        let with = proxies(&[("HTTPS_PROXY", "http://al%69ce:pa%40ss@secure:3128")]);
        let proxy = with.choose(true, "x.com", 443).unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap().expose(), "Basic YWxpY2U6cGFAc3M=");
        assert_eq!(proxy.place(), "secure:3128");
        assert!(!format!("{with:?}").contains("YWxp") && !format!("{with:?}").contains("pa%40ss"));
        assert_eq!(percent_decoded("a%4"), b"a%4");
        assert_eq!(percent_decoded("%zz%"), b"%zz%");
    }

    proptest! {
        #[test]
        fn no_variable_breaks_the_reader(proxy in ".*", except in "[a-z0-9.*:/, ]{0,30}|.*", host in "[a-z0-9.]{0,20}") {
            proxies(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", &except)]).choose(true, &host, 443);
        }
    }

    #[test]
    fn other_kinds_of_proxy_are_named_as_unusable() {
        let other = proxies(&[("HTTPS_PROXY", "socks5://a:1"), ("HTTP_PROXY", "http://:x")]);
        assert_eq!(other.unusable, ["HTTPS_PROXY", "HTTP_PROXY"]);
        assert!(other.choose(true, "x.com", 443).is_none());
    }
}
