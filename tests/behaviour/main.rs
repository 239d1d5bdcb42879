//! Behaviour of the whole bridge, from outside: real ports, real clients, one binary.

mod binary;
mod bounds;
mod delivery;
mod depth;
mod drain;
mod fields;
mod harness;
mod http;
mod identity;
mod latest;
mod lifetime;
mod logs;
mod metrics;
mod peers;
mod posts;
mod proxies;
mod publishing;
mod reload;
mod slow;
mod socket;
mod validation;
