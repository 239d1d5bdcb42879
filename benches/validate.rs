//! What checking an event against `buf.validate` rules costs, beside printing it.

use std::fs;
use std::hint::black_box;
use std::time::SystemTime;

use criterion::{Criterion, criterion_group, criterion_main};
use rialto::schema::{Schema, Source, Spending};
use rialto::transcode::{Options, Transcoder};

/// One event three times: without rules, with standard rules, with a rule in CEL besides.
const SCHEMA: &str = r#"
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "rialto/v1/options.proto";
message Plain {
  option (rialto.v1.event) = { type: "plain" };
  string shop_id = 1; string order_id = 2; int64 cents = 3; repeated PlainItem items = 4; string email = 5;
}
message PlainItem { string name = 1; uint32 count = 2; }
message Standard {
  option (rialto.v1.event) = { type: "standard" };
  string shop_id = 1 [(buf.validate.field).string.min_len = 1];
  string order_id = 2 [(buf.validate.field).string = { min_len: 1 max_len: 64 pattern: "^o-[0-9]+$" }];
  int64 cents = 3 [(buf.validate.field).int64 = { gte: 0 lt: 1000000 }];
  repeated Item items = 4 [(buf.validate.field).repeated = { min_items: 1 max_items: 100 }];
  string email = 5 [(buf.validate.field).string.email = true];
}
message Item {
  string name = 1 [(buf.validate.field).string.min_len = 1];
  uint32 count = 2 [(buf.validate.field).uint32.gt = 0];
}
message Cel {
  option (rialto.v1.event) = { type: "cel" };
  option (buf.validate.message).cel = { id: "paid" expression: "this.cents > 0 || this.email == ''" };
  string shop_id = 1; string order_id = 2; int64 cents = 3; repeated PlainItem items = 4; string email = 5;
}
"#;

const JSON: &[u8] = br#"{"shopId":"berlin","orderId":"o-4711","cents":"1999","email":"someone@example.com",
    "items":[{"name":"tea","count":2},{"name":"bread","count":1},{"name":"butter","count":1}]}"#;

fn validate(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.proto"), SCHEMA).expect("the schema is written");
    let schema = Schema::load(&[Source::Folder(folder.path().to_owned())]).expect("the schema is sound");
    let transcoder = Transcoder::new(schema.pool(), Options::default());
    let mut group = criterion.benchmark_group("validate");
    for name in ["plain", "standard", "cel"] {
        let event = schema.event(name).expect("the event is there");
        let payload = transcoder.from_json(event.message, JSON).expect("the JSON is right");
        let now = SystemTime::UNIX_EPOCH;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                schema
                    .validate(event, black_box(&payload), now, &mut Spending::of_publisher())
                    .expect("nothing is wrong")
            });
        });
        let mut json = Vec::new();
        group.bench_function(format!("{name}, printed alone"), |bencher| {
            bencher.iter(|| {
                json.clear();
                transcoder.to_json(event.message, black_box(&payload), &mut json).expect("printable");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, validate);
criterion_main!(benches);
