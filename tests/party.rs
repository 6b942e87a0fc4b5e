//! A party's folder: daily commands without flags, and what its service does when nobody looks.

use tests::processes::Site;

/// Both parties write the room into their folders.
fn join(site: &Site) {
    for party in ["publisher", "retailer"] {
        site.ok(&format!("party join spring ROOM UNDER --dir {party}"));
    }
}

#[test]
fn daily_commands_need_no_flags_in_a_partys_folder() {
    let mut site = Site::new();
    site.start_host();
    join(&site);
    for (party, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
        site.ok(&format!("verify --dir {party}"));
        site.ok(&format!("upload {party}/{dataset}.sealed --dir {party}"));
        let granted = site.ok(&format!("grant {dataset} --dir {party}"));
        assert!(granted.starts_with(&format!("{dataset}: granted")), "{granted}");
        // Each owns one dataset only, so even its name may be left out.
        site.ok(&format!("grant --dir {party}"));
        site.ok(&format!("budget --dir {party}"));
    }
    let _ = site.submit_of(1);
    site.ok("job price job-1.toml --dir publisher");
    site.ok("job status --dir publisher --json");
    // The publisher pays at home; the retailer's custody serves with nothing but its folder.
    site.start_custody_without_flags();
    let job = site.ok("job submit job-1.toml --dir publisher");
    site.ok(&format!("result open --job {job} --dir publisher -o publisher/one"));
    site.ok("receipt check publisher/one/receipt.cbor publisher/one/result.json --dir publisher");

    let shown = site.ok("party show --dir retailer");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Room \"spring\" at https://127.0.0.1",
        "which commands mean that name no room",
        "SIMULATED, it is not AWS's",
        "Its dataset \"sales\" may be used for measurement",
        "It believes no build that is on its list of withdrawn builds, which has none",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    // A second room makes the question open, and then nothing is guessed.
    site.ok("party join autumn https://127.0.0.1:9 UNDER --dir retailer");
    let asked = site.run("grant sales --dir retailer");
    assert!(asked.code == Some(2) && asked.err.contains("which room is meant?"), "{}", asked.err);
    assert!(asked.err.contains("autumn and spring"), "{}", asked.err);
    site.ok("verify spring --dir retailer");
    site.ok("grant spring sales --revoke --dir retailer");
    let refused = site.run("verify winter --dir retailer");
    assert!(
        refused.code == Some(2) && refused.err.contains("no room \"winter\""),
        "{}",
        refused.err
    );
    site.ok("close spring --yes --dir retailer");
}
