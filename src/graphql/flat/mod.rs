//! Objects of which only columns are asked go from the store's rows into the answer as they are.
//!
//! Between a row and its JSON stand, elsewhere, a model of some 25 fields, a task for each field that is asked for and
//! a map of what they answer. For what asks for columns only, as most lists do, a [`Shape`] names the columns to read
//! and the text to write between them; nothing else is read, made or kept. Whatever cannot be had so has no shape, and
//! the executor answers it. `tests/it/order/written.rs` compares both ways.

mod answer;
mod list;
mod template;

use async_graphql::SelectionField;
use sea_orm::{DbErr, IdenStatic};

pub use self::{answer::Answer, list::ListShape, template::Template};
use super::{quick::Writer, scalar::DateTime};
use crate::store::Part;

/// How a column looks in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// An id with this prefix.
    Id(&'static str),
    /// Text of any kind.
    Text,
    /// Text that needs no escaping: the name of an enum's value.
    Name,
    /// JSON.
    Json,
    /// A whole number.
    Int,
    /// Yes or no.
    Flag,
    /// An instant.
    Instant,
}

/// An object whose row's columns can be written as they are.
pub trait Flat {
    /// The object's name in the schema.
    const TYPE: &'static str;
    /// Its table's columns.
    type Column: IdenStatic;

    /// The column that a field shows, and how; none for a field that takes more than that.
    fn column(field: &str) -> Option<(Self::Column, Look)>;
}

/// What is asked of an object, if that is columns and at most one list below it.
#[derive(Debug)]
pub struct Shape<T: Flat> {
    columns: Vec<T::Column>,
    template: Template<Hole>,
}

#[derive(Debug)]
enum Hole {
    /// What stands in the row at this place.
    Cell(usize, Look),
    /// What is below.
    Below,
}

impl<T: Flat> Shape<T> {
    /// The shape of what `selection` asks for. The columns `first` are read in any case, at the first places. `below`
    /// says whether it can give a field that is no column.
    pub fn of<'a>(
        selection: impl Iterator<Item = SelectionField<'a>>,
        first: &[T::Column],
        mut below: impl FnMut(&SelectionField<'a>) -> bool,
    ) -> Option<Self> {
        let mut columns = first.to_vec();
        let template = Template::of(selection, T::TYPE, |field| {
            let Some((column, look)) = T::column(field.name()) else {
                return below(field).then_some(Hole::Below);
            };
            let place =
                columns.iter().position(|other| other.as_str() == column.as_str()).unwrap_or(columns.len());
            if place == columns.len() {
                columns.push(column);
            }
            Some(Hole::Cell(place, look))
        })?;
        Some(Self { columns, template })
    }

    /// The columns to read, in the order in which [`Shape::write`] takes them.
    pub fn columns(&self) -> &[T::Column] {
        &self.columns
    }

    /// Writes an object; `below` writes what is below it.
    pub fn write(
        &self,
        row: &Part,
        out: &mut Writer,
        mut below: impl FnMut(&mut Writer) -> Result<(), DbErr>,
    ) -> Result<(), DbErr> {
        self.template.write(out, |hole, out| match hole {
            Hole::Cell(place, look) => write_cell(row, *place, *look, out),
            Hole::Below => below(out),
        })
    }
}

fn write_cell(row: &Part, place: usize, look: Look, out: &mut Writer) -> Result<(), DbErr> {
    let found = match look {
        Look::Id(prefix) => row.uuid(place)?.map(|id| out.plain(&entity::type_id::encode(prefix, id))),
        Look::Text => row.text(place)?.map(|text| out.value(text)),
        Look::Name => row.text(place)?.map(|name| out.plain(name)),
        Look::Json => row.text(place)?.map(|json| out.json(json)),
        Look::Int => row.int(place)?.map(|number| out.value(&number)),
        Look::Flag => row.flag(place)?.map(|flag| out.value(&flag)),
        Look::Instant => row.instant(place)?.map(|instant| out.scalar(&DateTime(instant))),
    };
    if found.is_none() {
        out.json("null");
    }
    Ok(())
}
