//! Signatures v1 (HMAC-SHA1) and v4 (`SLS4-HMAC-SHA256`) of the service, and the RPC signature of STS. Pure: the time
//! is an input, so that a wrong clock can be corrected and every byte can be tested.
//!
//! The rules were read in the official Python and Go SDKs; `tests/data/api-vectors.json` holds what they produce.

use super::secret::Secret;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// Which signature a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignVersion {
    /// `Authorization: LOG …`, the default of every official tool: needs no region and does not sign `Host`.
    V1,
    /// `Authorization: SLS4-HMAC-SHA256 …`.
    V4,
}

impl SignVersion {
    /// `v1` or `v4`, as `--sign-version` of aliyunlog and its configuration write it.
    pub fn of_id(id: &str) -> Option<SignVersion> {
        match id.trim().to_ascii_lowercase().as_str() {
            "v1" => Some(SignVersion::V1),
            "v4" => Some(SignVersion::V4),
            _ => None,
        }
    }

    /// The version to use: what was asked for, else v4 where the service demands it (regions with `-acdr-ut-`), else
    /// v1. Without a region only v1 is possible.
    pub fn choose(asked: Option<SignVersion>, region: Option<&str>) -> SignVersion {
        match (asked, region) {
            (_, None) => SignVersion::V1,
            (Some(version), Some(_)) => version,
            (None, Some(region)) if region.contains("-acdr-ut-") => SignVersion::V4,
            (None, Some(_)) => SignVersion::V1,
        }
    }
}

/// What is signed with.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    pub id: &'a str,
    pub secret: &'a Secret,
    pub token: Option<&'a Secret>,
}

/// What is signed.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    pub method: &'a str,
    /// The path as it goes over the wire.
    pub path: &'a str,
    /// Names and values, not encoded.
    pub query: &'a [(String, String)],
    /// The value of the `Host` header.
    pub host: &'a str,
    /// None for a request without a body.
    pub body: Option<&'a [u8]>,
}

/// All headers of a signed request in the order to send them, `Authorization` last; `Content-Length` is left to the
/// transport. `now` is in seconds since 1970. The region matters for v4 only.
pub fn sign(version: SignVersion, request: &Unsigned, key: &Key, region: &str, now: i64) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_string(), value));
    let body = request.body.unwrap_or_default();
    add("Host", request.host.to_string());
    add("x-log-apiversion", "0.6.0".to_string());
    add("x-log-bodyrawsize", body.len().to_string());
    if request.body.is_some() {
        add("Content-Type", "application/json".to_string());
    }
    if let Some(token) = key.token {
        add("x-acs-security-token", token.expose().to_string());
    }
    let authorization = match version {
        SignVersion::V1 => {
            add("x-log-signaturemethod", "hmac-sha1".to_string());
            add("Date", http_date(now));
            if request.body.is_some() {
                add("Content-MD5", hex(&Md5::digest(body)).to_uppercase());
            }
            let text = string_to_sign_v1(request.method, request.path, request.query, &headers);
            format!("LOG {}:{}", key.id, signature_v1(key.secret, &text))
        }
        SignVersion::V4 => {
            let date = basic_date(now);
            add("x-log-content-sha256", hex(&Sha256::digest(body)));
            add("x-log-date", date.clone());
            let canonical = canonical_request_v4(request.method, request.path, request.query, &headers);
            let scope = scope_v4(&date, region);
            let signature = signature_v4(key.secret, &date, region, &string_to_sign_v4(&date, region, &canonical));
            format!("SLS4-HMAC-SHA256 Credential={}/{scope},Signature={signature}", key.id)
        }
    };
    headers.push(("Authorization".to_string(), authorization));
    headers
}

/// The text that v1 signs. Of the headers it uses `Content-MD5`, `Content-Type`, `Date`, `x-log-*` and `x-acs-*`.
/// It contains the security token: never show it.
pub fn string_to_sign_v1(method: &str, path: &str, query: &[(String, String)], headers: &[(String, String)]) -> String {
    let value = |name: &str| {
        let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    };
    let mut text = format!("{method}\n{}\n{}\n{}\n", value("content-md5"), value("content-type"), value("date"));
    for (name, value) in signed_headers(headers, &[]) {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(path);
    let query: BTreeMap<&str, &str> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (place, (name, value)) in query.into_iter().enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        text.push_str(&format!("{name}={value}"));
    }
    text
}

/// The signature v1 of a text: base64 of HMAC-SHA1.
pub fn signature_v1(secret: &Secret, text: &str) -> String {
    BASE64_STANDARD.encode(hmac_sha1(secret.expose().as_bytes(), text.as_bytes()))
}

/// The canonical request of v4. The body's hash is the header `x-log-content-sha256`.
/// It contains the security token: never show it.
pub fn canonical_request_v4(
    method: &str,
    path: &str,
    query: &[(String, String)],
    headers: &[(String, String)],
) -> String {
    let signed = signed_headers(headers, &["content-type", "host"]);
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<&str> = signed.keys().map(String::as_str).collect();
    let hash = signed.get("x-log-content-sha256").copied().unwrap_or_default();
    let query: BTreeMap<&str, &str> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| if value.is_empty() { name.to_string() } else { format!("{name}={}", percent(value)) })
        .collect();
    format!("{method}\n{path}\n{}\n{lines}\n{}\n{hash}", query.join("&"), names.join(";"))
}

/// The text that v4 signs; `date` is the header `x-log-date`.
pub fn string_to_sign_v4(date: &str, region: &str, canonical: &str) -> String {
    format!("SLS4-HMAC-SHA256\n{date}\n{}\n{}", scope_v4(date, region), hex(&Sha256::digest(canonical.as_bytes())))
}

/// The signature v4 of a text: hex of HMAC-SHA256 under a key derived from day and region.
pub fn signature_v4(secret: &Secret, date: &str, region: &str, text: &str) -> String {
    let first = zeroize::Zeroizing::new(format!("aliyun_v4{}", secret.expose()));
    let day = date.get(..8).unwrap_or(date);
    let mut key = hmac_sha256(first.as_bytes(), day.as_bytes());
    for part in [region, "sls", "aliyun_v4_request"] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    hex(&hmac_sha256(&key, text.as_bytes()))
}

fn scope_v4(date: &str, region: &str) -> String {
    format!("{}/{region}/sls/aliyun_v4_request", date.get(..8).unwrap_or(date))
}

/// The headers that take part in the signature, lower-case and sorted: `x-log-*` but `x-log-meta-*`, `x-acs-*`, and
/// those named in `also`.
fn signed_headers<'a>(headers: &'a [(String, String)], also: &[&str]) -> BTreeMap<String, &'a str> {
    let all = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim()));
    all.filter(|(name, _)| {
        (name.starts_with("x-log-") && !name.starts_with("x-log-meta-"))
            || name.starts_with("x-acs-")
            || also.contains(&name.as_str())
    })
    .collect()
}

/// The target of STS `GetCallerIdentity`, path and query, signed by the RPC rules (HMAC-SHA1 under `secret&`).
/// It contains the security token: never show it. `nonce` must differ from request to request.
pub fn sign_caller_identity(key: &Key, region: &str, now: i64, nonce: &str) -> String {
    let mut query: BTreeMap<&str, String> = [
        ("AccessKeyId", key.id.to_string()),
        ("Action", "GetCallerIdentity".to_string()),
        ("Format", "JSON".to_string()),
        ("RegionId", region.to_string()),
        ("SignatureMethod", "HMAC-SHA1".to_string()),
        ("SignatureNonce", nonce.to_string()),
        ("SignatureType", String::new()),
        ("SignatureVersion", "1.0".to_string()),
        ("Timestamp", iso_date(now)),
        ("Version", "2015-04-01".to_string()),
    ]
    .into();
    if let Some(token) = key.token {
        query.insert("SecurityToken", token.expose().to_string());
    }
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let text = format!("GET&%2F&{}", percent(&pairs.join("&")));
    let secret = zeroize::Zeroizing::new(format!("{}&", key.secret.expose()));
    let signature = BASE64_STANDARD.encode(hmac_sha1(secret.as_bytes(), text.as_bytes()));
    format!("/?{}&Signature={}", pairs.join("&"), percent(&signature))
}

/// Path and query as they go over the wire, in the given order; a space becomes `%20`.
pub fn target(path: &str, query: &[(String, String)]) -> String {
    if query.is_empty() {
        return path.to_string();
    }
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Percent-encoding by RFC 3986: all but `A-Za-z0-9-_.~`.
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `Fri, 02 Jan 2026 03:04:05 GMT`. A time outside 1970 to 9999 becomes the nearest that can be written.
pub fn http_date(now: i64) -> String {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(now).unwrap_or(0).min(LAST);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// `20260102T030405Z`.
fn basic_date(now: i64) -> String {
    time(now).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `2026-01-02T03:04:05Z`.
pub fn iso_date(now: i64) -> String {
    time(now).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn time(now: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/data/api-vectors.json")).unwrap()
    }

    fn text(value: &Value) -> String {
        value.as_str().unwrap().to_string()
    }

    #[test]
    fn every_vector_of_the_official_sdk_byte_for_byte() {
        let all = vectors();
        let all = all["vectors"].as_array().unwrap();
        assert_eq!(all.len(), 44);
        for vector in all {
            let (name, input, output) = (&vector["name"], &vector["input"], &vector["output"]);
            let query: Vec<(String, String)> =
                input["query"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
            let (method, path) = (text(&input["method"]), text(&input["resource"]));
            let host = text(&input["headers_before_signing"]["Host"]);
            let secret = Secret::new(text(&input["access_key_secret"]));
            let token = input["security_token"].as_str().map(Secret::new);
            let id = text(&input["access_key_id"]);
            let key = Key { id: &id, secret: &secret, token: token.as_ref() };
            let body = input["body"].as_str().map(str::as_bytes);
            let request = Unsigned { method: &method, path: &path, query: &query, host: &host, body };
            let region = text(&input["region"]);
            let now = input["now_unix"].as_i64().unwrap();
            let version = SignVersion::of_id(vector["auth_version"].as_str().unwrap()).unwrap();

            let headers = sign(version, &request, &key, &region, now);
            let ours: BTreeMap<String, String> = headers.iter().cloned().collect();
            let mut theirs: BTreeMap<String, String> = output["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect();
            theirs.remove("Content-Length");
            if version == SignVersion::V1 {
                // The SDK adds it after signing; the documents say that it is not signed. It says nothing new.
                assert_eq!(theirs.remove("x-log-date").as_ref(), theirs.get("Date"));
            }
            assert_eq!(ours, theirs, "{name}");
            assert_eq!(headers.last().unwrap().1, text(&output["authorization"]), "{name}");

            let (canonical, string) = match version {
                SignVersion::V1 => (None, string_to_sign_v1(&method, &path, &query, &headers)),
                SignVersion::V4 => {
                    let canonical = canonical_request_v4(&method, &path, &query, &headers);
                    let string = string_to_sign_v4(&basic_date(now), &region, &canonical);
                    (Some(canonical), string)
                }
            };
            assert_eq!(canonical.as_deref(), output["canonical_request"].as_str(), "{name}");
            assert_eq!(string, text(&output["string_to_sign"]), "{name}");
            // The SDK writes a space as `+`; both forms mean the same in a query.
            let url = format!("https://{host}:443{}", target(&path, &query)).replace("%20", "+");
            assert_eq!(url, text(&output["url"]), "{name}");
        }
    }

    #[test]
    fn both_vectors_of_the_caller_identity() {
        let all = vectors();
        let sts = &all["sts_get_caller_identity"];
        for vector in sts["vectors"].as_array().unwrap() {
            let name = text(&vector["name"]);
            let key = sts["keys"][name.rsplit('/').next().unwrap()].as_array().unwrap();
            let (id, secret) = (text(&key[0]), Secret::new(text(&key[1])));
            let token = key.get(2).map(|token| Secret::new(text(token)));
            let key = Key { id: &id, secret: &secret, token: token.as_ref() };
            let ours = sign_caller_identity(&key, "cn-hangzhou", 1_767_323_045, vector["nonce"].as_str().unwrap());
            // The order of the parameters is free; the signature is over the sorted ones.
            let sorted = |url: &str| {
                let mut pairs: Vec<String> = url.trim_start_matches("/?").split('&').map(str::to_string).collect();
                pairs.sort();
                pairs
            };
            assert_eq!(sorted(&ours), sorted(vector["url"].as_str().unwrap()), "{name}");
            let unsigned = ours.trim_start_matches("/?").split("&Signature=").next().unwrap().to_string();
            assert_eq!(format!("GET&%2F&{}", percent(&unsigned)), text(&vector["string_to_sign"]), "{name}");
        }
    }

    #[test]
    fn the_version_follows_wish_and_region() {
        use SignVersion::{V1, V4};
        assert_eq!(SignVersion::choose(None, Some("cn-hangzhou")), V1);
        assert_eq!(SignVersion::choose(Some(V4), Some("cn-hangzhou")), V4);
        assert_eq!(SignVersion::choose(None, Some("cn-hangzhou-acdr-ut-1")), V4);
        assert_eq!(SignVersion::choose(Some(V1), Some("cn-hangzhou-acdr-ut-1")), V1);
        assert_eq!(SignVersion::choose(Some(V4), None), V1);
        assert_eq!(SignVersion::of_id(" V4 "), Some(V4));
        assert_eq!(SignVersion::of_id("v2"), None);
    }

    #[test]
    fn no_time_breaks_a_date() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            assert!(http_date(now).ends_with(" GMT"));
            assert!(basic_date(now).ends_with('Z'));
        }
    }
}
