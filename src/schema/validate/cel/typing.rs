//! What an expression names, looked up before it is ever evaluated.
//!
//! CEL here has no types of its own: as far as descriptors tell what something is, fields that are not there are found
//! at load.

use std::collections::BTreeSet;

use buffa_descriptor::{DescriptorPool, FieldKind, MessageIndex, SingularKind};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, operators};

use super::functions::FUNCTIONS;
use super::value::is_plain;
use crate::schema::check::suggest;

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::schema::validate) enum Kind {
    Message(MessageIndex),
    List(Box<Kind>),
    Map(Box<Kind>),
    /// A number, a text, a bool, bytes or an enum: it has no fields.
    Scalar,
    /// Anything.
    Other,
}

impl Kind {
    /// What a field holds.
    pub(in crate::schema::validate) fn of(pool: &DescriptorPool, field: FieldKind) -> Kind {
        match field {
            FieldKind::Singular(kind) => Kind::of_one(pool, kind),
            FieldKind::List(kind) => Kind::List(Box::new(Kind::of_one(pool, kind))),
            FieldKind::Map { value, .. } => Kind::Map(Box::new(Kind::of_one(pool, value))),
        }
    }

    /// What one value of a field is.
    pub(in crate::schema::validate) fn of_one(pool: &DescriptorPool, kind: SingularKind) -> Kind {
        match kind {
            SingularKind::Message(index) if is_plain(pool.message(index).full_name()) => Kind::Message(index),
            SingularKind::Message(_) => Kind::Other,
            _ => Kind::Scalar,
        }
    }
}

/// Looks up everything that the expression names, and rewrites it. Returns the fields of `this` that it looks at, `None`
/// for all.
pub(super) fn check(
    pool: &DescriptorPool,
    expression: &mut IdedExpr,
    this: Kind,
) -> Result<Option<BTreeSet<String>>, String> {
    let names = vec![("this".to_owned(), this), ("now".to_owned(), Kind::Other)];
    let mut typing = Typing { pool, names, fields: Some(BTreeSet::new()) };
    typing.walk(expression)?;
    Ok(typing.fields)
}

struct Typing<'a> {
    pool: &'a DescriptorPool,
    /// Innermost last.
    names: Vec<(String, Kind)>,
    fields: Option<BTreeSet<String>>,
}

impl Typing<'_> {
    fn walk(&mut self, expression: &mut IdedExpr) -> Result<Kind, String> {
        match &mut expression.expr {
            Expr::Literal(_) => Ok(Kind::Other),
            Expr::Ident(name) => {
                let name = name.clone();
                if self.is_this(&name) {
                    self.fields = None;
                }
                self.lookup(&name)
            }
            Expr::List(list) => {
                list.elements.iter_mut().try_for_each(|element| self.walk(element).map(drop))?;
                Ok(Kind::List(Box::new(Kind::Other)))
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    match &mut entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            self.walk(&mut entry.key)?;
                            self.walk(&mut entry.value)?;
                        }
                        EntryExpr::StructField(_) => return Err("a map cannot hold fields".to_owned()),
                    }
                }
                Ok(Kind::Map(Box::new(Kind::Other)))
            }
            Expr::Struct(made) => Err(format!("messages such as {} cannot be made in a rule", made.type_name)),
            Expr::Unspecified => Err("the expression is empty".to_owned()),
            Expr::Call(call) => self.walk_call(call),
            Expr::Select(_) => self.walk_select(expression),
            Expr::Comprehension(loop_) => {
                let kind = match self.walk(&mut loop_.iter_range)? {
                    Kind::List(item) => *item,
                    _ => Kind::Other,
                };
                self.walk(&mut loop_.accu_init)?;
                self.names.push((loop_.accu_var.clone(), Kind::Other));
                self.walk(&mut loop_.loop_cond)?;
                self.names.push((loop_.iter_var.clone(), kind));
                self.walk(&mut loop_.loop_step)?;
                self.names.pop();
                self.walk(&mut loop_.result)?;
                self.names.pop();
                let grows = matches!(loop_.accu_init.expr, Expr::List(_) | Expr::Map(_));
                Ok(if grows { Kind::List(Box::new(Kind::Other)) } else { Kind::Other })
            }
        }
    }

    fn is_this(&self, name: &str) -> bool {
        name == "this" && !self.names[2..].iter().any(|(inner, _)| inner == name)
    }

    fn lookup(&self, name: &str) -> Result<Kind, String> {
        let found = self.names.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, kind)| kind.clone()).ok_or_else(|| match name {
            "rule" | "rules" => "rule and rules are known in predefined rules only".to_owned(),
            // A path's first name, most likely.
            _ => format!("there is no variable {name:?}; the value itself is `this`, its fields are `this.…`"),
        })
    }

    fn walk_call(&mut self, called: &mut CallExpr) -> Result<Kind, String> {
        let name = called.func_name.as_str();
        let is_operator = name.starts_with('_') || name.ends_with('_') || name.starts_with('@');
        if !is_operator && !FUNCTIONS.contains(&name) {
            let known = FUNCTIONS.iter().copied().filter(|name| !name.starts_with('@'));
            return Err(format!("there is no function {name:?}; {}", suggest(name, known, "functions")));
        }
        let is_index = name == operators::INDEX;
        if let Some(target) = &mut called.target {
            self.walk(target)?;
        }
        let mut kinds = Vec::with_capacity(called.args.len());
        for argument in &mut called.args {
            kinds.push(self.walk(argument)?);
        }
        Ok(match kinds.into_iter().next() {
            Some(Kind::List(inner) | Kind::Map(inner)) if is_index => *inner,
            _ => Kind::Other,
        })
    }

    fn walk_select(&mut self, expression: &mut IdedExpr) -> Result<Kind, String> {
        let Expr::Select(select) = &mut expression.expr else { return Ok(Kind::Other) };
        let operand = match &select.operand.expr {
            Expr::Ident(name) if self.is_this(name) => {
                if let Some(fields) = &mut self.fields {
                    fields.insert(select.field.clone());
                }
                self.lookup(name)?
            }
            _ => self.walk(&mut select.operand)?,
        };
        let kind = match &operand {
            Kind::Message(index) => {
                let message = self.pool.message(*index);
                let Some(field) = message.fields().iter().find(|field| field.name() == select.field) else {
                    let known = message.fields().iter().map(buffa_descriptor::FieldDescriptor::name);
                    return Err(format!(
                        "{} has no field {:?}; {}",
                        message.full_name(),
                        select.field,
                        suggest(&select.field, known, "fields")
                    ));
                };
                Kind::of(self.pool, field.kind())
            }
            Kind::Map(inner) => (**inner).clone(),
            // The interpreter would make it false.
            Kind::Scalar => return Err(format!("nothing but a message has a field {:?}", select.field)),
            Kind::List(_) => return Err(format!("a list has no field {:?}; its items may have", select.field)),
            Kind::Other => Kind::Other,
        };
        if select.test {
            return Ok(Kind::Other);
        }
        Ok(kind)
    }
}

/// How deep an expression nests.
pub(super) fn depth(expression: &IdedExpr) -> usize {
    1 + children(expression).map(depth).max().unwrap_or(0)
}

/// How many parts an expression has.
pub(super) fn parts(expression: &IdedExpr) -> i64 {
    1 + children(expression).map(parts).sum::<i64>()
}

pub(super) fn children(expression: &IdedExpr) -> Box<dyn Iterator<Item = &IdedExpr> + '_> {
    match &expression.expr {
        Expr::Call(call) => Box::new(call.target.as_deref().into_iter().chain(&call.args)),
        Expr::List(list) => Box::new(list.elements.iter()),
        Expr::Select(select) => Box::new(std::iter::once(&*select.operand)),
        Expr::Map(map) => Box::new(map.entries.iter().flat_map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        })),
        Expr::Comprehension(inner) => Box::new(
            [&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result].into_iter(),
        ),
        _ => Box::new(std::iter::empty()),
    }
}
