//! The forms in which a log keeps its events' frames.

use std::ops::{Index, IndexMut};

/// A form of frames, as the subprotocols name them. Every event is kept in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object, in a text message.
    Json,
    /// One `rialto.v1.Frame`, in a binary message. It ends with the payload's wire bytes, which are kept nowhere else.
    Binary,
}

impl Form {
    /// Both.
    pub const ALL: [Form; 2] = [Form::Json, Form::Binary];
}

/// One of each form.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerForm<T> {
    json: T,
    binary: T,
}

impl PerForm<Vec<u8>> {
    /// Empty buffers.
    pub(super) const EMPTY: Self = PerForm { json: Vec::new(), binary: Vec::new() };
}

impl<T> PerForm<T> {
    pub(super) fn of(make: impl Fn(Form) -> T) -> Self {
        PerForm { json: make(Form::Json), binary: make(Form::Binary) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.json, &self.binary].into_iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.json, &mut self.binary].into_iter()
    }
}

impl<T> Index<Form> for PerForm<T> {
    type Output = T;

    fn index(&self, form: Form) -> &T {
        match form {
            Form::Json => &self.json,
            Form::Binary => &self.binary,
        }
    }
}

impl<T> IndexMut<Form> for PerForm<T> {
    fn index_mut(&mut self, form: Form) -> &mut T {
        match form {
            Form::Json => &mut self.json,
            Form::Binary => &mut self.binary,
        }
    }
}
