//! Tables of `/etc/hosts` files and what binding makes of them, and properties over made-up files.

use super::*;
use proptest::prelude::*;

const IP: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 5);

fn bound(hosts: &str, hostname: &str) -> String {
    String::from_utf8(bind(hosts.as_bytes(), hostname, IP)).unwrap()
}

#[test]
fn only_the_lines_in_the_way_are_edited() {
    let cases = [
        // (before, after)
        ("", "10.1.1.5\tweb\n"),
        ("127.0.0.1 localhost\n", "127.0.0.1 localhost\n10.1.1.5\tweb\n"),
        ("127.0.0.1 localhost", "127.0.0.1 localhost\n10.1.1.5\tweb\n"),
        // A line that names only this host gets the new address.
        ("127.0.0.1\tlocalhost\n127.0.1.1\tweb\n", "127.0.0.1\tlocalhost\n10.1.1.5\tweb\n"),
        ("127.0.1.1\tweb.example.com\tweb # set by installer\n", "10.1.1.5\tweb.example.com\tweb # set by installer\n"),
        ("  203.0.113.7   WEB  \n", "  10.1.1.5   WEB  \n"),
        ("203.0.113.7 web", "10.1.1.5 web"),
        // Other names stay where they are.
        ("203.0.113.7 db web # both\n", "10.1.1.5\tweb\n203.0.113.7 db # both\n"),
        ("203.0.113.7\tweb\tdb\n", "10.1.1.5\tweb\n203.0.113.7\tdb\n"),
        ("127.0.0.1 localhost web\n::1 localhost\n", "10.1.1.5\tweb\n127.0.0.1 localhost\n::1 localhost\n"),
        ("203.0.113.7 web.example.com web db", "10.1.1.5\tweb.example.com web\n203.0.113.7 db"),
        // Several lines: one is made right, the others lose the name.
        ("203.0.113.7 web\n10.1.1.5 web\n", "10.1.1.5 web\n"),
        ("10.1.1.5 web\n203.0.113.7 old web\n", "10.1.1.5 web\n203.0.113.7 old\n"),
        ("1.1.1.1 web\n2.2.2.2 web #gone\n3.3.3.3 a web b\n", "10.1.1.5 web\n#gone\n3.3.3.3 a b\n"),
        // Windows line ends.
        ("127.0.0.1 localhost\r\n203.0.113.7 web\r\n", "127.0.0.1 localhost\r\n10.1.1.5 web\r\n"),
        ("127.0.0.1 localhost\r\n", "127.0.0.1 localhost\r\n10.1.1.5\tweb\r\n"),
        // IPv6 lines stay; the binding comes before the one that gives 127.0.0.1.
        ("::1 localhost web\n", "10.1.1.5\tweb\n::1 localhost web\n"),
        ("::1 web\n127.0.1.1 web\n", "10.1.1.5\tweb\n::1 web\n"),
        ("fe80::1 web\n", "fe80::1 web\n10.1.1.5\tweb\n"),
        ("::ffff:9.9.9.9 web\n", "10.1.1.5\tweb\n::ffff:9.9.9.9 web\n"),
        // What only looks like the name is not it.
        ("203.0.113.7 web2 my-web web.example.com\n", "203.0.113.7 web2 my-web web.example.com\n10.1.1.5\tweb\n"),
        ("# 203.0.113.7 web\n", "# 203.0.113.7 web\n10.1.1.5\tweb\n"),
        ("203.0.113.7 db #web\n", "203.0.113.7 db #web\n10.1.1.5\tweb\n"),
        ("not-an-address web\n", "not-an-address web\n10.1.1.5\tweb\n"),
    ];
    for (before, after) in cases {
        assert_eq!(bound(before, "web"), after, "{before:?}");
    }
}

#[test]
fn a_file_that_is_right_stays_as_it_is() {
    for right in ["10.1.1.5 web", "10.1.1.5 db web\r\n", "10.1.1.5 web\n10.1.1.5 web\n", "10.1.1.5 web\n::1 web\n"] {
        assert_eq!(bound(right, "web"), right);
    }
}

#[test]
fn the_short_name_moves_with_the_long_one() {
    assert_eq!(bound("127.0.1.1 web.example.com web\n", "web.example.com"), "10.1.1.5 web.example.com web\n");
    assert_eq!(
        bound("127.0.0.1 localhost Web.Example.com web\n", "web.example.com"),
        "10.1.1.5\tWeb.Example.com web\n127.0.0.1 localhost\n"
    );
}

#[test]
fn a_name_that_may_not_be_written_changes_nothing() {
    for name in ["", "a b", "a#b", "a\nb", "localhost", "LOCALHOST.localdomain", ".x", "主机"] {
        assert_eq!(bound("1.1.1.1 x\n", name), "1.1.1.1 x\n", "{name}");
    }
}

/// Lines that do not name the host, in their order.
fn strangers(hosts: &[u8]) -> Vec<Vec<u8>> {
    let is_stranger = |line: &Line<'_>| !line.has("web") || line.address.is_none();
    lines(hosts).iter().filter(|line| is_stranger(line)).map(|line| line.text.to_vec()).collect()
}

fn hosts_file() -> impl Strategy<Value = String> {
    let address = prop_oneof![
        Just("10.1.1.5"),
        Just("127.0.0.1"),
        Just("127.0.1.1"),
        Just("203.0.113.7"),
        Just("::1"),
        Just("fe80::2"),
        Just("::ffff:9.9.9.9"),
        Just("junk"),
        Just("")
    ];
    let name = prop_oneof![Just("web"), Just("WEB"), Just("web.x.com"), Just("localhost"), Just("db"), Just("webs")];
    let names = prop::collection::vec((prop_oneof![Just(" "), Just("\t"), Just("  ")], name), 0..4);
    let tail = prop_oneof![Just(""), Just(" "), Just(" # note"), Just("#web")];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let line = (address, names, tail, end).prop_map(|(address, names, tail, end)| {
        let names: String = names.into_iter().map(|(gap, name)| format!("{gap}{name}")).collect();
        format!("{address}{names}{tail}{end}")
    });
    (prop::collection::vec(line, 0..7), any::<bool>()).prop_map(|(lines, is_cut)| {
        let all = lines.concat();
        if is_cut { all.trim_end_matches(['\r', '\n']).to_string() } else { all }
    })
}

proptest! {
    #[test]
    fn the_file_gives_the_address_first_and_strangers_stay(hosts in hosts_file()) {
        let out = bind(hosts.as_bytes(), "web", IP);
        prop_assert_eq!(answers(&out, "web").first().copied(), Some(IP));
        let others = lines(&out).iter().filter(|line| line.is_ipv4()).filter_map(|line| line.gives("web")).any(|ip| ip != IP);
        prop_assert!(!others);
        let after = lines(&out).iter().map(|line| line.text.to_vec()).collect::<Vec<_>>();
        let mut rest = after.iter();
        for stranger in strangers(hosts.as_bytes()) {
            prop_assert!(rest.any(|line| *line == stranger), "{:?} lost", String::from_utf8_lossy(&stranger));
        }
        prop_assert_eq!(bind(&out, "web", IP), out);
    }

    #[test]
    fn any_bytes_end_in_an_answer(hosts in prop::collection::vec(any::<u8>(), 0..120)) {
        let out = bind(&hosts, "web", IP);
        prop_assert_eq!(answers(&out, "web").first().copied(), Some(IP));
    }
}
