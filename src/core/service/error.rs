//! Why a call failed: every documented error of the service as a kind, with a sentence and the next step.
//!
//! Messages come from outside: they are bounded here, and what belongs to the key is taken out of them.

use super::api::{ApiCall, BadName, Unreadable};
use super::message::{HttpResponse, TransportError};
use super::policy::{self, Denial};
use crate::core::text::Text;
use crate::say;
use serde_json::Value;

/// A message of the service is kept up to this many characters.
const MESSAGE_LIMIT: usize = 1000;

/// The kinds of error that need different next steps, from the documents' tables of common error codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// `RequestTimeExpired`, `RequestTimeTooSkewed`: more than 15 minutes apart.
    Clock,
    /// The service does not understand the request: our fault, or an old private cloud that lacks signature v4.
    BadRequest,
    SignatureMismatch,
    KeyNotFound,
    KeyDisabled,
    TokenInvalid,
    TokenExpired,
    /// The service is suspended, usually for an overdue bill.
    ServiceSuspended,
    ServiceNotOpened,
    /// The project is in this region but belongs to another account.
    OtherAccount,
    Denied(Denial),
    /// `Unauthorized` in words that are not known.
    Unauthorized,
    TooManyRequests,
    ProjectForbidden,
    /// No such project in this region: a wrong region and a wrong name look the same.
    ProjectNotExist,
    GroupNotExist,
    GroupExists,
    /// The service in this region does not know the call.
    MethodNotServed,
    /// 5xx: try again.
    ServerTrouble,
    /// An answer that is not the service's: a proxy's login page, a captive portal.
    Foreign,
    /// A success whose body has not the documented form.
    Unreadable,
    Other,
}

/// An error that the service, or something in its place, answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status} {code}: {message} (request id {})", request_id.as_deref().unwrap_or("-"))]
pub struct ApiError {
    pub kind: ErrorKind,
    pub status: u16,
    /// `errorCode`; empty for an answer that is not the service's.
    pub code: String,
    /// `errorMessage`, at most 1000 characters; untrusted.
    pub message: String,
    /// `x-log-requestid`: what support asks for.
    pub request_id: Option<String>,
    /// The server's clock, seconds since 1970.
    pub server_time: Option<i64>,
}

/// Why there is no answer to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Api(Box<ApiError>),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Name(#[from] BadName),
}

impl Failure {
    /// The kind of the service's error, if it was one.
    pub fn kind(&self) -> Option<&ErrorKind> {
        match self {
            Failure::Api(error) => Some(&error.kind),
            Failure::Transport(_) | Failure::Name(_) => None,
        }
    }

    /// Whether the same call may succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Failure::Api(error) if error.is_passing())
    }

    /// Whether a write may have been carried out all the same, so that only reading back can tell.
    pub fn may_have_been_carried_out(&self) -> bool {
        match self {
            Failure::Transport(error) => error.may_have_arrived(),
            Failure::Api(error) => matches!(error.kind, ErrorKind::ServerTrouble | ErrorKind::Foreign),
            Failure::Name(_) => false,
        }
    }

    /// What happened, and what to do next.
    pub fn explain(&self) -> (Text, Text) {
        match self {
            Failure::Api(error) => error.explain(),
            Failure::Transport(error) => error.explain(),
            Failure::Name(BadName(name)) => (
                say!(
                    "{name} cannot be the name of a project or machine group.",
                    "{name} 不是合法的 Project 或机器组名称。"
                ),
                Text::fixed("Correct the name.", "请修正名称。"),
            ),
        }
    }
}

/// Takes out of a text from outside what must not be shown: [`super::Credentials::scrub`].
pub type Clean<'a> = &'a dyn Fn(&str) -> String;

/// Reads an answer: the call's own, or the error that it is. `clean` is applied to every text that an error keeps,
/// before it is cut to length, so that no part of a secret is left over.
///
/// # Errors
/// Any status but 200, and a body that has not the documented form.
pub fn parse_response<C: ApiCall>(call: &C, response: &HttpResponse, clean: Clean) -> Result<C::Answer, Box<ApiError>> {
    if response.status != 200 {
        return Err(ApiError::of_response(response, clean));
    }
    // A gateway's page with status 200 must not pass for the empty answer of a write.
    if looks_like_html(response) {
        return Err(ApiError::bare(ErrorKind::Foreign, response, excerpt(&response.body, clean)));
    }
    call.parse(&response.body).map_err(|unreadable| ApiError::unreadable(response, &unreadable, clean))
}

impl ApiError {
    fn bare(kind: ErrorKind, response: &HttpResponse, message: String) -> Box<ApiError> {
        Box::new(ApiError {
            kind,
            status: response.status,
            code: String::new(),
            message,
            request_id: response.header("x-log-requestid").map(bounded),
            server_time: response.server_time(),
        })
    }

    /// A success that does not read.
    pub fn unreadable(response: &HttpResponse, Unreadable(what): &Unreadable, clean: Clean) -> Box<ApiError> {
        let kind = match serde_json::from_slice::<Value>(&response.body) {
            Ok(_) => ErrorKind::Unreadable,
            Err(_) => ErrorKind::Foreign,
        };
        ApiError::bare(kind, response, format!("no {what}: {}", excerpt(&response.body, clean)))
    }

    /// Any answer with another status than 200.
    pub fn of_response(response: &HttpResponse, clean: Clean) -> Box<ApiError> {
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        let text = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| body.as_ref()?.get(name)?.as_str());
            found.map(|text| bounded(&clean(text)))
        };
        // STS writes the names with a capital letter.
        let Some(code) = text(["errorCode", "Code"]) else {
            let own = response.status >= 500 && !looks_like_html(response);
            let kind = if own { ErrorKind::ServerTrouble } else { ErrorKind::Foreign };
            return ApiError::bare(kind, response, excerpt(&response.body, clean));
        };
        let message = text(["errorMessage", "Message"]).unwrap_or_default();
        let detail = body.as_ref().and_then(|body| {
            body.get("accessDeniedDetail").or_else(|| body.get("AccessDeniedDetail"))?.get("AuthAction")?.as_str()
        });
        let kind = classify(response.status, &code, &message, detail);
        let request_id = response.header("x-log-requestid").map(bounded).or_else(|| text(["requestId", "RequestId"]));
        let server_time = response.server_time();
        Box::new(ApiError { kind, status: response.status, code, message, request_id, server_time })
    }

    /// Whether the same request may succeed a little later: 5xx, ServerBusy, too many requests.
    pub fn is_passing(&self) -> bool {
        let gateway = self.kind == ErrorKind::Foreign && self.status >= 500;
        gateway || matches!(self.kind, ErrorKind::ServerTrouble | ErrorKind::TooManyRequests)
    }

    /// The RAM policy to ask for, when that is the cure.
    pub fn policy(&self) -> Option<String> {
        match &self.kind {
            ErrorKind::Denied(denial) => Some(policy::for_denial(denial)),
            _ => None,
        }
    }

    /// What happened, and what to do next.
    pub fn explain(&self) -> (Text, Text) {
        super::error_text::explain(self)
    }
}

/// The kind of an error by its code, and where one code stands for many things, by its message.
fn classify(status: u16, code: &str, message: &str, denied_action: Option<&str>) -> ErrorKind {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    if let Some(denial) = denial_of(message, denied_action) {
        return ErrorKind::Denied(denial);
    }
    match code {
        "RequestTimeExpired" | "RequestTimeTooSkewed" => ErrorKind::Clock,
        "InvalidTimeStamp.Expired" | "InvalidTimeStamp" => ErrorKind::Clock,
        "SignatureNotMatch" | "SignatureDoesNotMatch" => ErrorKind::SignatureMismatch,
        "SecurityToken.Expired" | "SecurityTokenExpired" | "InvalidSecurityToken.Expired" => ErrorKind::TokenExpired,
        "InvalidSecurityToken" | "InvalidSecurityToken.Malformed" => ErrorKind::TokenInvalid,
        "InvalidAccessKeyId" if says("not opened") => ErrorKind::ServiceNotOpened,
        "InvalidAccessKeyId" | "InvalidAccessKeyId.NotFound" => ErrorKind::KeyNotFound,
        "InvalidAccessKeyId.Inactive" => ErrorKind::KeyDisabled,
        "Unauthorized" if says("accesskeyid not found") => ErrorKind::KeyNotFound,
        "Unauthorized" if says("accesskeyid is disabled") => ErrorKind::KeyDisabled,
        "Unauthorized" if says("token") && says("expired") => ErrorKind::TokenExpired,
        "Unauthorized" if says("token") => ErrorKind::TokenInvalid,
        "Unauthorized" if says("not belong to you") => ErrorKind::OtherAccount,
        "Unauthorized" if says("has been forbidden") => ErrorKind::ServiceSuspended,
        "Unauthorized" if says("not opened") => ErrorKind::ServiceNotOpened,
        "Unauthorized" => ErrorKind::Unauthorized,
        "ProjectForbidden" => ErrorKind::ProjectForbidden,
        "ProjectNotExist" | "ProjectNotExists" => ErrorKind::ProjectNotExist,
        "MachineGroupNotExist" | "GroupNotExist" => ErrorKind::GroupNotExist,
        "MachineGroupAlreadyExist" | "GroupAlreadyExist" => ErrorKind::GroupExists,
        "InvalidMethod" => ErrorKind::MethodNotServed,
        "ServerBusy" | "RequestTimeout" | "InternalServerError" => ErrorKind::ServerTrouble,
        code if code.contains("QpsLimitExceeded") || status == 429 => ErrorKind::TooManyRequests,
        _ if status >= 500 => ErrorKind::ServerTrouble,
        _ if status == 405 => ErrorKind::MethodNotServed,
        _ if status == 400 => ErrorKind::BadRequest,
        _ => ErrorKind::Other,
    }
}

/// Reads "denied by sts or ram, action: A, resource: R", or the action that newer answers give apart.
fn denial_of(message: &str, action: Option<&str>) -> Option<Denial> {
    let lower = message.to_ascii_lowercase();
    let after = |mark: &str| {
        let start = lower.find(mark)? + mark.len();
        let rest = message.get(start..)?.trim_start();
        let end = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
        rest.get(..end).map(|word| word.trim_end_matches('.').to_string()).filter(|word| !word.is_empty())
    };
    if action.is_none() && !lower.contains("denied by") {
        return None;
    }
    let action = after("action:").or_else(|| action.map(bounded))?;
    let resource = after("resource:").unwrap_or_default();
    let owner =
        resource.split(':').nth(3).filter(|field| !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit()));
    let owner = owner.map(str::to_string);
    Some(Denial { action, resource, owner })
}

fn looks_like_html(response: &HttpResponse) -> bool {
    let head = response.body.get(..200.min(response.body.len())).unwrap_or_default();
    let head = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    head.starts_with("<!doctype") || head.starts_with("<html") || head.starts_with("<?xml")
}

/// The beginning of a body that is not the service's, as one line.
fn excerpt(body: &[u8], clean: Clean) -> String {
    let text = clean(&String::from_utf8_lossy(body.get(..(64 << 10).min(body.len())).unwrap_or_default()));
    text.split_whitespace().take(100).collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn bounded(text: &str) -> String {
    text.chars().take(MESSAGE_LIMIT).collect()
}

#[cfg(test)]
mod tests;
