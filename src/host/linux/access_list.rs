//! Whom the POSIX access list of a file lets write, by the bytes of its attribute (acl(5); the layout is that of
//! `linux/posix_acl_xattr.h`). Pure: it opens nothing.

/// The attribute that holds a file's access list.
pub(super) const NAME: &str = "system.posix_acl_access";

/// Somebody whom an access list lets write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    User(u32),
    /// The file's own group.
    OwnGroup,
    Group(u32),
    Everybody,
}

const VERSION: u32 = 2;
const WRITE: u16 = 2;
const USER: u16 = 0x02;
const OWN_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// Everybody besides the owner whom the list lets write; None when the bytes are no such list.
pub(super) fn writers(bytes: &[u8]) -> Option<Vec<Writer>> {
    let (version, rest) = bytes.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != VERSION || rest.len() % 8 != 0 {
        return None;
    }
    let entries: Vec<(u16, u16, u32)> = rest
        .chunks_exact(8)
        .filter_map(|entry| {
            let (tag, entry) = entry.split_first_chunk::<2>()?;
            let (rights, entry) = entry.split_first_chunk::<2>()?;
            let (id, _) = entry.split_first_chunk::<4>()?;
            Some((u16::from_le_bytes(*tag), u16::from_le_bytes(*rights), u32::from_le_bytes(*id)))
        })
        .collect();
    // The mask bounds what named users and every group get; without named entries there is none.
    let mask = entries.iter().find(|(tag, ..)| *tag == MASK).map_or(WRITE, |(_, rights, _)| *rights);
    let writer = |(tag, rights, id): &(u16, u16, u32)| {
        let is_masked = rights & mask & WRITE != 0;
        match *tag {
            USER if is_masked => Some(Writer::User(*id)),
            OWN_GROUP if is_masked => Some(Writer::OwnGroup),
            GROUP if is_masked => Some(Writer::Group(*id)),
            OTHER if rights & WRITE != 0 => Some(Writer::Everybody),
            _ => None,
        }
    };
    Some(entries.iter().filter_map(writer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    const NOBODY: u32 = u32::MAX;

    #[test]
    fn the_mask_bounds_named_users_and_groups_but_not_everybody() {
        let owner = (1, 7, NOBODY);
        for (entries, expected) in [
            (vec![owner, (OWN_GROUP, 5, NOBODY), (OTHER, 5, NOBODY)], vec![]),
            (
                vec![owner, (USER, 7, 1000), (OWN_GROUP, 5, NOBODY), (MASK, 7, NOBODY), (OTHER, 5, NOBODY)],
                vec![Writer::User(1000)],
            ),
            (
                vec![owner, (USER, 7, 1000), (GROUP, 7, 50), (OWN_GROUP, 7, NOBODY), (MASK, 5, NOBODY), (OTHER, 5, 0)],
                vec![],
            ),
            (
                vec![owner, (OWN_GROUP, 7, NOBODY), (GROUP, 6, 50), (MASK, 7, NOBODY), (OTHER, 2, NOBODY)],
                vec![Writer::OwnGroup, Writer::Group(50), Writer::Everybody],
            ),
            (vec![owner, (OWN_GROUP, 7, NOBODY)], vec![Writer::OwnGroup]),
        ] {
            assert_eq!(writers(&list(&entries)), Some(expected), "{entries:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        let mut cut = list(&[(1, 7, NOBODY)]);
        cut.pop();
        for bytes in [&b""[..], &[2, 0, 0][..], &[1, 0, 0, 0][..], &cut] {
            assert_eq!(writers(bytes), None, "{bytes:?}");
        }
    }
}
