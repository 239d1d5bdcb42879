//! Tests one value against the standard rules.

use buffa_descriptor::{DescriptorPool, SingularKind};

use super::occurrences::{Scalar, message_bytes};
use super::plan::{Finite, Test};
use super::standard::{show_duration, wrapped};
use super::walk::unwrapped;
use crate::schema::scan::{Fields, Wire};

/// Where a test's findings go: the rule's name and what the value must be.
pub(super) type Report<'a> = &'a mut dyn FnMut(String, String);

impl Test {
    /// Tests the value that the wires of a field make. `now` is in nanoseconds since 1970.
    pub(super) fn check(
        &self,
        pool: &DescriptorPool,
        kind: SingularKind,
        wires: &[Wire<'_>],
        now: i128,
        report: Report<'_>,
    ) {
        let varint = |number: u32| -> i128 {
            let found = fields(wires).filter(|(at, _)| *at == number).last();
            found.map_or(0, |(_, wire)| if let Wire::Varint(value) = wire { i128::from(value as i64) } else { 0 })
        };
        let texts = |number: u32| {
            let found = fields(wires).filter(move |(at, _)| *at == number);
            found.filter_map(|(_, wire)| std::str::from_utf8(message_bytes(wire)?).ok())
        };
        let nanos = || varint(1) * 1_000_000_000 + i128::from(varint(2) as i32);
        match self {
            Test::None => {}
            Test::Duration(range) => range.check(&nanos(), report),
            Test::Timestamp(rules) => {
                let time = nanos();
                rules.range.check(&time, report);
                if rules.before_now && time >= now {
                    report("timestamp.lt_now".to_owned(), "must be in the past".to_owned());
                }
                if rules.after_now && time <= now {
                    report("timestamp.gt_now".to_owned(), "must be in the future".to_owned());
                }
                if let Some(within) = rules.within.filter(|within| (time - now).abs() > *within) {
                    report("timestamp.within".to_owned(), format!("must be within {} of now", show_duration(&within)));
                }
            }
            Test::Any(rules) => {
                let url = texts(1).last().unwrap_or_default();
                if !rules.within.is_empty() && !rules.within.iter().any(|known| known == url) {
                    report("any.in".to_owned(), format!("must be of one of the types {:?}", rules.within));
                }
                if rules.without.iter().any(|known| known == url) {
                    report("any.not_in".to_owned(), format!("must not be of one of the types {:?}", rules.without));
                }
            }
            Test::FieldMask(rules) => {
                if let Some(constant) = rules.constant.as_ref().filter(|paths| !texts(1).eq(paths.iter().map(|p| &**p)))
                {
                    report("field_mask.const".to_owned(), format!("must have the paths {constant:?}"));
                }
                // A path covers what is below it.
                let covers = |list: &[String], path: &str| {
                    list.iter().any(|known| {
                        path.strip_prefix(&**known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    })
                };
                if !rules.within.is_empty() && !texts(1).all(|path| covers(&rules.within, path)) {
                    report("field_mask.in".to_owned(), format!("must have only paths in {:?}", rules.within));
                }
                if texts(1).any(|path| covers(&rules.without, path)) {
                    report("field_mask.not_in".to_owned(), format!("must not have paths in {:?}", rules.without));
                }
            }
            _ => self.check_scalar(unwrapped(pool, kind, wrapped(pool, kind).unwrap_or(kind), wires), report),
        }
    }

    /// Tests a scalar.
    pub(super) fn check_scalar(&self, value: Scalar<'_>, report: Report<'_>) {
        match (self, value) {
            (Test::Int(range), Scalar::Int(number)) => range.check(&number, report),
            (Test::Uint(range), Scalar::Uint(number)) => range.check(&number, report),
            (Test::Float(range, finite), Scalar::Float(number)) => {
                range.check(&number, report);
                if *finite == Finite::Only && !number.is_finite() {
                    report(format!("{}.finite", range.kind), "must be finite".to_owned());
                }
            }
            (Test::Bool(wanted), Scalar::Bool(value)) if *wanted != value => {
                report("bool.const".to_owned(), format!("must be {wanted}"));
            }
            (Test::Text(rules), Scalar::Text(text)) => rules.check(text, report),
            (Test::Bytes(rules), Scalar::Bytes(bytes)) => rules.check(bytes, report),
            (Test::Enum(rules), Scalar::Int(number)) => {
                rules.range.check(&number, report);
                let defined = |defined: &&[i32]| defined.iter().any(|known| i64::from(*known) == number);
                if rules.defined.as_deref().is_some_and(|known| !defined(&known)) {
                    report("enum.defined_only".to_owned(), "must be one of the values that have a name".to_owned());
                }
            }
            _ => {}
        }
    }
}

fn fields<'a>(wires: &'a [Wire<'a>]) -> impl Iterator<Item = (u32, Wire<'a>)> {
    let parts = wires.iter().filter_map(|wire| message_bytes(*wire));
    parts.flat_map(|part| Fields::new(part).map_while(Result::ok))
}
