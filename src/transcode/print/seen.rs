//! Which fields of a level have come: one word for most messages, a few for wide ones.

/// Which slots of a level have come.
pub(super) trait Seen {
    fn none() -> Self;
    /// Sets a slot and says whether it was set.
    fn set(&mut self, slot: u16) -> bool;
    fn has(&self, slot: u16) -> bool;
}

impl Seen for u64 {
    #[inline(always)]
    fn none() -> Self {
        0
    }

    #[inline(always)]
    fn set(&mut self, slot: u16) -> bool {
        let bit = 1 << (slot & 63);
        let was = *self & bit != 0;
        *self |= bit;
        was
    }

    #[inline(always)]
    fn has(&self, slot: u16) -> bool {
        *self >> (slot & 63) & 1 != 0
    }
}

/// Words of the set for wide messages; wider ones take the slow path.
pub(super) const WIDE: usize = 5;

impl Seen for [u64; WIDE] {
    fn none() -> Self {
        [0; WIDE]
    }

    fn set(&mut self, slot: u16) -> bool {
        self[usize::from(slot / 64) % WIDE].set(slot % 64)
    }

    fn has(&self, slot: u16) -> bool {
        self[usize::from(slot / 64) % WIDE].has(slot % 64)
    }
}
