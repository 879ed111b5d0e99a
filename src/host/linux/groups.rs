//! Who is in a group of users, by the files of this host: who besides root and an owner could write what a group may
//! write. Nobody is asked over the network, so a group that a directory service keeps counts as one of unknown members.

use std::fs;

/// Whom a group lets in besides root and the owner, in words for an error; None when nobody. What cannot be told is not
/// taken for nobody.
pub(super) fn others_in(gid: u32, owner: u32) -> Option<String> {
    // Names need not be UTF-8.
    let read =
        |path: &str| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    others(&read("/etc/group"), &read("/etc/passwd"), gid, owner)
}

/// The name of a user by the files of this host; the number where they know none.
pub(super) fn user_name(uid: u32) -> String {
    field_of(uid, 0).unwrap_or_else(|| format!("uid {uid}"))
}

/// The home directory of a user by the files of this host, whatever the environment says.
pub(super) fn home(uid: u32) -> Option<String> {
    field_of(uid, 5).filter(|home| home.starts_with('/'))
}

/// A field of a user's line of passwd(5).
fn field_of(uid: u32, field: usize) -> Option<String> {
    let passwd = fs::read("/etc/passwd").map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let is_it = |line: &&str| line.split(':').nth(2).is_some_and(|number| number.parse() == Ok(uid));
    passwd.lines().find(is_it)?.split(':').nth(field).map(str::to_string)
}

/// As [`others_in`], by the content of group(5) and passwd(5).
pub(super) fn others(group: &str, passwd: &str, gid: u32, owner: u32) -> Option<String> {
    if gid == 0 {
        return None;
    }
    let numbered = |field: Option<&str>, number: u32| field.is_some_and(|field| field.parse() == Ok(number));
    // Two names may stand for one number; the members of both are let in.
    let lines: Vec<&str> = group.lines().filter(|line| numbered(line.split(':').nth(2), gid)).collect();
    let Some(name) = lines.first().and_then(|line| line.split(':').next()) else {
        return Some(format!("a group whose members are not known here ({gid})"));
    };
    let named = lines.iter().flat_map(|line| line.split(':').nth(3).unwrap_or_default().split(',')).map(str::trim);
    let mut is_let_in: Vec<&str> = named.filter(|name| !name.is_empty()).collect();
    let mut harmless: Vec<&str> = Vec::new();
    for user in passwd.lines() {
        let mut fields = user.split(':');
        let (name, uid, own_gid) = (fields.next().unwrap_or_default(), fields.nth(1), fields.next());
        if numbered(own_gid, gid) {
            is_let_in.push(name);
        }
        if numbered(uid, 0) || numbered(uid, owner) {
            harmless.push(name);
        }
    }
    let others = is_let_in.iter().any(|name| !harmless.contains(name));
    others.then(|| format!("the group {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_with_somebody_else_in_it_is_somebody_else() {
        let group = "root:x:0:\nstaff:x:50:\nadm:x:4:syslog,ops\nops:x:1000:\nweb:x:33:ops, root\nold:x:60:\nnew:x:60:bob\n\nbroken:x:z:a\n";
        let passwd = "root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\nbob:x:1001:50\n";
        let of = |passwd: &str, gid, owner| others(group, passwd, gid, owner);
        let nobody = "root:x:0:0::/root:/bin/sh\n";
        for (found, expected) in [
            (of(passwd, 0, 0), None),
            (of(nobody, 50, 0), None),
            (of(passwd, 50, 0), Some("the group staff")),
            (of(passwd, 50, 1001), None),
            (of(passwd, 4, 1000), Some("the group adm")),
            (of(passwd, 1000, 1000), None),
            (of(passwd, 1000, 0), Some("the group ops")),
            (of(passwd, 33, 1000), None),
            (of(passwd, 60, 1000), Some("the group old")),
            (of(passwd, 7777, 0), Some("a group whose members are not known here (7777)")),
        ] {
            assert_eq!(found.as_deref(), expected);
        }
    }
}
