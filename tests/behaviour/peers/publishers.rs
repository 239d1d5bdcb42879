//! A list of publishers: who gets further than the headers, and what each may publish.

use rialto::proto::rialto::v1::{GetNodeRequest, PublishRequest, event};
use serde_json::json;
use tonic::{Code, Request};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::*;

const LIMITED: &str = "types = [\"process.*\"]\nchannels = [\"project:*\"]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_listed_publishes() {
    let listed = Listed::with(&entry("billing", BILLING, EVERYTHING), |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    publish_as(&mut publisher, BILLING, beat()).await.expect("listed");

    let event = || PublishRequest { event: Some(beat()) };
    let status = publisher.publish(Request::new(event())).await.unwrap_err();
    assert_eq!(
        (status.code(), Refused::of_call(&status).reason.as_str()),
        (Code::Unauthenticated, "MISSING_CREDENTIALS")
    );
    let status = publish_as(&mut publisher, OTHER, beat()).await.unwrap_err();
    assert_eq!((status.code(), Refused::of_call(&status).reason.as_str()), (Code::Unauthenticated, "UNKNOWN_TOKEN"));
    assert!(!status.message().contains(OTHER));

    let mut doubled = shown(event(), BILLING);
    doubled.metadata_mut().append("authorization", format!("Bearer {BILLING}").parse().unwrap());
    let mut basic = Request::new(event());
    basic.metadata_mut().insert("authorization", "Basic YTpi".parse().unwrap());
    let mut foreign = Request::new(event());
    let bytes = tonic::metadata::MetadataValue::try_from(&b"Bearer k\xc3\xa4se"[..]).unwrap();
    foreign.metadata_mut().insert("authorization", bytes);
    for request in [doubled, basic, foreign] {
        let status = within("the answer", publisher.publish(request)).await.unwrap_err();
        let refused = Refused::of_call(&status);
        assert_eq!((status.code(), refused.reason.as_str()), (Code::Unauthenticated, "INVALID_AUTHORIZATION"));
    }

    let counted = [("missing_credentials", 1.0), ("unknown_token", 1.0), ("invalid_authorization", 3.0)];
    for (reason, count) in counted {
        let series = format!("rialto_publish_refused_total{{reason=\"{reason}\"}}");
        crate::metrics::expect(&listed.bridge, &[(&series, count)]).await;
    }

    // A stream is refused before anything of it is read.
    let (_requests, ahead) = tokio::sync::mpsc::channel::<PublishStreamRequest>(1);
    let call = publisher.publish_stream(shown(ReceiverStream::new(ahead), OTHER));
    let status = within("the refusal", call).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_refused_in_its_ack_and_the_rest_goes_through() {
    let list = entry("billing", BILLING, LIMITED) + &entry("other", OTHER, EVERYTHING);
    let listed = Listed::with(&list, |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let mut stream = Stream::open(&mut publisher, BILLING).await;
    let elsewhere = Event { channels: vec!["user:u7".into()], ..json_event("team.notification", &json!({})) };
    let events = vec![
        progress("42", "first"),
        beat(),
        progress_for("acme", "42", "for another tenant"),
        progress("43", "second"),
        progress_for("a:b", "42", "for nobody"),
        Event { channels: vec!["project:42".into(), "system".into()], ..progress("42", "elsewhere") },
        elsewhere,
    ];
    let reasons = stream.reasons(events).await;
    let reasons: Vec<_> = reasons.iter().map(|reason| reason.as_deref()).collect();
    assert_eq!(
        reasons[..5],
        [None, Some("TYPE_NOT_GRANTED"), Some("TENANT_NOT_GRANTED"), None, Some("INVALID_TENANT")]
    );
    assert!(reasons[5].is_some() && reasons[6] == Some("TYPE_NOT_GRANTED"), "{reasons:?}");

    // Nor as protobuf, whatever stands before the name of its message.
    let payload =
        |url: &str| Some(event::Body::Payload(pbjson_types::Any { type_url: url.into(), ..Default::default() }));
    let urls = [
        "project.v1.SystemHeartbeat",
        "type.googleapis.com/project.v1.SystemHeartbeat",
        "a/b/project.v1.SystemHeartbeat",
    ];
    let reasons = stream.reasons(urls.map(|url| Event { body: payload(url), ..Event::default() }).into()).await;
    assert!(reasons.iter().all(|reason| reason.as_deref() == Some("TYPE_NOT_GRANTED")), "{reasons:?}");

    stream.send(vec![beat()]).await;
    let refused = stream.ack().await.expect("the stream lives").unwrap_err();
    assert_eq!(refused.code, Code::PermissionDenied as i32);
    assert!(refused.message.contains("\"billing\" may not publish system.heartbeat"), "{}", refused.message);
    publish_as(&mut publisher, OTHER, beat()).await.expect("another's rights are its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_must_be_granted_whether_the_event_names_it_or_the_publisher() {
    let list = entry("billing", BILLING, "types = [\"*\"]\nchannels = [\"project:42\", \"session:*\"]");
    let listed = Listed::with(&list, |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let mut stream = Stream::open(&mut publisher, BILLING).await;
    let events = vec![
        progress("42", "granted"),
        progress("43", "derived"),
        Event { channels: vec!["project:43".into()], ..progress("42", "explicit") },
        Event { channels: vec!["project:42".into(), "project:43".into()], ..progress("42", "one of two") },
        // A value is one segment, whatever is in it.
        progress("42:x", "escaped"),
    ];
    let reasons = stream.reasons(events).await;
    assert_eq!(reasons[0], None);
    assert!(reasons[1..].iter().all(|reason| reason.as_deref() == Some("CHANNEL_NOT_GRANTED")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_asks_for_the_same() {
    let listed = Listed::with(&entry("billing", BILLING, LIMITED), |_| ()).await;
    let token = format!("Bearer {BILLING}");
    let progress = json!({"type": "process.progress", "data": {"projectId": "42", "processId": "p", "progress": 1}});

    let answer = listed.post(&[], &progress).await;
    assert_eq!((answer.status, answer.reason().as_str()), (401, "MISSING_CREDENTIALS"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let answer = listed.post(&[("authorization", "Bearer wrong")], &progress).await;
    assert_eq!((answer.status, answer.reason().as_str()), (401, "UNKNOWN_TOKEN"));
    for headers in [
        vec![("authorization", token.as_str()), ("authorization", token.as_str())],
        vec![("authorization", "Basic YTpi")],
        vec![("authorization", "Bearer käse")],
    ] {
        let answer = listed.post(&headers, &progress).await;
        assert_eq!((answer.status, answer.reason().as_str()), (401, "INVALID_AUTHORIZATION"), "{headers:?}");
    }

    let headers = [("authorization", token.as_str())];
    assert_eq!(listed.post(&headers, &progress).await.status, 200);
    let answer = listed.post(&headers, &heartbeat()).await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "TYPE_NOT_GRANTED"));
    let mut of_tenant = progress.clone();
    of_tenant["tenant"] = json!("acme");
    let answer = listed.post(&headers, &json!([heartbeat(), progress, of_tenant])).await.json();
    assert_eq!(answer[0]["error"]["code"], "PERMISSION_DENIED");
    assert_eq!(answer[1]["accepted"]["positions"][0]["channel"], "project:42");
    assert_eq!(answer[2]["error"]["details"][0]["reason"], "TENANT_NOT_GRANTED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_is_for_publishers_too_and_health_for_everybody() {
    let listed = Listed::with(&entry("billing", BILLING, LIMITED), |_| ()).await;
    let address = format!("http://{}", listed.bridge.addresses.grpc);
    let channel = within("gRPC", tonic::transport::Endpoint::from_shared(address).unwrap().connect()).await.unwrap();
    let ask = |path: &'static str| {
        let mut client = tonic::client::Grpc::new(channel.clone());
        async move {
            client.ready().await.expect("a connection");
            let codec = tonic_prost::ProstCodec::<PublishRequest, GetNodeRequest>::default();
            let path = http::uri::PathAndQuery::from_static(path);
            client.unary(Request::new(PublishRequest::default()), path, codec).await.map(|_| ())
        }
    };
    for version in ["/grpc.reflection.v1.ServerReflection/X", "/grpc.reflection.v1alpha.ServerReflection/X"] {
        let status = within("the answer", ask(version)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{version}");
    }
    within("the answer", ask("/grpc.health.v1.Health/Check")).await.expect("probes have no token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_taken_out_of_the_list_asks_no_more_about_the_schema() {
    let listed = Listed::with(&entry("billing", BILLING, LIMITED), |_| ()).await;
    let address = format!("http://{}", listed.bridge.addresses.grpc);
    let endpoint = tonic::transport::Endpoint::from_shared(address).expect("an address");
    let channel = within("gRPC", endpoint.connect()).await.expect("the port is open");
    let mut client = ServerReflectionClient::new(channel);
    let (questions, ahead) = tokio::sync::mpsc::channel(16);
    let call = client.server_reflection_info(shown(ReceiverStream::new(ahead), BILLING));
    let mut answers = within("the stream", call).await.expect("a publisher").into_inner();
    let mut ask = async || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        questions.send(ServerReflectionRequest { host: String::new(), message_request }).await.expect("an open stream");
        within("the answer", answers.message()).await.map(|answer| answer.expect("an answer"))
    };
    ask().await.expect("a publisher");
    listed.write(&entry("other", OTHER, LIMITED));
    let refused = listed.until(async || ask().await.err()).await;
    assert_eq!((refused.code(), Refused::of_call(&refused).reason.as_str()), (Code::Unauthenticated, "UNKNOWN_TOKEN"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_taken_out_of_the_list_has_lost_its_rights_on_open_streams_too() {
    let list = entry("billing", BILLING, EVERYTHING) + &entry("other", OTHER, EVERYTHING);
    let listed = Listed::with(&list, |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let (mut billing, mut other) =
        (Stream::open(&mut publisher, BILLING).await, Stream::open(&mut publisher, OTHER).await);
    assert_eq!(billing.reasons(vec![beat()]).await, [None]);

    // Less for one, nothing any more for another.
    listed.write(&entry("other", OTHER, LIMITED));
    let refused = listed.until(async || {
        billing.send(vec![beat()]).await;
        billing.ack().await.expect("an ack first").err()
    });
    let refused = refused.await;
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unauthenticated as i32, "UNKNOWN_TOKEN"));
    let ended = billing.ack().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    let reasons = other.reasons(vec![beat(), progress("42", "still granted")]).await;
    assert_eq!(reasons, [Some("TYPE_NOT_GRANTED".to_owned()), None]);

    // A file with mistakes changes nothing; its repair does.
    listed.write("[[publisher]]\nname = 7\n");
    listed.bridge.reread.ask();
    assert_eq!(other.reasons(vec![progress("42", "as before")]).await, [None]);
    listed.write("publisher = []");
    let refused = listed.until(async || {
        let call = publish_as(&mut publisher, OTHER, progress("42", "once more")).await;
        call.err().map(|status| status.code())
    });
    assert_eq!(refused.await, Code::Unauthenticated);
}
