//! What is said about a channel name that no template matches, and about an event type that is none: what was probably
//! meant.

use std::fmt;

use super::check::suggest;
use super::{From, Schema};

/// A channel name is of no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no channel template of the schema matches {name:?}{advice}")]
pub struct UnknownChannel {
    name: String,
    advice: Advice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Advice {
    /// Names that begin so look like this.
    Looks {
        like: String,
        has_too_many_segments: bool,
    },
    /// Nothing begins so, but nearly.
    Begins(String),
    Nothing,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::Looks { like, has_too_many_segments } => {
                write!(f, "; such names look like {like:?}")?;
                if *has_too_many_segments { f.write_str(", and a ':' inside a value is written %3A") } else { Ok(()) }
            }
            Advice::Begins(question) => write!(f, "; {question}"),
            Advice::Nothing => Ok(()),
        }
    }
}

impl Schema {
    /// "did you mean …?" for a name that is nearly one of the event types that can be published; else the first of them.
    pub fn publishable_like(&self, name: &str) -> String {
        let publishable = self.events().iter().filter(|event| !event.own && event.from == From::Publisher);
        suggest(name, publishable.map(|event| &*event.name), "event types")
    }

    /// Says what is wrong with a name for which [`Schema::channel`] has nothing.
    pub fn unknown_channel(&self, name: &str) -> UnknownChannel {
        const SHOWN_CHARS: usize = 128;
        let name: String = name.chars().take(SHOWN_CHARS).collect();
        let segments = name.split(':').count();
        let head = name.split(':').next().unwrap_or_default();
        let of_head = self.by_head.get(head).into_iter().flatten().map(|index| &self.channels[*index]);
        let nearest = of_head.min_by_key(|channel| channel.parsed.segments.len().abs_diff(segments));
        let advice = if let Some(channel) = nearest {
            let has_too_many_segments = segments > channel.parsed.segments.len();
            Advice::Looks { like: channel.template.to_string(), has_too_many_segments }
        } else {
            let question = suggest(head, self.channels.iter().map(|channel| channel.parsed.head()), "channels");
            if question.starts_with("did you mean") { Advice::Begins(question) } else { Advice::Nothing }
        };
        UnknownChannel { name, advice }
    }
}
