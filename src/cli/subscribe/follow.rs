//! What a subscriber knows and says, without a socket: frames in, meanings out, and the frames of a new connection.
//!
//! A [`Follower`] promises that a new connection goes on after the last event seen, and that a hole which the bridge did
//! not announce is told too.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What to follow.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Channels to ask for; none means those that the bridge subscribes everybody to.
    pub(super) channels: Vec<String>,
    /// Type patterns; none means all.
    pub(super) types: Vec<String>,
    /// How many of the newest events first.
    pub(super) history: Option<u32>,
}

/// An event, ready to be shown.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) event_type: String,
    pub(super) channel: String,
    /// 0: it has none, because it is ephemeral.
    pub(super) sequence: u64,
    pub(super) timestamp: String,
    pub(super) data: String,
    /// The first of the events before it that are missing without an announcement: a defect of the bridge.
    pub(super) missing_from: Option<u64>,
}

/// What a frame means for the person who follows.
#[derive(Debug, PartialEq)]
pub(super) enum Notice {
    /// An event.
    Event(Shown),
    /// Something worth knowing.
    Note(String),
    /// Something that must not be missed.
    Warning(String),
    /// What was asked for cannot be had.
    Refused(String),
    /// It is about a channel that the bridge subscribes everybody to, and others were named.
    Unasked,
    /// Nothing.
    Nothing,
}

/// What to do after a connection's end.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Come back, after this long or the usual delay.
    Return { reason: String, after: Option<Duration> },
    /// The bridge does not want us back.
    GiveUp { reason: String },
}

impl Next {
    /// Coming back after the usual delay.
    pub(super) fn again(reason: String) -> Self {
        Next::Return { reason, after: None }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Position {
    epoch: String,
    sequence: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    r#type: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    timestamp: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The state of a subscriber over all its connections.
#[derive(Debug)]
pub(super) struct Follower {
    wanted: Wanted,
    client_id: String,
    /// After which event each channel goes on.
    positions: BTreeMap<String, Position>,
    /// The delay that the bridge asked for before it closed.
    asked_delay: Option<Duration>,
    /// The session that the bridge made or confirmed: the same one after every cut.
    session: Option<String>,
    progress: bool,
}

impl Follower {
    /// Nothing seen yet.
    pub(super) fn new(wanted: Wanted, client_id: String) -> Self {
        let positions = BTreeMap::new();
        Follower { wanted, client_id, positions, asked_delay: None, session: None, progress: false }
    }

    /// The first frames of a new connection: `connection.init` with the positions of what is subscribed on connect, then
    /// `channel.subscribe` for the rest.
    pub(super) fn open(&mut self) -> Vec<String> {
        self.asked_delay = None;
        let after =
            |name: &str| self.positions.get(name).map(|at| json!({ "epoch": at.epoch, "sequence": at.sequence }));
        let ours = |name: &str| self.wanted.channels.iter().any(|channel| channel == name);
        let resume: Vec<Value> = self
            .positions
            .keys()
            .filter(|name| !ours(name))
            .map(|name| json!({ "name": name, "after": after(name) }))
            .collect();
        let init = json!({ "type": "connection.init", "id": "init",
            "data": { "clientId": self.client_id, "protocol": 1, "resume": resume } });
        let mut frames = vec![init.to_string()];
        let channels: Vec<Value> =
            self.wanted.channels.iter().map(|name| self.subscription(name, after(name))).collect();
        if !channels.is_empty() {
            let subscribe = json!({ "type": "channel.subscribe", "id": "subscribe", "data": { "channels": channels } });
            frames.push(subscribe.to_string());
        }
        frames
    }

    fn subscription(&self, name: &str, after: Option<Value>) -> Value {
        let mut subscription = json!({ "name": name });
        if !self.wanted.types.is_empty() {
            subscription["types"] = json!(self.wanted.types);
        }
        match (after, self.wanted.history) {
            (Some(after), _) => subscription["after"] = after,
            (None, Some(history)) => subscription["history"] = json!(history),
            (None, None) => {}
        }
        subscription
    }

    /// The session, once the bridge has answered.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether anything was acked or delivered since the last call.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Takes in a frame.
    pub(super) fn on_frame(&mut self, text: &str) -> Notice {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
            return Notice::Warning(format!("not a frame: {text}"));
        };
        let raw = frame.data.map_or("{}", RawValue::get);
        let data: Value = serde_json::from_str(raw).unwrap_or_default();
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        let position = |key: &str| Position::deserialize(&data[key]).ok();
        let about = if frame.channel.is_empty() { text("channel") } else { frame.channel.clone() };
        if frame.r#type != "error" && !about.is_empty() && !self.is_wanted(&about) {
            return Notice::Unasked;
        }
        match frame.r#type.as_str() {
            "connection.ack" => {
                (self.session, self.progress) = (Some(text("sessionId")), true);
                Notice::Note(format!("connected as {}, session {}", text("connectionId"), text("sessionId")))
            }
            "channel.subscribed" => self.on_subscribed(&data),
            "channel.gap" => {
                let (channel, epoch, last) =
                    (text("channel"), text("epoch"), data["last"].as_u64().unwrap_or_default());
                let notice = Notice::Warning(format!("{channel}: events #{} to #{last} are lost", data["first"]));
                self.positions.insert(channel, Position { epoch, sequence: last });
                notice
            }
            "channel.reset" => {
                let channel = text("channel");
                let start = position("start");
                let from = start.as_ref().map_or(1, |start| start.sequence + 1);
                if let Some(start) = start {
                    self.positions.insert(channel.clone(), start);
                }
                Notice::Warning(format!("{channel}: its log began anew; going on from #{from}"))
            }
            "channel.position" => {
                if let Some(position) = position("position") {
                    self.positions.insert(text("channel"), position);
                }
                match data["conflated"].as_u64().unwrap_or_default() {
                    0 => Notice::Nothing,
                    count => Notice::Note(format!("{}: {count} skipped, as newer ones replace them", text("channel"))),
                }
            }
            "channel.unsubscribed" => {
                let channel = text("channel");
                self.positions.remove(&channel);
                Notice::Warning(format!("{channel}: the subscription ended: {}", text("reason")))
            }
            "connection.reconnect" => {
                let millis = data["delayMs"].as_u64().unwrap_or_default();
                self.asked_delay = Some(Duration::from_millis(millis));
                Notice::Warning(format!("the bridge asks to come back in {millis} ms: {}", text("reason")))
            }
            "connection.error" => Notice::Warning(format!("{}: {}", data["code"], text("message"))),
            "error" => Notice::Refused(format!("{}: {} ({})", data["code"], text("message"), text("reason"))),
            "connection.heartbeat" => Notice::Nothing,
            _ => self.on_event(frame, raw),
        }
    }

    fn is_wanted(&self, channel: &str) -> bool {
        self.wanted.channels.is_empty() || self.wanted.channels.iter().any(|wanted| wanted == channel)
    }

    fn on_subscribed(&mut self, data: &Value) -> Notice {
        let channel = data["channel"].as_str().unwrap_or_default();
        let Ok(start) = Position::deserialize(&data["start"]) else {
            return Notice::Warning(format!("{channel}: subscribed nowhere"));
        };
        let head = data["head"]["sequence"].as_u64().unwrap_or_default();
        let replay = head.saturating_sub(start.sequence);
        let how = match data["recovered"].as_bool() {
            Some(true) => format!("resumed after #{}, {replay} to catch up", start.sequence),
            // The gap or reset frame that follows says what is lost.
            Some(false) => "resumed, but not everything is left".to_owned(),
            None if replay == 0 => format!("subscribed; the next event is #{}", start.sequence + 1),
            None => format!("subscribed; #{} to #{head} are from before", start.sequence + 1),
        };
        self.positions.insert(channel.to_owned(), start);
        Notice::Note(format!("{channel}: {how}"))
    }

    fn on_event(&mut self, frame: Frame<'_>, data: &str) -> Notice {
        self.progress = true;
        let Some(position) = self.positions.get_mut(&frame.channel) else {
            return Notice::Warning(format!("{} came in {}, which is not subscribed", frame.r#type, frame.channel));
        };
        let ephemeral = frame.sequence == 0;
        if frame.sequence <= position.sequence && !ephemeral {
            return Notice::Warning(format!("{} #{} came again", frame.channel, frame.sequence));
        }
        // With type patterns jumps are normal: the events between are not wanted.
        let filtered = !self.wanted.types.is_empty() && self.wanted.channels.contains(&frame.channel);
        let expected = position.sequence + 1;
        let missing_from = (frame.sequence > expected && !filtered).then_some(expected);
        if !ephemeral {
            position.sequence = frame.sequence;
        }
        Notice::Event(Shown {
            event_type: frame.r#type,
            channel: frame.channel,
            sequence: frame.sequence,
            timestamp: frame.timestamp,
            data: data.to_owned(),
            missing_from,
        })
    }

    /// Takes in a close: its code says whether to come back. 4100-4499 always mean so, 4500-4999 never.
    pub(super) fn on_close(&mut self, code: u16, reason: &str) -> Next {
        let dash = if reason.is_empty() { "" } else { " " };
        let reason = format!("the bridge closed the connection: {code}{dash}{reason}");
        match code {
            1000..=1001 | 1005 | 1006 | 1011..=1014 | 4100..=4499 => {
                Next::Return { reason, after: self.asked_delay.take() }
            }
            _ => Next::GiveUp { reason },
        }
    }
}

#[cfg(test)]
mod tests;
