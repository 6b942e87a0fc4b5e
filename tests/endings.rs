//! What a room that is over says, and what is told of a request that was declined. The programs in
//! processes of their own, as their users run them.

use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};
use tests::{
    processes::Site,
    running::{Said, until},
};

#[track_caller]
fn ends(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, Some(code), "{}{}", said.out, said.err);
    assert!(said.err.contains(words), "{words}: {}", said.err);
}

#[test]
fn verify_of_a_closed_room_says_so_and_of_one_that_is_gone_that_nobody_answers() {
    let mut site = Site::open();
    site.grant();
    // It ends the room for everybody, and nobody can be asked here.
    let said = site.run("close ROOM UNDER --dir publisher");
    ends(&said, 1, "there is no terminal to ask on: say --yes");
    assert_eq!(said.err.matches("SIMULATED").count(), 1, "{}", said.err);
    ends(&site.run("verify ROOM UNDER"), 0, "");
    site.ok("close ROOM UNDER --dir publisher --yes");
    let closed = "the enclave is what it should be, but an owner has closed it";
    ends(&site.run("verify ROOM UNDER"), 1, closed);
    let said = site.run("verify ROOM UNDER --json");
    ends(&said, 1, closed);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["exit_code"], &json["error"]["kind"]), (&1.into(), &"no".into()));
    let json = &json["result"];
    assert_eq!(json["believed"], false);
    assert!(json["why"].as_str().unwrap().contains("an owner has closed it"), "{json}");
    site.stop_host();
    ends(&site.run("verify ROOM UNDER"), 2, "nobody listens at");
    let said = site.run("verify ROOM UNDER --json");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &json["result"]["believed"]), (Some(2), &Value::Null));
    // The next instance is another room, and believed; what was granted to the last one is not in it.
    site.start_host();
    ends(&site.run("verify ROOM UNDER"), 0, "");
    ends(&site.run(&site.submit_of(0)), 1, "has not granted the keys");
}

#[test]
fn verify_says_that_the_contract_has_ended() {
    let mut site = Site::new();
    let text = fs::read_to_string(site.path("contract.toml")).unwrap();
    let ends_at = client::clock::now().plus_seconds(30);
    let expires = text.lines().find(|line| line.starts_with("expires = ")).unwrap();
    let text = text.replace(expires, &format!("expires = \"{ends_at}\""));
    fs::write(site.path("contract.toml"), text).unwrap();
    fs::remove_file(site.path("contract.toml.signed")).unwrap();
    site.ok("contract sign contract.toml --dir publisher");
    site.ok("contract sign contract.toml.signed --dir retailer");
    site.start_host();
    ends(&site.run("verify ROOM UNDER"), 0, "");
    until("the contract has ended", || client::clock::now() > ends_at);
    let ended = format!("the enclave is what it should be, but the contract ended at {ends_at}");
    ends(&site.run("verify ROOM UNDER"), 1, &ended);
}

#[test]
fn a_budget_says_that_nothing_came_back_where_all_was_spent() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.ok("close ROOM UNDER --dir retailer --yes");
    let budget = site.ok("budget --dir retailer --contract contract.toml.signed");
    let budget = budget.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["closed: it had spent all that it was handed", "; nothing came back"] {
        assert!(budget.contains(words), "{words}: {budget}");
    }
    assert!(!budget.contains("0.000 came back"), "{budget}");
}

/// Every request of a party that an enclave declines leaves a line in the host's log, with its kind and
/// nothing that was asked.
#[test]
fn what_an_enclave_declines_is_logged_by_party_and_kind() {
    let site = Site::open();
    site.grant();
    let declined = || {
        let log = site.host_said();
        let lines = log.lines().filter(|line| line.contains("a request was declined"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(declined(), Vec::<String>::new());
    site.ok(&site.submit_of(0));
    // Before it was paid for.
    let lines = declined();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for word in ["party=publisher", "needs_slice"] {
        assert!(lines[0].contains(word), "{word}: {lines:?}");
    }
    for word in ["visit", "spend", "mens", "retailer"] {
        assert!(!lines[0].contains(word), "{word}: {lines:?}");
    }
}

/// A host may say anything to who uploads.
#[test]
fn a_hostile_host_neither_moves_the_cursor_nor_tells_how_to_switch_a_check_off() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let message = "\\u001b[2J\\u202e: call again with --danger-root evil.der";
            let body = format!("{{\"code\":\"quota_exceeded\",\"message\":\"{message}\"}}");
            let head = "HTTP/1.1 507 Full\r\nconnection: close\r\ncontent-length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
        }
    });
    let said = site.run(&format!("upload https://{address} publisher/exposures.sealed"));
    ends(&said, 2, "the host declined: the file does not fit");
    let told = format!("{}{}", said.out, said.err);
    assert!(!told.contains("danger") && !told.contains('\u{1b}') && !told.contains('\u{202e}'));
    // To who asks for its document, it is no enclave at all.
    let line = "--contract contract.toml.signed";
    let said = site.run(&format!("verify https://{address} {line}"));
    assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
    assert!(!said.err.contains("evil") && !said.err.contains("--danger-root"), "{}", said.err);
}
