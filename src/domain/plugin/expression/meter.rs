//! An expression that pays while it runs: every loop for its turns, and every operand for its size.

use cel::{
    ExecutionError, FunctionContext, IdedExpr,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
        types::{CelBool, CelInt, CelString},
        value::CowVal,
    },
};
use regex::RegexBuilder;

use super::{ACCUMULATOR, budget::Budget};

/// What it costs to compile a regular expression, beyond its length.
const REGEX_COST: u64 = 2_000;
/// The size of a compiled regular expression, in bytes.
const REGEX_SIZE: usize = 64 * 1024;
const PAY: &str = "@pay";
const PAY_TURNS: &str = "@payTurns";
const MATCHES: &str = "matches";

/// A function of the language that is written here.
type Native = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

/// The expression with every loop and every operand paying.
pub(super) fn metered(expr: IdedExpr) -> IdedExpr {
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

/// The functions that are ours.
pub(super) fn natives(budget: &Budget) -> [(&'static str, Native); 3] {
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
                pattern.spend(REGEX_COST);
                pattern.spend_bytes(expression.inner().len() + text.inner().len());
                let regex = RegexBuilder::new(expression.inner()).size_limit(REGEX_SIZE).build();
                let found = regex.map_err(|error| call.error(error))?.is_match(text.inner());
                Ok(CowVal::owned(CelBool::from(found)))
            }),
        ),
    ]
}
