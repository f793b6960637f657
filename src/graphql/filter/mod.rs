//! What callers write to filter and sort lists, on its way to what the store reads. Everything that is wrong with it is
//! found at once, each with its path.

mod attribute;
mod field;
mod phone;
mod sort;

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, Error};

use super::{context::ContextExt, error, guard};
use crate::{
    access::{Lacking, right::PiiRead},
    domain::{
        attribute::Owner,
        problem::{Code, Found, Path, Problem, Problems},
        value::echo,
    },
    secret::Keyring,
    store::{
        Tenant,
        attribute::{Definitions, Known},
        list::{Filter, List, Listed},
    },
};

pub use attribute::AttributeFilter;
pub use field::{
    BooleanFilter, DateTimeFilter, DirectionFilter, FieldFilter, IdFilter, OrderIds, OutcomeFilter,
    PhaseFilter, StringFilter, WorkOrderIds, WorkOrderTypeFilter,
};
pub use phone::PhoneFilter;
pub use sort::{Sort, SortDirection};

/// How deep filters may be nested in each other.
const MAX_DEPTH: usize = 5;
/// How long a list in a filter may be.
const MAX_LIST: usize = 100;
/// How many conditions a filter may have in all; a statement has no room for any number of values.
const MAX_CONDITIONS: usize = 200;

/// What a caller writes to choose members of a list.
pub trait Where: Sized {
    /// The list's table.
    type Table: Listed;

    /// Reads it; it stands at `at`, and the filters in it may be `depth` deep.
    fn read(self, at: &Path, depth: usize, reading: &mut Reading) -> Filter<Self::Table>;
}

/// The filters that are nested in a filter.
#[derive(Debug)]
pub struct Nested<W> {
    /// All of these.
    pub and: Option<Vec<W>>,
    /// One of these.
    pub or: Option<Vec<W>>,
    /// Not this.
    pub not: Option<Box<W>>,
}

/// Reads filters and sort keys, and collects what is wrong with them.
#[derive(Debug)]
pub struct Reading {
    definitions: Arc<Definitions>,
    found: Found,
    conditions: usize,
    phones: Phones,
    /// What the caller may not filter by, though it tried.
    forbidden: Option<(Path, Lacking)>,
}

/// Whether orders can be found by phone numbers.
#[derive(Debug)]
enum Phones {
    /// They can, with these keys.
    Allowed(Arc<Keyring>, Tenant),
    /// The caller may not, for want of that.
    Forbidden(Lacking),
    /// Not here.
    Elsewhere,
}

/// Reads what a list's arguments ask for.
pub async fn list<W: Where, S: Sort<Table = W::Table>>(
    ctx: &Context<'_>,
    filter: Option<W>,
    order_by: Option<Vec<S>>,
) -> Result<List<W::Table>, Error> {
    if filter.is_none() && order_by.is_none() {
        // Most lists are like this, and need no definitions.
        return Ok(List::new(Filter::All(Vec::new()), Vec::new()));
    }
    let mut reading = Reading::begin(ctx).await?;
    let caller = ctx.caller()?;
    reading.phones = match caller.grant::<PiiRead>() {
        Ok(granted) => Phones::Allowed(Arc::clone(&ctx.app()?.keyring), granted.tenant.clone()),
        Err(lacking) => Phones::Forbidden(lacking),
    };
    let filter = reading.filter(filter);
    let keys = sort::read(order_by.unwrap_or_default(), &Path::root().field("orderBy"), &mut reading);
    reading.end(ctx, List::new(filter, keys))
}

/// Reads the argument `where` of what is no list of its own.
pub async fn filter<W: Where>(ctx: &Context<'_>, filter: W) -> Result<Filter<W::Table>, Error> {
    let mut reading = Reading::begin(ctx).await?;
    let filter = reading.filter(Some(filter));
    reading.end(ctx, filter)
}

impl Reading {
    async fn begin(ctx: &Context<'_>) -> Result<Self, Error> {
        let definitions = ctx.app()?.definitions(ctx.caller()?).await.map_err(|fault| ctx.fault(fault))?;
        Ok(Self {
            definitions,
            found: Found::new(),
            conditions: 0,
            phones: Phones::Elsewhere,
            forbidden: None,
        })
    }

    fn end<T>(self, ctx: &Context<'_>, value: T) -> Result<T, Error> {
        if let Some((at, lacking)) = self.forbidden {
            return Err(guard::lacks(at, lacking));
        }
        self.found.or(value).map_err(|problems: Problems| error::bad_arguments(ctx, problems))
    }

    fn filter<W: Where>(&mut self, filter: Option<W>) -> Filter<W::Table> {
        let at = Path::root().field("where");
        let filter = filter.map(|filter| filter.read(&at, MAX_DEPTH, self));
        if self.conditions > MAX_CONDITIONS {
            let message = format!(
                "a filter may have up to {MAX_CONDITIONS} conditions, but this has {}",
                self.conditions
            );
            self.found.push(Problem::new(Code::LimitExceeded, &at, message));
        }
        filter.unwrap_or(Filter::All(Vec::new()))
    }

    /// What it takes to find orders by phone numbers; if that cannot be, says so.
    fn phones(&mut self, at: &Path) -> Option<(Arc<Keyring>, Tenant)> {
        self.conditions += 1;
        match &self.phones {
            Phones::Allowed(keyring, tenant) => return Some((Arc::clone(keyring), tenant.clone())),
            Phones::Forbidden(lacking) => self.forbidden = Some((at.clone(), *lacking)),
            Phones::Elsewhere => self.refuse(at, "phone numbers find orders in lists only"),
        }
        None
    }

    /// Notes something that is wrong.
    pub fn refuse(&mut self, at: &Path, message: impl Into<String>) {
        self.found.push(Problem::invalid(at, message));
    }

    /// What was found so far.
    pub const fn found(&mut self) -> &mut Found {
        &mut self.found
    }

    /// The tests of a column whose filter is called `name`.
    pub fn column<E: Listed>(
        &mut self,
        column: E::Column,
        (name, filter): (&str, Option<impl FieldFilter>),
        at: &Path,
    ) -> Vec<Filter<E>> {
        let Some(filter) = filter else { return Vec::new() };
        let tests = filter.read(&at.field(name), self);
        self.conditions += tests.len();
        tests.into_iter().map(|test| Filter::Column(column, test)).collect()
    }

    /// The test of an attribute.
    pub fn attribute<E: Listed>(
        &mut self,
        owner: Owner,
        filter: Option<AttributeFilter>,
        at: &Path,
    ) -> Option<Filter<E>> {
        let filter = filter?;
        self.conditions += 1;
        let (attribute, test) = filter.read(owner, &at.field("attribute"), self)?;
        Some(Filter::Attribute(attribute, test))
    }

    /// The filters that are nested in one that stands at `at`.
    pub fn nested<W: Where>(&mut self, nested: Nested<W>, at: &Path, depth: usize) -> Vec<Filter<W::Table>> {
        let Nested { and, or, not } = nested;
        let and = and.map(|all| Filter::All(self.each(all, &at.field("and"), depth)));
        let or = or.map(|any| Filter::Any(self.each(any, &at.field("or"), depth)));
        let not = not.map(|filter| Filter::Not(Box::new(self.below(*filter, &at.field("not"), depth))));
        and.into_iter().chain(or).chain(not).collect()
    }

    /// A filter that stands in another one.
    pub fn below<W: Where>(&mut self, filter: W, at: &Path, depth: usize) -> Filter<W::Table> {
        self.conditions += 1;
        if let Some(depth) = depth.checked_sub(1) {
            filter.read(at, depth, self)
        } else {
            let message = format!("filters may be nested up to {MAX_DEPTH} deep");
            self.found.push(Problem::new(Code::LimitExceeded, at, message));
            Filter::All(Vec::new())
        }
    }

    fn each<W: Where>(&mut self, filters: Vec<W>, at: &Path, depth: usize) -> Vec<Filter<W::Table>> {
        let filters = self.limited(filters, at);
        let each = filters.into_iter().enumerate();
        each.map(|(index, filter)| self.below(filter, &at.index(index), depth)).collect()
    }

    /// The members of a list in a filter; none of them if they are too many.
    fn limited<T>(&mut self, members: Vec<T>, at: &Path) -> Vec<T> {
        if members.len() <= MAX_LIST {
            return members;
        }
        let message =
            format!("a list in a filter holds up to {MAX_LIST} members, but this has {}", members.len());
        self.found.push(Problem::new(Code::LimitExceeded, at, message));
        Vec::new()
    }

    /// A text that can be compared with.
    fn text(&mut self, text: String, at: &Path) -> String {
        // PostgreSQL refuses such a text, even to compare with it.
        if text.contains('\0') {
            self.refuse(at, "must not contain a NUL character");
        }
        text
    }

    /// The definition of an attribute by which lists can be filtered and sorted now; if it is not so, says what to do.
    fn indexed(&mut self, owner: Owner, key: &str, at: &Path) -> Option<Known> {
        let definitions = Arc::clone(&self.definitions);
        let Some(known) = definitions.of(owner).get(key) else {
            let of = match owner {
                Owner::Order => "orders",
                Owner::WorkOrder => "work orders",
            };
            let message = format!(
                "there is no attribute {} of {of}: define it with attributeDefinitionCreate, or use another key",
                echo(key)
            );
            self.refuse(at, message);
            return None;
        };
        if known.is_ready() {
            return Some(known.clone());
        }
        let (id, row) = (known.row.id, &known.row);
        let message = if !known.rule.kind.is_ordered() {
            format!(
                "the attribute {key} ({id}) is of the type {}, by which lists cannot be filtered or sorted",
                known.rule.kind.as_str()
            )
        } else if row.indexed {
            format!(
                "the index of the attribute {key} ({id}) is still being built: watch indexProgress of its definition, \
                 and try again"
            )
        } else {
            format!(
                "the attribute {key} is not indexed: set indexed of its definition {id} with attributeDefinitionUpdate"
            )
        };
        self.refuse(at, message);
        None
    }
}

/// Checks that exactly one of some things was given; `names` are those that were.
fn exactly_one(names: &BTreeSet<&str>, of: &str, at: &Path, reading: &mut Reading) -> bool {
    if names.len() == 1 {
        return true;
    }
    let given: Vec<_> = names.iter().copied().collect();
    let given = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
    reading.refuse(at, format!("must have exactly one of {of}, not {given}"));
    false
}
