//! What the redactor takes out, in every form that a secret was seen in, and what it leaves alone.

use super::*;
use crate::core::observe::{EntryKind, EntrySeen};
use proptest::prelude::*;

const SECRET: &str = "qW7xPz0rT5uVbN3mKd91LsHf";

#[test]
fn secrets_go_in_every_form_and_the_rest_stays() {
    for form in [
        r#"{"access_key_secret": "@", "x": 1}"#,
        r#"{"accessKeySecret":"@"}"#,
        r#"{\"sts_token\":\"@\"}"#,
        "access-key = @\nnext = 1",
        "export ALIBABA_CLOUD_ACCESS_KEY_SECRET='@' X=1",
        "tool --password @ --verbose",
        "GET /x?SecurityToken=@&b=1",
        "<AccessKeySecret>@</AccessKeySecret>",
    ] {
        let masked = Redactor::new().text(&form.replace('@', SECRET));
        assert_eq!(masked, form.replace('@', "***secret-1***"));
    }
    assert_eq!(Redactor::new().text(r#"{"password": 12345}"#), r#"{"password": "***secret-1***"}"#);
}

/// Forms in which secrets were found in the files, logs and command lines of hosts; `@` is the secret, `@@` the secret
/// with an `@` behind it.
const FORMS: &[&str] = &[
    r#"http_proxy=user:@@proxy.corp:3128"#,
    r#"proxy user:@@10.0.0.1:3128 is used"#,
    r#"https://user:a/@@proxy:3128/"#,
    r#"https://user:#a/@@proxy:3128/path"#,
    r#"https://user:a?/@@proxy:3128/path"#,
    r#"ftp://user:@/x@@host/"#,
    r#"redis://:@@cache:6379/0"#,
    r#"url=redis::@@cache"#,
    r#"user:@@tcp(db.corp:3306)/shop?x=1"#,
    r#"jdbc:mysql://db/shop?user=root&password=@"#,
    r#"Server=db;Uid=sa;Pwd=@;Encrypt=no"#,
    r#"host=db user=app password=@ dbname=x"#,
    r#"host=db password='@' dbname=x"#,
    r#"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@==;EndpointSuffix=y"#,
    r#"mongodb+srv://app:@@cluster0.example.net/db"#,
    r#"amqp://a:@@h1:1,amqp://b:@@h2:2"#,
    r#"{"ak": "@", "x": 1}"#,
    r#"{"sk":"@"}"#,
    r#"{"pass": "@"}"#,
    r#"OSS_AK=@"#,
    r#"ossSk: @"#,
    r#"DB_PASS=@"#,
    r#"dbpass = @"#,
    r#"passwd: @"#,
    r#"{"tokens": ["short", "@"]}"#,
    "{\"tokens\": [\n  \"x\",\n  \"@\"\n]}",
    r#"{"credentials": {"id": "x", "inner": {"v": "@"}}}"#,
    r#"{"secret": {"a": ["@"]}}"#,
    "{\"secrets\": [\n \"@",
    r#"{"name": "DB_PASSWORD", "value": "@"}"#,
    r#"{"value": "@", "name": "DB_PASSWORD"}"#,
    r#"<add key="password" value="@"/>"#,
    r#"<property name="password">@</property>"#,
    "<name>password</name>\n<value>@</value>",
    r#"<key>password</key><string>@</string>"#,
    r#"<password type="text">@</password>"#,
    r#"<Password><![CDATA[@]]></Password>"#,
    r#"<secrets><item>@</item></secrets>"#,
    r#"<ns:SecretKey>@</ns:SecretKey>"#,
    "- name: DB_PASSWORD\n  value: @",
    "password:\n  @\nnext: 1",
    "secret: |\n  line one\n  @\nnext: 1",
    "tokens:\n- a\n- @\nnext: 1",
    "password: correct horse @",
    "# password = old one @",
    "password = \"first\n@\"\nnext = 1",
    "password='''\nx\n@\n'''",
    r#"Cookie: a=b; sid=@"#,
    r#"Set-Cookie: sid=@; Path=/; HttpOnly"#,
    r#"cookies={"sid": "@"}"#,
    r#"Authorization: Digest username="x", realm="y", response="@""#,
    r#"Proxy-Authorization: Basic @"#,
    r#"authorization: acs x:@"#,
    r#"-H 'Authorization: Bearer @' --next"#,
    r#"Bearer: @"#,
    r#"bearer=@"#,
    r#"X-Auth-Token: Bearer @"#,
    r#"sent token: Bearer @ to it"#,
    r#"x-acs-security-token:@"#,
    r#"{"headers": {"X-Acs-Security-Token": "@"}}"#,
    r#"eyJhbGciOiJIUzI1NiJ9.@.@"#,
    r#"session eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.@ is over"#,
    r#"ghp_@abcdef"#,
    r#"root:$6$salt$@:19000:0:99999"#,
    r#"STS.@"#,
    r#"{\"password\":\"@\"}"#,
    r#"{\\\"password\\\":\\\"@\\\"}"#,
    r#"{"msg":"read \"password: |\n  @\n\" and"}"#,
    r#"{"env":"PASSWORD=a b @","x":1}"#,
    r#"{"\u0070assword":"@"}"#,
    r#"q=%22password%22%3A%22@%22"#,
    r#"redirect=https%3A%2F%2Fh%2F%3Ftoken%3D@%26x%3D1"#,
    r#"redirect=%2568ttps%253A%252F%252Fu%253A@%2540host%252F"#,
    r#"&lt;password&gt;@&lt;/password&gt;"#,
    r#"&quot;password&quot;:&quot;@&quot;"#,
    r#"$cfg['password'] = '@';"#,
    r#":password => '@'"#,
    r#"password := "@""#,
    r#"tool -password @ --x"#,
    r#"["--password", "@"]"#,
    r#"curl -u root:@ http://h/"#,
    r#"curl --proxy-user root:@ http://h/"#,
    r#"machine h login root password @"#,
    "requirepass @\nport 6379",
    r#"token "@" is wrong"#,
    r#"Secret Access Key: @"#,
    r#"Access Key = @"#,
    r#"密码：@"#,
    r#"密钥: @"#,
    r#"password: ab,@"#,
    r#"x --password=ab;@ y"#,
    r#"password=ab&@"#,
    r#"export TOKEN=ab'@"#,
    r#"http://user:p@@w/@@host/"#,
    "@QIDAQ\nx+/=\n-----END RSA PRIVATE KEY-----",
    r#"{"private_key": "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n"}"#,
    r#"aws_secret_access_key=@"#,
];

/// A form with the secret in its place.
fn planted(form: &str) -> String {
    form.replace("@@", "\u{1}\u{2}").replace(['@', '\u{1}'], SECRET).replace('\u{2}', "@")
}

#[test]
fn no_form_of_a_secret_passes() {
    let mut out = Vec::new();
    for form in FORMS {
        let text = planted(form);
        for text in [text.clone(), format!("before it\n{text}\nafter it"), format!("[info] {text}")] {
            let masked = Redactor::new().text(&text);
            // Some forms are forms at the beginning of a line only.
            let begins = ["requirepass", "#", "-", "tokens:", "secret:", "password:", "{\"secrets"];
            let is_moved = text.starts_with("[info]") && begins.iter().any(|begin| form.starts_with(begin));
            if masked.contains(SECRET) && !is_moved {
                out.push(format!("{text:?} -> {masked:?}"));
            }
        }
    }
    assert!(out.is_empty(), "{}", out.join("\n"));
}

#[test]
fn base64_hides_nothing() {
    use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
    let long = format!("{{\"a\":\"{}\",\"password\":\"{SECRET}\"}}", "x".repeat(90));
    for inner in [format!("password={SECRET}"), format!("{{\"ak\":\"{SECRET}\"}}"), format!("root:{SECRET}!"), long] {
        let encoded = BASE64_STANDARD.encode(&inner);
        let lines = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        for text in [encoded.clone(), BASE64_URL_SAFE_NO_PAD.encode(&inner), lines, encoded.replace('=', "%3D")] {
            let masked = Redactor::new().text(&format!("data: {text} end"));
            assert_eq!(masked, "data: ***secret-1*** end", "{inner} {text}");
        }
        let twice = BASE64_STANDARD.encode(BASE64_STANDARD.encode(&inner));
        assert!(!Redactor::new().text(&twice).contains(&twice[..20]), "{twice}");
    }
}

#[test]
fn a_value_under_the_name_of_a_secret_goes_whatever_its_shape() {
    let value = serde_json::json!({
        "ak": [SECRET, {"x": SECRET}], "pin": {"password": 123456, "deep": {"token": {"a": [[SECRET]]}}},
        "args": ["run", "--password", SECRET], "env": [{"name": "DB_PASSWORD", "value": SECRET}], "ip": "10.0.0.1",
    });
    let masked = Redactor::new().value(value).to_string();
    assert!(!masked.contains(SECRET) && !masked.contains("123456") && masked.contains("10.0.0.1"), "{masked}");
}

#[test]
fn what_was_found_once_is_found_in_other_clothes() {
    let secret = "p+ss/w0rd\"with=signs";
    let mut redactor = Redactor::new();
    redactor.text("http://user:plainPassword99@host/");
    redactor.value(serde_json::json!({ "password": secret }));
    for text in ["bare plainPassword99", "p%2Bss%2Fw0rd%22with%3Dsigns", r#"p+ss/w0rd\"with=signs"#] {
        let masked = redactor.text(text);
        assert!(masked.contains("***") && !masked.contains("w0rd") && !masked.contains("Password99"), "{masked}");
    }
}

#[test]
fn the_time_grows_with_the_length_and_no_faster() {
    for unit in [
        "token:[",
        "\"token\":{",
        "token=\"x",
        "a:",
        "a:b@",
        "://",
        "-u=",
        "value=",
        "<token>",
        "password:\n ",
        "%25",
        "\\\"",
        "&amp;",
        "eyJ",
        "LTAI",
        "token='",
        "name=\"token\" value=[",
        "$6$",
        "-----BEGIN PRIVATE KEY",
        "login ",
        "A",
        "-----END PRIVATE KEY-----",
        "token: |\n",
        "cGFzc3dvcmQ9aHVudGVyMg== ",
        "token:",
        "\"token\",",
        "密码：",
        "-u ",
        "\"value\":{",
        "<token><x>",
        "token ",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        let begun = std::time::Instant::now();
        Redactor::new().text(&text);
        let time = begun.elapsed();
        println!("{unit:?}: {time:?}");
        // What is quadratic takes minutes here.
        assert!(time < std::time::Duration::from_secs(30), "{unit:?}: {time:?}");
    }
}

#[test]
fn shapes_are_secrets_without_a_name() {
    let mut redactor = Redactor::new();
    let text = "key LTAI5tAbCdEfGhIjKlMnOp12 http://u:p@h:80/ Authorization: LOG abc:def=\nnext\n\
                -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nend Bearer abcdefgh.ijk";
    assert_eq!(
        redactor.text(text),
        "key ***access-key-id-1*** http://***url-credentials-2***@h:80/ Authorization: ***authorization-3***\nnext\n\
         ***private-key-4***\nend Bearer ***authorization-5***"
    );
    assert_eq!(redactor.counts()[&Rule::Authorization], 2);
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        r#"{"password": "", "token": null, "secret": true}"#,
        "<SecretKey>\n</SecretKey>",
        "echo $token > /tmp/file\nnext",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\nno PRIVATE KEY",
        "the token is missing, the password too: see the secret store",
        r#"{"config_server_address":"http://logtail.cn-hangzhou.log.aliyuncs.com"}"#,
        "10.0.0.1 web-1 1654218965343050",
        r#"{"working_ip":"","ip":"10.0.0.1","uuid":"None"}"#,
        "http://mirrors.corp:8080/npm/left@1.2.3 and https://medium.com/@user and git@github.com:a/b.git",
        "mailto:a@b.c getty@tty1.service 2: eth0@if5: <BROADCAST> os #1 SMP PREEMPT_DYNAMIC @0; x86_64",
        "nginx:1.2@sha256:0123456789abcdef",
        r#"{"disk": "sda", "task": "x", "bypass": "y", "compass": 1}"#,
        "usage: login <user> <password>\nnext line",
        "log_path:/var/log/app/x@1/a.log\tkey:value",
        "-A OUTPUT -d 100.100.2.136/32 -p tcp -m tcp --dport 80 -j DROP",
        "AccessKeyId: LTAI****abcd",
        "passwd:         files systemd\nshadow: files",
        "base64 /usr/local/ilogtail/ilogtail_config.json QWxpYmFiYUNsb3VkTGludXhJc0E=",
    ] {
        assert_eq!(Redactor::new().text(text), text);
    }
}

#[test]
fn equal_secrets_get_equal_tokens_and_are_found_without_their_name() {
    let mut redactor = Redactor::new();
    let first = redactor.text(&format!("secret={SECRET}"));
    assert_eq!(first, "secret=***secret-1***");
    assert_eq!(redactor.text(&format!("auth with {SECRET} failed")), "auth with ***secret-1*** failed");
}

#[test]
fn tokens_are_never_masked_whatever_the_secret_is_called() {
    let mut redactor = Redactor::new();
    assert_eq!(redactor.text("--password=authorization x"), "--password=***secret-1*** x");
    assert_eq!(redactor.text("Authorization: LOG a:b"), "Authorization: ***authorization-2***");
}

#[test]
fn an_element_on_lines_of_its_own_teaches_its_value_without_the_blanks() {
    let mut redactor = Redactor::new();
    let masked = redactor.text(&format!("<SecretKey>\n  {SECRET}\n</SecretKey>\nonce more {SECRET}."));
    assert_eq!(masked, "<SecretKey>\n  ***secret-1***\n</SecretKey>\nonce more ***secret-1***.");
}

#[test]
fn what_an_unclosed_stretch_swallows_is_found_elsewhere_all_the_same() {
    for opening in ["<SecretKey>", "\"token\":", "-----BEGIN PRIVATE KEY-----", "password='"] {
        let text = format!("bare {SECRET} here {opening}\nACCESS_KEY_SECRET={SECRET}\nnext");
        let masked = Redactor::new().text(&text);
        assert!(!masked.contains(SECRET), "{masked}");
    }
}

#[test]
fn foreign_aliuids_lose_their_middle_and_the_told_one_stays() {
    let mut seen = Observations::default();
    let entry = |name: &str| EntrySeen { name: name.into(), kind: EntryKind::File, size: 0, modified: 0 };
    let entries = vec![entry("1654218965343050"), entry("1999999999999999"), entry(".x")];
    seen.keep(Question::Dir("/etc/ilogtail/users".into()), Answer::Dir(Ok(DirSeen { entries, cut: false })));
    let mut redactor = Redactor::new();
    redactor.mask_aliuids(&seen, Some("1654218965343050"));
    let masked = redactor.seen(&seen);
    let names: Vec<String> =
        masked.dir("/etc/ilogtail/users").unwrap().as_ref().unwrap().entries.iter().map(|e| e.name.clone()).collect();
    assert_eq!(names, ["1654218965343050", "1999000000009999", ".x"]);
}

#[test]
fn names_and_values_in_separate_strings_belong_together() {
    let mut seen = Observations::default();
    let pairs = vec![("ACCESS_KEY_SECRET".to_string(), SECRET.to_string()), ("working_ip".into(), "1.2.3.4".into())];
    seen.keep(Question::Environment { pid: 1 }, Answer::Environment(Ok(pairs)));
    let text = serde_json::to_string(&Redactor::new().seen(&seen)).unwrap();
    assert!(!text.contains(SECRET) && text.contains("1.2.3.4"), "{text}");
}

#[test]
fn wide_text_hides_nothing() {
    let wide: Vec<u8> = format!("password={SECRET}").bytes().flat_map(|byte| [byte, 0]).collect();
    assert_eq!(Redactor::new().bytes(&wide), b"password=***secret-1***");
    assert_eq!(Redactor::new().bytes(b"a\0b"), b"a\0b");
}

proptest! {
    #[test]
    fn a_planted_secret_never_survives(
        before in "[ -~\\n中]{0,40}",
        after in "[ -~\\n中]{0,40}",
        secret in "[A-Za-z0-9+/=._-]{16,40}",
        form in 0usize..8,
    ) {
        let planted = match form {
            0 => format!("\"access_key_secret\": \"{secret}\""),
            1 => format!("\"accessKeySecret\":\"{secret}\""),
            2 => format!("\nsts_token = {secret}\n"),
            3 => format!("\nexport PASSWORD={secret}\n"),
            4 => format!("\nAuthorization: {secret}\n"),
            5 => format!(" https://user:{}@host/ ", secret.replace('/', "")),
            6 => format!(" --access-key-secret {secret} "),
            _ => format!("\naccess_key_id: LTAI{}\n", secret.replace(|c: char| !c.is_ascii_alphanumeric(), "x")),
        };
        let text = format!("{before}\n{planted}\n{after}");
        let needle = match form {
            5 => secret.replace('/', ""),
            7 => secret.replace(|c: char| !c.is_ascii_alphanumeric(), "x"),
            _ => secret,
        };
        prop_assume!(!before.contains(&needle) && !after.contains(&needle));
        let masked = Redactor::new().text(&text);
        prop_assert!(!masked.contains(&needle), "{masked}");
    }

    #[test]
    fn masking_twice_is_masking_once(text in "[ -~\\n中]{0,80}", secret in "[A-Za-z0-9]{8,30}") {
        let text = format!("{text}\ntoken={secret} {text}");
        let once = Redactor::new().text(&text);
        prop_assert_eq!(Redactor::new().text(&once), once.clone());
    }

    #[test]
    fn any_bytes_are_fine(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        Redactor::new().bytes(&bytes);
    }
}
