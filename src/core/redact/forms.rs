//! Secrets that are known by their own form, wherever they stand. Pure.

use super::rule::Rule;

/// Beginnings that a vendor gave its tokens, and how many more characters such a token has at least.
const BEGINNINGS: [(&[u8], usize); 21] = [
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 15),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"xoxs-", 10),
    (b"sk-", 20),
    (b"sk_live_", 10),
    (b"rk_live_", 10),
    (b"npm_", 30),
    (b"hf_", 30),
    (b"pypi-", 30),
    (b"AIza", 30),
    (b"ya29.", 20),
    (b"AKID", 28),
    (b"SG.", 30),
];

/// The place of the first secret in a word of name characters, and its rule.
pub(super) fn in_word(word: &[u8]) -> Option<(usize, usize, Rule)> {
    // The shortest of them is longer, and most words are shorter.
    if word.len() < 12 {
        return None;
    }
    let candidates = [
        key_id(word).map(|(from, to)| (from, to, Rule::AccessKeyId)),
        web_token(word).map(|(from, to)| (from, to, Rule::Token)),
        with_beginning(word).map(|(from, to)| (from, to, Rule::Token)),
    ];
    candidates.into_iter().flatten().min_by_key(|(from, to, _)| (*from, std::cmp::Reverse(*to)))
}

/// The place of the first access key id in a word: `LTAI` and at least eight more, or `STS.` or `TMP.` and at least ten
/// more.
pub(super) fn key_id(word: &[u8]) -> Option<(usize, usize)> {
    (0..word.len()).find_map(|from| {
        let rest = word.get(from..)?;
        let (tail, least) = match rest.strip_prefix(b"LTAI") {
            Some(tail) => (tail, 8),
            None => (rest.strip_prefix(b"STS.").or_else(|| rest.strip_prefix(b"TMP."))?, 10),
        };
        let length = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        (length >= least).then_some((from, from + 4 + length))
    })
}

/// A JSON web token: `eyJ…`, and two to four more parts, parted by dots.
fn web_token(word: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    for part in word.split(|&byte| byte == b'.') {
        let begin = part.windows(3).position(|three| three == b"eyJ");
        if let Some(begin) = begin.filter(|begin| part.len() - begin >= 10) {
            let rest: Vec<&[u8]> = word.get(from..).unwrap_or_default().split(|&byte| byte == b'.').take(5).collect();
            let has_body = rest.get(1).is_some_and(|body| body.len() >= 4) && rest.len() >= 3;
            if has_body {
                let length: usize = rest.iter().map(|part| part.len() + 1).sum();
                return Some((from + begin, (from + length).saturating_sub(1)));
            }
        }
        from += part.len() + 1;
    }
    None
}

/// A token with one of the [`BEGINNINGS`], or an AWS key id.
fn with_beginning(word: &[u8]) -> Option<(usize, usize)> {
    let starts =
        (0..word.len()).filter(|&at| at == 0 || word.get(at - 1).is_none_or(|byte| !byte.is_ascii_alphanumeric()));
    for from in starts {
        let rest = word.get(from..).unwrap_or_default();
        if !rest.first().is_some_and(|first| b"gxsrnhpyAS".contains(first)) {
            continue;
        }
        let is_known = BEGINNINGS.iter().any(|(begin, least)| {
            let tail = rest.strip_prefix(*begin).unwrap_or_default();
            tail.len() >= *least
                && tail.iter().take(*least).all(|byte| *byte != b'.' || *begin == b"SG." || *begin == b"ya29.")
        });
        if is_known {
            return Some((from, word.len()));
        }
        if rest.starts_with(b"AKIA") || rest.starts_with(b"ASIA") {
            let length = rest.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
            if length == 20 {
                return Some((from, from + length));
            }
        }
    }
    None
}

/// The length of a hashed password at the beginning, as `/etc/shadow` and `htpasswd` have it: `$6$salt$hash`.
pub(super) fn hashed_password(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"$")?;
    let kind = rest.iter().take(9).take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
    if kind == 0 || kind > 8 || rest.get(kind) != Some(&b'$') {
        return None;
    }
    let tail = rest.get(kind + 1..)?;
    let length = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"./$=,+-".contains(byte)).count();
    (length >= 20).then_some(1 + kind + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_access_key_id_of_a_word_is_found() {
        for (word, place) in [
            ("LTAI5tAbCdEf", Some((0, 12))),
            ("x-LTAI_LTAI5tAbCdEf", Some((7, 19))),
            ("STS.abcdefghijLTAI0y2pass1.x", Some((0, 26))),
            ("LTAI5tA.STS.abcdefghi", None),
            ("TMP.abcdefghij", Some((0, 14))),
        ] {
            assert_eq!(key_id(word.as_bytes()), place, "{word}");
        }
    }

    #[test]
    fn tokens_are_known_by_their_form() {
        for word in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "glpat-abcdefghijklmnopqrst",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(in_word(word.as_bytes()).map(|(from, to, _)| (from, to)), Some((0, word.len())), "{word}");
        }
        for word in [
            "eyJhbGciOiJIUzI1NiJ9",
            "sk-1",
            "ilogtail.cn-hangzhou.log.aliyuncs.com",
            "AKIAX",
            "task-abcdefghijklmnopqrstuv",
        ] {
            assert_eq!(in_word(word.as_bytes()), None, "{word}");
        }
        assert!(hashed_password(b"$6$rounds=5000$saltsalt$abcdefghijklmnopqrstuvwxyz:1").is_some());
        assert!(hashed_password(b"$1 and $2$").is_none());
    }
}
