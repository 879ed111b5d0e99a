//! Why something was masked.

use serde::{Deserialize, Serialize};

/// The kinds of secret, as tokens and counts name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `LTAI...`, `STS....`: it names a secret without being one, and whoever reads it knows the account's user.
    AccessKeyId,
    /// A value that is named as a secret.
    NamedSecret,
    /// The value of an authorization header, `Bearer` or `Basic`.
    Authorization,
    /// User and password in a URL.
    UrlCredentials,
    PrivateKey,
    /// A token that is known by its form: a JSON web token, or with the beginning that its vendor gave it.
    Token,
    /// An AliUid that the operator did not tell.
    Aliuid,
}

impl Rule {
    /// The word in tokens.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Rule::AccessKeyId => "access-key-id",
            Rule::NamedSecret => "secret",
            Rule::Authorization => "authorization",
            Rule::UrlCredentials => "url-credentials",
            Rule::PrivateKey => "private-key",
            Rule::Token => "token",
            Rule::Aliuid => "aliuid",
        }
    }
}
