//! Expressions in CEL, evaluated with a bounded amount of work.
//!
//! CEL always ends, but not always soon: loops nest, and values double. A text, its nesting and its loops are limited when
//! it is parsed. What is left is metered while it runs: the parsed expression is rewritten so that every loop pays for its
//! turns, and every operand for its size, out of a budget. What has used its budget up is ended by unwinding, because an
//! error could be caught by the expression itself: in CEL `error || true` is true.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::{
    Context, Env, ExecutionError, FunctionContext, IdedExpr, Program, Value,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
        types::{CelBool, CelBytes, CelInt, CelList, CelMap, CelString},
        value::{CowVal, Val},
    },
    objects::{Key, Map as CelObject},
};
use regex::RegexBuilder;
use serde_json::{Map, Number, Value as Json};

/// The most characters of an expression.
pub const EXPRESSION_MAX_CHARS: usize = 2_000;

/// How deep an expression nests.
const MAX_DEPTH: usize = 40;
/// Opening brackets, wherever they stand: no more than that can be open at once.
const MAX_BRACKETS: usize = 100;
/// Parser and interpreter recurse, and take up to 150 and 100 KiB for a level where they are not optimised. Only what is
/// used of a stack becomes memory.
const PARSER_STACK: usize = 16 * 1024 * 1024;
const INTERPRETER_STACK: usize = 8 * 1024 * 1024;
/// How deep loops (`all`, `exists`, `exists_one`, `map`, `filter`) nest.
const MAX_LOOP_DEPTH: usize = 3;
/// What an evaluation may cost: about a unit for each step of a loop, and for each value that is looked at.
const BUDGET: u64 = 500_000;
/// What it costs to compile a regular expression, beyond its length.
const REGEX_COST: u64 = 2_000;
/// The size of a compiled regular expression, in bytes.
const REGEX_SIZE: usize = 64 * 1024;
/// The accumulator of loops; no expression can name it.
const ACCUMULATOR: &str = "@result";
const PAY: &str = "@pay";
const PAY_TURNS: &str = "@payTurns";
const MATCHES: &str = "matches";
/// What is said where the interpreter itself failed.
const BROKEN: &str = "the expression cannot be evaluated";

/// The functions that an expression may call, operators and macros aside.
const FUNCTIONS: [&str; 27] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "matches",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// What `type(x)` can be compared with.
const TYPES: [&str; 9] = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"];

/// The types and functions of the language. Its regular expressions are ours, which are bounded.
static STANDARD: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// An expression that was found sound.
#[derive(Debug)]
pub struct Expression {
    text: String,
    metered: IdedExpr,
}

/// Why an evaluation gave no value, in a sentence that repeats nothing of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// Ends an evaluation whose budget is used up.
struct Exhausted;

/// A function of the language that is written here.
type Native = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

impl Expression {
    /// Parses an expression over those variables; an error says what is wrong with it.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an expression must not be blank".to_owned());
        }
        let chars = text.chars().count();
        if chars > EXPRESSION_MAX_CHARS {
            return Err(format!(
                "an expression has up to {EXPRESSION_MAX_CHARS} characters, but this has {chars}"
            ));
        }
        if text.chars().filter(|character| "([{".contains(*character)).count() > MAX_BRACKETS {
            return Err(format!("an expression has up to {MAX_BRACKETS} opening brackets"));
        }
        let parse = || {
            let program = Program::compile(text).map_err(|errors| {
                let first = errors.errors.first().map_or("", |error| error.msg.as_str());
                format!("the expression is no CEL: {first}")
            })?;
            let mut check =
                Check { scope: variables.iter().map(|name| (*name).to_owned()).collect(), loops: 0 };
            check.expr(program.expression(), 0)?;
            Ok(Self { text: text.to_owned(), metered: metered(program.expression().clone()) })
        };
        stacker::grow(PARSER_STACK, parse)
    }

    /// Its value for a document whose members are the variables.
    pub fn evaluate(&self, document: &Map<String, Json>) -> Result<Json, Failure> {
        let budget = Budget(Arc::new(AtomicU64::new(BUDGET)));
        let evaluate = || {
            let mut context = Context::with_env(Arc::clone(&STANDARD));
            for (name, value) in document {
                context.add_variable_from_value(name.as_str(), cel_value(value));
            }
            for (name, function) in natives(&budget) {
                context.add_function(name, function).map_err(|_| Failure(BROKEN.to_owned()))?;
            }
            let value = context.resolve(&self.metered).map_err(|error| self.explain(&error))?;
            json(&value)
        };
        match panic::catch_unwind(AssertUnwindSafe(|| stacker::grow(INTERPRETER_STACK, evaluate))) {
            Ok(result) => result,
            Err(payload) if payload.is::<Exhausted>() => Err(Failure(
                "the expression takes too long: it goes over large lists too often, or makes too large values".to_owned(),
            )),
            Err(_) => Err(Failure(BROKEN.to_owned())),
        }
    }

    fn explain(&self, error: &ExecutionError) -> Failure {
        // A key may come out of the document; one that stands in the expression does not.
        let known = |name: &str| self.text.contains(name);
        Failure(match error {
            ExecutionError::NoSuchKey(name) if known(name) => {
                format!("there is no {name}; has() tells whether there is")
            }
            ExecutionError::NoSuchKey(_) => "there is no such key; has() tells whether there is".to_owned(),
            ExecutionError::NoSuchOverload(error) => error.to_string(),
            ExecutionError::UnexpectedType { got, want } => format!("{want} is expected, but there is {got}"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "a number is divided by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number is out of range".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "a list is not that long".to_owned(),
            ExecutionError::FunctionError { function, .. } => {
                format!("{function}() was given a value that it does not take")
            }
            _ => "an operator was given values that it does not take".to_owned(),
        })
    }
}

/// What an expression may refer to, and how deep it is.
struct Check {
    scope: Vec<String>,
    loops: usize,
}

impl Check {
    fn expr(&mut self, expr: &IdedExpr, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("the expression nests deeper than {MAX_DEPTH} levels"));
        }
        let depth = depth + 1;
        match &expr.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) if name == ACCUMULATOR || self.scope.contains(name) => Ok(()),
            Expr::Ident(name) if TYPES.contains(&name.as_str()) => Ok(()),
            Expr::Ident(name) => {
                Err(format!("there is no variable {name:?}; there are {}", self.scope.join(", ")))
            }
            Expr::Select(select) => self.expr(&select.operand, depth),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.expr(element, depth)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expr(&entry.key, depth)?;
                    self.expr(&entry.value, depth)
                }
                EntryExpr::StructField(_) => Err("messages are not supported; use a map".to_owned()),
            }),
            Expr::Call(call) => {
                if !is_operator(&call.func_name) && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(format!("there is no function {:?}", call.func_name));
                }
                call.target.iter().try_for_each(|target| self.expr(target, depth))?;
                call.args.iter().try_for_each(|arg| self.expr(arg, depth))
            }
            Expr::Comprehension(turn) => self.turn(turn, depth),
            Expr::Struct(_) => Err("messages are not supported; use a map".to_owned()),
            Expr::Unspecified => Err("the expression is not complete".to_owned()),
        }
    }

    fn turn(&mut self, turn: &ComprehensionExpr, depth: usize) -> Result<(), String> {
        self.expr(&turn.iter_range, depth)?;
        self.expr(&turn.accu_init, depth)?;
        self.loops += 1;
        if self.loops > MAX_LOOP_DEPTH {
            return Err(format!("the loops of an expression nest up to {MAX_LOOP_DEPTH} deep"));
        }
        let outer = self.scope.len();
        self.scope.push(turn.iter_var.clone());
        self.scope.extend(turn.iter_var2.clone());
        for part in [&turn.loop_cond, &turn.loop_step, &turn.result] {
            self.expr(part, depth)?;
        }
        self.scope.truncate(outer);
        self.loops -= 1;
        Ok(())
    }
}

/// Operators have names that no expression can write.
fn is_operator(name: &str) -> bool {
    name.starts_with(|first: char| !first.is_ascii_alphabetic())
}

/// The expression with every loop and every operand paying.
fn metered(expr: IdedExpr) -> IdedExpr {
    let IdedExpr { id, expr } = expr;
    let expr = match expr {
        Expr::Call(mut call) => {
            let appends = call.func_name == operators::ADD && call.args.first().is_some_and(is_accumulator);
            // These look at truth values only.
            let logical = [
                operators::LOGICAL_AND,
                operators::LOGICAL_OR,
                operators::LOGICAL_NOT,
                operators::CONDITIONAL,
                operators::NOT_STRICTLY_FALSE,
            ];
            let pays = if appends || logical.contains(&call.func_name.as_str()) { metered } else { paying };
            call.target = call.target.map(|target| Box::new(pays(*target)));
            call.args = call.args.into_iter().map(pays).collect();
            Expr::Call(call)
        }
        Expr::Comprehension(turn) => {
            let turn = *turn;
            let weight = i64::try_from(nodes(&turn.loop_cond) + nodes(&turn.loop_step)).unwrap_or(i64::MAX);
            let weight = IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(weight.into())) };
            Expr::Comprehension(Box::new(ComprehensionExpr {
                iter_range: call(id, PAY_TURNS, vec![metered(turn.iter_range), weight]),
                accu_init: metered(turn.accu_init),
                loop_cond: metered(turn.loop_cond),
                loop_step: metered(turn.loop_step),
                result: metered(turn.result),
                ..turn
            }))
        }
        Expr::List(mut list) => {
            list.elements = list.elements.into_iter().map(paying).collect();
            Expr::List(list)
        }
        Expr::Map(mut map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    entry.key = paying(std::mem::take(&mut entry.key));
                    entry.value = paying(std::mem::take(&mut entry.value));
                }
            }
            Expr::Map(map)
        }
        Expr::Select(mut select) => {
            select.operand = Box::new(metered(*select.operand));
            Expr::Select(select)
        }
        leaf @ (Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified) => leaf,
    };
    IdedExpr { id, expr }
}

/// The same, paying for the size of its value.
fn paying(expr: IdedExpr) -> IdedExpr {
    let id = expr.id;
    match expr.expr {
        Expr::Literal(_) => expr,
        _ if is_accumulator(&expr) => expr,
        _ => call(id, PAY, vec![metered(expr)]),
    }
}

fn call(id: u64, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

fn is_accumulator(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::Ident(name) if name == ACCUMULATOR)
}

/// How many parts an expression has.
fn nodes(expr: &IdedExpr) -> usize {
    1 + match &expr.expr {
        Expr::Call(call) => call.args.iter().chain(call.target.as_deref()).map(nodes).sum(),
        Expr::List(list) => list.elements.iter().map(nodes).sum(),
        Expr::Select(select) => nodes(&select.operand),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => nodes(&entry.key) + nodes(&entry.value),
                EntryExpr::StructField(field) => nodes(&field.value),
            })
            .sum(),
        // What a loop within costs it pays itself.
        Expr::Comprehension(turn) => nodes(&turn.iter_range),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => 0,
    }
}

/// What an evaluation has left to spend.
#[derive(Clone)]
struct Budget(Arc<AtomicU64>);

impl Budget {
    fn spend(&self, cost: u64) {
        let left = self.0.load(Ordering::Relaxed);
        match left.checked_sub(cost) {
            Some(left) => self.0.store(left, Ordering::Relaxed),
            None => panic::resume_unwind(Box::new(Exhausted)),
        }
    }

    /// Spends the size of a value, counting no further than there is something to spend.
    fn spend_size(&self, value: &dyn Val) {
        self.spend(1);
        if let Some(text) = value.downcast_ref::<CelString>() {
            self.spend(units(text.inner().len()));
        } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
            self.spend(units(bytes.inner().len()));
        } else if let Some(list) = value.downcast_ref::<CelList>() {
            list.inner().iter().for_each(|member| self.spend_size(member.as_ref()));
        } else if let Some(map) = value.downcast_ref::<CelMap>() {
            for (key, member) in map.inner() {
                self.spend_size(key.inner());
                self.spend_size(member.as_ref());
            }
        }
    }
}

/// What that many bytes cost.
fn units(bytes: usize) -> u64 {
    u64::try_from(bytes / 16).unwrap_or(u64::MAX)
}

/// The functions that are ours.
fn natives(budget: &Budget) -> [(&'static str, Native); 3] {
    let (operand, turns, pattern) = (budget.clone(), budget.clone(), budget.clone());
    let missing = ExecutionError::missing_argument_or_target;
    [
        (
            PAY,
            Box::new(move |call| {
                let value = call.args.pop().ok_or_else(missing)?;
                operand.spend_size(value.as_ref());
                Ok(value)
            }),
        ),
        (
            PAY_TURNS,
            Box::new(move |call| {
                let weight = call.args.pop().ok_or_else(missing)?;
                let range = call.args.pop().ok_or_else(missing)?;
                let weight = weight.downcast_ref::<CelInt>().map_or(1, |weight| *weight.inner());
                let turns_of = range.as_sizer().map_or(0, |sizer| *sizer.size().inner());
                // Each member is copied for its turn.
                turns.spend_size(range.as_ref());
                turns.spend(u64::try_from(turns_of.saturating_mul(weight)).unwrap_or(u64::MAX));
                Ok(range)
            }),
        ),
        (
            MATCHES,
            Box::new(move |call| {
                let expression = call.args.pop().ok_or_else(missing)?;
                let text = call.this.take().or_else(|| call.args.pop()).ok_or_else(missing)?;
                let texts = (text.downcast_ref::<CelString>(), expression.downcast_ref::<CelString>());
                let (Some(text), Some(expression)) = texts else {
                    return Err(call.error("texts are expected"));
                };
                pattern.spend(REGEX_COST + units(expression.inner().len()) + units(text.inner().len()));
                let regex = RegexBuilder::new(expression.inner()).size_limit(REGEX_SIZE).build();
                let found = regex.map_err(|error| call.error(error))?.is_match(text.inner());
                Ok(CowVal::owned(CelBool::from(found)))
            }),
        ),
    ]
}

fn cel_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(
            || number.as_u64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::UInt),
            Value::Int,
        ),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(members) => Value::List(Arc::new(members.iter().map(cel_value).collect())),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| (Key::from(key.as_str()), cel_value(value)));
            Value::Map(CelObject { map: Arc::new(members.collect()) })
        }
    }
}

fn json(value: &Value) -> Result<Json, Failure> {
    let number = |number: Option<Number>| {
        number
            .map(Json::Number)
            .ok_or_else(|| Failure("the expression gave a number that JSON does not have".to_owned()))
    };
    match value {
        Value::Null => Ok(Json::Null),
        Value::Bool(value) => Ok(Json::Bool(*value)),
        Value::Int(value) => number(Some((*value).into())),
        Value::UInt(value) => number(Some((*value).into())),
        Value::Float(value) => number(Number::from_f64(*value)),
        Value::String(text) => Ok(Json::String(text.to_string())),
        Value::Timestamp(time) => Ok(Json::String(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))),
        Value::List(members) => members.iter().map(json).collect::<Result<_, _>>().map(Json::Array),
        Value::Map(object) => {
            let members = object.map.iter().map(|(key, value)| Ok((key.to_string(), json(value)?)));
            members.collect::<Result<_, _>>().map(Json::Object)
        }
        other => Err(Failure(format!("the expression gave a {}, which JSON does not have", other.type_of()))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::unreachable)]
mod tests;
