//! The proxies of the agent's process (Logtail 1.5.0 and later honour them; upper case wins).

use crate::core::observe::Target;

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// Whether it wants a user and a password; they are not known here.
    pub has_user: bool,
}

impl Proxy {
    /// `http://host:port`, as a [`Target`] names it.
    pub fn place(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Reads the value of a variable. None when it names no place, or a kind of proxy that the agent does not speak to.
    pub fn parse(value: &str) -> Option<Proxy> {
        let value = value.trim();
        let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://")).unwrap_or(value);
        if rest.contains("://") {
            return None;
        }
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let place = place.split('/').next().unwrap_or_default();
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (place, 80),
        };
        (!host.is_empty()).then(|| Proxy { host: host.to_string(), port, has_user: user.is_some() })
    }
}

/// All proxies of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    pub http: Option<Proxy>,
    pub https: Option<Proxy>,
    /// The variable that names a SOCKS proxy, with its value: the agent goes through it, this program cannot.
    pub socks: Option<(String, String)>,
    /// The variable that no agent understands, with its value: the agent then switches all its proxies off.
    pub invalid: Option<(String, String)>,
    except: Vec<String>,
}

impl Proxies {
    /// Reads them from an environment.
    pub fn of(environment: &[(String, String)]) -> Proxies {
        let found = |name: &str| {
            let of = |name: &str| environment.iter().find(|(known, _)| known == name).cloned();
            of(name).or_else(|| of(&name.to_ascii_lowercase())).filter(|(_, value)| !value.is_empty())
        };
        let all = found("ALL_PROXY");
        let set: Vec<_> = [found("HTTP_PROXY"), found("HTTPS_PROXY"), all.clone()].into_iter().flatten().collect();
        let is_socks = |value: &str| value.trim().to_ascii_lowercase().starts_with("socks5");
        let invalid = set.iter().find(|(_, value)| !is_socks(value) && Proxy::parse(value).is_none()).cloned();
        if invalid.is_some() {
            return Proxies { invalid, ..Proxies::default() };
        }
        let proxy = |name: &str| found(name).or_else(|| all.clone()).and_then(|(_, value)| Proxy::parse(&value));
        let except = found("NO_PROXY").map(|(_, value)| value).unwrap_or_default();
        let except = except.split(',').map(|part| part.trim().trim_start_matches('.').to_string());
        Proxies {
            http: proxy("HTTP_PROXY"),
            https: proxy("HTTPS_PROXY"),
            socks: set.iter().find(|(_, value)| is_socks(value)).cloned(),
            invalid: None,
            except: except.filter(|part| !part.is_empty()).collect(),
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none() && self.socks.is_none()
    }

    /// Whether `NO_PROXY` lets the agent go to this host directly.
    fn excepts(&self, host: &str) -> bool {
        self.except.iter().any(|part| part == "*" || host == part || host.ends_with(&format!(".{part}")))
    }

    /// The variable that leads the agent to one of these targets through a SOCKS proxy.
    pub fn socks_for<'a>(&self, mut targets: impl Iterator<Item = &'a Target>) -> Option<&(String, String)> {
        self.socks.as_ref().filter(|_| targets.any(|target| !self.excepts(&target.host)))
    }

    /// The proxy for a target, if any.
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        if self.excepts(&target.host) {
            None
        } else if target.tls {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn proxies_follow_the_agents_rules() {
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            Proxies::of(&pairs)
        };
        let place = |proxies: &Proxies, target: &Target| proxies.for_target(target).map(Proxy::place);
        let http = Target::root("a.log.aliyuncs.com", false);
        let both = set(&[("http_proxy", "low:1"), ("HTTP_PROXY", "http://up:2"), ("NO_PROXY", ".b.com")]);
        assert_eq!(place(&both, &http).as_deref(), Some("http://up:2"));
        assert_eq!(place(&both, &Target::root("x.b.com", false)), None);
        assert_eq!(place(&both, &Target::root("a.log.aliyuncs.com", true)), None);
        let all = set(&[("ALL_PROXY", "***@p")]);
        assert_eq!(place(&all, &http).as_deref(), Some("http://p:80"));
        assert!(all.http.is_some_and(|proxy| proxy.has_user));
        let ftp = set(&[("ALL_PROXY", "ftp://p"), ("HTTP_PROXY", "http://up:2")]);
        assert_eq!(place(&ftp, &http), None, "one that is not understood switches all off");
        assert_eq!(ftp.invalid, Some(("ALL_PROXY".to_string(), "ftp://p".to_string())));
        let socks = set(&[("https_proxy", "socks5://p:1080"), ("HTTP_PROXY", "up:2")]);
        assert_eq!(place(&socks, &http).as_deref(), Some("http://up:2"));
        assert!(socks.socks.is_some() && socks.invalid.is_none() && !socks.is_empty());
        assert!(set(&[("NO_PROXY", "*")]).is_empty());
        let exempt = set(&[("ALL_PROXY", "socks5://p:1080"), ("NO_PROXY", ".aliyuncs.com")]);
        assert!(socks.socks_for([&http].into_iter()).is_some() && exempt.socks_for([&http].into_iter()).is_none());
    }

    proptest! {
        #[test]
        fn any_value_ends_in_an_answer(value in ".*") {
            Proxy::parse(&value);
        }
    }
}
