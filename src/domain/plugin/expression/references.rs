//! What an expression looks at of its variables, found when it is parsed: `order.type` is a reference to a member, and
//! `order.workOrders.all(w, w.status == "X")` to one member of each element of a list. So nothing else has to be made.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::{
        ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators},
        types::CelString,
    },
};
use serde_json::Value as Json;

/// Part of a variable that an expression looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The variable.
    pub variable: String,
    /// Its member; none where the variable is used as a whole.
    pub member: Option<String>,
    /// Where the member is a list: what is looked at of its elements.
    pub elements: Elements,
}

/// What an expression looks at of the elements of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Elements {
    /// Everything.
    Whole,
    /// Some of their members.
    Members(BTreeSet<String>),
}

impl Elements {
    /// Whether this member is looked at.
    pub fn include(&self, member: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Members(members) => members.contains(member),
        }
    }
}

impl Reference {
    /// What is looked at of the value that the reference leads to; none for all of it.
    pub(super) fn part_of(&self, value: &Json) -> Option<Json> {
        let (Elements::Members(_), Json::Array(elements)) = (&self.elements, value) else { return None };
        let part = |element: &Json| match element {
            Json::Object(members) => {
                let members = members.iter().filter(|(name, _)| self.elements.include(name));
                Json::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            other => other.clone(),
        };
        Some(Json::Array(elements.iter().map(part).collect()))
    }
}

/// A name that stands for a reference, by its index. No expression can write such names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    /// The value.
    Value(usize),
    /// Whether there is one: `has()`.
    Presence(usize),
}

impl Name {
    pub(super) fn parse(name: &str) -> Option<Self> {
        if let Some(index) = name.strip_prefix('@') {
            return index.parse().ok().map(Self::Value);
        }
        name.strip_prefix('?')?.parse().ok().map(Self::Presence)
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Value(index) | Self::Presence(index) => index,
        }
    }

    fn expr(self) -> Expr {
        Expr::Ident(match self {
            Self::Value(index) => format!("@{index}"),
            Self::Presence(index) => format!("?{index}"),
        })
    }
}

/// The expression with names for what it looks at of its variables, and what those names stand for.
pub(super) fn referring(expr: IdedExpr, variables: &[&str]) -> (IdedExpr, Vec<Reference>) {
    let scope = variables.iter().map(|name| ((*name).to_owned(), Binding::Variable)).collect();
    let mut rewriter = Rewriter { scope, references: Vec::new() };
    let expr = rewriter.expr(expr);
    (expr, rewriter.references)
}

/// What a name stands for where an expression uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    /// A variable.
    Variable,
    /// An element of the list of that reference.
    Element(usize),
    /// Something that is made while the expression is evaluated.
    Made,
}

struct Rewriter {
    /// The innermost last.
    scope: Vec<(String, Binding)>,
    references: Vec<Reference>,
}

impl Rewriter {
    fn binding(&self, name: &str) -> Option<Binding> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, binding)| *binding)
    }

    /// A new reference.
    fn add(&mut self, (variable, member): (String, Option<String>), elements: Elements) -> usize {
        self.references.push(Reference { variable, member, elements });
        self.references.len() - 1
    }

    /// A reference that may be there already.
    fn refer(&mut self, place: (String, Option<String>), elements: Elements) -> usize {
        let same = |known: &Reference| {
            known.variable == place.0 && known.member == place.1 && known.elements == elements
        };
        let known = self.references.iter().position(same);
        known.unwrap_or_else(|| self.add(place, elements))
    }

    /// Variable and member, where an expression is just a member of a variable.
    fn member_of(&self, expr: &IdedExpr) -> Option<(String, Option<String>)> {
        let (operand, field) = match &expr.expr {
            Expr::Select(select) if !select.test => (select.operand.as_ref(), select.field.as_str()),
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. }] => {
                    (operand, CelString::inner(field))
                }
                _ => return None,
            },
            _ => return None,
        };
        let Expr::Ident(name) = &operand.expr else { return None };
        let is_variable = self.binding(name) == Some(Binding::Variable);
        is_variable.then(|| (name.clone(), Some(field.to_owned())))
    }

    fn expr(&mut self, IdedExpr { id, expr }: IdedExpr) -> IdedExpr {
        let whole = IdedExpr { id, expr };
        if let Some(place) = self.member_of(&whole) {
            return IdedExpr { id, expr: Name::Value(self.refer(place, Elements::Whole)).expr() };
        }
        let expr = match whole.expr {
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(mut call) => {
                let counted = match (&call.target, call.args.as_slice()) {
                    (Some(list), []) => self.member_of(list),
                    (None, [list]) => self.member_of(list),
                    _ => None,
                };
                if let Some(place) = counted.filter(|_| call.func_name == "size") {
                    let list = Name::Value(self.refer(place, Elements::Members(BTreeSet::new()))).expr();
                    (call.target, call.args) = (None, vec![IdedExpr { id, expr: list }]);
                } else {
                    call.target = call.target.map(|target| Box::new(self.expr(*target)));
                    call.args = call.args.into_iter().map(|arg| self.expr(arg)).collect();
                }
                Expr::Call(call)
            }
            Expr::Comprehension(turn) => Expr::Comprehension(Box::new(self.turn(*turn))),
            Expr::List(mut list) => {
                list.elements = list.elements.into_iter().map(|element| self.expr(element)).collect();
                Expr::List(list)
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        entry.key = self.expr(std::mem::take(&mut entry.key));
                        entry.value = self.expr(std::mem::take(&mut entry.value));
                    }
                }
                Expr::Map(map)
            }
            leaf @ (Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified) => leaf,
        };
        IdedExpr { id, expr }
    }

    /// A name by itself: whatever it stands for is looked at as a whole.
    fn ident(&mut self, name: String) -> Expr {
        match self.binding(&name) {
            Some(Binding::Variable) => Name::Value(self.refer((name, None), Elements::Whole)).expr(),
            Some(Binding::Element(list)) => {
                if let Some(list) = self.references.get_mut(list) {
                    list.elements = Elements::Whole;
                }
                Expr::Ident(name)
            }
            Some(Binding::Made) | None => Expr::Ident(name),
        }
    }

    fn select(&mut self, mut select: SelectExpr) -> Expr {
        match &mut select.operand.expr {
            Expr::Ident(name) => match self.binding(name) {
                // Anything else of a variable than whether a member is there was seen before.
                Some(Binding::Variable) => {
                    let place = (std::mem::take(name), Some(select.field));
                    return Name::Presence(self.refer(place, Elements::Members(BTreeSet::new()))).expr();
                }
                Some(Binding::Element(list)) => {
                    self.look_at(list, &select.field);
                    return Expr::Select(select);
                }
                Some(Binding::Made) | None => {}
            },
            // One member of one element.
            Expr::Call(call) if call.func_name == operators::INDEX => {
                if let [list, index] = call.args.as_mut_slice()
                    && let Some(place) = self.member_of(list)
                {
                    let elements = Elements::Members(BTreeSet::from([select.field.clone()]));
                    list.expr = Name::Value(self.refer(place, elements)).expr();
                    *index = self.expr(std::mem::take(index));
                    return Expr::Select(select);
                }
            }
            _ => {}
        }
        select.operand = Box::new(self.expr(*select.operand));
        Expr::Select(select)
    }

    fn look_at(&mut self, list: usize, member: &str) {
        if let Some(Reference { elements: Elements::Members(members), .. }) = self.references.get_mut(list) {
            members.insert(member.to_owned());
        }
    }

    fn turn(&mut self, turn: ComprehensionExpr) -> ComprehensionExpr {
        let place = self.member_of(&turn.iter_range).filter(|_| turn.iter_var2.is_none());
        let (iter_range, element) = match place {
            Some(place) => {
                // Not one that is there already: what is looked at of the elements is only found out below.
                let list = self.add(place, Elements::Members(BTreeSet::new()));
                let id = turn.iter_range.id;
                (IdedExpr { id, expr: Name::Value(list).expr() }, Binding::Element(list))
            }
            None => (self.expr(turn.iter_range), Binding::Made),
        };
        let accu_init = self.expr(turn.accu_init);
        let outer = self.scope.len();
        self.scope.push((turn.iter_var.clone(), element));
        self.scope.extend(turn.iter_var2.clone().map(|name| (name, Binding::Made)));
        let loop_cond = self.expr(turn.loop_cond);
        let loop_step = self.expr(turn.loop_step);
        let result = self.expr(turn.result);
        self.scope.truncate(outer);
        ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, ..turn }
    }
}
