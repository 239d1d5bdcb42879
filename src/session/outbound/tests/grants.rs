//! What a new token takes away ends at once, and nothing else does.

use super::*;
use crate::schema::Source;
use crate::session::grants::Grants;
use crate::session::principal::Known;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{id}" history: 100 permissions: {
    subscribe: "order:{id}:read" history: "order:{id}:past" } };
  string id = 1;
}
message Placed { option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] }; string id = 1; }
"#;
const ALL: &[&str] = &["order:1:read", "order:1:past"];

fn party(grants: &[&str]) -> Option<Arc<Party>> {
    let grants = Grants::new(grants.iter().copied());
    let principal = Principal { known: Known::ByToken, user: "u7".into(), grants, ..Principal::anonymous() };
    Some(Arc::new(Party { principal: Arc::new(principal), session: SessionId::from("u7:s"), ends: None }))
}

/// A connection of somebody who may do everything with `order:1`.
fn open() -> Bench {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    let files = vec![("shop.proto".to_owned(), SHOP.as_bytes().to_vec())];
    let next = SCHEMA.load_next(&[Source::Texts { origin: "shop".into(), files }]);
    bench.schema = Arc::new(next.unwrap_or_else(|error| panic!("{error}")));
    bench.call(|outbound, env| outbound.on_schema(env));
    bench.command(Command::Init { id: None, init: proto::ConnectionInit::default(), party: party(ALL) });
    bench.write(usize::MAX);
    bench.take();
    bench
}

fn refresh(bench: &mut Bench, grants: &[&str]) {
    bench.command(Command::Refresh { id: None, token: String::new(), party: party(grants) });
}

fn place(bench: &mut Bench, count: usize) {
    for _ in 0..count {
        bench.append("order:1", "order.placed", 20);
    }
}

#[test]
fn what_came_live_is_no_past_because_its_reader_asks_again() {
    let mut bench = open();
    bench.subscribe(wanted("order:1"));
    bench.write(usize::MAX);
    bench.take();
    place(&mut bench, 3);
    bench.subscribe(proto::Subscription { types: vec!["order.*".into()], ..wanted("order:1") });
    refresh(&mut bench, &["order:1:read"]);
    bench.write(usize::MAX);
    let placed = "order.placed";
    assert_eq!(bench.kinds(), ["channel.subscribed", "connection.refreshed", placed, placed, placed]);
}

#[test]
fn the_past_stays_the_past_when_its_reader_asks_again() {
    let mut bench = open();
    place(&mut bench, 3);
    bench.subscribe(wanted("order:1"));
    bench.subscribe(proto::Subscription { types: vec!["order.*".into()], ..wanted("order:1") });
    refresh(&mut bench, &["order:1:read"]);
    bench.write(usize::MAX);
    let kinds = ["channel.subscribed", "channel.subscribed", "channel.unsubscribed", "connection.refreshed"];
    assert_eq!(bench.kinds(), kinds);
}

#[test]
fn what_is_read_and_not_begun_stays_behind_when_its_subscription_ends() {
    let mut bench = open();
    bench.subscribe(wanted("order:1"));
    bench.write(usize::MAX);
    bench.take();
    place(&mut bench, 3);
    // The socket has taken a part of the first event, and nothing went back to the log.
    let taken = bench.call(|outbound, env| match outbound.next(env) {
        Next::Write(bytes) => bytes[..40].to_vec(),
        other => panic!("{other:?}"),
    });
    bench.call(|outbound, env| outbound.on_wrote(40, env));
    bench.receive(&taken);
    refresh(&mut bench, &["order:1:past"]);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["order.placed", "channel.unsubscribed", "connection.refreshed"]);
}
