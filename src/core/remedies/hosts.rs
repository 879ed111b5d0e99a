//! `/etc/hosts`: binds a name to an address by editing no more than the lines that stand in the way. Bytes in, bytes
//! out; how the C library reads the file decides what stands in the way.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// One line, taken apart as the C library does: an address, names, and a comment from `#` on.
struct Line<'a> {
    text: &'a [u8],
    /// `\n`, `\r\n`, or nothing at the end of the file.
    end: &'a [u8],
    address: Option<(IpAddr, Range<usize>)>,
    names: Vec<Range<usize>>,
    comment: Option<usize>,
}

/// White space as C's `isspace` knows it, so a carriage return as well.
fn is_space(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

impl<'a> Line<'a> {
    fn of(whole: &'a [u8]) -> Line<'a> {
        let text = whole.strip_suffix(b"\n").unwrap_or(whole);
        let text = if text.len() < whole.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
        let end = whole.get(text.len()..).unwrap_or_default();
        let comment = text.iter().position(|byte| *byte == b'#');
        let mut words = Vec::new();
        let mut start = None;
        for (at, byte) in text.iter().enumerate().take(comment.unwrap_or(text.len())) {
            match (is_space(*byte), start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    words.push(from..at);
                    start = None;
                }
                _ => {}
            }
        }
        words.extend(start.map(|from| from..comment.unwrap_or(text.len())));
        let mut words = words.into_iter();
        let address = words.next().and_then(|span| {
            let word = std::str::from_utf8(text.get(span.clone())?).ok()?;
            Some((word.parse().ok()?, span))
        });
        Line { text, end, address, names: words.collect(), comment }
    }

    fn name(&self, span: &Range<usize>) -> &'a [u8] {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn has(&self, hostname: &str) -> bool {
        self.names.iter().any(|span| is_exactly(self.name(span), hostname))
    }

    fn is_ipv4(&self) -> bool {
        matches!(self.address, Some((IpAddr::V4(_), _)))
    }

    /// The IPv4 address that this line gives to the name. The C library gives 127.0.0.1 for `::1` when IPv4 is asked.
    fn gives(&self, hostname: &str) -> Option<Ipv4Addr> {
        let address = self.address.as_ref().filter(|_| self.has(hostname)).map(|(address, _)| *address)?;
        match address {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(ip) if ip.is_loopback() => Some(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) => ip.to_ipv4_mapped(),
        }
    }

    /// Whether every name on the line is the host's: the name itself, its short form, or a longer form of it.
    fn names_only(&self, hostname: &str) -> bool {
        self.names.iter().all(|span| is_form_of(self.name(span), hostname))
    }

    /// The line with another address.
    fn readdressed(&self, ip: Ipv4Addr) -> Vec<u8> {
        let span = self.address.as_ref().map_or(0..0, |(_, span)| span.clone());
        let mut out = self.text.get(..span.start).unwrap_or_default().to_vec();
        out.extend_from_slice(ip.to_string().as_bytes());
        out.extend_from_slice(self.text.get(span.end..).unwrap_or_default());
        out.extend_from_slice(self.end);
        out
    }

    /// The line without some of its names, each with the blanks before it. Nothing but a comment stays of a line that
    /// loses all names.
    fn without(&self, is_unwanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let (unwanted, kept): (Vec<_>, Vec<_>) = self.names.iter().partition(|span| is_unwanted(self.name(span)));
        let mut out = Vec::new();
        if kept.is_empty() {
            let Some(comment) = self.comment else { return out };
            out.extend_from_slice(self.text.get(comment..).unwrap_or_default());
        } else {
            let mut at = 0;
            for span in unwanted {
                let before = self.text.get(at..span.start).unwrap_or_default();
                let blanks = before.iter().rev().take_while(|byte| is_space(**byte)).count();
                out.extend_from_slice(before.get(..before.len() - blanks).unwrap_or_default());
                at = span.end;
            }
            out.extend_from_slice(self.text.get(at..).unwrap_or_default());
        }
        out.extend_from_slice(self.end);
        out
    }
}

fn is_exactly(name: &[u8], hostname: &str) -> bool {
    name.eq_ignore_ascii_case(hostname.as_bytes())
}

fn is_form_of(name: &[u8], hostname: &str) -> bool {
    let is_longer = |long: &[u8], short: &[u8]| {
        long.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short))
            && long.get(short.len()) == Some(&b'.')
    };
    is_exactly(name, hostname) || is_longer(name, hostname.as_bytes()) || is_longer(hostname.as_bytes(), name)
}

fn lines(hosts: &[u8]) -> Vec<Line<'_>> {
    hosts.split_inclusive(|byte| *byte == b'\n').map(Line::of).collect()
}

/// Whether a name may be written into the file: not empty, nothing that ends a word, and not `localhost`, whose
/// binding other programs rely on.
pub fn is_bindable(hostname: &str) -> bool {
    let label = hostname.split('.').next().unwrap_or_default();
    !hostname.is_empty()
        && hostname.len() <= 253
        && hostname.chars().all(|c| c.is_ascii_graphic() && c != '#')
        && !label.eq_ignore_ascii_case("localhost")
        && !label.is_empty()
}

/// The IPv4 addresses that the file gives to a name, in its order, doubles removed.
pub fn answers(hosts: &[u8], hostname: &str) -> Vec<Ipv4Addr> {
    let mut out = Vec::new();
    for ip in lines(hosts).iter().filter_map(|line| line.gives(hostname)) {
        if !out.contains(&ip) {
            out.push(ip);
        }
    }
    out
}

/// What becomes of a line that names the host.
enum Fate {
    Readdress,
    /// The host's names go to a line of their own.
    LoseForms,
    LoseName,
}

/// Binds a name to an address: the file then gives this address first, and no other IPv4 line names the host. A line
/// that names only this host gets the new address; on a line with other names they stay and only the host's leave. All
/// other lines stay byte for byte, those with IPv6 addresses included. A name that may not be written changes nothing.
pub fn bind(hosts: &[u8], hostname: &str, ip: Ipv4Addr) -> Vec<u8> {
    if !is_bindable(hostname) {
        return hosts.to_vec();
    }
    let lines = lines(hosts);
    let find = |wanted: &dyn Fn(&Line<'_>, Ipv4Addr) -> bool| {
        lines.iter().position(|line| line.gives(hostname).is_some_and(|given| wanted(line, given)))
    };
    let right = find(&|line, given| line.is_ipv4() && given == ip);
    let wrong = find(&|line, given| line.is_ipv4() && given != ip);
    // An IPv6 line is not ours to edit, so the binding has to come before it.
    let barrier = find(&|line, _| !line.is_ipv4());
    let is_first = |index: usize| barrier.is_none_or(|barrier| index < barrier);
    let mut fresh: Option<(usize, Vec<&[u8]>)> = None;
    let mut source = None;
    match (right, wrong) {
        (Some(right), _) if is_first(right) => {}
        (None, Some(wrong)) => {
            let line = lines.get(wrong);
            if is_first(wrong) && line.is_some_and(|line| line.names_only(hostname)) {
                source = Some((wrong, Fate::Readdress));
            } else {
                let spans = line.map(|line| line.names.iter().map(|span| line.name(span)).collect::<Vec<_>>());
                let forms = spans.unwrap_or_default().into_iter().filter(|name| is_form_of(name, hostname)).collect();
                source = Some((wrong, Fate::LoseForms));
                fresh = Some((barrier.map_or(wrong, |barrier| barrier.min(wrong)), forms));
            }
        }
        (_, _) => fresh = Some((barrier.unwrap_or(lines.len()), vec![hostname.as_bytes()])),
    }
    let end: &[u8] = if lines.first().is_some_and(|line| line.end == b"\r\n") { b"\r\n" } else { b"\n" };
    let mut out = Vec::with_capacity(hosts.len() + 64);
    let add_fresh = |out: &mut Vec<u8>, at: usize| {
        let Some((_, names)) = fresh.as_ref().filter(|(index, _)| *index == at) else { return };
        // A last line that ends in a carriage return has half of its line end already.
        if out.ends_with(b"\r") {
            out.push(b'\n');
        } else if !out.is_empty() && !out.ends_with(b"\n") {
            out.extend_from_slice(end);
        }
        out.extend_from_slice(ip.to_string().as_bytes());
        out.push(b'\t');
        out.extend_from_slice(&names.join(&b' '));
        out.extend_from_slice(end);
    };
    for (index, line) in lines.iter().enumerate() {
        add_fresh(&mut out, index);
        let fate = match &source {
            Some((at, fate)) if *at == index => Some(fate),
            _ => (line.is_ipv4() && line.gives(hostname).is_some_and(|given| given != ip)).then_some(&Fate::LoseName),
        };
        match fate {
            None => {
                out.extend_from_slice(line.text);
                out.extend_from_slice(line.end);
            }
            Some(Fate::Readdress) => out.extend(line.readdressed(ip)),
            Some(Fate::LoseForms) => out.extend(line.without(|name| is_form_of(name, hostname))),
            Some(Fate::LoseName) => out.extend(line.without(|name| is_exactly(name, hostname))),
        }
    }
    add_fresh(&mut out, lines.len());
    out
}

#[cfg(test)]
mod tests;
