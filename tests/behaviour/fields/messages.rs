//! The messages of the schema as another program knows them, what is secret in them, and what is left for whom.

use std::collections::BTreeMap;

use prost::Message as _;
use rialto::proto::rialto::v1::{Event, event};
use serde_json::{Map, Value, json};

use super::Sees;

/// Whether somebody may see a value.
type May = fn(Sees) -> bool;

/// Every secret value, and who may see it.
pub(crate) const SECRETS: [(&str, May); 5] = [
    ("ann@secret.example", |sees| sees.staff),
    ("inner@secret.example", |sees| sees.staff),
    ("4111-secret-card", |sees| sees.money),
    ("secret-note", |sees| sees.own),
    ("987654321", |sees| sees.money),
];

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Contact {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) email: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) others: BTreeMap<String, Contact>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum How {
    #[prost(string, tag = "4")]
    Card(String),
    #[prost(string, tag = "5")]
    Cash(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Placed {
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) buyer: Option<Contact>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) copies: Vec<Contact>,
    #[prost(oneof = "How", tags = "4, 5")]
    pub(crate) how: Option<How>,
    #[prost(message, optional, tag = "6")]
    pub(crate) extra: Option<pbjson_types::Any>,
    #[prost(int64, tag = "7")]
    pub(crate) cents: i64,
    #[prost(string, tag = "8")]
    pub(crate) note: String,
    #[prost(string, tag = "9")]
    pub(crate) iban: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Moved {
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(string, tag = "2")]
    pub(crate) part: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) by: Option<Contact>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Typing {
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) who: Option<Contact>,
}

/// An event with this message in it.
pub(crate) fn packed(name: &str, message: &impl prost::Message) -> Event {
    let payload = pbjson_types::Any { type_url: format!("t/shop.v1.{name}"), value: message.encode_to_vec().into() };
    Event { body: Some(event::Body::Payload(payload)), ..Event::default() }
}

fn any(contact: &Contact) -> pbjson_types::Any {
    pbjson_types::Any { type_url: "t/shop.v1.Contact".into(), value: contact.encode_to_vec().into() }
}

impl Contact {
    pub(crate) fn new() -> Contact {
        let inner = Contact { name: "Inner".into(), email: "inner@secret.example".into(), others: BTreeMap::new() };
        let others = BTreeMap::from([("one".to_owned(), inner)]);
        Contact { name: "Ann".into(), email: "ann@secret.example".into(), others }
    }

    pub(crate) fn seen(mut self, sees: Sees) -> Contact {
        if !sees.staff {
            self.email.clear();
        }
        self.others = self.others.into_iter().map(|(key, other)| (key, other.seen(sees))).collect();
        self
    }

    pub(crate) fn json(&self, sees: Sees) -> Value {
        let others: Map<String, Value> =
            self.others.iter().map(|(key, other)| (key.clone(), other.json(sees))).collect();
        let mut json = json!({"name": self.name, "others": others});
        if sees.staff {
            json["email"] = self.email.clone().into();
        }
        json
    }
}

/// An order with a secret in every place that can have one.
pub(crate) fn placed() -> Placed {
    Placed {
        order_id: "1".into(),
        buyer: Some(Contact::new()),
        copies: vec![Contact::new(), Contact::default()],
        how: Some(How::Card("4111-secret-card".into())),
        extra: Some(any(&Contact::new())),
        cents: 987_654_321,
        note: "secret-note".into(),
        iban: "DE00-masked-iban".into(),
    }
}

impl Placed {
    pub(crate) fn seen(mut self, sees: Sees) -> Placed {
        self.buyer = self.buyer.map(|buyer| buyer.seen(sees));
        self.copies = self.copies.into_iter().map(|copy| copy.seen(sees)).collect();
        self.extra = Some(any(&Contact::new().seen(sees)));
        if !sees.money {
            (self.how, self.cents) = (None, 0);
        }
        if !sees.own {
            self.note.clear();
        }
        self
    }

    pub(crate) fn json(&self, sees: Sees) -> Value {
        let copies: Vec<Value> = self.copies.iter().map(|copy| copy.json(sees)).collect();
        let mut extra = Contact::new().json(sees);
        extra["@type"] = "t/shop.v1.Contact".into();
        let mut json = json!({
            "orderId": self.order_id, "buyer": Contact::new().json(sees), "copies": copies, "extra": extra, "iban": self.iban,
        });
        if sees.money {
            (json["card"], json["cents"]) = ("4111-secret-card".into(), "987654321".into());
        }
        if sees.own {
            json["note"] = self.note.clone().into();
        }
        json
    }
}

impl Moved {
    pub(crate) fn new(part: &str) -> Moved {
        Moved { order_id: "1".into(), part: part.into(), by: Some(Contact::new()) }
    }

    pub(crate) fn seen(mut self, sees: Sees) -> Moved {
        self.by = self.by.map(|by| by.seen(sees));
        self
    }

    pub(crate) fn json(&self, sees: Sees) -> Value {
        json!({"orderId": "1", "part": self.part, "by": Contact::new().json(sees)})
    }
}

impl Typing {
    pub(crate) fn new() -> Typing {
        Typing { order_id: "1".into(), who: Some(Contact::new()) }
    }

    pub(crate) fn seen(mut self, sees: Sees) -> Typing {
        self.who = self.who.map(|who| who.seen(sees));
        self
    }

    pub(crate) fn json(&self, sees: Sees) -> Value {
        json!({"orderId": "1", "who": Contact::new().json(sees)})
    }
}
