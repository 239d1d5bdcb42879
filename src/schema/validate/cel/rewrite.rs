//! What an expression becomes once it is known to be sound: one that pays for what it does.
//!
//! The interpreter copies values freely: a part of a message for each look at it, all that a loop has collected for each
//! of its turns. So every path goes through a function that pays for what it finds, every loop pays for each turn and
//! its item, `map` and `filter` collect in a function of their own, and `+` pays for what it makes. What is left for the
//! interpreter costs no more than the expression is long. `==`, `!=` and `in` become functions that know numbers of other
//! types.

use std::collections::HashMap;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};

use super::equality::{EQUAL, IN, UNEQUAL};
use super::paying::{ADD, COLLECT, GET, HAS, TURN};
use super::typing::parts;
use super::value::MARK;
use crate::schema::validate::pattern::{Pattern, PatternError};

/// The patterns that an expression has in itself.
pub(super) type Patterns = HashMap<String, Pattern>;

/// What a loop has so far.
const RESULT: &str = "@result";

/// Makes an expression pay. Returns its patterns, or what is wrong with one.
pub(super) fn rewrite(expression: &mut IdedExpr) -> Result<Patterns, String> {
    let mut rewriter = Rewriter { patterns: HashMap::new(), items: Vec::new() };
    rewriter.walk(expression, Use::Looked);
    rewriter.patterns.into_iter().map(|(text, pattern)| Ok((text, pattern?))).collect()
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is looked at where it is.
    Looked,
    /// It is copied.
    Copied,
}

struct Rewriter {
    patterns: HashMap<String, Result<Pattern, String>>,
    /// The items of the loops around, innermost last.
    items: Vec<String>,
}

impl Rewriter {
    fn walk(&mut self, expression: &mut IdedExpr, to_be: Use) {
        match &mut expression.expr {
            Expr::Ident(name) if to_be == Use::Copied && name != RESULT => {
                *expression = call(GET, vec![std::mem::take(expression)]);
            }
            Expr::Select(_) => self.path(expression),
            Expr::Call(called) if called.func_name == operators::INDEX => self.path(expression),
            Expr::Call(called) => self.call(called),
            Expr::List(list) => list.elements.iter_mut().for_each(|element| self.walk(element, Use::Copied)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.walk(&mut entry.key, Use::Copied);
                        self.walk(&mut entry.value, Use::Copied);
                    }
                }
            }
            Expr::Comprehension(_) => self.turns(expression),
            _ => {}
        }
    }

    fn call(&mut self, called: &mut CallExpr) {
        let name = called.func_name.clone();
        let is_counting = |called: &CallExpr| matches!(&called.args[0].expr, Expr::Ident(name) if name == RESULT);
        match name.as_str() {
            operators::ADD if called.args.len() == 2 => {
                if !is_counting(called) {
                    called.func_name = ADD.to_owned();
                }
                called.args.iter_mut().for_each(|argument| self.walk(argument, Use::Looked));
            }
            operators::CONDITIONAL if called.args.len() == 3 => {
                self.walk(&mut called.args[0], Use::Looked);
                called.args[1..].iter_mut().for_each(|argument| self.walk(argument, Use::Copied));
            }
            operators::IN if called.args.len() == 2 => {
                called.func_name = IN.to_owned();
                self.walk(&mut called.args[0], Use::Looked);
                self.walk(&mut called.args[1], Use::Copied);
            }
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
                if called.args.len() == 2 =>
            {
                // Comparing takes as long as the shorter one: a literal, or an item that is paid for at every turn.
                let is_short = |argument: &IdedExpr| match &argument.expr {
                    Expr::Literal(_) => true,
                    Expr::Ident(name) => name == RESULT || self.items.last() == Some(name),
                    _ => false,
                };
                let to_be = if called.args.iter().any(is_short) { Use::Looked } else { Use::Copied };
                called.args.iter_mut().for_each(|argument| self.walk(argument, to_be));
                match name.as_str() {
                    operators::EQUALS => called.func_name = EQUAL.to_owned(),
                    operators::NOT_EQUALS => called.func_name = UNEQUAL.to_owned(),
                    _ => {}
                }
            }
            name if is_operator(name) => called.args.iter_mut().for_each(|argument| self.walk(argument, Use::Looked)),
            name => {
                if name == "matches"
                    && let Some(Expr::Literal(LiteralValue::String(text))) = called.args.last().map(|last| &last.expr)
                {
                    let text = text.inner().to_owned();
                    let compiled = Pattern::compile(&text).map_err(|error| match error {
                        PatternError::Syntax(problem) => format!("the pattern of matches is none: {problem}"),
                        PatternError::TooLarge | PatternError::Spent => {
                            "the pattern of matches is too large: repeat less, or check size() instead".to_owned()
                        }
                    });
                    self.patterns.insert(text, compiled);
                }
                if let Some(target) = &mut called.target {
                    self.walk(target, Use::Copied);
                }
                called.args.iter_mut().for_each(|argument| self.walk(argument, Use::Copied));
            }
        }
    }

    /// `a.b[c].d` becomes one look, and `has(a.b)` another.
    fn path(&mut self, expression: &mut IdedExpr) {
        let mut at = std::mem::take(expression);
        let mut steps = Vec::new();
        let mut asked = None;
        loop {
            match at.expr {
                Expr::Select(select) => {
                    if select.test {
                        asked = Some(select.field);
                    } else {
                        steps.push(text(select.field));
                    }
                    at = *select.operand;
                }
                Expr::Call(mut called) if called.func_name == operators::INDEX && called.args.len() == 2 => {
                    let mut index = called.args.remove(1);
                    self.walk(&mut index, Use::Looked);
                    steps.push(IdedExpr { id: 0, expr: Expr::List(ListExpr::new(vec![index])) });
                    at = called.args.remove(0);
                }
                other => {
                    at = IdedExpr { id: at.id, expr: other };
                    break;
                }
            }
        }
        self.walk(&mut at, Use::Looked);
        let path = std::iter::once(at).chain(steps.into_iter().rev());
        *expression = match asked {
            None => call(GET, path.collect()),
            Some(field) => call(HAS, path.chain([text(format!("{MARK}{field}")), text(field)]).collect()),
        };
    }

    fn turns(&mut self, expression: &mut IdedExpr) {
        let Expr::Comprehension(turns) = &mut expression.expr else { return };
        self.walk(&mut turns.iter_range, Use::Looked);
        let parts = literal_int(parts(&turns.loop_step));
        let item = ident(&turns.iter_var);
        self.items.push(turns.iter_var.clone());
        if let Some((filter, mut made)) = collected(&turns.accu_init, &mut turns.loop_step) {
            let mut filter = filter.unwrap_or_else(|| literal_bool(true));
            self.walk(&mut filter, Use::Looked);
            self.walk(&mut made, Use::Looked);
            let range = std::mem::take(&mut turns.iter_range);
            *expression = call(COLLECT, vec![range, item, parts, filter, made]);
        } else {
            self.walk(&mut turns.loop_step, Use::Looked);
            let condition = std::mem::take(&mut turns.loop_cond);
            turns.loop_cond = call(TURN, vec![condition, item, parts]);
        }
        self.items.pop();
    }
}

/// What `map` and `filter` collect: the condition, and the value.
fn collected(init: &IdedExpr, step: &mut IdedExpr) -> Option<(Option<IdedExpr>, IdedExpr)> {
    if !matches!(init.expr, Expr::List(_)) {
        return None;
    }
    let Expr::Call(called) = &mut step.expr else { return None };
    if called.func_name == operators::CONDITIONAL {
        let (_, made) = collected(init, called.args.get_mut(1)?)?;
        return Some((Some(std::mem::take(&mut called.args[0])), made));
    }
    match &mut called.args.get_mut(1)?.expr {
        Expr::List(list) => Some((None, std::mem::take(list.elements.first_mut()?))),
        _ => None,
    }
}

fn is_operator(name: &str) -> bool {
    name.starts_with(['_', '@']) || name.ends_with('_')
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

fn ident(name: &str) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(name.to_owned()) }
}

fn text(value: String) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::String(value.into())) }
}

fn literal_int(value: i64) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(value.into())) }
}

fn literal_bool(value: bool) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(value.into())) }
}
