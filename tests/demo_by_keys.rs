//! Every host of the demo walked from fault to green in a terminal of 80x24, by one who knows nothing: each key that is
//! pressed stands on the screen at that moment, in the footer, before an action or on a button. Needs no root.

use lab::Pty;
use logtail_doctor::host::simulated::scenarios;
use std::time::Duration;

/// When a screen that is waited for is given up. A watch of the heartbeat may take a minute of the simulated service.
const LATER: Duration = Duration::from_secs(120);
/// More keys than this are no cure that anybody finds at night. A typed value counts as one.
const KEYS: usize = 12;
/// The walk with a key and a thousand groups types the key and chooses the group, too.
const KEYS_WITH_A_KEY: usize = 20;

/// What the screens say, in one language.
struct Words {
    lang: &'static str,
    /// What the footer says of Enter on a page, in a form, on a button and in the list of groups.
    page: &'static str,
    form: &'static str,
    button: &'static str,
    groups: &'static str,
    apply: &'static str,
    console_shows_now: &'static str,
    console_shows: &'static str,
    type_key: &'static str,
    key_id: &'static str,
    secret: &'static str,
    result: &'static str,
    green: [&'static str; 2],
}

const ENGLISH: Words = Words {
    lang: "en",
    page: "Enter do it",
    form: "Enter accept",
    button: "Enter press",
    groups: "Enter take it",
    apply: "[ Apply",
    console_shows_now: "shows now: heartbeat OK",
    console_shows: "The console shows OK",
    type_key: "Type in an AccessKey",
    key_id: "▸ AccessKey ID",
    secret: "▸ AccessKey Secret",
    result: "▸   Result",
    green: ["Every step passes.", "Nothing fails; some steps"],
};

const CHINESE: Words = Words {
    lang: "zh",
    page: "Enter 执行",
    form: "Enter 确定",
    button: "Enter 按下按钮",
    groups: "Enter 选用",
    apply: "[ 执行",
    console_shows_now: "当前显示：心跳 OK",
    console_shows: "控制台显示 OK",
    type_key: "手动输入 AccessKey",
    key_id: "▸ AccessKey ID",
    secret: "▸ AccessKey Secret",
    result: "▸   结果",
    green: ["所有步骤均已通过。", "没有失败的步骤，但有"],
};

/// A walk under way.
struct Walk<'a> {
    pty: Pty,
    words: &'a Words,
    host: &'a str,
    /// The keys so far, for whoever reads why it failed.
    keys: Vec<String>,
}

/// Whether the screen waits for the operator: nothing is being looked at, and Enter means something.
fn is_at_rest(screen: &str, words: &Words) -> bool {
    let footer = footer(screen);
    let takes_enter = [words.page, words.form, words.button, words.groups].iter().any(|enter| footer.contains(enter));
    // The sign of what is being looked at, also for the second time.
    takes_enter && !screen.contains('▹')
}

fn footer(screen: &str) -> &str {
    screen.lines().last().unwrap_or_default()
}

/// The number that stands before an action with this label.
fn number_of(screen: &str, label: &str) -> Option<String> {
    let line = screen.lines().find(|line| line.contains(label))?;
    let number = line.split(label).next()?.trim_end().chars().last()?;
    number.is_ascii_digit().then(|| number.to_string())
}

impl Walk<'_> {
    /// Presses a key that the screen names as `shown`, and waits until it had an effect.
    fn press(&mut self, screen: &str, key: &str, shown: &str) {
        let (host, keys) = (self.host, &self.keys);
        assert!(screen.contains(shown), "{host}: {key} is not named as {shown:?} after {keys:?}:\n{screen}");
        self.keys.push(key.to_string());
        self.pty.send(key);
        let what = format!("{host}: the effect of {:?}", self.keys);
        self.pty.wait_until(&what, LATER, |now| now != screen);
    }

    /// Presses the number of an action.
    fn number(&mut self, screen: &str, number: &str) {
        self.press(screen, number, &format!(" {number} "));
    }

    /// Types a value into the field with the cursor, and accepts it.
    fn type_in(&mut self, text: &str) {
        self.keys.push(text.to_string());
        self.pty.send(text);
        // A secret is shown as stars.
        let stars = "*".repeat(text.len());
        let typed = |now: &str| now.contains(text) || now.contains(&stars);
        let screen = self.pty.wait_until(&format!("{}: what is typed", self.host), LATER, typed);
        self.press(&screen, "Enter", self.words.form);
    }

    /// The next step of somebody who reads the screen; false when everything is green.
    fn step(&mut self) -> bool {
        let words = self.words;
        let what = format!("{}: a screen at rest after {:?}", self.host, self.keys);
        let screen = self.pty.wait_until(&what, LATER, |screen| is_at_rest(screen, words));
        let footer = footer(&screen).to_string();
        if footer.contains(words.button) {
            // The preview's first button changes nothing, the second one applies; the outcome's first one leads on.
            if screen.contains(words.apply) && !screen.contains(&format!("▸{}", words.apply)) {
                self.press(&screen, "Right", "</>");
            } else {
                self.press(&screen, "Enter", words.button);
            }
        } else if footer.contains(words.groups) {
            self.press(&screen, "Enter", words.groups);
        } else if footer.contains(words.form) {
            match () {
                () if screen.contains(words.key_id) => self.type_in("LTAI5tExampleKeyIdabcd"),
                () if screen.contains(words.secret) => self.type_in("kZ93TypedSecretValue77xQ"),
                // Everything else is suggested.
                () => self.press(&screen, "Enter", words.form),
            }
        } else if screen.contains(words.result) && words.green.iter().any(|green| screen.contains(green)) {
            return false;
        } else if screen.contains(words.console_shows_now)
            && let Some(number) = number_of(&screen, words.console_shows).filter(|_| screen.contains(" UNKN "))
        {
            self.number(&screen, &number);
        } else if let Some(number) = number_of(&screen, words.type_key).filter(|_| self.host == "which-group") {
            self.number(&screen, &number);
        } else {
            self.number(&screen, "1");
        }
        true
    }
}

/// Walks on a demo host until everything is green; returns how many keys it took.
fn walk(host: &str, words: &Words) -> usize {
    let argv = [env!("CARGO_BIN_EXE_logtail-doctor"), "demo", host, "--lang", words.lang];
    let env = [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("PATH", "/usr/bin:/bin")];
    let env = env.map(|(name, value)| (name.to_string(), value.to_string()));
    let mut walk = Walk { pty: Pty::spawn(&argv, &env, 80, 24), words, host, keys: Vec::new() };
    while walk.step() {
        let most = if host == "which-group" { KEYS_WITH_A_KEY } else { KEYS };
        assert!(walk.keys.len() < most, "{host}: {:?} lead nowhere:\n{}", walk.keys, walk.pty.screen());
    }
    // A screen may arrive in pieces; the footer is the last of them.
    let screen = walk.pty.wait_until("the keys of the last screen", LATER, |screen| footer(screen).contains("q "));
    assert!(!screen.contains("FAIL") && !screen.contains("UNKN"), "{host}: {screen}");
    println!("{host}: {} keys: {:?}", walk.keys.len(), walk.keys);
    walk.press(&screen, "q", "q ");
    walk.keys.len() - 1
}

/// Walks on these hosts side by side; every one that does not end in green is told.
fn walk_all(hosts: &[&str], words: &Words) {
    let failed: Vec<_> = std::thread::scope(|scope| {
        let walks: Vec<_> = hosts.iter().map(|host| (host, scope.spawn(|| walk(host, words)))).collect();
        walks.into_iter().filter_map(|(host, walk)| walk.join().is_err().then_some(host)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_host_is_cured_by_keys_that_its_screens_show() {
    let hosts: Vec<_> = scenarios().iter().map(|scenario| scenario.id.as_str()).collect();
    walk_all(&hosts, &ENGLISH);
}

#[test]
fn the_same_in_chinese() {
    walk_all(&["two-faults", "empty-ip", "custom-id-crlf", "which-group"], &CHINESE);
}

/// The keys of a form stand below it, and Ctrl-S comes through: the terminal's own use of it (XOFF) is off.
#[test]
fn a_form_of_many_fields_is_accepted_by_one_key_from_the_first() {
    for (lang, accept_all, title) in
        [("en", "^S accept all", "What the console shows"), ("zh", "^S 全部确定", "控制台中的信息")]
    {
        for (columns, rows) in [(80, 24), (60, 20)] {
            let argv = [env!("CARGO_BIN_EXE_logtail-doctor"), "demo", "stopped", "--lang", lang];
            let env = [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("PATH", "/usr/bin:/bin")];
            let env = env.map(|(name, value)| (name.to_string(), value.to_string()));
            let mut pty = Pty::spawn(&argv, &env, columns, rows);
            pty.wait_for("q ", LATER);
            pty.send("f");
            pty.wait_until("the form and its keys", LATER, |screen| {
                screen.contains(title) && screen.contains(accept_all)
            });
            pty.send("C-s");
            pty.wait_until("the page", LATER, |screen| !screen.contains(title) && screen.contains("q "));
            pty.send("q");
            assert_eq!(pty.exit_code(LATER), 0);
        }
    }
}
