//! The standard rules, row by row.

mod numbers;
mod shapes;
mod texts;

/// The field `v`, JSON of it that is accepted, JSON that is not, and what is said then.
pub(super) type Row = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [numbers::ROWS, texts::ROWS, shapes::ROWS].into_iter().flatten()
}
