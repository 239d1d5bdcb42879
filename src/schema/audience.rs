//! Sets of the permissions that fields ask for.

use std::fmt;

/// Of the permissions that fields ask for (`visible_to`), some: those that somebody has, or those that an event asks for.
///
/// The permissions have numbers that stay the same over all revisions of a process, so that an event in a log and a
/// subscriber mean the same by them, whatever was reloaded between. The default is none: who says nothing sees nothing that
/// asks for something.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience(u64);

/// How many permissions there can be.
pub(super) const MAX_FIELD_PERMISSIONS: usize = 64;

impl Audience {
    /// None of them.
    pub const NONE: Audience = Audience(0);
    /// All of them: whoever has these sees whole events.
    pub const ALL: Audience = Audience(u64::MAX);

    /// The one of this number alone; none where numbers end.
    pub(super) fn only(number: usize) -> Audience {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Audience(1_u64.checked_shl(number).unwrap_or(0))
    }

    /// Those of these bits.
    #[cfg(test)]
    pub(crate) const fn of_bits(bits: u64) -> Audience {
        Audience(bits)
    }

    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the one of this number is among them.
    pub(super) fn has(self, number: usize) -> bool {
        self.meets(Audience::only(number))
    }

    /// Whether any is among both.
    #[inline]
    pub fn meets(self, other: Audience) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of either.
    #[must_use]
    pub fn with(self, other: Audience) -> Audience {
        Audience(self.0 | other.0)
    }

    /// Those that are not among the others: what somebody misses of what is asked for.
    #[inline]
    #[must_use]
    pub fn without(self, other: Audience) -> Audience {
        Audience(self.0 & !other.0)
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audience({:#x})", self.0)
    }
}
