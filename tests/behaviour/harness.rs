//! A bridge of our own on free ports, and clients that know the protocol but none of the bridge's code.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use rialto::app::{self, Addresses, Reread};
use rialto::config::Config;
use rialto::proto::rialto::v1 as proto;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Appended, Event, JsonPayload, PublishRequest, event};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tonic::transport::Channel;

/// How long anything may take that should happen at once, on a busy machine too.
pub(crate) fn patience() -> Duration {
    let seconds = std::env::var("PATIENCE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(30))
}

/// A running bridge; dropped, it stops at once.
pub(crate) struct Bridge {
    pub(crate) addresses: Addresses,
    /// Asks for files to be read again, as SIGHUP does.
    pub(crate) reread: Reread,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), app::Error>>,
}

impl Bridge {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.listen, config.grpc, config.admin) = (free, free, free);
        change(&mut config);
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let reread = Reread::default();
        let options = app::Options { ready: Some(ready), reread: reread.clone(), ..app::Options::default() };
        let task = tokio::spawn(app::run(config, options, async {
            let _ = stopped.await;
        }));
        let addresses = within("the bridge is ready", is_ready).await.expect("the bridge started");
        Bridge { addresses, reread, stop: Some(stop), task }
    }

    /// Asks it to stop, as SIGTERM does.
    pub(crate) fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Result<(), app::Error> {
        within("the bridge ends", self.task).await.expect("the bridge does not panic")
    }

    pub(crate) async fn publisher(&self) -> PublisherServiceClient<Channel> {
        let address = format!("http://{}", self.addresses.grpc);
        within("the publisher connects", PublisherServiceClient::connect(address)).await.expect("gRPC is up")
    }

    /// Calls the admin service as `curl` does. Gives the HTTP status and the answer.
    pub(crate) async fn admin(&self, method: &str, request: &Value) -> (u16, Value) {
        let (host, body) = (self.addresses.admin, request.to_string());
        let head = format!(
            "POST /rialto.v1.AdminService/{method} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let call = async {
            let mut stream = TcpStream::connect(host).await?;
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = within("the admin service's answer", call).await.expect("the internal port is open");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).expect("JSON"))
    }

    /// Connects plainly, as `wscat` does.
    pub(crate) async fn connect(&self) -> Client {
        Client::open(self.addresses.listen, "", None).await
    }

    /// Connects with the subprotocol and says `connection.init`.
    pub(crate) async fn connect_with_init(&self) -> Client {
        let mut client = Client::open(self.addresses.listen, "", Some("rialto.v1.json")).await;
        client.send(json!({"type": "connection.init", "id": "init", "data": {}})).await;
        client.next_of("connection.ack").await;
        client
    }
}

/// What should happen at once has so long.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience(), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {:?}", patience()),
    }
}

/// A `process.progress` of this project; its message tells it from all others.
pub(crate) fn progress(project: &str, message: &str) -> Event {
    let data = json!({"projectId": project, "processId": "p-1", "progress": 12.5, "message": message});
    json_event("process.progress", &data)
}

pub(crate) fn json_event(event_type: &str, data: &Value) -> Event {
    let json = JsonPayload { r#type: event_type.into(), data: data.to_string() };
    Event { body: Some(event::Body::Json(json)), ..Event::default() }
}

/// Publishes one event; gives its first position.
pub(crate) async fn publish(publisher: &mut PublisherServiceClient<Channel>, event: Event) -> Appended {
    let response = within("the ack", publisher.publish(PublishRequest { event: Some(event) })).await;
    let accepted = response.expect("the event is accepted").into_inner().accepted.expect("accepted");
    accepted.positions.into_iter().next().expect("a position")
}

/// What a subscriber hears.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(Value),
    /// A frame of the binary subprotocol.
    Binary(Box<proto::Frame>),
    Closed(Option<CloseFrame>),
    /// The connection broke without a close frame.
    Cut,
}

/// A WebSocket client.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, query: &str, subprotocol: Option<&'static str>) -> Self {
        let stream = within("the TCP connection", TcpStream::connect(address)).await.expect("the port is open");
        Self::on(stream, address, query, subprotocol).await
    }

    pub(crate) async fn on(
        stream: TcpStream,
        address: SocketAddr,
        query: &str,
        subprotocol: Option<&'static str>,
    ) -> Self {
        let headers: Vec<_> = subprotocol.map(|name| ("sec-websocket-protocol", name)).into_iter().collect();
        let opened = Self::ask(stream, address, query, &headers).await;
        opened.unwrap_or_else(|(status, body)| panic!("expected an upgrade, got {status}: {body}"))
    }

    /// Asks for an upgrade with these headers. What is refused comes back as its status and body.
    pub(crate) async fn ask(
        stream: TcpStream,
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut request = format!("ws://{address}/ws{query}").into_client_request().expect("a valid URL");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a header value"));
        }
        match within("the upgrade", tokio_tungstenite::client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let text = || Value::String(String::from_utf8_lossy(body).into_owned());
                Err((response.status().as_u16(), serde_json::from_slice(body).unwrap_or_else(|_| text())))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the connection is open");
    }

    /// Sends a ping, if the connection is still open.
    pub(crate) async fn ping(&mut self) -> Result<(), Error> {
        self.socket.send(Message::Ping("x".into())).await
    }

    /// Sends a frame of the binary subprotocol.
    pub(crate) async fn send_binary(&mut self, frame_type: &str, data: &impl prost::Message) {
        let (r#type, data) = (frame_type.to_owned(), data.encode_to_vec().into());
        let frame = proto::Frame { r#type, data, ..proto::Frame::default() };
        self.socket.send(Message::binary(frame.encode_to_vec())).await.expect("the connection is open");
    }

    pub(crate) async fn subscribe(&mut self, subscription: Value) {
        self.send(json!({"type": "channel.subscribe", "id": "s", "data": {"channels": [subscription]}})).await;
    }

    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            match within("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).expect("one JSON object a frame"));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = proto::Frame::decode(bytes).expect("one rialto.v1.Frame a message");
                    return Heard::Binary(Box::new(frame));
                }
                Some(Ok(Message::Close(close))) => return Heard::Closed(close),
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => return Heard::Cut,
                Some(Err(Error::Io(_) | Error::Protocol(_))) => return Heard::Cut,
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.heard().await {
            Heard::Frame(frame) => frame,
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn next_of(&mut self, frame_type: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == frame_type {
                return frame;
            }
        }
    }

    /// The type of the next frame that is of one of these; others are passed over.
    pub(crate) async fn next_of_any(&mut self, types: &[&str]) -> String {
        loop {
            let frame = self.next().await;
            if let Some(found) = types.iter().find(|known| frame["type"] == ***known) {
                return (*found).to_owned();
            }
        }
    }

    /// The next frame about this channel, event or not.
    pub(crate) async fn next_on(&mut self, channel: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["channel"] == channel || frame["data"]["channel"] == channel {
                return frame;
            }
        }
    }

    /// The close frame's code; frames before it are passed over.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.heard().await {
                Heard::Frame(_) | Heard::Binary(_) => {}
                Heard::Closed(close) => return close.map(|close| close.code.into()),
                Heard::Cut => return None,
            }
        }
    }

    /// Cuts the connection as a dead network does: no close frame, no FIN that waits.
    pub(crate) fn cut(self) {
        let stream = self.socket.into_inner();
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
