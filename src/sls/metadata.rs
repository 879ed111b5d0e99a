//! The ECS metadata service: which instance, region and account this host is, and the key of its RAM role.
//!
//! A token is fetched first, because instances can demand it; without one the request goes as of old. Nothing here ever
//! goes through a proxy: the address is local to the instance, and the token must not leave it.

use crate::core::observe::MetadataSeen;
use crate::core::service::credentials::{Credentials, Environment, Source, read_role_answer};
use crate::core::service::endpoint::{Endpoint, METADATA_VARIABLE};
use crate::core::service::message::{HttpRequest, HttpResponse, Limits, Transport, TransportError};
use crate::core::service::secret::Secret;
use crate::core::text::Text;
use crate::say;
use std::sync::Arc;

/// Where every ECS instance finds its metadata.
const USUAL: &str = "http://100.100.100.200";

/// Why the metadata says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// No answer: not an ECS instance, or the metadata is switched off or blocked.
    NoAnswer(TransportError),
    /// It answers, but not with this: the status.
    Refused(u16),
    /// It answers something else; the sentence never quotes it.
    NotThis(Text),
    /// The address in the environment cannot be used.
    BadAddress(Text),
}

impl Silence {
    /// The reason in words.
    pub fn text(&self) -> Text {
        match self {
            Silence::NoAnswer(error) => error.explain().0,
            Silence::Refused(status) => say!("the answer was HTTP {status}", "应答为 HTTP {status}"),
            Silence::NotThis(why) | Silence::BadAddress(why) => why.clone(),
        }
    }
}

/// The metadata service.
pub struct Metadata {
    transport: Arc<dyn Transport>,
    at: Endpoint,
    /// `ALIBABA_CLOUD_IMDSV1_DISABLED`: never ask without a token.
    token_only: bool,
}

impl Metadata {
    /// The metadata at its usual address, or where [`METADATA_VARIABLE`] says.
    ///
    /// # Errors
    /// That variable is not `scheme://host:port`.
    pub fn new(transport: Arc<dyn Transport>, environment: &Environment) -> Result<Metadata, Silence> {
        let at =
            Endpoint::overriding(environment.get(METADATA_VARIABLE).unwrap_or(USUAL)).map_err(Silence::BadAddress)?;
        Ok(Metadata { transport, at, token_only: environment.is_on("ALIBABA_CLOUD_IMDSV1_DISABLED") })
    }

    /// Which instance this is.
    ///
    /// # Errors
    /// There is no such document.
    pub async fn instance(&self) -> Result<MetadataSeen, Silence> {
        let document = self.get("/latest/dynamic/instance-identity/document").await?;
        MetadataSeen::parse(&document).ok_or_else(not_metadata)
    }

    /// The key of the instance's RAM role; the role's name is asked for when it is not given.
    ///
    /// # Errors
    /// The instance has no role, or there is no metadata.
    pub async fn role_credentials(&self, role: Option<&str>) -> Result<Credentials, Silence> {
        const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
        let role = match role {
            Some(role) => role.to_string(),
            None => {
                let answer = self.get(ROLES).await?;
                String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().trim().to_string()
            }
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if role.is_empty() || role.len() > 64 || !role.chars().all(valid) {
            return Err(not_metadata());
        }
        let answer = zeroize::Zeroizing::new(self.get(&format!("{ROLES}{role}")).await?);
        read_role_answer(&answer, Source::EcsRole(role)).map_err(Silence::NotThis)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, Silence> {
        let lifetime = ("X-aliyun-ecs-metadata-token-ttl-seconds".to_string(), "21600".to_string());
        let token = match self.send("PUT", "/latest/api/token", Some(lifetime)).await {
            Ok(answer) if answer.status == 200 => token_of(&answer.body),
            Ok(_) => None,
            // Something is there that does not know tokens; ask as of old.
            Err(error) if error.may_have_arrived() => None,
            // Nobody is there: a second wait would find nobody either.
            Err(error) => return Err(Silence::NoAnswer(error)),
        };
        if token.is_none() && self.token_only {
            return Err(Silence::NotThis(Text::fixed(
                "the metadata service gave no token, and ALIBABA_CLOUD_IMDSV1_DISABLED forbids asking without one",
                "元数据服务未返回令牌，而 ALIBABA_CLOUD_IMDSV1_DISABLED 禁止不带令牌访问",
            )));
        }
        let header = token.map(|token| ("X-aliyun-ecs-metadata-token".to_string(), token.expose().to_string()));
        let answer = self.send("GET", path, header).await.map_err(Silence::NoAnswer)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(Silence::Refused(answer.status)) }
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        header: Option<(String, String)>,
    ) -> Result<HttpResponse, TransportError> {
        let mut headers = vec![("Host".to_string(), self.at.host.clone())];
        headers.extend(header);
        let request = HttpRequest {
            method,
            tls: self.at.tls,
            host: self.at.host.clone(),
            port: self.at.port,
            target: path.to_string(),
            headers,
            body: Vec::new(),
            direct: true,
            limits: Limits::METADATA,
        };
        self.transport.send(request).await
    }
}

/// A token that can stand in a header; a captive portal's page cannot.
fn token_of(body: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let good = !text.is_empty() && text.len() <= 4096 && text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    (good && !text.starts_with('<')).then(|| Secret::new(text))
}

fn not_metadata() -> Silence {
    Silence::NotThis(Text::fixed(
        "what answers at the metadata address is not the ECS metadata service",
        "元数据地址的应答并非来自 ECS 元数据服务",
    ))
}

/// Fetches a key from a credentials URI: the same JSON as the role's, by one GET, never through a proxy.
///
/// # Errors
/// The address cannot be used, or the answer is no key.
pub async fn uri_credentials(transport: &dyn Transport, uri: &Secret) -> Result<Credentials, Silence> {
    let text = uri.expose();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, target) = rest.split_at_checked(cut).unwrap_or((rest, ""));
    let at = Endpoint::parse(&format!("{scheme}://{place}")).map_err(Silence::BadAddress)?;
    let target = if target.starts_with('/') { target.to_string() } else { format!("/{target}") };
    let request = HttpRequest {
        method: "GET",
        tls: at.tls,
        host: at.host.clone(),
        port: at.port,
        target,
        headers: vec![("Host".to_string(), place.to_string())],
        body: Vec::new(),
        direct: true,
        limits: Limits::API,
    };
    let answer = transport.send(request).await.map_err(Silence::NoAnswer)?;
    if answer.status != 200 {
        return Err(Silence::Refused(answer.status));
    }
    read_role_answer(&zeroize::Zeroizing::new(answer.body), Source::Uri).map_err(Silence::NotThis)
}

#[cfg(test)]
mod tests;
