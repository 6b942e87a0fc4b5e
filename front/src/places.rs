//! Places for connections: how many there may be, and who makes way for whom.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::timeout};

/// How many places there are, and when one is taken from somebody.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a server names all of it")]
pub struct Rules {
    /// Places in all.
    pub places: usize,
    /// As many are kept free for newcomers, as far as somebody is there who only waits.
    pub spare: usize,
    /// Nobody is cut who has waited for less.
    pub grace: Duration,
    /// Requests of one party that are answered at one time.
    pub share: usize,
}

/// The places of one server.
///
/// Who connects and says nothing, or not all of it, keeps a place only until others want it: then whoever
/// has waited longest is cut, among those that have the most connections from one address. Those whose
/// signature was checked come last, and whoever is being answered is never cut.
pub struct Places {
    rules: Rules,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    next: u64,
    by_number: BTreeMap<u64, One>,
}

struct One {
    who: Who,
    /// Being answered; otherwise it waits for its other end.
    busy: bool,
    since: Instant,
    cut: Arc<Notify>,
}

/// Whose connection it is, as far as one can tell.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Who {
    Stranger(Option<IpAddr>),
    Party(String),
}

impl Places {
    /// Places under `rules`.
    #[must_use]
    pub fn new(rules: Rules) -> Arc<Self> {
        Arc::new(Self { rules, held: Mutex::new(Held::default()), freed: Notify::new() })
    }

    /// A place for a connection from `address`, as soon as there is one.
    pub async fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Place {
        loop {
            if let Some(place) = self.try_take(address) {
                return place;
            }
            // Somebody may also have waited for long enough by then.
            let _ = timeout(AGAIN, self.freed.notified()).await;
        }
    }

    fn try_take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let mut held = self.held();
        let free = self.rules.places.saturating_sub(held.by_number.len());
        if free <= self.rules.spare
            && let Some(number) = held.longest(self.rules.grace, free == 0)
            && let Some(one) = held.by_number.remove(&number)
        {
            one.cut.notify_one();
        }
        if held.by_number.len() >= self.rules.places {
            return None;
        }
        let number = held.next;
        held.next = held.next.wrapping_add(1);
        let cut = Arc::new(Notify::new());
        let who = Who::Stranger(address);
        let one = One { who, busy: false, since: Instant::now(), cut: Arc::clone(&cut) };
        held.by_number.insert(number, one);
        drop(held);
        Some(Place { places: Arc::clone(self), number, cut })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Who is to make way: parties only if `of_all`.
    fn longest(&self, grace: Duration, of_all: bool) -> Option<u64> {
        let mut sizes: BTreeMap<&Who, usize> = BTreeMap::new();
        for one in self.by_number.values() {
            *sizes.entry(&one.who).or_default() += 1;
        }
        let is_party = |one: &One| matches!(one.who, Who::Party(_));
        let may_go = |one: &One| !one.busy && one.since.elapsed() > grace;
        self.by_number
            .iter()
            .filter(|(_, one)| may_go(one) && (of_all || !is_party(one)))
            .min_by_key(|(_, one)| (is_party(one), Reverse(sizes.get(&one.who)), one.since))
            .map(|(number, _)| *number)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// The place of one connection, which is free again once this is dropped.
pub struct Place {
    places: Arc<Places>,
    number: u64,
    cut: Arc<Notify>,
}

impl Place {
    /// The request is there and is being answered: from here on nobody takes the place.
    pub fn busy(&self) {
        self.change(|one| one.busy = true);
    }

    /// It waits for its other end. A stranger has waited since it came, whatever it was answered: else
    /// small requests would hold a place for ever.
    pub fn waiting(&self) {
        self.change(|one| {
            one.busy = false;
            if matches!(one.who, Who::Party(_)) {
                one.since = Instant::now();
            }
        });
    }

    /// A request of `party` is there, whose signature was checked, and is being answered; false if as many
    /// of that party's are answered already as may be, so that none can use up the others' places.
    #[must_use]
    pub fn answers(&self, party: &str) -> bool {
        let mut held = self.places.held();
        let who = Who::Party(party.to_owned());
        let others = held.by_number.iter().filter(|(number, _)| **number != self.number);
        let busy = others.filter(|(_, one)| one.busy && one.who == who).count();
        let within = busy < self.places.rules.share;
        if let Some(one) = held.by_number.get_mut(&self.number) {
            (one.who, one.busy) = (who, within);
        }
        within
    }

    /// Completes when somebody else needs the place more.
    pub fn cut(&self) -> impl Future<Output = ()> + Send + 'static {
        let cut = Arc::clone(&self.cut);
        async move { cut.notified().await }
    }

    fn change(&self, change: impl FnOnce(&mut One)) {
        if let Some(one) = self.places.held().by_number.get_mut(&self.number) {
            change(one);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().by_number.remove(&self.number);
        self.places.freed.notify_one();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.number)
    }
}

const AGAIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_millis(30);

    fn places(places: usize, spare: usize) -> Arc<Places> {
        Places::new(Rules { places, spare, grace: GRACE, share: 2 })
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    async fn is_cut(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.cut()).await.is_ok()
    }

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_who_has_waited_longest() {
        let places = places(2, 0);
        let (first, second) = (places.take(address(1)).await, places.take(address(1)).await);
        let third = places.take(address(1)).await;
        assert_eq!((is_cut(&first).await, is_cut(&second).await), (true, false));
        drop((second, third));
    }

    #[tokio::test]
    async fn the_address_with_the_most_connections_makes_way() {
        let places = places(3, 0);
        let one = places.take(address(1)).await;
        let many = [places.take(address(2)).await, places.take(address(2)).await];
        let newcomer = places.take(address(3)).await;
        assert_eq!((is_cut(&one).await, is_cut(&many[0]).await), (false, true));
        drop(newcomer);
    }

    #[tokio::test]
    async fn who_is_answered_is_never_cut_and_a_party_only_if_all_are_parties() {
        let places = places(3, 0);
        let busy = places.take(None).await;
        busy.busy();
        let party = places.take(None).await;
        assert!(party.answers("publisher"));
        party.waiting();
        let stranger = places.take(None).await;
        let last = places.take(None).await;
        assert!(is_cut(&stranger).await && !is_cut(&party).await && !is_cut(&busy).await);
        last.busy();
        let after = places.take(None).await;
        assert!(is_cut(&party).await && !is_cut(&busy).await);
        after.busy();
        assert!(timeout(4 * GRACE, places.take(None)).await.is_err(), "all are being answered");
        drop(busy);
        timeout(Duration::from_secs(1), places.take(None)).await.unwrap();
    }

    #[tokio::test]
    async fn strangers_who_wait_leave_places_for_newcomers_and_parties_are_not_cut_for_these() {
        let places = places(4, 2);
        let party = places.take(None).await;
        assert!(party.answers("publisher"));
        party.waiting();
        let stranger = places.take(None).await;
        tokio::time::sleep(2 * GRACE).await;
        let newcomer = places.take(None).await;
        assert!(is_cut(&stranger).await && !is_cut(&party).await);
        drop(newcomer);
    }

    /// Else one small request in each grace would hold a place for ever.
    #[tokio::test]
    async fn a_stranger_waits_from_when_it_came_whatever_it_was_answered() {
        let places = places(1, 0);
        let stranger = places.take(None).await;
        tokio::time::sleep(2 * GRACE).await;
        stranger.busy();
        stranger.waiting();
        let newcomer = timeout(GRACE / 2, places.take(None)).await;
        assert!(newcomer.is_ok() && is_cut(&stranger).await);
    }

    #[tokio::test]
    async fn one_party_cannot_have_all_that_is_answered() {
        let places = places(8, 0);
        let mut taken = Vec::new();
        for expected in [true, true, false] {
            let place = places.take(None).await;
            assert_eq!(place.answers("publisher"), expected);
            taken.push(place);
        }
        assert!(places.take(None).await.answers("retailer"));
        taken[0].waiting();
        assert!(places.take(None).await.answers("publisher"));
    }
}
