//! `POST /v1/publish`: one event as JSON, or an array of them.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::answer::{Accepted, Answer};
use super::posts::Posts;
use super::token::AdminToken;
use super::{Guard, Result, method_not_allowed};
use crate::auth::publishers::{TokenHash, bearer};
use crate::ingest::{Ingest, PublishContext, Shown};
use crate::metrics::Limit;
use crate::net::refused::Refused;
use crate::net::{ClientCertificate, Peer};
use crate::proto::rialto::v1::event::Body as EventBody;
use crate::proto::rialto::v1::{Event, JsonPayload};
use crate::status::{Code, Status};

/// `POST /v1/publish` for those whom the guard lets through. Where there is a list of publishers it is for them; elsewhere
/// for whoever has the internal port's token, where there is one.
///
/// # Errors
/// When its threads cannot be made.
pub fn publish_routes(ingest: Arc<Ingest>, guard: Guard, token: Option<AdminToken>) -> io::Result<Router> {
    let posts = Posts::start(Arc::clone(&ingest))?;
    Ok(Router::new()
        .route("/v1/publish", post(publish).fallback(async || method_not_allowed("POST")))
        .with_state(Publish { ingest, guard, token, posts }))
}

#[derive(Clone)]
struct Publish {
    ingest: Arc<Ingest>,
    guard: Guard,
    token: Option<AdminToken>,
    posts: Posts,
}

impl Publish {
    /// Who sends a request with this head, before its body is read.
    fn shown(&self, head: &Parts) -> Result<Shown> {
        let certificate = head.extensions.get::<ClientCertificate>().cloned();
        if !self.ingest.asks_publishers() {
            self.token.as_ref().map_or(Ok(()), |token| token.check(head, self.ingest.metrics()))?;
            return Ok(Shown { token: None, certificate });
        }
        let token = bearer(&head.headers)
            .map_err(|error| Status::new(Code::Unauthenticated, "invalid_authorization", error.to_string()));
        let admitted = token.and_then(|token| {
            let shown = Shown { token: token.map(|token| TokenHash::of(token.as_bytes())), certificate };
            self.ingest.admit(&shown).map(|()| shown)
        });
        admitted.map_err(|status| {
            self.ingest.metrics().publishing.acks.add_refused(&status);
            Refused::new(status).with_challenge()
        })
    }
}

/// As much of a name as an error repeats.
const SHOWN_CHARS: usize = 64;
/// And as much of what is said about one: what may be there is named beside it.
const MESSAGE_CHARS: usize = 200;

/// An event as it is written for this route. `data` stays text: the transcoder reads it, once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonEvent<'a> {
    r#type: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    idempotency_key: String,
    #[serde(default, deserialize_with = "entries")]
    metadata: HashMap<String, String>,
    #[serde(default)]
    tenant: String,
}

/// The members of an object, of which none may be there twice: two that read it could go by different ones.
fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<HashMap<String, String>, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = HashMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> std::result::Result<Self::Value, A::Error> {
            let mut entries = HashMap::new();
            while let Some((name, value)) = object.next_entry::<String, String>()? {
                match entries.entry(name) {
                    Entry::Vacant(entry) => entry.insert(value),
                    Entry::Occupied(entry) => {
                        let shown: String = entry.key().chars().take(SHOWN_CHARS).collect();
                        return Err(de::Error::custom(format_args!("{shown:?} is in the metadata twice")));
                    }
                };
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries)
}

impl<'a> JsonEvent<'a> {
    /// The event that a text is. Members have names: a list in their order is none.
    fn of(text: &'a [u8]) -> std::result::Result<Self, Status> {
        match text.trim_ascii_start().first() {
            Some(b'{') | None => serde_json::from_slice(text).map_err(|error| malformed(&error)),
            Some(_) => Err(no_event("an event is an object")),
        }
    }

    fn into_event(self) -> Event {
        let data = self.data.map_or("{}", RawValue::get).to_owned();
        Event {
            channels: self.channels,
            idempotency_key: self.idempotency_key,
            metadata: self.metadata,
            tenant: self.tenant,
            body: Some(EventBody::Json(JsonPayload { r#type: self.r#type, data })),
        }
    }
}

async fn publish(State(publish): State<Publish>, request: Request) -> Result<Response> {
    let (head, body) = request.into_parts();
    publish.guard.check(&head)?;
    let shown = publish.shown(&head)?;
    let post = publish.posts.receive(&head, body).await?;
    let traceparent = head.headers.get("traceparent").and_then(|text| text.to_str().ok());
    let peer = head.extensions.get::<Peer>().map(|Peer(address)| *address);
    let context = PublishContext::default().with_shown(shown).with_traceparent(traceparent).with_peer(peer);
    let defect = || Refused::new(Status::new(Code::Internal, "internal", "a defect of the bridge: its log says more"));
    publish.posts.work(post, |body| answer(publish.ingest, body, context)).await.ok_or_else(defect)?
}

/// Publishes what the body says.
async fn answer(ingest: Arc<Ingest>, body: Bytes, context: PublishContext) -> Result<Response> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        let events = elements(&body, ingest.limits().max_request_events).map_err(|wrong| match wrong {
            NoElements::Malformed(error) => Refused::new(malformed(&error)),
            NoElements::TooMany { most } => {
                ingest.metrics().limits.hit(Limit::MaxPublishRequestEvents, &context);
                let message = format!("the array has more than {most} events; send fewer at once");
                Refused::new(Status::new(Code::InvalidArgument, "too_many_events", message))
                    .with_http_status(StatusCode::PAYLOAD_TOO_LARGE)
            }
        })?;
        let events: Vec<_> =
            events.into_iter().map(|event| JsonEvent::of(event.get().as_bytes()).map(JsonEvent::into_event)).collect();
        Ok(Json(publish_each(&ingest, events, &context).await).into_response())
    } else {
        let event = JsonEvent::of(&body).map_err(Refused::new)?.into_event();
        let mut results = ingest.publish(vec![event], &context).await;
        let accepted = results.pop().expect("one result for one event").map_err(Refused::new)?;
        Ok(Json(Accepted::from(accepted)).into_response())
    }
}

/// Publishes those that could be read, and answers for all, in order.
async fn publish_each(
    ingest: &Ingest,
    events: Vec<std::result::Result<Event, Status>>,
    context: &PublishContext,
) -> Vec<Answer> {
    let mut readable = Vec::with_capacity(events.len());
    let refused: Vec<Option<Status>> =
        events.into_iter().map(|event| event.map(|event| readable.push(event)).err()).collect();
    let mut results = ingest.publish(readable, context).await.into_iter();
    let answers = refused.into_iter().map(|refused| match refused {
        Some(status) => Answer::Error(status.into()),
        None => match results.next().expect("one result for each event") {
            Ok(accepted) => Answer::Accepted(accepted.into()),
            Err(status) => Answer::Error(status.into()),
        },
    });
    answers.collect()
}

/// The mistake and its place, without the value that is wrong: it may be a person's.
fn malformed(error: &serde_json::Error) -> Status {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    let of_type = what.strip_prefix("invalid type: ").or_else(|| what.strip_prefix("invalid value: "));
    let what = match of_type.and_then(|mistake| mistake.rsplit_once(", expected ")) {
        Some((value, expected)) => {
            let kind = value.split([' ', '`']).next().unwrap_or_default();
            format!("invalid type: {kind}, expected {expected}")
        }
        None if what.chars().nth(MESSAGE_CHARS).is_some() => what.chars().take(MESSAGE_CHARS).chain(['…']).collect(),
        None => what.to_owned(),
    };
    no_event(&format!("{what} at line {} column {}", error.line(), error.column()))
}

fn no_event(why: &str) -> Status {
    let message = format!("the body is not an event or an array of events: {why}");
    Status::new(Code::InvalidArgument, "malformed_request", message)
}

/// Why a body is no array that is worked through.
enum NoElements {
    Malformed(serde_json::Error),
    TooMany { most: usize },
}

/// The elements of an array, as text. No more than `most` are ever held.
fn elements(body: &[u8], most: usize) -> std::result::Result<Vec<&RawValue>, NoElements> {
    struct Elements<'a> {
        most: usize,
        are_too_many: &'a Cell<bool>,
    }

    impl<'de> Visitor<'de> for Elements<'_> {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an array of at most {} events", self.most)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> std::result::Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = array.next_element()? {
                if elements.len() == self.most {
                    self.are_too_many.set(true);
                    return Err(de::Error::invalid_length(self.most + 1, &self));
                }
                elements.push(element);
            }
            Ok(elements)
        }
    }

    let are_too_many = Cell::new(false);
    let mut json = serde_json::Deserializer::from_slice(body);
    let elements = json.deserialize_seq(Elements { most, are_too_many: &are_too_many });
    match elements.and_then(|elements| json.end().map(|()| elements)) {
        Ok(elements) => Ok(elements),
        Err(_) if are_too_many.get() => Err(NoElements::TooMany { most }),
        Err(error) => Err(NoElements::Malformed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_in_the_metadata_twice() {
        let read = |metadata: &str| {
            let event = format!("{{\"type\":\"a\",\"metadata\":{metadata}}}");
            JsonEvent::of(event.as_bytes()).map(|event| event.metadata.len()).map_err(|status| status.message)
        };
        assert_eq!((read("{}"), read(r#"{"a":"1","b":"1"}"#)), (Ok(0), Ok(2)));
        let refused = read(r#"{"a":"1","\u0061":"1"}"#).unwrap_err();
        assert!(refused.contains(": \"a\" is in the metadata twice at line 1"), "{refused}");
        for wrong in ["[]", "null", r#"{"a":1}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_event_is_told_without_what_it_says() {
        let told = |text: &str| JsonEvent::of(text.as_bytes()).map(drop).unwrap_err().message;
        for (text, expected) in [
            (r#"["opened",{"roomId":"1"}]"#, "an event is an object"),
            ("\"opened\"", "an event is an object"),
            ("", "EOF while parsing a value at line 1 column 0"),
            (
                r#"{"type":"a","metadata":"SECRET"}"#,
                "invalid type: string, expected an object with texts at line 1 column 31",
            ),
            (r#"{"type":"a","channels":[77]}"#, "invalid type: integer, expected a string at line 1 column 26"),
        ] {
            let told = told(text);
            assert!(told.ends_with(expected), "{told}");
        }
        let told = told(&format!("{{\"{}\":1}}", "x".repeat(100_000)));
        assert!(told.len() < 400 && told.contains("unknown field `xxx") && told.contains("at line 1"), "{told}");
    }
}
