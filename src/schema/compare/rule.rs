//! The kinds of differences, each with its name, whom it hurts and how badly.

use serde::{Serialize, Serializer};

/// How bad a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody who still uses the older schema fails, or silently gets something else.
    Breaking,
    /// Nobody fails by it alone; it is worth a thought.
    Note,
}

impl Severity {
    /// The word for it in lists.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Breaking => "breaking",
            Severity::Note => "note",
        }
    }
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident $severity:ident $name:literal $why:literal)+) => {
        /// A kind of difference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rule {
            /// Every kind.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),+];

            /// Its name, as `--allow` takes it.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name),+ }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$variant => Severity::$severity),+ }
            }

            /// Whom it hurts, and how.
            pub fn why(self) -> &'static str {
                match self { $(Rule::$variant => $why),+ }
            }
        }
    };
}

rules! {
    /// A file is in another package.
    PackageChanged Breaking "package-changed"
        "every message of the file has another name then: what publishers pack under the old one is refused"
    /// A field is gone, its number or name not reserved.
    FieldRemoved Breaking "field-removed"
        "a later field could take its number or name, and old peers would read one as the other"
    /// A field number has another name.
    FieldRenamed Breaking "field-renamed"
        "JSON and generated code know fields by name: old peers write a name that nobody reads"
    /// A field has another name in JSON.
    FieldJsonNameChanged Breaking "field-json-name-changed"
        "browsers know fields by their JSON name: old clients do not find it any more"
    /// A field has another type.
    FieldTypeChanged Breaking "field-type-changed"
        "old peers would read the bytes or the JSON as something else, or refuse them"
    /// A 64-bit field is a number in JSON where it was a string, or the other way round.
    FieldJsonNumberChanged Breaking "field-json-number-changed"
        "old clients expect the other form: a number where a string was, or a string where a number was"
    /// A field is one value where it was many, or a map.
    FieldCardinalityChanged Breaking "field-cardinality-changed"
        "JSON writes one value, a list and a map differently: old peers refuse what is new"
    /// A field moved into, out of or between oneofs.
    FieldOneofChanged Breaking "field-oneof-changed"
        "members of a oneof unset each other: what old peers send together would lose values"
    /// A field of proto2 has another default.
    FieldDefaultChanged Breaking "field-default-changed"
        "the default does not travel: old and new peers would read different values from the same bytes"
    /// A field became required, or is required no more.
    RequiredChanged Breaking "required-changed"
        "a peer for which it is required refuses every message without it"
    /// A field that JSON always had may be absent from it.
    FieldMayBeAbsent Breaking "field-may-be-absent"
        "clients that were built before read it without looking whether it is there"
    /// Seeing a field needs a permission that it did not need, or another one.
    FieldHidden Breaking "field-hidden"
        "who lacks the permission gets the event without the field, and clients that were built before may not look whether it is there"
    /// Seeing a field needs no permission any more.
    FieldShown Note "field-shown"
        "everybody who gets the event sees it now"
    /// An extension is gone.
    ExtensionRemoved Breaking "extension-removed"
        "old peers still send it: by its name in JSON it is refused, by its number it is dropped"
    /// A message is gone that travels in an `Any` only.
    MessageRemoved Note "message-removed"
        "an event with an Any that holds one is refused"
    /// A number or name is not reserved any more.
    ReservedRemoved Breaking "reserved-removed"
        "it was reserved because old peers may still use it: a new field could be mistaken for what it was"
    /// A value of an enum is gone, its number or name not reserved.
    EnumValueRemoved Breaking "enum-value-removed"
        "old peers still send it: by name it is refused, by number it is nothing"
    /// A number of an enum has another name.
    EnumValueRenamed Breaking "enum-value-renamed"
        "JSON writes enum values by name: old clients do not know the new one"
    /// Another name of an enum's number is printed.
    EnumPrintedNameChanged Breaking "enum-printed-name-changed"
        "JSON has one name for a number, the first: old clients may not know the other one"
    /// Numbers without a name are values of an enum no longer.
    EnumClosed Breaking "enum-closed"
        "numbers that have no name were passed on, and are dropped now"
    /// Numbers without a name are values of an enum.
    EnumOpened Note "enum-opened"
        "numbers that have no name were dropped, and reach clients now"

    /// An event type is gone.
    EventRemoved Breaking "event-removed"
        "publishers of it are refused, and its subscribers wait for nothing"
    /// A message is an event of another type.
    EventTypeRenamed Breaking "event-type-renamed"
        "browsers know events by type: old clients neither receive nor filter on the new name"
    /// An event type is another message.
    EventMessageChanged Breaking "event-message-changed"
        "publishers name the message when they pack an event: what they pack under the old name is refused"
    /// Who sends an event is other than before.
    EventDirectionChanged Breaking "event-direction-changed"
        "those who sent it so far are refused"
    /// A client event goes elsewhere.
    EventRouteChanged Breaking "event-route-changed"
        "a handler no longer gets it, or its subscribers do not"
    /// An event is delivered with less effort.
    EventDeliveryWeakened Breaking "event-delivery-weakened"
        "subscribers relied on every event: now some never reach them"
    /// An event is delivered with more effort.
    EventDeliveryStrengthened Note "event-delivery-strengthened"
        "subscribers get events that they did not get before, and slow ones fall behind sooner"
    /// Events supersede each other by other fields.
    EventKeyChanged Note "event-key-changed"
        "a reader that falls behind skips other events than before"
    /// An event no longer goes to a template.
    EventChannelRemoved Breaking "event-channel-removed"
        "the channel's subscribers get the event no longer, and publishers that name the channel are refused"
    /// A parameter of a template is filled from another field of an event.
    EventParameterChanged Breaking "event-parameter-changed"
        "the event goes to other channels than before: subscribers miss what they got, and get what is not theirs"
    /// An event goes to a further template.
    EventChannelAdded Note "event-channel-added"
        "publishers that leave a parameter of it empty are refused from now on"
    /// A private event is private no more.
    EventPrivacyChanged Breaking "event-privacy-changed"
        "publishers send it to the session or user channel that they name: that channel is none of its templates now"
    /// A handler may no longer reply with an event.
    ReplyRemoved Breaking "reply-removed"
        "handlers that still answer with it are refused, and clients wait for an answer that cannot come"
    /// A handler may reply with a further event.
    ReplyAdded Note "reply-added"
        "clients that were built before do not know this answer"

    /// A template is gone.
    ChannelRemoved Breaking "channel-removed"
        "subscribers of such channels are refused with 4006, and publishers that name one are refused"
    /// A channel's message has another template.
    ChannelTemplateChanged Breaking "channel-template-changed"
        "old clients subscribe to names that are no channel any more"
    /// A parameter holds other values than before.
    ChannelParameterChanged Breaking "channel-parameter-changed"
        "names that were channels are none any more"
    /// Parameters of a template changed places.
    ChannelParameterMoved Breaking "channel-parameter-moved"
        "the same name means another channel: clients that were built before ask for the wrong one"
    /// A parameter has another name.
    ChannelParameterRenamed Note "channel-parameter-renamed"
        "names of channels stay as they are; code that is generated anew asks for the new name"
    /// A template's message has another name.
    ChannelMessageRenamed Note "channel-message-renamed"
        "names of channels stay as they are; code that is generated anew knows it by the new name"
    /// A channel keeps fewer events, or for a shorter time.
    RetentionReduced Note "retention-reduced"
        "clients that were away get a gap where they got everything before"
    /// A first subscribe gets fewer events.
    HistoryReduced Note "history-reduced"
        "pages that show the newest events at once show fewer"
    /// The bridge no longer subscribes new connections by itself.
    OnConnectRemoved Breaking "on-connect-removed"
        "clients that never ask for the channel get nothing of it any more"
    /// The bridge subscribes new connections by itself.
    OnConnectAdded Note "on-connect-added"
        "every client gets its events now, also those that did not ask"
    /// Something needs a permission that it did not need, or another one.
    PermissionTightened Breaking "permission-tightened"
        "those who may do it today are refused with 4003 unless their tokens already say more"
    /// Something needs no permission any more.
    PermissionRemoved Note "permission-removed"
        "everybody who is known may do it now"
    /// A validation rule asks for more.
    RuleTightened Note "rule-tightened"
        "what was accepted so far may be refused now"
    /// A validation rule is not the same, and whether it asks for more cannot be told.
    RuleChanged Note "rule-changed"
        "what was accepted so far may be refused now, if the new rule asks for more"
    /// A validation rule asks for less.
    RuleLoosened Note "rule-loosened"
        "subscribers may see values that could not come before"
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
