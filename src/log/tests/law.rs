//! The law of the log: whatever is appended, read, half written, cut, evicted, expired and resumed, in whatever order, a
//! reader has everything up to its position, or was told of the loss; and of every key it has the newest event.

use std::time::Duration;

use proptest::prelude::*;

use crate::schema::Retention;

mod reading;
mod steps;
mod world;

use steps::step;
use world::World;

const RETENTION: Retention = Retention { events: 8, age: Duration::from_secs(30) };
const MAX_BYTES: usize = 12_000;
const KEY: &str = "project:größe";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_is_gapless_or_told(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.drain();
    }
}
