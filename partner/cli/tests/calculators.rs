//! What `glovebox` calculates without a room: prices, noise, losses.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use serde_json::Value;
use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    command.current_dir(dir).args(words);
    command
}

/// Runs a command that must end with `code`, and returns what it says: results, then talk.
fn says(dir: &Path, code: i32, words: &[&str]) -> (String, String) {
    let output = command(dir, words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{talk}");
    (out, talk)
}

fn privacy(code: i32, line: &[&str]) -> (String, String) {
    let words: Vec<_> = ["privacy"].iter().chain(line).copied().collect();
    says(Path::new("."), code, &words)
}

/// A contract that nobody has signed and the campaign of the demo, edited.
fn campaign(from: &str, to: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let run = |line: &str| says(dir.path(), 0, &line.split_whitespace().collect::<Vec<_>>());
    run("init --dir p --name publisher --custody http://localhost:7501");
    run("init --dir r --name retailer");
    let pcr = "ab".repeat(48);
    let pcrs = format!("{{\"pcrs\":{{\"0\":\"{pcr}\",\"1\":\"{pcr}\",\"2\":\"{pcr}\"}}}}");
    fs::write(dir.path().join("pcrs.json"), pcrs).unwrap();
    run("contract new --name room --party p/party.toml --party r/party.toml --pcrs pcrs.json");
    let job = include_str!("../../../tests/data/hillstrom/lift.toml");
    assert!(job.contains(from), "no {from}");
    fs::write(dir.path().join("lift.toml"), job.replacen(from, to, 1)).unwrap();
    dir
}

fn priced(dir: &TempDir, more: &[&str]) -> Value {
    let mut words = vec!["job", "price", "lift.toml", "--contract", "contract.toml", "--json"];
    words.extend(more);
    let document: Value = serde_json::from_str(&says(dir.path(), 0, &words).0).unwrap();
    document.get("result").unwrap().clone()
}

#[test]
fn a_job_is_priced_without_a_room_and_the_price_buys_the_error_it_names() {
    let dir = campaign("epsilon = 1.0", "epsilon = 1.0");
    let before = priced(&dir, &["--sd", "spend=3000", "--sd", "people=10", "--audience", "20000"]);
    assert_eq!((&before["epsilon"], &before["delta"]), (&1.0.into(), &1e-6.into()));
    assert_eq!(before["charged"][0]["owner"], "publisher");
    assert_eq!(before["charged"][1]["owner"], "retailer");
    // The contract's epsilon 4 is rho 0.3111, the job's 1 is 0.02436.
    assert_eq!(before["charged"][1]["jobs_per_period"], 12);
    let spend = &before["figures"][2];
    let (sum, mean) = (&spend["sum_sd"], spend["mean_half_width"].as_f64().unwrap());
    assert!(sum.as_f64().unwrap() > 3_000.0 && mean > 1.96 * sum.as_f64().unwrap() / 20_000.0);

    for (at, figure, most) in [(0, "spend", 3_000.0), (1, "people", 10.0)] {
        let wanted = &before["wanted"][at];
        assert_eq!(wanted["figure"], figure);
        let epsilon = wanted["epsilon"].as_f64().unwrap();
        let dear = campaign("epsilon = 1.0", &format!("epsilon = {epsilon}"));
        let cheap = campaign("epsilon = 1.0", &format!("epsilon = {:.6}", epsilon - 2e-6));
        let sd = |dir| {
            let after = priced(dir, &[]);
            let spend = after["figures"][2]["sum_sd"].as_f64().unwrap();
            if figure == "spend" { spend } else { after["people_sd"].as_f64().unwrap() }
        };
        let (enough, less) = (sd(&dear), sd(&cheap));
        assert!(enough <= most && enough > most * 0.999 && less >= enough, "{figure}: {enough}");
    }
}

/// Three people are planned in the test arm for two in the control arm: its total has one and a half times the noise.
#[test]
fn the_noise_of_both_arms_is_priced_where_they_are_planned_unequal() {
    let dir = campaign("mens = 0.5, none = 0.5", "mens = 0.6, none = 0.4");
    let spend = priced(&dir, &[])["figures"][2].clone();
    let of = |value: &Value| value.as_f64().unwrap();
    let [test, control] = [0, 1].map(|at| of(&spend["sum_sd_of_arms"][at]));
    assert!((test / control - 1.5).abs() < 1e-9, "{spend}");
    assert_eq!(spend["sum_sd"], spend["sum_sd_of_arms"][0]);
    let (page, _) =
        says(dir.path(), 0, &["job", "price", "lift.toml", "--contract", "contract.toml"]);
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("total of \"spend\": in the test arm s.d."), "{page}");
}

#[test]
fn a_price_that_no_budget_pays_is_refused() {
    let dir = campaign("epsilon = 1.0", "epsilon = 10.0");
    let price = ["job", "price", "lift.toml", "--contract", "contract.toml"];
    let (page, talk) = says(dir.path(), 1, &price);
    assert!(page.contains("holds 0 such jobs"), "{page}");
    assert!(talk.contains("cannot be paid: epsilon 10, and a month of "), "{talk}");
    assert!(talk.contains(" has 4"), "{talk}");
}

#[test]
fn a_price_is_said_in_words_and_names_what_may_be_asked() {
    let dir = campaign("epsilon = 1.0", "epsilon = 1.0");
    let price = ["job", "price", "lift.toml", "--contract", "contract.toml"];
    let with = |more: &[&'static str]| price.iter().chain(more).copied().collect::<Vec<_>>();
    let (page, _) = says(dir.path(), 0, &with(&["--sd", "people=5", "--audience", "1000"]));
    for text in [
        "\"lift\": epsilon 1 at delta 1e-6",
        "charges sales of retailer: its whole budget holds 12 such jobs",
        "head count: s.d.",
        "mean of 1,000 people: within",
        "of 1,000 people: within",
        "s.d. 5.00 on the head count takes epsilon",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    // A total to a tenth of a dollar is beyond any epsilon, a mean to a tenth is not.
    let (_, talk) = says(dir.path(), 1, &with(&["--sd", "spend=0.1"]));
    assert!(
        talk.contains("total of \"spend\"") && talk.contains("--sd \"mean spend=0.1\""),
        "{talk}"
    );
    let (_, talk) = says(dir.path(), 2, &with(&["--sd", "mean spend=0.1"]));
    assert!(talk.contains("a mean needs --audience N"), "{talk}");
    let (page, _) = says(dir.path(), 0, &with(&["--sd", "mean spend=0.1", "--audience", "20000"]));
    assert!(page.contains("on the mean of \"spend\" over 20,000 people takes epsilon"), "{page}");
    let (_, talk) = says(dir.path(), 2, &with(&["--sd", "profit=5"]));
    assert!(talk.contains("one of visit, conversion, spend, people"), "{talk}");
    for bad in ["people=0", "people=-1", "people=nan", "people"] {
        says(dir.path(), 2, &with(&["--sd", bad]));
    }
    let dir = campaign("epsilon = 1.0", "epsilon = 200");
    let (_, talk) = says(dir.path(), 1, &price);
    assert!(talk.contains("expected an epsilon between 0.001 and 100"), "{talk}");
}

#[test]
fn a_version_says_what_it_names_and_what_not() {
    let (said, _) = says(Path::new("."), 0, &["--version"]);
    let (short, _) = says(Path::new("."), 0, &["-V"]);
    assert!(short.starts_with(concat!("glovebox ", env!("CARGO_PKG_VERSION"), " (")), "{short}");
    assert!(short.contains("commit") && short.ends_with(" build)\n"), "{short}");
    let rest = said.strip_prefix(&short).unwrap();
    assert!(rest.contains("which build one runs is said by its registers"), "{said}");
}

#[test]
fn a_dataset_of_which_a_question_reads_nothing_is_not_charged_and_named() {
    let dir = campaign("epsilon = 1.0", "epsilon = 1.0");
    let contract = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    let analysis = "[[analysis]]\nname = \"reach\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                    population = \"exposures\"\njoined = \"sales\"\n\
                    group_by = [\"exposures.arm\"]\nmeasures = [\"sales.spend\"]\n\
                    analysts = [\"publisher\"]\nreceivers = [\"publisher\"]\n\n[[analysis]]";
    let contract = contract.replacen("[[analysis]]", analysis, 1);
    fs::write(dir.path().join("contract.toml"), contract).unwrap();
    for (by, is_read) in [("exposures.arm", false), ("matched", true)] {
        let job = format!(
            "[job]\nanalysis = \"reach\"\n[table]\ngroup_by = [\"{by}\"]\n[table.privacy]\nepsilon = 1.0\n\
             delta = 1e-6\n"
        );
        fs::write(dir.path().join("lift.toml"), job).unwrap();
        let words = ["job", "price", "lift.toml", "--contract", "contract.toml"];
        let (page, _) = says(dir.path(), 0, &words);
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains("charges exposures of publisher"), "{page}");
        assert_eq!(page.contains("charges sales of retailer"), is_read, "{by}: {page}");
        let nothing = "charges nothing to sales of retailer, of which it reads nothing";
        assert_eq!(page.contains(nothing), !is_read, "{by}: {page}");
        let (document, _) = says(dir.path(), 0, &[&words[..], &["--json"]].concat());
        let said: Value = serde_json::from_str(&document).unwrap();
        let expected = if is_read {
            serde_json::json!([])
        } else {
            serde_json::json!([{ "dataset": "sales", "owner": "retailer" }])
        };
        assert_eq!(said["result"]["not_read"], expected, "{said}");
    }
}

#[test]
fn small_deltas_are_answered() {
    let answer = |words: &[&str]| -> Value {
        let words: Vec<_> = words.iter().chain(&["--json"]).copied().collect();
        serde_json::from_str::<Value>(&privacy(0, &words).0).unwrap()["result"].take()
    };
    let step = "epsilon --noise-multiplier 0.5 --sample-rate 1e-5 --steps 1 --delta 1e-15";
    let step = answer(&step.split(' ').collect::<Vec<_>>());
    let (pld, rdp) = (step["epsilon_pld"].as_f64().unwrap(), step["epsilon_rdp"].as_f64().unwrap());
    assert!(pld > 2.8 && pld < 2.83 && rdp < 5.65, "{step}");
    for (count, most) in [("1", 0.01), ("2", 0.02)] {
        let words = ["compose", "--laplace-epsilon", "0.01", "--count", count, "--delta", "1e-15"];
        let found = answer(&words)["epsilon_pld"].as_f64().unwrap();
        assert!(found <= most * (1.0 + 1e-12) && found > most * 0.999, "{found}");
    }
}

#[test]
fn numbers_may_be_written_as_people_write_them() {
    let (page, _) = privacy(0, &["compose", "--rho", "0.1, 0.2", "--delta", "1e-6"]);
    assert!(page.contains("lose rho 0.3 (zCDP)"), "{page}");
    let epsilon = |steps| {
        ["epsilon", "--noise-multiplier=1", "--sample-rate=0.01", "--delta=1e-6", "--steps", steps]
    };
    assert_eq!(privacy(0, &epsilon("1e2")).0, privacy(0, &epsilon("100")).0);
    for steps in ["0", "-5", "1.5", "1e10"] {
        let (_, talk) = privacy(2, &epsilon(steps));
        assert!(talk.contains("expected a whole number from 1 to 1e9"), "{talk}");
    }
    let (_, talk) = privacy(2, &["compose", "--rho", "0.1", "--delta", "1e-300"]);
    assert_eq!(
        talk.trim(),
        "glovebox: found delta 1e-300, expected a number between 1e-30 and 1, both excluded"
    );
    for scale in ["1e-5", "0.00031622776601683794", "1e3"] {
        let words =
            ["sample", "--mechanism", "discrete-gaussian", "--scale", scale, "--count", "1e1"];
        assert_eq!(privacy(0, &words).0.lines().count(), 10);
    }
}

/// As `glovebox privacy sample .. | head` does.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let words = ["privacy", "sample", "--mechanism=discrete-laplace", "--scale=5", "--count=1e6"];
    let mut sample = command(Path::new("."), &words);
    let mut child = sample.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

/// A worked sample has no keys: `price` and `show` read it as `try` does, and say so.
#[test]
fn the_worked_samples_are_priced_and_shown_with_throw_away_keys() {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/src/analysis");
    let folders = fs::read_dir(kinds).unwrap().map(|kind| kind.unwrap().path().join("sample"));
    let samples: Vec<_> = folders.filter(|sample| sample.join("contract.toml").exists()).collect();
    assert!(samples.len() >= 6, "{samples:?}");
    for sample in samples.iter().filter(|sample| !sample.ends_with("example/sample")) {
        let price = ["job", "price", "job.toml", "--contract", "contract.toml"];
        let (page, talk) = says(sample, 0, &price);
        assert!(talk.contains("throw-away keys"), "{talk}");
        assert!(page.contains("epsilon"), "{page}");
        let (page, talk) = says(sample, 0, &["contract", "show", "contract.toml"]);
        assert!(talk.contains("throw-away keys") && page.contains("NOT SIGNED"), "{page}{talk}");
    }
    // What has its own keys is read as it is.
    let dir = campaign("epsilon = 1.0", "epsilon = 1.0");
    let (_, talk) = says(dir.path(), 0, &["contract", "show", "contract.toml"]);
    assert!(!talk.contains("throw-away"), "{talk}");
}

#[test]
fn a_time_that_is_none_is_repeated_once() {
    let dir = campaign("[lift]", "[lift]\nregistered_at = \"2026-10-01\"");
    let price = ["job", "price", "lift.toml", "--contract", "contract.toml"];
    let (_, talk) = says(dir.path(), 1, &price);
    assert_eq!(talk.matches("2026-10-01").count(), 1, "{talk}");
    assert!(talk.contains("expected a time in UTC such as"), "{talk}");
}

#[test]
fn a_list_with_one_bracket_is_told_that_it_has_two() {
    let dir = campaign("[[lift.outcome]]", "[lift.outcome]");
    let price = ["job", "price", "lift.toml", "--contract", "contract.toml"];
    let (_, talk) = says(dir.path(), 1, &price);
    assert!(talk.contains("a head in two brackets, [[..]]"), "{talk}");
}

/// Rehearsed on the sample's files without noise; the scores are then worked by hand from the weights in the result.
#[test]
fn a_model_scores_ones_own_people_by_the_bins_of_its_training() {
    let dir = tempfile::tempdir().unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/src/analysis/train/sample");
    let [contract, job, members, visits] =
        ["contract.toml", "job.toml", "members.csv", "visits.csv"]
            .map(|file| format!("{sample}/{file}"));
    let (members, visits) = (format!("members={members}"), format!("visits={visits}"));
    let tried = ["try", "--contract", &contract, "--job", &job, "--data", &members];
    let more = ["--data", &visits, "--noise", "off", "--output", "out"];
    says(dir.path(), 0, &[&tried[..], &more[..]].concat());
    let result = fs::read_to_string(dir.path().join("out/result.json")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    let model = &result["answer"]["train"];
    assert!(model["judged"]["auc"]["value"].as_f64().unwrap() > 0.6);
    let people = "number,age,plan,visits.rows,visits.minutes\n7,35,family,4,240\n8,,plus ,x,\n";
    fs::write(dir.path().join("people.csv"), people).unwrap();
    let score = ["model", "score", "people.csv", "--model", "out/result.json", "--id", "number"];
    let (out, talk) = says(dir.path(), 0, &score);
    let weight = |feature: usize, bin: usize| {
        model["features"][feature]["bins"][bin]["weight"].as_f64().unwrap()
    };
    let intercept = model["intercept"].as_f64().unwrap();
    // Ages from 35 are in the third bin of five edges; who has no value is in the first.
    let first = intercept + weight(0, 3) + weight(1, 3) + weight(2, 3) + weight(3, 4);
    let second = intercept + weight(0, 0) + weight(1, 2) + weight(2, 0) + weight(3, 0);
    let line = |id: u8, score: f64| format!("{id},{:.6},{score:.6}", 1.0 / (1.0 + (-score).exp()));
    assert_eq!(out, format!("number,says,score\n{}\n{}\n", line(7, first), line(8, second)));
    assert!(talk.contains("1 of 2 lines have no value of members.age."), "{talk}");
    assert!(
        talk.contains(
            "1 of 2 lines have a value of visits.rows that the model does not know, the first in line 3"
        ),
        "{talk}"
    );
    // As training does: whoever has no row was not found, whatever stands beside it; without a count of rows, 0 is a total.
    let rows = "number,age,plan,visits.rows,visits.minutes\n1,35,family,0,0\n2,35,family,,240\n3,35,pls,1,0\n";
    fs::write(dir.path().join("people.csv"), rows).unwrap();
    let (out, talk) = says(dir.path(), 0, &score);
    let of = |plan, rows, minutes| {
        intercept + weight(0, 3) + weight(1, plan) + weight(2, rows) + weight(3, minutes)
    };
    let lines = [line(1, of(3, 0, 0)), line(2, of(3, 0, 0)), line(3, of(0, 1, 1))];
    assert_eq!(out, format!("number,says,score\n{}\n", lines.join("\n")));
    let talk = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "2 of 3 lines have no row in visits (visits.rows is 0 or empty).",
        "2 of 3 lines have a value of visits.minutes and no row in visits",
        "1 of 3 lines have a value of members.plan that the model does not know, the first in line 4 of the file",
        "Expected: one of basic, plus, family, or nothing.",
    ] {
        assert!(talk.contains(told), "no {told} in {talk}");
    }
    let (_, talk) = says(dir.path(), 1, &["model", "score", "people.csv", "--model", &job]);
    assert!(talk.contains("expected a result of format glovebox-result-v2"), "{talk}");
    fs::write(dir.path().join("fewer.csv"), "age,plan\n35,plus\n").unwrap();
    let (_, talk) =
        says(dir.path(), 1, &["model", "score", "fewer.csv", "--model", "out/result.json"]);
    assert!(
        talk.contains("the model has a feature \"visits.rows\", and no column is called so"),
        "{talk}"
    );
}

/// The outcome of somebody is 0 or 1, in people and not in hundredths of them, also if its column has decimals.
#[test]
fn the_noise_on_buyers_is_in_people() {
    let column = |from: &str, to: &str| {
        let dir = campaign(from, to);
        let price = priced(&dir, &["--sd", "conversion=5", "--audience", "20000"]);
        let figure = price["figures"][1].clone();
        assert_eq!(figure["name"], "conversion");
        (figure["sum_sd"].as_f64().unwrap(), price["wanted"][0]["epsilon"].as_f64().unwrap())
    };
    let own = "name = \"conversion\"";
    let (whole, decimals) = (column(own, own), column(own, &format!("{own}\ncolumn = \"spend\"")));
    assert_eq!(whole, decimals);
    assert!(whole.0 > 1.0, "{whole:?}");
}

/// The first 60 days of a published geo experiment, in which nothing happened yet.
fn history() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut csv = "city,day,sales\n".to_owned();
    for line in include_str!("../../../tests/data/geo/geolift_test.csv").lines() {
        let (city, numbers) = line.split_once(',').unwrap();
        for (day, number) in (0..60).zip(numbers.split(',')) {
            let date = if day < 31 {
                format!("2021-01-{:02}", day + 1)
            } else if day < 59 {
                format!("2021-02-{:02}", day - 30)
            } else {
                "2021-03-01".to_owned()
            };
            // In two rows, which are added up.
            let half = number.parse::<i64>().unwrap() / 2;
            let rest = number.parse::<i64>().unwrap() - half;
            csv.push_str(&format!("{city},{date},{half}\n{city},{date},{rest}\n"));
        }
    }
    fs::write(dir.path().join("history.csv"), csv).unwrap();
    dir
}

fn planned(dir: &TempDir, code: i32, more: &str) -> (String, String) {
    let line = format!("plan geo history.csv --place city --date day --amount sales {more}");
    says(dir.path(), code, &line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn a_geo_test_is_planned_with_the_power_of_every_lift_and_of_none() {
    let dir = history();
    let more = "--test 7 --treated 1,2 --lift 5,40 --windows 6 --cost-per-unit 2";
    let document: Value =
        serde_json::from_str(&planned(&dir, 0, &format!("{more} --json")).0).unwrap();
    let found = &document["result"];
    assert_eq!((&found["places"], &found["periods"]), (&40.into(), &60.into()));
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&found["false_alarms"]) <= 0.3 * number(&found["windows"]), "{found}");
    let best = &found["designs"][0];
    let power: Vec<_> = best["power"].as_array().unwrap().iter().map(number).collect();
    assert!(power[0] <= power[1] && power[1] >= 0.8, "{best}");
    let (lift, units) = (number(&best["detectable"]), number(&best["incremental"]));
    assert!((units - lift * number(&best["baseline"])).abs() < 1e-6 * units);
    assert!((number(&best["cost"]) - 2.0 * units).abs() < 1e-6 * units);
    assert_eq!((&best["before"], &best["tested"]), (&28.into(), &7.into()));
    assert_eq!(best["alarming"], false);
    let (page, _) = planned(&dir, 0, more);
    assert!(page.contains("Where to run a campaign") && page.contains("finds a lift of"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    // Nothing so small is found; and noise hides what is found without it.
    planned(&dir, 1, "--test 7 --treated 1 --lift 0.01 --windows 3");
    planned(&dir, 1, "--test 7 --treated 1 --lift 40 --windows 3 --noise-sd 100000");
}

#[test]
fn a_geo_plan_refuses_what_it_cannot_read() {
    let dir = history();
    for (line, said) in [
        ("--lift=-1", "--lift: expected percentages of 0 or more"),
        ("--confidence 1", "--confidence: expected a number between 0 and 1"),
        ("--test 0", "--test: expected whole numbers from 1"),
    ] {
        let (_, talk) = planned(&dir, 2, line);
        assert!(talk.contains(said), "{line}: {talk}");
    }
    let (_, talk) = says(dir.path(), 2, &["plan", "geo", "history.csv"]);
    assert!(talk.contains("no column \"place\""), "{talk}");
    fs::write(dir.path().join("history.csv"), "city,day,sales\na,2021-02-30,1\n").unwrap();
    assert!(planned(&dir, 2, "").1.contains("line 2: found \"2021-02-30\", expected a day"));
}
