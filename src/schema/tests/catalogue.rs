//! The bundled catalogue.

use prost::Message as _;

use super::*;
use crate::proto::operations::v1::SystemLog;
use crate::proto::project::v1::ProcessProgress;

#[test]
fn the_bundled_catalogue_has_the_events_and_channels_it_promises() {
    let schema = Schema::bundled();
    let channels_of = |name: &str| -> Vec<&str> {
        let event = schema.event(name).unwrap_or_else(|| panic!("no event {name}"));
        schema.templates_of(event).map(|channel| &*channel.template).collect()
    };
    let expected: [(&str, &[&str]); 18] = [
        ("assistant", &["session:{session_id}"]),
        ("connection", &["session:{session_id}"]),
        ("message", &["session:{session_id}"]),
        ("client.connected", &["operations"]),
        ("client.disconnected", &["operations"]),
        ("gateway_recovery", &["operations"]),
        ("gateway_status_change", &["operations"]),
        ("system_health", &["operations"]),
        ("system_log", &["operations"]),
        ("process.completed", &["project:{project_id}"]),
        ("process.progress", &["project:{project_id}"]),
        ("process.started", &["project:{project_id}"]),
        ("project.created", &["project:{project_id}"]),
        ("project.deleted", &["project:{project_id}"]),
        ("project.updated", &["project:{project_id}"]),
        ("system.heartbeat", &["system"]),
        ("connection.ack", &[]),
        ("error", &[]),
    ];
    for (event, channels) in expected {
        assert_eq!(channels_of(event), channels, "{event}");
    }
    let not_own = schema.events().iter().filter(|event| !event.own).count();
    assert_eq!(not_own, 16);
    let names: Vec<&str> = schema.channels().iter().map(|channel| &*channel.template).collect();
    assert_eq!(names, ["operations", "project:{project_id}", "session:{session_id}", "system", "user:{user_id}"]);
    assert_eq!(schema.warnings(), []);
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
