//! Whether an expression refers to what there is, and how deep it nests.

use cel::{
    IdedExpr,
    common::ast::{ComprehensionExpr, EntryExpr, Expr},
};

use super::ACCUMULATOR;

/// How deep an expression nests.
const MAX_DEPTH: usize = 40;
/// How deep loops (`all`, `exists`, `exists_one`, `map`, `filter`) nest.
const MAX_LOOP_DEPTH: usize = 3;

/// The functions that an expression may call, operators and macros aside.
pub(super) const FUNCTIONS: [&str; 27] = [
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

/// How deep an expression over those variables nests; an error says what is wrong with it.
pub(super) fn depth_of(expr: &IdedExpr, variables: &[&str]) -> Result<usize, String> {
    let scope = variables.iter().map(|name| (*name).to_owned()).collect();
    let mut check = Check { scope, loops: 0, deepest: 0 };
    check.expr(expr, 0)?;
    Ok(check.deepest)
}

/// What an expression may refer to, and how deep it is.
struct Check {
    scope: Vec<String>,
    loops: usize,
    deepest: usize,
}

impl Check {
    fn expr(&mut self, expr: &IdedExpr, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("the expression nests deeper than {MAX_DEPTH} levels"));
        }
        self.deepest = self.deepest.max(depth);
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
