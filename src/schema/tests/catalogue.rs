//! The bundled catalogue.

use std::collections::HashMap;

use prost::Message as _;

use super::*;
use crate::proto::operations::v1::SystemLog;
use crate::proto::project::v1::ProcessProgress;

/// One event type a line: its name, its channels, who sends it and what becomes of it, how it is delivered, what answers it
/// and what a sender needs.
const PROMISED: &str = include_str!("../../../tests/vectors/catalogue.txt");

/// An event type as a line of [`PROMISED`].
fn as_promised(schema: &Schema, event: &EventType) -> String {
    let channels: Vec<&str> = schema.templates_of(event).map(|channel| &*channel.template).collect();
    let channels = if channels.is_empty() { "private".to_owned() } else { channels.join(" ") };
    let sender = match (event.from, event.route) {
        (From::Publisher, None) => "publisher",
        (From::Client, Some(Route::Handler)) => "client to handler",
        (From::Client, Some(Route::Channel)) => "client to channel",
        (from, route) => panic!("{}: {from:?} with {route:?}", event.name),
    };
    let delivery = match &event.delivery {
        Delivery::Reliable => "reliable".to_owned(),
        Delivery::Latest(key) => {
            let fields: Vec<&str> = key.0.iter().map(|field| &*field.json_path).collect();
            format!("latest by {}", fields.join(" and "))
        }
        Delivery::Ephemeral => "ephemeral".to_owned(),
    };
    let replies: Vec<&str> = event.replies.iter().map(|reply| &*schema.events()[reply.0 as usize].name).collect();
    let permission = event.send_permission.as_deref().unwrap_or_default();
    let line = [&*event.name, &channels, sender, &delivery, &replies.join(" "), permission].join(" | ");
    line.trim_end_matches([' ', '|']).to_owned()
}

#[test]
fn the_bundled_catalogue_has_the_events_and_channels_it_promises() {
    let schema = Schema::bundled();
    let events = schema.events().iter().filter(|event| !event.own);
    let found: Vec<String> = events.map(|event| as_promised(&schema, event)).collect();
    let mut promised: Vec<&str> = PROMISED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    promised.sort_unstable();
    for line in &found {
        assert!(promised.contains(&&**line), "not promised, or otherwise: {line}");
    }
    for line in &promised {
        assert!(found.iter().any(|found| found == line), "promised, but not there: {line}");
    }
    assert_eq!(found.len(), promised.len());
    let names: Vec<&str> = schema.channels().iter().map(|channel| &*channel.template).collect();
    let expected = [
        "agent:{agent_id}",
        "conversation:{conversation_id}",
        "document:{document_id}",
        "operations",
        "project:{project_id}",
        "session:{session_id}",
        "system",
        "team:{team_id}",
        "user:{user_id}",
        "workflow:{workflow_id}",
    ];
    assert_eq!(names, expected);
    assert_eq!(schema.warnings(), []);
}

#[test]
fn what_answers_a_client_is_reliable() {
    // A reply that a newer event supersedes would leave somebody waiting.
    let schema = Schema::bundled();
    for event in schema.events() {
        for reply in &event.replies {
            let reply = &schema.events()[reply.0 as usize];
            assert!(matches!(reply.delivery, Delivery::Reliable), "{} answers {}", reply.name, event.name);
        }
    }
}

#[test]
fn every_top_level_name_of_the_catalogue_is_there_once() {
    // So that clients of all of it, in languages without packages, need no aliases.
    let schema = Schema::bundled();
    let messages = schema.pool().messages().iter().map(|message| message.full_name());
    let names = messages.chain(schema.pool().enums().iter().map(|declared| declared.full_name()));
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for name in names.filter(|name| !name.starts_with("google.") && !name.starts_with("buf.")) {
        let (package, short) = name.split_once(".v1.").expect("every package ends with its version");
        if !short.contains('.')
            && let Some(other) = seen.insert(short, package)
        {
            panic!("{short} is in {package} and in {other}");
        }
    }
}

#[test]
fn events_are_numbered_densely_by_name() {
    let schema = Schema::bundled();
    let names: Vec<&str> = schema.events().iter().map(|event| &*event.name).collect();
    assert!(names.is_sorted());
    for (index, event) in schema.events().iter().enumerate() {
        assert_eq!(event.index.0 as usize, index);
        assert_eq!(schema.event(&event.name).map(|found| found.index), Some(event.index));
        assert_eq!(schema.event_by_message(&event.message_name).map(|found| found.index), Some(event.index));
        assert_eq!(schema.pool().message(event.message).full_name(), &*event.message_name);
        assert_eq!(event.own, event.message_name.starts_with("rialto.v1."));
    }
}

#[test]
fn the_session_chat_is_a_client_event_with_a_reply() {
    let schema = Schema::bundled();
    let message = schema.event("message").unwrap();
    assert_eq!((message.from, message.route), (From::Client, Some(Route::Handler)));
    assert_eq!(&*message.replies, [schema.event("assistant").unwrap().index]);
    assert_eq!(message.send_permission.as_deref(), Some("chat:write"));
    let assistant = schema.event("assistant").unwrap();
    assert_eq!((assistant.from, assistant.route), (From::Publisher, None));
}

#[test]
fn catalogue_events_find_their_channels() {
    let schema = Schema::bundled();
    let progress = ProcessProgress { project_id: "42".into(), process_id: "p7".into(), ..Default::default() };
    let event = schema.event_by_message("project.v1.ProcessProgress").unwrap();
    assert_eq!(schema.route(event, &progress.encode_to_vec()).unwrap(), [ChannelName::from("project:42")]);
    let event = schema.event("system_log").unwrap();
    assert_eq!(schema.route(event, &SystemLog::default().encode_to_vec()).unwrap(), [ChannelName::from("operations")]);
}

#[test]
fn a_new_connection_gets_its_session_its_user_and_the_broadcasts() {
    let schema = Schema::bundled();
    let on_connect = |session: &str, user: Option<&str>| -> Vec<String> {
        schema.on_connect(session, user).iter().map(|name| name.as_str().to_owned()).collect()
    };
    assert_eq!(on_connect("t1", None), ["operations", "session:t1", "system"]);
    assert_eq!(on_connect("t1", Some("u:7")), ["operations", "session:t1", "system", "user:u%3A7"]);
    assert_eq!(on_connect("", Some("")), ["operations", "system"]);
    assert_eq!(on_connect(&"s".repeat(248), None), ["operations", "system"], "a name that is too long is no channel");
}
