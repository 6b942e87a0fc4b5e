//! A party's service whose host cuts connections when it suits the host, and whose files are other than they seem.

use crate::party::{granting, join, journal, open, rules, serve};
use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use tests::{processes::Site, running::until};

/// A road of a host, which lets the host see who asks, and cut a connection before an answer.
#[derive(Clone)]
struct Cutter {
    address: SocketAddr,
    /// Connections so far.
    number: Arc<AtomicUsize>,
    /// Connections before this one are watched.
    watched: Arc<AtomicUsize>,
    /// How many more questions on them are answered.
    answered: Arc<AtomicUsize>,
    /// Whether a question came that is not answered.
    asked: Arc<AtomicBool>,
    /// Whether such a connection is cut now.
    cut: Arc<AtomicBool>,
    /// Whether that question reaches the enclave.
    passes: Arc<AtomicBool>,
}

impl Cutter {
    fn to(end: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cutter = Self {
            address: listener.local_addr().unwrap(),
            number: Arc::default(),
            watched: Arc::default(),
            answered: Arc::default(),
            asked: Arc::default(),
            cut: Arc::default(),
            passes: Arc::default(),
        };
        let road = cutter.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(end) else { continue };
                let number = road.number.fetch_add(1, Ordering::SeqCst);
                let speaks = Arc::new(AtomicBool::new(false));
                let (near2, far2) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (there, back) = (road.clone(), road.clone());
                let heard = Arc::clone(&speaks);
                thread::spawn(move || there.carry(near, far, number, true, &heard));
                thread::spawn(move || back.carry(far2, near2, number, false, &speaks));
            }
        });
        cutter
    }

    /// Lets `answered` more questions on the connections that there are be answered, and no more; the next one reaches the
    /// enclave if it `passes`.
    fn watch(&self, answered: usize, passes: bool) {
        self.answered.store(answered, Ordering::SeqCst);
        self.passes.store(passes, Ordering::SeqCst);
        let number = self.number.load(Ordering::SeqCst);
        // Of these only the service's own connection to the enclave lasts.
        thread::sleep(Duration::from_secs(2));
        self.watched.store(number, Ordering::SeqCst);
    }

    /// Carries bytes one way. A question begins where the client speaks after the enclave did.
    fn carry(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        number: usize,
        asks: bool,
        speaks: &AtomicBool,
    ) {
        let mut buffer = vec![0; 16 << 10];
        let mut unanswered = false;
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let begins = speaks.swap(asks, Ordering::SeqCst) != asks && asks;
            let is_watched = number < self.watched.load(Ordering::SeqCst);
            if begins && is_watched {
                let left = self.answered.load(Ordering::SeqCst);
                unanswered = left == 0;
                self.answered.store(left.saturating_sub(1), Ordering::SeqCst);
            }
            if unanswered {
                self.asked.store(true, Ordering::SeqCst);
            }
            if unanswered && !self.passes.load(Ordering::SeqCst) {
                until("the host cuts", || self.cut.load(Ordering::SeqCst));
                break;
            }
            // The answer to it does not arrive.
            if !asks && self.asked.load(Ordering::SeqCst) && is_watched {
                until("the host cuts", || self.cut.load(Ordering::SeqCst));
                break;
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // Both may be closed already.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

/// The retailer's service, whose host cuts; its dataset is stopped so far.
fn behind_a_cutter(site: &mut Site) -> Cutter {
    site.start_host();
    site.upload();
    let cutter = Cutter::to(site.address());
    site.ok("party join spring ROOM UNDER --dir publisher");
    site.ok(&format!("party join spring https://{} UNDER --dir retailer", cutter.address));
    rules(site, "retailer", &granting(site, "sales"));
    site.ok("party stop sales --dir retailer");
    cutter
}

#[test]
fn a_build_that_is_withdrawn_while_a_connection_is_cut_gets_no_keys() {
    let mut site = Site::new();
    let cutter = behind_a_cutter(&mut site);
    let service = serve(&site, "retailer");
    until("it is held", || journal(&site, "retailer").contains("held: sales"));
    // The service asks for the status; before it is answered the build is withdrawn, and the connection is lost.
    cutter.watch(0, false);
    site.ok("party resume sales --dir retailer");
    until("it asks", || cutter.asked.load(Ordering::SeqCst));
    site.ok("build withdraw build.json --dir retailer");
    cutter.cut.store(true, Ordering::SeqCst);
    until("it is held for it", || {
        journal(&site, "retailer").contains("held: sales: its build was withdrawn")
    });
    let said = journal(&site, "retailer");
    assert!(!said.contains("granted: "), "{said}");
    assert!(open(&site).is_empty());
    drop(service);
}

#[test]
fn a_host_that_cuts_the_answer_to_a_grant_gets_it_neither_kept_nor_given_again() {
    let mut site = Site::new();
    let cutter = behind_a_cutter(&mut site);
    let service = serve(&site, "retailer");
    until("it is held", || journal(&site, "retailer").contains("held: sales"));
    // The status is answered, and the grant is not.
    cutter.watch(1, true);
    site.ok("party resume sales --dir retailer");
    until("the instance has it", || open(&site) == ["sales"]);
    // The retailer takes it back from elsewhere before the service is back.
    let elsewhere = site.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for entry in fs::read_dir(site.path("retailer")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), elsewhere.join(entry.file_name())).unwrap();
        }
    }
    site.ok("grant ROOM UNDER --dataset sales --dir elsewhere --revoke");
    assert!(open(&site).is_empty());
    cutter.cut.store(true, Ordering::SeqCst);
    until("it holds back", || {
        journal(&site, "retailer").contains("held: sales: the instance was sent keys until")
    });
    thread::sleep(Duration::from_secs(3));
    let said = journal(&site, "retailer");
    assert!(!said.contains("granted: ") && open(&site).is_empty(), "{said}");
    drop(service);
}

#[test]
fn the_newer_version_is_granted_whoever_sealed_it_and_cleaned_rows_are_compared() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    let watch = "[[room.watch]]\ndataset = \"sales\"\nfile = \"incoming.csv\"\n";
    rules(&site, "retailer", &format!("{}minutes = 1\n{watch}", granting(&site, "sales")));
    let service = serve(&site, "retailer");
    let granted = |times: usize| {
        until("the version is granted", || {
            journal(&site, "retailer").matches("granted: sales").count() == times
        });
    };
    granted(1);
    let table = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let give = |text: &str| {
        fs::write(site.path("retailer/incoming.csv"), text).unwrap();
        fs::write(site.path("retailer/incoming.csv.ready"), "").unwrap();
    };
    give(&table);
    granted(2);

    // As many rows and values, of half the people: that is known once they are sealed, and then nothing stays.
    let lines: Vec<&str> = table.lines().collect();
    let half = &lines[1..=1000];
    give(&[&lines[..1], half, half].concat().join("\n"));
    until("it is held", || {
        journal(&site, "retailer").contains("people went from 2000 to 1000, by more than 20 %")
    });
    assert_eq!(fs::read_dir(site.path("retailer/sealed")).unwrap().count(), 3);
    assert_eq!(journal(&site, "retailer").matches("sealed: sales").count(), 1);

    // What a person seals afterwards is newer than what the service sealed.
    for end in ["sealed", "manifest", "keys"] {
        fs::remove_file(site.path(&format!("retailer/sales.{end}"))).unwrap();
    }
    let newer = "seal retailer.csv --contract contract.toml.signed --dataset sales --dir retailer \
                 -o retailer/sales";
    site.ok(newer);
    site.upload();
    granted(3);

    // A person signs a list of opt-outs once, and the service carries it from then on.
    let list = "optout add person3@example.com --contract contract.toml.signed --dir retailer";
    site.ok(list);
    granted(4);
    site.ok("audit list ROOM UNDER --dir retailer");
    let said = site.run("dsr person3@example.com UNDER --dir retailer");
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    drop(service);
}
