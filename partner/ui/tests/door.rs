//! Who is let in, by requests as they come over a socket.

#![cfg(test)]

#[path = "support/contract.rs"]
mod contract;

use contract::whole;
use protocol::{
    contract::Contract,
    job::question_from_toml,
    page::{Page, Section, Text, Topic},
};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use ui::{Desk, Link, Links, Prepared, Priced, Screen, Secret, Standing, State, Ui, Wish};

/// A desk whose names are meant to do harm.
struct Desktop {
    contract: Contract,
    wishes: Mutex<Vec<Wish>>,
}

impl Desktop {
    fn new() -> Self {
        Self { contract: contract(), wishes: Mutex::default() }
    }
}

/// The contract of the sample of a lift, in which one arm is called otherwise.
fn contract() -> Contract {
    let sample = include_str!("../../../protocol/src/analysis/lift/sample/contract.toml");
    whole(&sample.replace("\"womens\"", "\"<script>womens\""))
}

const HARM: &str = "<script>alert(1)</script>";

impl Desk for Desktop {
    fn standing(&self) -> Standing {
        let simulated = Some("SIMULATED: whatever");
        Standing { party: "publisher".to_owned(), room: HARM.to_owned(), simulated }
    }

    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn drafts(&self) -> Result<Vec<Link>, Text> {
        Ok(vec![Link { name: "next.toml".to_owned(), words: Text::quoted(HARM), stop: None }])
    }

    fn draft(&self, _: &str) -> Result<(Page, String), Text> {
        Ok((Page { title: Text::quoted(HARM), ..Page::default() }, "ab".to_owned()))
    }

    fn price(&self, job: &str) -> Result<Priced, Vec<Text>> {
        let (_, question) =
            question_from_toml(job, &self.contract).map_err(|why| vec![Text::quoted(why)])?;
        let may_be_asked = question.price().epsilon.value() < 50.0;
        Ok(Priced { page: Page::default(), may_be_asked, steps: vec!["0.5".to_owned()] })
    }

    fn payers(&self, _: &str) -> Result<Section, Text> {
        Ok(Section::new(Topic::Cost, Text::quoted(HARM)))
    }

    fn prepare(&self, wish: Wish) -> Result<u64, Text> {
        let mut wishes = self.wishes.lock().unwrap();
        wishes.push(wish);
        Ok(u64::try_from(wishes.len()).unwrap())
    }

    fn prepared(&self, number: u64) -> Option<Prepared> {
        let (about, said) = (Text::quoted(HARM), vec![Text::quoted(HARM)]);
        (number < 9).then_some(Prepared { about, said, state: State::Waiting })
    }

    fn screen(&self, screen: Screen) -> Result<Page, Text> {
        match screen {
            Screen::Journal => Err(Text::quoted(HARM)),
            _ => Ok(Page { title: Text::quoted(HARM), ..Page::default() }),
        }
    }

    fn result(&self, name: &str) -> Result<Page, Text> {
        Err(Text::quoted(name))
    }

    fn results(&self) -> Result<Vec<Link>, Text> {
        Ok(vec![Link { name: "one".to_owned(), words: Text::quoted(HARM), stop: None }])
    }
}

struct Stage {
    desk: Arc<Desktop>,
    port: u16,
    links: Links,
}

impl Stage {
    async fn new() -> Self {
        let desk = Arc::new(Desktop::new());
        let page: Arc<dyn Desk> = Arc::<Desktop>::clone(&desk);
        let ui = Ui::bind(0, Secret::of(&[7; 32]), page).await.unwrap();
        let links = ui.links();
        let port = links.print(Secret::of(&[1; 32]));
        let port = port.strip_prefix("http://127.0.0.1:").unwrap().split('/').next().unwrap();
        let port = port.parse().unwrap();
        tokio::spawn(ui.serve(std::future::pending()));
        Self { desk, port, links }
    }

    /// Sends a request line and headers; the status and the whole answer.
    async fn send(&self, line: &str, headers: &[&str]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let headers = headers.join("\r\n");
        let end = if headers.is_empty() { "" } else { "\r\n" };
        let text = format!("{line} HTTP/1.1\r\n{headers}{end}Connection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}", self.port)
    }

    fn cookie(&self) -> String {
        format!("Cookie: glovebox-{}={}", self.port, hex::encode([7; 32]))
    }

    /// A form that somebody sends who was let in.
    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> (u16, String) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(pairs).finish();
        let length = format!("Content-Length: {}", body.len());
        let (host, cookie) = (self.host(), self.cookie());
        let origin = format!("Origin: http://127.0.0.1:{}", self.port);
        let headers = [&host, &cookie, &origin, &length, "Sec-Fetch-Site: same-origin"];
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n{body}",
            headers.join("\r\n")
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    /// A GET of somebody who was let in.
    async fn get(&self, path: &str) -> String {
        let (host, cookie) = (self.host(), self.cookie());
        let site = "Sec-Fetch-Site: same-origin";
        let (status, answer) = self.send(&format!("GET {path}"), &[&host, &cookie, site]).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

#[tokio::test]
async fn a_link_lets_in_one_browser_and_an_older_one_nobody() {
    let stage = Stage::new().await;
    let host = stage.host();
    let first = format!("GET /open?link={}", hex::encode([1; 32]));
    let (status, answer) = stage.send(&first, &[&host]).await;
    assert_eq!(status, 200, "{answer}");
    let cookie =
        answer.lines().find(|line| line.to_lowercase().starts_with("set-cookie:")).unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(stage.send(&first, &[&host]).await.0, 401, "twice");
    let _ = stage.links.print(Secret::of(&[2; 32]));
    let _ = stage.links.print(Secret::of(&[3; 32]));
    let older = format!("GET /open?link={}", hex::encode([2; 32]));
    assert_eq!(stage.send(&older, &[&host]).await.0, 401, "an older link");
    for wrong in ["GET /open", "GET /open?link=", "GET /open?link=03"] {
        assert_eq!(stage.send(wrong, &[&host]).await.0, 401, "{wrong}");
    }
    let newest = format!("GET /open?link={}", hex::encode([3; 32]));
    assert_eq!(stage.send(&newest, &[&host]).await.0, 200);
}

/// DNS rebinding: a name that somebody else owns leads here, and brings no cookie of ours, or does.
#[tokio::test]
async fn any_other_host_is_refused_before_anything_else() {
    let stage = Stage::new().await;
    let (host, cookie, port) = (stage.host(), stage.cookie(), stage.port);
    let hosts = [
        format!("Host: evil.example:{port}"),
        format!("Host: localhost:{port}"),
        "Host: 127.0.0.1".to_owned(),
        format!("Host: 127.0.0.1:{port}.evil.example"),
        format!("{host}\r\n{host}"),
        String::new(),
    ];
    for wrong in &hosts {
        for path in ["/budget", "/style.css", "/open?link=00"] {
            let mut headers: Vec<&str> = vec![&cookie, "Sec-Fetch-Site: same-origin"];
            headers.extend(Some(wrong.as_str()).filter(|header| !header.is_empty()));
            let (status, answer) = stage.send(&format!("GET {path}"), &headers).await;
            // A server of HTTP/1.1 may refuse a request without a host itself.
            assert!(matches!(status, 421 | 400), "{wrong} {path}: {answer}");
        }
    }
    let absolute = format!("GET http://evil.example:{port}/budget");
    assert_eq!(stage.send(&absolute, &[&host, &cookie]).await.0, 421);
}

#[tokio::test]
async fn nobody_looks_without_the_cookie_and_no_other_page_with_it() {
    let stage = Stage::new().await;
    let (host, cookie) = (stage.host(), stage.cookie());
    let wrong = format!("Cookie: glovebox-{}={}", stage.port, hex::encode([8; 32]));
    for (headers, status) in [
        (vec![&*host], 401),
        (vec![&*host, &*wrong], 401),
        (vec![&*host, &*cookie, "Sec-Fetch-Site: cross-site"], 403),
        (vec![&*host, &*cookie, "Sec-Fetch-Site: same-site"], 403),
        (vec![&*host, &*cookie, "Sec-Fetch-Site: none"], 200),
        (vec![&*host, &*cookie, "Sec-Fetch-Site: same-origin"], 200),
    ] {
        let (found, answer) = stage.send("GET /budget", &headers).await;
        assert_eq!(found, status, "{headers:?}: {answer}");
    }
}

#[tokio::test]
async fn what_changes_something_comes_from_a_page_of_ours() {
    let stage = Stage::new().await;
    let (host, cookie, port) = (stage.host(), stage.cookie(), stage.port);
    let ours = format!("Origin: http://127.0.0.1:{port}");
    let (evil, secure) =
        ("Origin: http://evil.example", format!("Origin: https://127.0.0.1:{port}"));
    let site = "Sec-Fetch-Site: same-origin";
    for headers in [
        vec![&*host, &*cookie],
        vec![&*host, &*cookie, site],
        vec![&*host, &*cookie, &*ours],
        vec![&*host, &*cookie, site, evil],
        vec![&*host, &*cookie, site, &*secure],
        vec![&*host, &*cookie, site, "Origin: null"],
        vec![&*host, &*cookie, "Sec-Fetch-Site: none", &*ours],
        vec![&*host, &*cookie, "Sec-Fetch-Site: cross-site", &*ours],
    ] {
        let (status, _) = stage.send("POST /budget", &headers).await;
        assert_eq!(status, 403, "{headers:?}");
    }
    for method in ["OPTIONS", "PUT", "DELETE", "HEAD"] {
        let (status, answer) =
            stage.send(&format!("{method} /budget"), &[&host, &cookie, evil]).await;
        assert_eq!(status, 403, "{method}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let stage = Stage::new().await;
    let refused = stage.send("GET /budget", &["Host: evil.example"]).await.1;
    for answer in [stage.get("/budget").await, stage.get("/style.css").await, refused] {
        let answer = answer.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(answer.contains(header), "no {header} in {answer}");
        }
        assert!(!answer.contains("script-src") && !answer.contains("unsafe"), "{answer}");
    }
}

#[tokio::test]
async fn names_of_others_stay_text_on_every_screen() {
    let stage = Stage::new().await;
    for screen in Screen::ALL {
        let answer = stage.get(screen.path()).await;
        assert!(!answer.contains("<script"), "{answer}");
        assert!(answer.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", screen.path());
        assert!(
            answer.contains("SIMULATED") && answer.contains("aria-current=\"page\""),
            "{answer}"
        );
        // Nothing is loaded from elsewhere, and nothing is written into a page that its policy would refuse.
        for text in ["https://", "//cdn", " style=", "onclick", "javascript:"] {
            assert!(!answer.contains(text), "{text} on {}: {answer}", screen.path());
        }
    }
    for path in ["/contract/next.toml", "/act/1", FORM] {
        let answer = stage.get(path).await;
        assert!(
            !answer.contains("<script") && answer.contains("&lt;script&gt;"),
            "{path}: {answer}"
        );
    }
    let answer = stage.get("/results/a%3Cb").await;
    assert!(!answer.contains("a<b"), "{answer}");
}

const FORM: &str = "/ask?analysis=mail&kind=lift";

/// The fields of a lift that the contract permits.
fn lift(epsilon: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("lift.assignment.test", "mens"),
        ("lift.assignment.control", "none"),
        ("lift.outcome#", "1"),
        ("lift.outcome.0.column", "visit"),
        ("lift.outcome.0.type", "binary"),
        ("lift.privacy.epsilon", epsilon),
        ("lift.privacy.delta", "1e-6"),
    ]
}

#[tokio::test]
async fn a_form_offers_what_the_contract_lists_for_the_kind() {
    let stage = Stage::new().await;
    let list = stage.get("/ask").await;
    assert!(list.contains("href=\"/ask?analysis=mail&amp;kind=lift\""), "{list}");
    let form = stage.get(FORM).await;
    for value in ["mens", "&lt;script&gt;womens", "none"] {
        let offered = format!("name=\"lift.assignment.test\" value=\"{value}\"");
        assert!(form.contains(&offered), "no {offered} in {form}");
    }
    for offered in [
        "<option value=\"holm\">",
        "type=\"date\" id=\"lift.window.start\"",
        "<option value=\"spend\">",
        "name=\"@receiver\" value=\"retailer\"",
    ] {
        assert!(form.contains(offered), "no {offered} in {form}");
    }
    // What is done anyway, or refused whatever it says, is no field.
    for field in
        ["lift.design", "lift.geo", "lift.assignment.unit", "lift.assignment.exposure_column"]
    {
        assert!(!form.contains(&format!("name=\"{field}\"")), "{field}");
    }
    let more = [("lift.outcome#", "1"), ("@more", "lift.outcome"), ("lift.outcome.0.name", "kept")];
    let (status, form) = stage.post(FORM, &more).await;
    assert_eq!(status, 200);
    assert!(
        form.contains("name=\"lift.outcome.1.name\"") && form.contains("value=\"kept\""),
        "{form}"
    );
}

#[tokio::test]
async fn only_what_would_not_be_refused_is_prepared_and_it_is_the_job_of_the_form() {
    let stage = Stage::new().await;
    let mut asked = lift("1");
    asked.extend([("@receiver", "retailer"), ("@do", "prepare")]);
    let (status, answer) = stage.post(FORM, &asked).await;
    assert_eq!(status, 303, "{answer}");
    assert!(answer.to_lowercase().contains("location: /act/1"), "{answer}");
    let wishes = stage.desk.wishes.lock().unwrap().clone();
    let [Wish::Ask { job, receivers }] = wishes.as_slice() else { panic!("{wishes:?}") };
    assert_eq!(receivers, &["retailer"]);
    let (analysis, _) = question_from_toml(job, &stage.desk.contract).unwrap();
    assert_eq!(analysis, "mail");
    for refused in ["60", "0", "much"] {
        let mut asked = lift(refused);
        asked.push(("@do", "prepare"));
        let (status, answer) = stage.post(FORM, &asked).await;
        assert_eq!(status, 200, "{answer}");
        assert!(!answer.contains("value=\"prepare\""), "{refused}: {answer}");
    }
    assert_eq!(stage.desk.wishes.lock().unwrap().len(), 1);
    // Of nobody else's analysis, and of no kind that its section does not permit.
    for path in ["/ask?analysis=other&kind=lift", "/ask?analysis=mail&kind=reach", "/ask?kind=lift"]
    {
        assert_eq!(stage.post(path, &lift("1")).await.0, 404, "{path}");
    }
}

/// The part of a form around one field.
fn field<'f>(form: &'f str, name: &str) -> &'f str {
    let fields = form.split("<div class=\"field");
    fields.into_iter().find(|field| field.contains(&format!("id=\"{name}\""))).unwrap()
}

#[tokio::test]
async fn what_does_not_fit_is_said_beside_its_field_with_what_would() {
    let stage = Stage::new().await;
    let with = |name: &'static str, value: &'static str| {
        let mut asked = lift("1");
        asked.retain(|(known, _)| *known != name || name == "lift.assignment.control");
        asked.push((name, value));
        asked
    };
    for (name, value, why) in [
        // Of no list of the contract's.
        (
            "lift.assignment.test",
            "pigeons",
            "\u{201c}pigeons\u{201d} is not offered; choose from mens, ",
        ),
        (
            "lift.outcome.0.column",
            "secret",
            "\u{201c}secret\u{201d} is not offered; choose from visit, orders, spend",
        ),
        (
            "lift.outcome.0.type",
            "",
            "is needed and was left empty; choose from binary, count, value",
        ),
        // In both arms.
        ("lift.assignment.control", "mens", "expected to be named once: the arms must not overlap"),
        ("lift.privacy.epsilon", "a lot", "\u{201c}a lot\u{201d} is not a number"),
        ("lift.privacy.epsilon", "0", "epsilon"),
        ("lift.outcome.0.type", "value", "a value needs it"),
        (
            "@receiver",
            "stranger",
            "\u{201c}stranger\u{201d} may not read it; the contract lets read: publisher, retailer",
        ),
    ] {
        let (status, form) = stage.post(FORM, &with(name, value)).await;
        assert_eq!(status, 200, "{name}");
        assert!(form.contains("This has to be changed first"), "{name}={value}: {form}");
        assert!(!form.contains("value=\"prepare\""), "{name}");
        let place = match (name, value) {
            ("@receiver", _) => form.split("<fieldset id=\"@receiver\">").nth(1).unwrap(),
            (_, "value") => field(&form, "lift.outcome.0.cap_per_user"),
            _ => field(&form, name),
        };
        assert!(place.contains(why), "{name}={value}: no {why} in {place}");
    }
}

#[tokio::test]
async fn a_share_is_asked_for_each_arm_and_an_outcome_is_called_as_its_column_is() {
    let stage = Stage::new().await;
    let form = stage.get(FORM).await;
    assert!(form.contains("name=\"lift.assignment.expected_share@none\""), "{form}");
    // The contract lists no segments: there is nothing to choose.
    assert!(!form.contains("lift.breakdowns.dimensions"), "{form}");
    assert!(
        form.contains("since the contract lists nothing for it: ")
            && form.contains("Segments and creatives: segments to compare in"),
        "{form}"
    );
    let mut asked = lift("1");
    asked.extend([
        ("lift.assignment.expected_share@mens", "2"),
        ("lift.assignment.expected_share@none", "1"),
        ("@epsilon", "0.5"),
    ]);
    let (_, form) = stage.post(FORM, &asked).await;
    for line in ["name = &quot;visit&quot;\n", "mens = 2.0\n", "epsilon = 0.5\n"] {
        assert!(form.contains(line), "no {line} in {form}");
    }
}

#[tokio::test]
async fn a_signature_is_prepared_for_the_digest_that_was_shown() {
    let stage = Stage::new().await;
    let draft = stage.get("/contract/next.toml").await;
    assert!(draft.contains("name=\"digest\" value=\"ab\""), "{draft}");
    let (status, _) = stage.post("/contract/next.toml", &[("digest", "ab")]).await;
    assert_eq!(status, 303);
    let wish = Wish::Sign { draft: "next.toml".to_owned(), digest: "ab".to_owned() };
    assert_eq!(*stage.desk.wishes.lock().unwrap(), [wish]);
}
