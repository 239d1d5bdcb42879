//! The types of Rialto's own frames, as `rialto/v1/socket.proto` declares them: a test compares.

/// The client opens.
pub const CONNECTION_INIT: &str = "connection.init";
/// Answers the opening.
pub const CONNECTION_ACK: &str = "connection.ack";
/// The client brings a new token.
pub const CONNECTION_REFRESH: &str = "connection.refresh";
/// The new token is taken.
pub const CONNECTION_REFRESHED: &str = "connection.refreshed";
/// Shows that the sender is alive.
pub const CONNECTION_HEARTBEAT: &str = "connection.heartbeat";
/// Asks the client to come back on a new connection.
pub const CONNECTION_RECONNECT: &str = "connection.reconnect";
/// The connection has a problem; a close follows.
pub const CONNECTION_ERROR: &str = "connection.error";
/// The client wants channels.
pub const CHANNEL_SUBSCRIBE: &str = "channel.subscribe";
/// A channel is subscribed.
pub const CHANNEL_SUBSCRIBED: &str = "channel.subscribed";
/// The client no longer wants channels.
pub const CHANNEL_UNSUBSCRIBE: &str = "channel.unsubscribe";
/// A subscription has ended.
pub const CHANNEL_UNSUBSCRIBED: &str = "channel.unsubscribed";
/// Events are lost to the subscriber.
pub const CHANNEL_GAP: &str = "channel.gap";
/// The channel's log is another one than the client knew.
pub const CHANNEL_RESET: &str = "channel.reset";
/// The client's position moved on silently.
pub const CHANNEL_POSITION: &str = "channel.position";
/// One frame could not be carried out.
pub const ERROR: &str = "error";

/// Every own frame with its message.
#[cfg(test)]
pub(super) const ALL: [(&str, &str); 15] = [
    (CONNECTION_INIT, "rialto.v1.ConnectionInit"),
    (CONNECTION_ACK, "rialto.v1.ConnectionAck"),
    (CONNECTION_REFRESH, "rialto.v1.ConnectionRefresh"),
    (CONNECTION_REFRESHED, "rialto.v1.ConnectionRefreshed"),
    (CONNECTION_HEARTBEAT, "rialto.v1.ConnectionHeartbeat"),
    (CONNECTION_RECONNECT, "rialto.v1.ConnectionReconnect"),
    (CONNECTION_ERROR, "rialto.v1.ConnectionError"),
    (CHANNEL_SUBSCRIBE, "rialto.v1.ChannelSubscribe"),
    (CHANNEL_SUBSCRIBED, "rialto.v1.ChannelSubscribed"),
    (CHANNEL_UNSUBSCRIBE, "rialto.v1.ChannelUnsubscribe"),
    (CHANNEL_UNSUBSCRIBED, "rialto.v1.ChannelUnsubscribed"),
    (CHANNEL_GAP, "rialto.v1.ChannelGap"),
    (CHANNEL_RESET, "rialto.v1.ChannelReset"),
    (CHANNEL_POSITION, "rialto.v1.ChannelPosition"),
    (ERROR, "rialto.v1.Error"),
];

/// Types that the protocol has a name for and that nothing carries out yet.
pub(super) const NOT_BUILT: [&str; 1] = ["channel.presence"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn the_names_are_those_that_the_schema_declares() {
        let schema = Schema::bundled();
        let mut declared: Vec<(&str, &str)> = schema
            .events()
            .iter()
            .filter(|event| event.own)
            .map(|event| (&*event.name, &*event.message_name))
            .collect();
        let mut named = ALL.to_vec();
        declared.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, declared);
        for name in NOT_BUILT {
            assert!(schema.event(name).is_none(), "{name} is built now");
        }
    }
}
