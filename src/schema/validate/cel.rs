//! Rules in CEL: compiled and checked when the schema is loaded, evaluated within a budget when an event comes.
//!
//! Promises that a rule which cannot be evaluated refuses the event: an error, a value of the wrong kind, a panic of the
//! interpreter or too much work never lets one through, nor takes the bridge down. What goes wrong is told without the
//! values that were involved.

mod equality;
mod functions;
mod paying;
mod rewrite;
mod sample;
mod typing;
mod value;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use buffa_descriptor::DescriptorPool;
use cel::common::ast::IdedExpr;
use cel::parser::Parser;
use cel::{Context, ExecutionError, Value};

use super::OVER_BUDGET;
use super::budget;
use paying::pay_parts;
use rewrite::Patterns;
use sample::{Filling, Mentioned, Sampler};

pub(super) use sample::Subject;
pub(super) use typing::Kind;
pub(super) use value::{list, map, message, scalar, singular};

/// The longest expression.
const MAX_EXPRESSION_BYTES: usize = 4 << 10;
/// How deep an expression may nest: the interpreter recurses.
const MAX_EXPRESSION_DEPTH: usize = 64;
/// How deep brackets may nest: the parser recurses too, by many calls a level.
const MAX_BRACKETS: usize = 32;
/// Room for the parser's calls. What it takes for the longest expression is a tenth of this.
const PARSER_STACK_BYTES: usize = 64 << 20;
/// The longest message that a rule may make.
const MAX_MESSAGE_CHARS: usize = 512;
/// What it costs to begin, in parts of an expression.
const EVALUATION_PARTS: i64 = 8;

/// A rule in CEL.
#[derive(Debug)]
pub(super) struct CelRule {
    id: String,
    message: String,
    expression: IdedExpr,
    /// The fields of `this` that it looks at. `None`: all.
    fields: Option<BTreeSet<String>>,
    /// How many parts the expression has.
    parts: i64,
    patterns: Option<Arc<Patterns>>,
}

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CelError {
    #[error("the expression is longer than {MAX_EXPRESSION_BYTES} bytes")]
    TooLong,
    #[error(
        "the expression is nested too deeply: at most {MAX_BRACKETS} brackets and {MAX_EXPRESSION_DEPTH} operators"
    )]
    TooDeep,
    #[error("the expression cannot be read: {0}")]
    Syntax(String),
    #[error("{0}")]
    Meaning(String),
    #[error("the expression gives {0}, and a rule gives a bool (true: fine) or a string (empty: fine)")]
    Result(String),
    #[error("the expression can never be evaluated: {0}")]
    Types(String),
}

static ROOT: LazyLock<Context<'static>> = LazyLock::new(functions::context);

impl CelRule {
    /// Compiles an expression about a `this` of this kind.
    pub(super) fn compile(
        pool: &DescriptorPool,
        id: &str,
        message: &str,
        expression: &str,
        this: Kind,
    ) -> Result<CelRule, CelError> {
        let mut parsed = parse(expression)?;
        let fields = typing::check(pool, &mut parsed, this).map_err(CelError::Meaning)?;
        let parts = typing::parts(&parsed) + EVALUATION_PARTS;
        let patterns = rewrite::rewrite(&mut parsed).map_err(CelError::Meaning)?;
        let patterns = (!patterns.is_empty()).then(|| Arc::new(patterns));
        let (id, message) = match (id, message) {
            ("", message) => (expression, message),
            both => both,
        };
        let message = if message.is_empty() { format!("must fulfil {expression:?}") } else { message.to_owned() };
        Ok(CelRule { id: id.to_owned(), message, expression: parsed, fields, parts, patterns })
    }

    /// Whether a value made of a message needs this field for the rule.
    pub(super) fn looks_at(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.contains(field))
    }

    /// Whether the expression can give what a rule must, judged by what it gives for something that is not set, and for
    /// something that is. What fails for the sake of these values may be right for others; what fails for their types
    /// never is.
    pub(super) fn try_on(&self, pool: &DescriptorPool, subject: Subject) -> Result<(), CelError> {
        let mentioned = Mentioned::by(&self.expression);
        for filling in [Filling::Nothing, Filling::Everything] {
            let sampler = Sampler::new(pool, &mentioned, filling);
            budget::start();
            let given = self.evaluate(&|| sampler.value(subject), SystemTime::UNIX_EPOCH);
            let is_vague = sampler.is_vague() || budget::is_spent();
            match given {
                Ok(Value::Bool(_) | Value::String(_)) => {}
                Ok(_) if is_vague && filling == Filling::Everything => {}
                Ok(other) => return Err(CelError::Result(format!("the type {}", other.type_of()))),
                Err(_) if is_vague => {}
                Err(ExecutionError::NoSuchOverload) if mentioned.may_compare_nothing => {}
                Err(error) => {
                    if let Some(problem) = mistyped(&error) {
                        return Err(CelError::Types(match sampler.value(subject) {
                            // A message, or a map: it says nothing of the values in it.
                            Value::Map(_) => problem,
                            this => format!("{problem}; `this` is of the type {}", this.type_of()),
                        }));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reports what the rule says against a value: its name and message.
    pub(super) fn check(&self, this: &dyn Fn() -> Value, now: SystemTime, report: &mut dyn FnMut(String, String)) {
        match self.evaluate(this, now) {
            // Even if it came to a result without what it could not pay.
            _ if budget::is_spent() => {
                report(self.id.clone(), OVER_BUDGET.to_owned());
            }
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => report(self.id.clone(), self.message.clone()),
            Ok(Value::String(text)) if text.is_empty() => {}
            Ok(Value::String(text)) => report(self.id.clone(), text.chars().take(MAX_MESSAGE_CHARS).collect()),
            Ok(_) | Err(_) => report(self.id.clone(), "its rule cannot be evaluated for this value".to_owned()),
        }
    }

    fn evaluate(&self, this: &dyn Fn() -> Value, now: SystemTime) -> Result<Value, ExecutionError> {
        budget::start_evaluation();
        pay_parts(self.parts)?;
        let evaluated = catch_unwind(AssertUnwindSafe(|| {
            let this = this();
            let mut context = ROOT.new_inner_scope();
            context.add_variable_from_value("this", this);
            context.add_variable_from_value("now", value::timestamp_at(now));
            functions::with_patterns(self.patterns.as_ref(), || Value::resolve(&self.expression, &context))
        }));
        evaluated.unwrap_or_else(|_| Err(ExecutionError::function_error("rule", "panicked")))
    }
}

/// What is wrong with the types in an expression that failed. `None`: it failed for its values. The library's own texts
/// have values in them that nobody wrote.
fn mistyped(error: &ExecutionError) -> Option<String> {
    let operation = |name: &str| match name {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        _ => "%",
    };
    Some(match error {
        ExecutionError::NoSuchOverload => "there is no such operation on values of these types".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => {
            format!("there is no {} of {} and {}", operation(name), left.type_of(), right.type_of())
        }
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments and gets {actual}")
        }
        ExecutionError::MissingArgumentOrTarget => "a function misses what it is about".to_owned(),
        ExecutionError::UndeclaredReference(name) => format!("{name:?} is not known here"),
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} and {} cannot be compared", left.type_of(), right.type_of())
        }
        ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::UnexpectedType { .. } => "a function gets a value of a type that it does not take".to_owned(),
        ExecutionError::UnsupportedKeyType(_)
        | ExecutionError::UnsupportedMapIndex(_)
        | ExecutionError::UnsupportedListIndex(_)
        | ExecutionError::UnsupportedIndex(..) => "what stands in the brackets is of no type for an index".to_owned(),
        ExecutionError::FunctionError { function, message }
            if ["cannot convert", "cannot determine the size", "expected timestamp or duration"]
                .iter()
                .any(|problem| message.starts_with(problem)) =>
        {
            format!("the function {function:?} does not take a value of this type")
        }
        _ => return None,
    })
}

/// Parses on a thread of its own, so that neither the depth of an expression nor a panic of the parser reaches the caller.
fn parse(expression: &str) -> Result<IdedExpr, CelError> {
    if expression.len() > MAX_EXPRESSION_BYTES {
        return Err(CelError::TooLong);
    }
    if brackets(expression) > MAX_BRACKETS {
        return Err(CelError::TooDeep);
    }
    let text = expression.to_owned();
    let work = move || {
        let parsed = Parser::new().parse(&text).map_err(|errors| CelError::Syntax(first_line(&errors)))?;
        if typing::depth(&parsed) > MAX_EXPRESSION_DEPTH { Err(CelError::TooDeep) } else { Ok(parsed) }
    };
    let thread = std::thread::Builder::new().stack_size(PARSER_STACK_BYTES).spawn(work);
    let parsed = thread.map_err(|_| ()).and_then(|thread| thread.join().map_err(drop));
    parsed.map_err(|()| CelError::Syntax("it is no CEL".to_owned()))?
}

/// How deep brackets and signs before a value nest, strings included: rather too many than too few.
fn brackets(expression: &str) -> usize {
    let (mut open, mut deepest, mut signs) = (0_usize, 0, 0);
    for character in expression.chars() {
        match character {
            '(' | '[' | '{' | '?' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        signs = match character {
            '!' | '-' => signs + 1,
            character if character.is_whitespace() => signs,
            _ => 0,
        };
        deepest = deepest.max(open + signs);
    }
    deepest
}

fn first_line(errors: &cel::ParseErrors) -> String {
    let first = errors.errors.first();
    let text = first.map_or_else(|| errors.to_string(), |error| error.msg.clone());
    let at = first.map_or(String::new(), |error| format!(" at its line {}, column {}", error.pos.0, error.pos.1 + 1));
    let line = text.lines().next().unwrap_or_default();
    match line.split_once(" expecting ") {
        Some((before, _)) if before.contains("<EOF>") => format!("it ends too early{at}"),
        // The list of everything that could stand there is long.
        Some((before, _)) => format!("{}{at}", before.trim_start_matches("Syntax error: ")),
        None => format!("{}{at}", line.trim_start_matches("Syntax error: ")),
    }
}
