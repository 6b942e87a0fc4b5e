//! Who asked the job whose answer a reader opens. The page says it first if it was another party.

use super::Text;
use crate::job::JobName;

/// The job that a reader opened, and the one that its receipt is about.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever opens a result names all of it")]
pub struct Asker {
    /// The job that was opened.
    pub job: JobName,
    /// The party that asked it.
    pub asked_by: String,
    /// The party that reads.
    pub reader: String,
    /// The job that was answered and the party that asked it, if it is an earlier job.
    pub earlier: Option<(JobName, String)>,
}

impl Asker {
    /// Whether the reader is the party that asked.
    #[must_use]
    pub fn is_reader(&self) -> bool {
        self.asked_by == self.reader
    }

    /// The first line of the page, if the reader is not the party that asked.
    #[must_use]
    pub fn headline(&self) -> Option<Text> {
        let asked = || Text::fixed("Asked by ").quote(&self.asked_by).and(", not by you.");
        (!self.is_reader()).then(asked)
    }

    /// What is known of an answer to an earlier job: both jobs are at hand and signed, and ask the
    /// same of the same data of the same instance.
    #[must_use]
    pub fn repeated(&self) -> Option<String> {
        let (job, analyst) = self.earlier.as_ref()?;
        let whose =
            if *analyst == self.reader { "your".to_owned() } else { format!("{analyst}'s") };
        Some(format!(
            "Job {} asks the same of the same data as {whose} job {job}, which was answered before: this is \
             that answer, and nothing was paid again.",
            self.job
        ))
    }

    /// The same facts as JSON.
    #[must_use]
    pub fn as_json(&self) -> serde_json::Value {
        let (answered, answered_for) = match &self.earlier {
            Some((job, analyst)) => (*job, analyst),
            None => (self.job, &self.asked_by),
        };
        serde_json::json!({
            "job": self.job.to_string(),
            "asked_by": self.asked_by,
            "reader": self.reader,
            "asked_by_reader": self.is_reader(),
            "answered_job": answered.to_string(),
            "answered_job_asked_by": answered_for,
            "paid_before": self.earlier.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(asked_by: &str, earlier: Option<&str>) -> Asker {
        Asker {
            job: JobName::from([1; 32]),
            asked_by: asked_by.to_owned(),
            reader: "agency".to_owned(),
            earlier: earlier.map(|analyst| (JobName::from([2; 32]), analyst.to_owned())),
        }
    }

    #[test]
    fn a_reader_that_did_not_ask_is_told_who_did() {
        let said = asker("retailer", None);
        assert_eq!(said.headline().unwrap().raw(), "Asked by retailer, not by you.");
        assert_eq!(said.as_json()["asked_by_reader"], false);
        assert_eq!(asker("agency", None).headline(), None);
    }

    #[test]
    fn an_answer_that_was_there_before_says_whose_it_was() {
        assert_eq!(asker("agency", None).repeated(), None);
        let others = asker("agency", Some("publisher")).repeated().unwrap();
        assert!(others.contains("as publisher's job 0202"), "{others}");
        let own = asker("retailer", Some("agency")).repeated().unwrap();
        assert!(own.contains("as your job 0202"), "{own}");
    }
}
