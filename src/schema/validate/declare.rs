//! From `buf.validate` options to plans, or to what is wrong with them.

use std::collections::HashSet;

use buffa_descriptor::{FieldDescriptor, FieldKind, MessageDescriptor, MessageIndex, SingularKind};

use super::cel::{CelRule, Kind, Subject};
use super::plan::{
    ElementRules, FieldPlan, FieldRules, FieldSet, Ignore, ListRules, MapRules, MessagePlan, Required, Rules,
    ValueRules,
};
use super::standard::{Wrong, fitting, lengths, name_of, test, wrapped};
use crate::proto::buf::validate as proto;
use crate::proto::buf::validate::field_rules::Type;
use crate::schema::check::{Checker, suggest};
use crate::schema::places::{Near, Site};

/// The rules that one message declares, with the places of their options.
#[derive(Default)]
pub(in crate::schema) struct Declared {
    pub(in crate::schema) message: Option<(Site, proto::MessageRules)>,
    /// By the fields' places in the message.
    pub(in crate::schema) fields: Vec<(usize, Site, proto::FieldRules)>,
    /// By the oneofs' names.
    pub(in crate::schema) oneofs: Vec<(String, proto::OneofRules)>,
}

/// Plans what the messages declare, and notes what cannot be.
pub(in crate::schema) fn plan(checker: &mut Checker<'_>, declared: Vec<(MessageIndex, Declared)>) -> Rules {
    let mut rules = Rules::default();
    for (index, declared) in declared {
        let message = checker.pool.message(index);
        let mut plan = MessagePlan::new(message);
        let sets = declared.message.iter().flat_map(|(_, options)| &options.oneof);
        let members: HashSet<String> = sets.flat_map(|set| set.fields.iter().cloned()).collect();
        for (place, site, mut options) in declared.fields {
            let Some(field) = message.fields().get(place) else { continue };
            // The standard: only the member that is set is held to its rules, unless `ignore` says otherwise.
            if members.contains(field.name()) && options.ignore.is_none() {
                options.ignore = Some(proto::Ignore::IfZeroValue.into());
            }
            plan.fields[place] = Planner { checker, site: &site, name: field.name() }.field(field, options);
        }
        for (name, options) in declared.oneofs {
            let oneof = message.oneofs().iter().find(|oneof| oneof.name() == name);
            if let Some(oneof) = oneof.filter(|_| options.required == Some(true)) {
                plan.oneofs.push((name, oneof.field_indices().iter().map(|place| usize::from(*place)).collect()));
            }
        }
        if let Some((site, options)) = declared.message {
            let mut planner = Planner { checker, site: &site, name: message.name_in_file() };
            plan.sets = options.oneof.into_iter().filter_map(|set| planner.set(message, set)).collect();
            plan.cel = planner.cel(options.cel, options.cel_expression, &Kind::Message(index), Subject::Message(index));
        }
        rules.messages.insert(index, plan);
    }
    rules.complete(checker.pool)
}

/// A message as its file calls it.
trait NameInFile {
    fn name_in_file(&self) -> &str;
}

impl NameInFile for MessageDescriptor {
    fn name_in_file(&self) -> &str {
        crate::schema::templates::short(self.full_name())
    }
}

struct Planner<'a, 'c> {
    checker: &'a mut Checker<'c>,
    site: &'a Site,
    /// What the rules are of.
    name: &'a str,
}

impl Planner<'_, '_> {
    fn refuse(&mut self, near: Near<'_>, (message, advice): Wrong) {
        self.checker.report(self.site, near, message, advice);
    }

    fn field(&mut self, field: &FieldDescriptor, options: proto::FieldRules) -> FieldPlan {
        let ignore = self.ignore(options.ignore);
        let required = (options.required == Some(true)).then_some(Required::Rule);
        let (cel, expressions) = (options.cel, options.cel_expression);
        let pool = self.checker.pool;
        let (kind, subject) = (Kind::of(pool, field.kind()), Subject::Field(field.kind()));
        let rules = match field.kind() {
            FieldKind::Singular(kind) => {
                FieldRules::Value(Box::new(self.value(kind, options.r#type, cel, expressions, "a value")))
            }
            FieldKind::List(item) => {
                let rules = match options.r#type {
                    None => proto::RepeatedRules::default(),
                    Some(Type::Repeated(rules)) => *rules,
                    Some(other) => {
                        self.does_not_fit(name_of(&other), "repeated", "a list");
                        proto::RepeatedRules::default()
                    }
                };
                let unique = rules.unique == Some(true);
                if unique && matches!(item, SingularKind::Message(_)) && wrapped(pool, item).is_none() {
                    let advice = "leave it out, or compare what makes them unique in a CEL rule";
                    self.refuse(
                        Near::Key("unique"),
                        ("unique is for lists of scalars and enums".into(), advice.into()),
                    );
                }
                let checked = lengths(None, rules.min_items, rules.max_items, ["min_items", "max_items"]);
                let _ = checked.map_err(|wrong| self.refuse(Near::Key("min_items"), wrong));
                FieldRules::List(Box::new(ListRules {
                    min: rules.min_items,
                    max: rules.max_items,
                    unique,
                    cel: self.cel(cel, expressions, &kind, subject),
                    items: rules.items.map(|items| self.element(item, *items)),
                }))
            }
            FieldKind::Map { key, value } => {
                let rules = match options.r#type {
                    None => proto::MapRules::default(),
                    Some(Type::Map(rules)) => *rules,
                    Some(other) => {
                        self.does_not_fit(name_of(&other), "map", "a map");
                        proto::MapRules::default()
                    }
                };
                let checked = lengths(None, rules.min_pairs, rules.max_pairs, ["min_pairs", "max_pairs"]);
                let _ = checked.map_err(|wrong| self.refuse(Near::Key("min_pairs"), wrong));
                FieldRules::Map(Box::new(MapRules {
                    min: rules.min_pairs,
                    max: rules.max_pairs,
                    cel: self.cel(cel, expressions, &kind, subject),
                    keys: rules.keys.map(|keys| self.element(SingularKind::Scalar(key), *keys)),
                    values: rules.values.map(|values| self.element(value, *values)),
                }))
            }
        };
        FieldPlan { required, ignore, rules, inner: None }
    }

    fn ignore(&mut self, ignore: Option<i32>) -> Ignore {
        match ignore.map(proto::Ignore::try_from) {
            None | Some(Ok(proto::Ignore::Unspecified)) => Ignore::Unset,
            Some(Ok(proto::Ignore::IfZeroValue)) => Ignore::Zero,
            Some(Ok(proto::Ignore::Always)) => Ignore::Always,
            Some(Err(_)) => {
                let advice = "write IGNORE_IF_ZERO_VALUE or IGNORE_ALWAYS";
                self.refuse(Near::Key("ignore"), ("this value of ignore is not known".into(), advice.into()));
                Ignore::Unset
            }
        }
    }

    fn element(&mut self, kind: SingularKind, options: proto::FieldRules) -> ElementRules {
        let ignore = self.ignore(options.ignore);
        let rules = self.value(kind, options.r#type, options.cel, options.cel_expression, "an element");
        ElementRules { required: options.required == Some(true), ignore, rules }
    }

    fn value(
        &mut self,
        kind: SingularKind,
        rules: Option<Type>,
        cel: Vec<proto::Rule>,
        expressions: Vec<String>,
        what: &str,
    ) -> ValueRules {
        let pool = self.checker.pool;
        let mut made = ValueRules::default();
        if let Some(rules) = rules {
            let name = name_of(&rules);
            match fitting(pool, kind) {
                Some(fits) if fits == name => match test(pool, wrapped(pool, kind).unwrap_or(kind), rules) {
                    Ok(test) => made.test = test,
                    Err(wrong) => {
                        let key = if wrong.0.contains("pattern") { "pattern" } else { name };
                        self.refuse(Near::Key(key), wrong);
                    }
                },
                Some(fits) => self.does_not_fit(name, fits, what),
                None => {
                    let advice = "put rules on the fields of that message, or write a CEL rule";
                    let message = format!("the rules of {name} do not fit {}, which is a message", self.name);
                    self.refuse(Near::Key(name), (message, advice.to_owned()));
                }
            }
        }
        let of_kind = Kind::of_one(pool, kind);
        made.cel = self.cel(cel, expressions, &of_kind, Subject::Field(FieldKind::Singular(kind)));
        made
    }

    fn does_not_fit(&mut self, given: &str, fits: &str, what: &str) {
        let message = match (what, fits) {
            ("a list" | "a map", _) => format!("the rules of {given} do not fit {}, which is {what}", self.name),
            (_, "int32" | "int64" | "any" | "enum") => {
                format!("the rules of {given} do not fit {}, which is an {fits}", self.name)
            }
            _ => format!("the rules of {given} do not fit {}, which is a {fits}", self.name),
        };
        let advice = match fits {
            "repeated" | "map" if matches!(given, "repeated" | "map") => {
                format!("write `(buf.validate.field).{fits}…`")
            }
            "repeated" => format!("write `(buf.validate.field).repeated.items.{given}…` for rules of its items"),
            "map" => format!("write `(buf.validate.field).map.values.{given}…`, or keys, for rules of its entries"),
            fits => format!("write `(buf.validate.field).{fits}…`"),
        };
        self.refuse(Near::Key(given), (message, advice));
    }

    fn set(&mut self, message: &MessageDescriptor, set: proto::MessageOneofRule) -> Option<FieldSet> {
        let mut places = Vec::new();
        for name in &set.fields {
            match message.fields().iter().position(|field| field.name() == name) {
                Some(place) if places.contains(&place) => {
                    let wrong = format!("the oneof rule of {} lists the field {name:?} twice", self.name);
                    self.refuse(Near::Value("fields", name), (wrong, "list each field once".to_owned()));
                }
                Some(place) => places.push(place),
                None => {
                    let known = message.fields().iter().map(FieldDescriptor::name);
                    let wrong = (format!("{} has no field {name:?}", self.name), suggest(name, known, "fields"));
                    self.refuse(Near::Value("fields", name), wrong);
                }
            }
        }
        if set.fields.is_empty() {
            let wrong = ("a oneof rule without fields says nothing".to_owned(), "list its fields".to_owned());
            self.refuse(Near::Key("oneof"), wrong);
        }
        let complete = !places.is_empty() && places.len() == set.fields.len();
        complete.then(|| FieldSet { names: set.fields, places, required: set.required == Some(true) })
    }

    /// Compiles rules in CEL, and tries each on samples of what it is about.
    fn cel(
        &mut self,
        rules: Vec<proto::Rule>,
        expressions: Vec<String>,
        this: &Kind,
        subject: Subject,
    ) -> Vec<CelRule> {
        let named = rules.into_iter().map(|rule| (rule.id, rule.message, rule.expression.unwrap_or_default()));
        let bare = expressions.into_iter().map(|expression| (None, None, expression));
        let named = named.map(|rule| ("expression", rule));
        let mut compiled = Vec::new();
        for (key, (id, message, expression)) in named.chain(bare.map(|rule| ("cel_expression", rule))) {
            let (id, message) = (id.unwrap_or_default(), message.unwrap_or_default());
            let pool = self.checker.pool;
            let rule = CelRule::compile(pool, &id, &message, &expression, this.clone())
                .and_then(|rule| rule.try_on(pool, subject).map(|()| rule));
            match rule {
                Ok(rule) => compiled.push(rule),
                Err(error) => {
                    let name = if id.is_empty() { expression.clone() } else { id };
                    self.refuse(
                        Near::Value(key, &expression),
                        (
                            format!("in the rule {name:?} of {}, {error}", self.name),
                            "correct the expression: CEL over `this`, `!has(this.a) || this.a > this.b`".to_owned(),
                        ),
                    );
                }
            }
        }
        compiled
    }
}
