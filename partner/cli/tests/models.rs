//! What `glovebox model` does with a model outside of any room: scores, ONNX, skew.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]
#![expect(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

fn run(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    command.current_dir(dir).args(words).output().unwrap()
}

/// Runs a command that must end with `code`, and returns what it says: results, then talk.
fn says(dir: &Path, code: i32, words: &[&str]) -> (String, String) {
    let output = run(dir, words);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{talk}");
    (out, talk)
}

/// A folder with a model of the worked sample, rehearsed without noise: `out/result.json`.
fn trained() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/src/analysis/train/sample");
    let file = |name: &str| format!("{sample}/{name}");
    let (members, visits) =
        (format!("members={}", file("members.csv")), format!("visits={}", file("visits.csv")));
    let (contract, job) = (file("contract.toml"), file("job.toml"));
    let words =
        ["try", "--contract", &contract, "--job", &job, "--data", &members, "--data", &visits];
    let words = [&words[..], &["--noise", "off", "--output", "out"]].concat();
    says(dir.path(), 0, &words);
    // A second time, nothing of the first is lost, and nothing is worked out for nothing.
    let kept = fs::read(dir.path().join("out/result.json")).unwrap();
    let (_, talk) = says(dir.path(), 2, &words);
    assert!(
        talk.contains("out/result.json exists already") && !talk.contains("SIMULATED"),
        "{talk}"
    );
    assert_eq!(fs::read(dir.path().join("out/result.json")).unwrap(), kept);
    fs::copy(file("members.csv"), dir.path().join("members.csv")).unwrap();
    dir
}

/// Scores by lines of the file that was scored.
fn scores(csv: &str) -> Vec<[f64; 2]> {
    let lines = csv.lines().skip(1).map(|line| {
        let mut fields = line.split(',').skip(1).map(|field| field.parse().unwrap());
        [fields.next().unwrap(), fields.next().unwrap()]
    });
    lines.collect()
}

#[test]
fn scores_are_written_for_their_owner_alone_and_over_no_file_that_is_there() {
    let dir = trained();
    let people = "age,plan,visits.rows,visits.minutes\n35,family,4,240\n";
    fs::write(dir.path().join("people.csv"), people).unwrap();
    let score = |out: &str, code: i32, file: &str| {
        let words = ["model", "score", file, "--model", "out/result.json", "--out", out];
        says(dir.path(), code, &words).1
    };
    score("scores.csv", 0, "people.csv");
    let path = dir.path().join("scores.csv");
    let first = fs::read_to_string(&path).unwrap();
    assert!(first.starts_with("row,says,score\n1,"), "{first}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for there in ["scores.csv", "people.csv", "out/result.json"] {
        let before = fs::read(dir.path().join(there)).unwrap();
        let talk = score(there, 2, "people.csv");
        let told =
            format!("{there} exists already, and nothing is written over it: name another file");
        assert!(talk.contains(&told), "{talk}");
        assert_eq!(fs::read(dir.path().join(there)).unwrap(), before);
    }
    // Half of the scores would look like all of them.
    fs::write(dir.path().join("torn.csv"), format!("{people}35,family\n")).unwrap();
    let talk = score("half.csv", 1, "torn.csv");
    assert!(talk.contains("torn.csv"), "{talk}");
    assert!(!dir.path().join("half.csv").exists());
}

/// A column in which nothing can be read is another one; so is a file without lines. Fields may be parted as `seal` reads them.
#[test]
fn refuses_a_file_of_which_a_whole_column_cannot_be_read() {
    let dir = trained();
    let people = "age,plan,visits.rows,visits.minutes\n35,gold,4,240\n36,GOLD,1,20\n37,,1,20\n";
    fs::write(dir.path().join("gold.csv"), people).unwrap();
    let score = |file: &str, code: i32| {
        let words = ["model", "score", file, "--model", "out/result.json", "--out", "scores.csv"];
        says(dir.path(), code, &words).1
    };
    let talk = score("gold.csv", 1);
    assert!(talk.contains("no line has a value of members.plan that the model knows"), "{talk}");
    assert!(talk.contains("2 of 3 have another: the first is line 2"), "{talk}");
    assert!(!dir.path().join("scores.csv").exists());
    fs::write(dir.path().join("empty.csv"), "\n").unwrap();
    let talk = score("empty.csv", 2);
    assert!(talk.contains("empty.csv: it is empty: expected a line of names"), "{talk}");
    fs::write(dir.path().join("names.csv"), "age,plan,visits.rows,visits.minutes\n").unwrap();
    assert!(score("names.csv", 2).contains("no line of a person"));
    // One line that can be read is a column with gaps.
    let some = people.replace("GOLD", "family").replace(',', ";");
    fs::write(dir.path().join("some.csv"), some).unwrap();
    let talk = score("some.csv", 0);
    assert!(
        talk.contains("1 of 3 lines have a value of members.plan that the model does not know"),
        "{talk}"
    );
    assert_eq!(fs::read_to_string(dir.path().join("scores.csv")).unwrap().lines().count(), 4);
}

/// People at every edge, beyond it, and with what cannot be read, in onnxruntime.
#[test]
fn an_exported_model_scores_as_glovebox_does() {
    let dir = trained();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import onnxruntime"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: {python} has no onnxruntime; `make setup` installs it. No exported model was scored."
        );
        return;
    }
    let export = ["model", "export", "--model", "out/result.json", "--onnx", "model.onnx"];
    let (_, talk) = says(dir.path(), 0, &export);
    assert!(talk.contains("members.age, members.plan, visits.rows, visits.minutes"), "{talk}");
    let (_, talk) = says(dir.path(), 2, &export);
    assert!(talk.contains("model.onnx exists already"), "{talk}");
    let mut lines = vec!["members.age,members.plan,visits.rows,visits.minutes".to_owned()];
    let numbers =
        ["", "-1", "0", "24.4", "24.5", "24.500001", "25", "65", "1e9", "nan", "inf", "119.5"];
    for (at, number) in numbers.iter().enumerate() {
        for rows in ["", "0", "1", "2", "3", "4", "2.5", "-3", "nan", "5000000000"] {
            let plan = ["basic", "plus", "family", "", "gold"][at % 5];
            lines.push(format!("{number},{plan},{rows},{}", numbers[(at + 5) % numbers.len()]));
        }
    }
    fs::write(dir.path().join("people.csv"), lines.join("\n")).unwrap();
    let (out, _) =
        says(dir.path(), 0, &["model", "score", "people.csv", "--model", "out/result.json"]);
    let ours = scores(&out);
    assert_eq!(ours.len(), 120);
    fs::write(dir.path().join("score.py"), SCORE).unwrap();
    let output = Command::new(&python).current_dir(dir.path()).arg("score.py").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = scores(&text);
    assert_eq!(theirs.len(), ours.len());
    for (line, (ours, theirs)) in lines.iter().skip(1).zip(ours.iter().zip(&theirs)) {
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() <= 1e-6, "{line}: {ours} and {theirs}");
        }
    }
}

/// Reads people as the page says that inputs are: no number is nan, no value is empty text.
const SCORE: &str = r#"
import csv
import numpy
import onnxruntime

model = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
with open("people.csv", newline="") as file:
    people = list(csv.DictReader(file))
inputs = {}
for column in model.get_inputs():
    values = [person[column.name] for person in people]
    if column.type == "tensor(string)":
        inputs[column.name] = numpy.array(values, dtype=object)
    else:
        inputs[column.name] = numpy.array([float(value or "nan") for value in values])
scores, says = model.run(["score", "says"], inputs)
print("row,says,score")
for row, (score, said) in enumerate(zip(scores, says), 1):
    print(f"{row},{said:.9f},{score:.9f}")
"#;

#[test]
fn people_who_are_unlike_those_of_the_training_are_told_by_feature() {
    let dir = trained();
    let skew = |file: &str, code: i32, more: &[&str]| {
        let words =
            ["model", "skew", file, "--trained-on", "members.csv", "--model", "out/result.json"];
        says(dir.path(), code, &[&words[..], more].concat())
    };
    let (page, _) = skew("members.csv", 0, &[]);
    assert!(
        page.contains("No feature has moved by more than is allowed and more than chance."),
        "{page}"
    );
    // The gym's columns are not the club's.
    assert!(
        page.contains("Not in both files, and left out: visits.rows, visits.minutes."),
        "{page}"
    );
    let members = fs::read_to_string(dir.path().join("members.csv")).unwrap();
    let older = members.lines().enumerate().map(|(at, line)| {
        let mut fields: Vec<_> = line.split(',').map(str::to_owned).collect();
        if at > 0 && at % 2 == 0 {
            fields[1] = "70".to_owned();
        }
        fields.join(",") + "\n"
    });
    fs::write(dir.path().join("older.csv"), older.collect::<String>()).unwrap();
    let (page, _) = skew("older.csv", 1, &["--html", "skew.html"]);
    assert!(page.contains("Distributed otherwise now: members.age."), "{page}");
    assert!(page.contains("PEOPLE NOW ARE UNLIKE THOSE OF THE TRAINING"), "{page}");
    assert!(fs::read_to_string(dir.path().join("skew.html")).unwrap().contains("members.age"));
    let (json, _) = skew("older.csv", 1, &["--json"]);
    assert!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["result"]["page"]["doubts"][0]
            .is_object()
    );
    skew("older.csv", 0, &["--allow", "0.9"]);
    // Few people are unlike others by chance.
    let few: String = members.lines().take(6).map(|line| format!("{line}\n")).collect();
    fs::write(dir.path().join("few.csv"), few).unwrap();
    skew("few.csv", 0, &[]);
    fs::write(dir.path().join("other.csv"), "height\n180\n").unwrap();
    let (_, talk) = skew("other.csv", 2, &[]);
    assert!(talk.contains("no column of the model is in both files"), "{talk}");
}
