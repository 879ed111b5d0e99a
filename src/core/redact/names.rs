//! Which names say that their value is a secret, and which values say that there is none. Pure; knows no text around
//! them.

/// Names end in one of these, once everything but letters and digits is taken out and letters are small.
const ENDINGS: [&str; 44] = [
    "accesskey",
    "accesskeys",
    "accesskeyid",
    "accesskeysecret",
    "accessid",
    "accountkey",
    "aeskey",
    "apikey",
    "apikeys",
    "appkey",
    "authkey",
    "authorization",
    "bearer",
    "clientkey",
    "connectionstring",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "encryptionkey",
    "encryptkey",
    "hmackey",
    "masterauth",
    "masterkey",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "privatekeys",
    "pwd",
    "secret",
    "secretid",
    "secretkey",
    "secrets",
    "sessid",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signature",
    "signingkey",
    "token",
    "tokens",
];

/// Short words that say so only when they stand for themselves: `OSS_AK`, `ossSk`, but not `disk`.
const WORDS: [&str; 14] =
    ["ak", "akid", "sk", "pass", "passes", "pw", "psk", "auth", "auths", "jwt", "otp", "signkey", "sshkey", "sas"];

/// Words that end in `pass` and are no password.
const NO_PASS: [&str; 6] = ["bypass", "compass", "overpass", "surpass", "trespass", "underpass"];

/// What may follow the word that says it, and changes nothing: `password_hash`, `secretValue2`.
const DECORATIONS: [&str; 27] = [
    "again",
    "b64",
    "backup",
    "bak",
    "base64",
    "confirm",
    "confirmation",
    "current",
    "default",
    "enc",
    "encoded",
    "encrypted",
    "hash",
    "hashed",
    "md5",
    "new",
    "next",
    "old",
    "plain",
    "plaintext",
    "prev",
    "previous",
    "raw",
    "sha256",
    "str",
    "text",
    "value",
];

/// Longer runs of name characters are no names.
const NAME_LIMIT: usize = 128;

/// Whether what follows such a name is a secret.
pub(super) fn names_secret(name: &[u8]) -> bool {
    if name.len() > NAME_LIMIT || !may_name(name) {
        return false;
    }
    let mut words = words(name);
    loop {
        let plain: String = words.concat();
        let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit());
        if ENDINGS.iter().any(|ending| plain.ends_with(ending)) {
            return true;
        }
        let Some(last) = words.last() else { return false };
        let bare = last.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_pass = bare.ends_with("pass") && !NO_PASS.iter().any(|word| bare.ends_with(word));
        if is_pass || WORDS.contains(&bare) {
            return true;
        }
        if words.len() < 2 || !(bare.is_empty() || DECORATIONS.contains(&bare) || DECORATIONS.contains(&last.as_str()))
        {
            return false;
        }
        words.pop();
    }
}

/// Whether a name has any letters in it that could say so: most words of a text have none, and cost no more than this.
fn may_name(name: &[u8]) -> bool {
    let (mut first, mut second) = (b' ', b' ');
    for byte in name {
        let third = byte | 0x20;
        if matches!((second, third), (b'a', b'k') | (b's', b'k') | (b'p', b'w')) {
            return true;
        }
        let says_so = matches!(
            &[first, second, third],
            b"sec"
                | b"pas"
                | b"tok"
                | b"cre"
                | b"coo"
                | b"aut"
                | b"sig"
                | b"ses"
                | b"bea"
                | b"ngs"
                | b"key"
                | b"jwt"
                | b"otp"
                | b"sas"
                | b"psk"
                | b"ssi"
        );
        if says_so {
            return true;
        }
        (first, second) = (second, third);
    }
    false
}

/// The words of a name in small letters: parted by what is neither letter nor digit, and where a capital follows a small
/// letter.
fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = b' ';
    for &byte in name {
        if byte.is_ascii_alphanumeric() {
            let begins = !before.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && byte.is_ascii_uppercase());
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(byte.to_ascii_lowercase() as char);
            }
        }
        before = byte;
    }
    words
}

/// Whether the name is that of a header (or of what a header holds) whose value takes the rest of the line.
pub(super) fn names_header(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b"authorization"[..], b"cookie", b"cookies"].iter().any(|header| name.ends_with(header))
}

/// The runs of ten and more digits: AliUids.
pub(super) fn digit_runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 10)
}

/// Whether a value says that there is none, or is masked already.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    let is_nothing = [&b""[..], b"null", b"nil", b"true", b"false", b"none", b"{}", b"[]", b"(null)"]
        .iter()
        .any(|nothing| value.eq_ignore_ascii_case(nothing));
    is_nothing
        || is_list_of_services(value)
        || value.iter().all(|&byte| byte == b'*')
        || is_token(value)
        || is_masked_id(value)
}

/// `passwd: files systemd` of nsswitch.conf names where users are looked up, and no secret.
fn is_list_of_services(value: &[u8]) -> bool {
    const SERVICES: [&[u8]; 9] =
        [b"files", b"compat", b"systemd", b"sss", b"nis", b"nisplus", b"ldap", b"winbind", b"altfiles"];
    value.split(u8::is_ascii_whitespace).all(|word| word.is_empty() || SERVICES.contains(&word))
}

/// `LTAI****abcd`: an id in the form in which it may be shown.
fn is_masked_id(value: &[u8]) -> bool {
    let Some(at) = value.windows(4).position(|part| part == b"****") else { return false };
    let short = |part: &[u8]| part.len() <= 4 && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    value.get(..at).is_some_and(short) && value.get(at + 4..).is_some_and(short)
}

/// Whether the value is a token of ours as a whole. One with another right behind it is, too: what ended the value was
/// part of a secret that was found elsewhere, so its end cannot be seen any more.
pub(super) fn is_token(value: &[u8]) -> bool {
    let behind = token_length(value).and_then(|length| value.get(length..));
    behind.is_some_and(|rest| rest.is_empty() || token_length(rest).is_some())
}

/// The length of the token at the beginning, `***WORD-NUMBER***`, if one is there.
pub(super) fn token_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"***")?;
    let word = rest.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
    let digits = rest.get(word..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let known =
        [&b"access-key-id-"[..], b"secret-", b"authorization-", b"url-credentials-", b"private-key-", b"token-"];
    let is_known = known.contains(&rest.get(..word)?);
    let closes = rest.get(word + digits..)?.starts_with(b"***");
    (is_known && (1..=6).contains(&digits) && closes).then_some(3 + word + digits + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "access_key_secret",
            "accessKeySecret",
            "AccessKeyId",
            "STS-TOKEN",
            "db.password",
            "--access-key",
            "ak",
            "SK",
            "OSS_AK",
            "ossSk",
            "aliyunAK",
            "pass",
            "db_pass",
            "dbpass",
            "DB_PASS2",
            "passwd",
            "mysqlPwd",
            "password_hash",
            "secretValue",
            "tokens",
            "Cookie",
            "Set-Cookie",
            "proxy-authorization",
            "x-acs-security-token",
            "auth",
            "_authToken",
            "client.key.password",
            "API Key",
            "appkey",
            "AccountKey",
            "requirepass",
            "PHPSESSID",
            "pw",
            "psk",
            "password1",
            "old_password_plain",
            "Access Key Secret",
            "wifi-psk",
            "private_key",
            "jwt",
        ] {
            assert!(names_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_sounds_like_them_is_none() {
        for name in [
            "ip",
            "tokens_used",
            "project",
            "user_defined_id",
            "aliuid",
            "",
            "disk",
            "task",
            "bypass",
            "compass",
            "key",
            "author",
            "public_key",
            "risk",
            "break",
            "no_proxy",
            "mask",
            "tests_pass_rate",
            "keyword",
            "secretary",
        ] {
            assert!(!names_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn only_whole_tokens_of_ours_are_left_alone() {
        assert!(is_token(b"***secret-12***") && is_token(b"***secret-1******secret-2***\nnext"));
        for other in ["***", "***secret-***", "***mine-1***", "***secret-1***x", "***secret-1234567***"] {
            assert!(!is_token(other.as_bytes()), "{other}");
        }
        assert!(is_harmless(b"LTAI****abcd") && is_harmless(b"****") && !is_harmless(b"LTAI5****abcd"));
    }
}
