//! What an ELF program needs to be started: its machine, its loader, its libraries. Pure: the bytes are handed in, piece by
//! piece; every length and offset in them may be a lie.

use std::path::PathBuf;

/// Tables and strings longer than this are not read, in bytes.
const LIMIT: u64 = 1 << 20;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Elf {
    pub machine: String,
    pub loader: Option<PathBuf>,
    pub needed: Vec<String>,
    pub run_paths: Vec<String>,
}

/// Reads so many bytes at this offset of the file; None where they are not all there.
type ReadAt<'r> = &'r dyn Fn(u64, usize) -> Option<Vec<u8>>;

/// Width and byte order of the numbers.
#[derive(Clone, Copy)]
struct Layout {
    wide: bool,
    little: bool,
}

impl Layout {
    fn number(self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) })
    }

    /// A number that has the width of an address.
    fn address(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.number(bytes, wide, 8) } else { self.number(bytes, narrow, 4) }
    }
}

/// One piece of the file in memory.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

/// Reads the head of a program; None when it is no ELF file, or cut off.
pub(super) fn parse(read_at: ReadAt<'_>) -> Option<Elf> {
    let head = read_at(0, 64).or_else(|| read_at(0, 52))?;
    if head.get(..4)? != b"\x7fELF" {
        return None;
    }
    let layout = Layout { wide: *head.get(4)? == 2, little: *head.get(5)? == 1 };
    let mut elf = Elf { machine: machine(layout.number(&head, 18, 2)?), ..Elf::default() };
    let segments = segments(layout, &head, read_at)?;
    let bytes_of = |segment: &Segment| {
        (segment.size <= LIMIT).then(|| read_at(segment.offset, usize::try_from(segment.size).ok()?))?
    };
    if let Some(bytes) = segments.iter().find(|segment| segment.kind == 3).and_then(bytes_of) {
        elf.loader = Some(PathBuf::from(text(&bytes, 0)?));
    }
    if let Some(bytes) = segments.iter().find(|segment| segment.kind == 2).and_then(bytes_of) {
        dynamic(&mut elf, layout, &bytes, &segments, read_at);
    }
    Some(elf)
}

fn machine(code: u64) -> String {
    match code {
        3 => "x86".into(),
        40 => "arm".into(),
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        258 => "loongarch64".into(),
        other => other.to_string(),
    }
}

fn segments(layout: Layout, head: &[u8], read_at: ReadAt<'_>) -> Option<Vec<Segment>> {
    let offset = layout.address(head, 28, 32)?;
    let (size_at, count_at) = if layout.wide { (54, 56) } else { (42, 44) };
    let (size, count) = (layout.number(head, size_at, 2)?, layout.number(head, count_at, 2)?);
    if size < 32 || size * count > LIMIT {
        return None;
    }
    let table = read_at(offset, usize::try_from(size * count).ok()?)?;
    let segment = |row: &[u8]| {
        Some(Segment {
            kind: layout.number(row, 0, 4)?,
            offset: layout.address(row, 4, 8)?,
            address: layout.address(row, 8, 16)?,
            size: layout.address(row, 16, 32)?,
        })
    };
    table.chunks_exact(usize::try_from(size).ok()?).map(segment).collect()
}

/// The table of the dynamic linker: names are offsets into one table of strings.
fn dynamic(elf: &mut Elf, layout: Layout, bytes: &[u8], segments: &[Segment], read_at: ReadAt<'_>) {
    let width = if layout.wide { 8 } else { 4 };
    let entries: Vec<(u64, u64)> = bytes
        .chunks_exact(2 * width)
        .map_while(|entry| Some((layout.number(entry, 0, width)?, layout.number(entry, width, width)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let value = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let (Some(address), Some(size)) = (value(5), value(10).filter(|size| *size <= LIMIT)) else { return };
    let loaded = segments.iter().find(|segment| {
        segment.kind == 1 && address.checked_sub(segment.address).is_some_and(|into| into < segment.size)
    });
    let offset = loaded.and_then(|segment| segment.offset.checked_add(address - segment.address));
    let Some(strings) = offset.and_then(|offset| read_at(offset, usize::try_from(size).ok()?)) else { return };
    let named = |wanted: &[u64]| {
        let of = entries.iter().filter(|(tag, _)| wanted.contains(tag));
        of.filter_map(|(_, at)| text(&strings, usize::try_from(*at).ok()?)).collect()
    };
    elf.needed = named(&[1]);
    elf.run_paths = named(&[15, 29]);
}

/// The text that begins there and ends with a zero byte.
fn text(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    Some(String::from_utf8_lossy(rest.get(..end)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(bytes: &[u8]) -> Option<Elf> {
        parse(&|at, length| {
            let at = usize::try_from(at).ok()?;
            bytes.get(at..at.checked_add(length)?).map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn this_program_names_its_machine_and_libraries() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let elf = parsed(&own).unwrap();
        assert_eq!(elf.machine, std::env::consts::ARCH);
        assert_eq!(elf.loader.is_some(), !elf.needed.is_empty());
        assert!(elf.needed.iter().all(|name| name.contains(".so")), "{:?}", elf.needed);
        let mut foreign = own.get(..4096).unwrap().to_vec();
        foreign[18] = 183;
        assert_eq!(parsed(&foreign).unwrap().machine, "aarch64");
        assert_eq!(parsed(b"\x7fELF"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(tail in prop::collection::vec(any::<u8>(), 0..400)) {
            for class in [1, 2] {
                let mut bytes = b"\x7fELF".to_vec();
                bytes.extend([class, 1]);
                bytes.extend(&tail);
                parsed(&bytes);
            }
        }
    }
}
