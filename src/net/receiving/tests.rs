//! Who ends when there is no room.

use super::*;

const MOST: usize = 1 << 20;
const STEP: usize = 64 << 10;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

#[tokio::test(start_paused = true)]
async fn of_the_address_with_most_the_call_ends_that_has_completed_nothing_for_the_longest() {
    let (receiving, told) = (Receiving::new(MOST), Arc::new(Told::default()));
    let mut shares = Vec::new();
    for _ in 0..10 {
        let share = receiving.share(address(1), &told);
        share.reach(STEP).unwrap();
        shares.push(share);
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let other = receiving.share(address(2), &told);
    other.reach(5 * STEP).unwrap();
    // The first has got on since, so the second is the oldest.
    shares[0].on_message();
    tokio::time::advance(Duration::from_millis(10)).await;
    let honest = receiving.share(address(3), &told);
    assert_eq!(honest.reach(STEP), Ok(()), "all is full, and no more");
    assert_eq!(honest.reach(STEP + 1), Ok(()));
    let ending: Vec<bool> = shares.iter().map(|share| share.is_ending()).collect();
    let expected: Vec<bool> = (0..10).map(|number| (1..=2).contains(&number)).collect();
    assert_eq!(ending, expected);
    assert!(!other.is_ending() && !honest.is_ending());
    assert_eq!(shares[1].reach(2 * STEP), Err(Full), "who was told gets no more");
    let before = receiving.bytes();
    shares.remove(1);
    assert_eq!(receiving.bytes(), before - STEP);
    drop((shares, other, honest));
    assert_eq!(receiving.bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_worked_on_is_left_alone_and_nobody_gets_more_than_twice_the_budget() {
    let (receiving, told) = (Receiving::new(MOST), Arc::new(Told::default()));
    let share = |bytes: usize| {
        let share = receiving.share(address(1), &told);
        share.reach(bytes).map(|()| share)
    };
    let whole = share(MOST).unwrap();
    whole.on_received();
    assert_eq!(share(STEP).err(), Some(Full), "who comes is the one who can end");
    assert!(!whole.is_ending());
    drop(whole);
    let held: Vec<_> = (0..31).filter_map(|_| share(STEP).ok()).collect();
    assert_eq!(held.len(), 31, "as long as those who end have not ended");
    let last = share(STEP).unwrap();
    assert_eq!(receiving.bytes(), 2 * MOST);
    assert_eq!(share(STEP).err(), Some(Full));
    drop((held, last));
    assert_eq!(receiving.bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn small_messages_take_nothing_and_growing_counts_the_most() {
    let (receiving, told) = (Receiving::new(MOST), Arc::new(Told::default()));
    let share = receiving.share(address(1), &told);
    share.reach(FREE_BYTES).unwrap();
    assert_eq!(receiving.bytes(), 0);
    for bytes in [FREE_BYTES + 1, 5, FREE_BYTES * 2] {
        share.reach(bytes).unwrap();
        assert_eq!(receiving.bytes(), FREE_BYTES * 2, "{bytes}");
    }
    share.reach(FREE_BYTES * 2 + 1).unwrap();
    assert_eq!(receiving.bytes(), FREE_BYTES * 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_told_and_does_not_end_is_stuck() {
    let (receiving, told) = (Receiving::new(MOST), Arc::new(Told::default()));
    let calls = [receiving.share(address(1), &told), receiving.share(address(1), &told)];
    calls[0].reach(MOST / 2).unwrap();
    calls[0].on_message();
    tokio::time::advance(Duration::from_millis(10)).await;
    calls[1].on_message();
    let _ = calls[1].reach(MOST);
    assert!(calls[0].is_ending() || calls[1].is_ending());
    let begun = Instant::now();
    told.stuck().await;
    assert_eq!(begun.elapsed(), TELLING);
    drop(calls);
    told.more.notify_one();
    assert!(tokio::time::timeout(10 * TELLING, told.stuck()).await.is_err(), "all have ended");
}

#[tokio::test(start_paused = true)]
async fn addresses_of_one_network_of_ipv6_are_one() {
    let (receiving, told) = (Receiving::new(MOST), Arc::new(Told::default()));
    let share = |address: &str, bytes: usize| {
        let share = receiving.share(address.parse().unwrap(), &told);
        share.reach(bytes).unwrap();
        share
    };
    // Ten of one network, and one with more than each of them has.
    let many: Vec<_> = (0..10).map(|host| share(&format!("2001:db8:0:1::{host:x}"), STEP)).collect();
    let one = share("2001:db8:0:2::1", 5 * STEP);
    let _more = share("192.0.2.1", 2 * STEP);
    assert!(many[0].is_ending() && many[1].is_ending() && !many[9].is_ending() && !one.is_ending());
}
