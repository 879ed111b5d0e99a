//! The proxies of the agent's process (Logtail 1.5.0 and later honour them; upper case wins).

use crate::host::Target;

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
    except: Vec<String>,
}

impl Proxies {
    /// Reads them from an environment.
    pub fn of(environment: &[(String, String)]) -> Proxies {
        let get = |name: &str| {
            let of = |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            of(name).or_else(|| of(&name.to_ascii_lowercase())).filter(|value| !value.is_empty())
        };
        let all = get("ALL_PROXY");
        let proxy = |name: &str| get(name).or_else(|| all.clone()).and_then(|value| Proxy::parse(&value));
        Proxies {
            http: proxy("HTTP_PROXY"),
            https: proxy("HTTPS_PROXY"),
            except: get("NO_PROXY")
                .unwrap_or_default()
                .split(',')
                .map(|part| part.trim().trim_start_matches('.').to_string())
                .filter(|part| !part.is_empty())
                .collect(),
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy for a target, if any.
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        let host = &target.host;
        let excepted =
            self.except.iter().any(|part| part == "*" || host == part || host.ends_with(&format!(".{part}")));
        if excepted {
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
        assert_eq!(place(&set(&[("ALL_PROXY", "ftp://p")]), &http), None);
        assert!(set(&[("NO_PROXY", "*")]).is_empty());
    }

    proptest! {
        #[test]
        fn any_value_ends_in_an_answer(value in ".*") {
            Proxy::parse(&value);
        }
    }
}
