//! What a number, a point in time or a span of it may be: one value, between bounds, in or not in a list.

/// The rules of one number.
#[derive(Debug)]
pub(super) struct Range<T: 'static> {
    /// The group of the rules' names, `int32`.
    pub(super) kind: &'static str,
    pub(super) constant: Option<T>,
    pub(super) lower: Option<Bound<T>>,
    pub(super) upper: Option<Bound<T>>,
    pub(super) within: Box<[T]>,
    pub(super) without: Box<[T]>,
    /// How values stand in messages. They are the schema's, never the payload's.
    pub(super) show: fn(&T) -> String,
}

/// One end of a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound<T> {
    pub(super) value: T,
    /// Whether the value itself is inside.
    pub(super) inclusive: bool,
}

impl<T: PartialOrd> Range<T> {
    /// Reports what is wrong with a value: the rule's name and what the value must be.
    pub(super) fn check(&self, value: &T, report: &mut dyn FnMut(String, String)) {
        let rule = |name: &str| format!("{}.{name}", self.kind);
        if let Some(constant) = self.constant.as_ref().filter(|constant| *constant != value) {
            report(rule("const"), format!("must be {}", (self.show)(constant)));
        }
        self.check_bounds(value, report);
        if !self.within.is_empty() && !self.within.contains(value) {
            report(rule("in"), format!("must be one of {}", self.list(&self.within)));
        }
        if self.without.contains(value) {
            report(rule("not_in"), format!("must not be one of {}", self.list(&self.without)));
        }
    }

    /// Comparisons are written so that NaN is outside of every range.
    fn check_bounds(&self, value: &T, report: &mut dyn FnMut(String, String)) {
        let above = |bound: &Bound<T>| if bound.inclusive { *value >= bound.value } else { *value > bound.value };
        let below = |bound: &Bound<T>| if bound.inclusive { *value <= bound.value } else { *value < bound.value };
        let greater = |bound: &Bound<T>| {
            let word = if bound.inclusive { "at least" } else { "greater than" };
            (if bound.inclusive { "gte" } else { "gt" }, format!("{word} {}", (self.show)(&bound.value)))
        };
        let less = |bound: &Bound<T>| {
            let word = if bound.inclusive { "at most" } else { "less than" };
            (if bound.inclusive { "lte" } else { "lt" }, format!("{word} {}", (self.show)(&bound.value)))
        };
        let (name, text, holds) = match (&self.lower, &self.upper) {
            (None, None) => return,
            (Some(lower), None) => {
                let (name, text) = greater(lower);
                (name.to_owned(), text, above(lower))
            }
            (None, Some(upper)) => {
                let (name, text) = less(upper);
                (name.to_owned(), text, below(upper))
            }
            (Some(lower), Some(upper)) => {
                let ((low, low_text), (high, high_text)) = (greater(lower), less(upper));
                // Bounds the other way round leave out what is between them.
                if upper.value >= lower.value {
                    (format!("{low}_{high}"), format!("{low_text} and {high_text}"), above(lower) && below(upper))
                } else {
                    let name = format!("{low}_{high}_exclusive");
                    (name, format!("{low_text} or {high_text}"), above(lower) || below(upper))
                }
            }
        };
        if !holds {
            report(format!("{}.{name}", self.kind), format!("must be {text}"));
        }
    }

    fn list(&self, values: &[T]) -> String {
        values.iter().map(self.show).collect::<Vec<_>>().join(", ")
    }
}
