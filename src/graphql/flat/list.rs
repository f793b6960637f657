//! Connections.

use async_graphql::SelectionField;
use sea_orm::DbErr;

use super::{super::quick::Writer, template::Template};
use crate::store::{Page, Part};

/// What is asked of a connection, if its members have one shape.
#[derive(Debug)]
pub struct ListShape<S> {
    template: Template<List>,
    member: Option<S>,
}

#[derive(Debug)]
enum List {
    Nodes,
    Edges(Template<Edge>),
    PageInfo(Template<PageInfo>),
}

#[derive(Debug)]
enum Edge {
    Cursor,
    Node,
}

#[derive(Debug)]
enum PageInfo {
    HasNext,
    HasPrevious,
    Start,
    End,
}

impl<S> ListShape<S> {
    /// The shape of what `selection` asks of the connection of the type `name`; `shape` gives that of a member.
    pub fn of<'a>(
        selection: impl Iterator<Item = SelectionField<'a>>,
        name: &str,
        shape: impl Fn(&SelectionField<'a>) -> Option<S>,
    ) -> Option<Self> {
        let mut member = None;
        // Members that are asked for twice may have two shapes.
        let mut add_member = |field: &SelectionField<'a>| match member.replace(shape(field)?) {
            None => Some(()),
            Some(_) => None,
        };
        let template = Template::of(selection, &format!("{name}Connection"), |field| match field.name() {
            "nodes" => add_member(field).map(|()| List::Nodes),
            "edges" => {
                let edge =
                    Template::of(field.selection_set(), &format!("{name}Edge"), |field| match field.name() {
                        "cursor" => Some(Edge::Cursor),
                        "node" => add_member(field).map(|()| Edge::Node),
                        _ => None,
                    });
                edge.map(List::Edges)
            }
            "pageInfo" => {
                let page_info = Template::of(field.selection_set(), "PageInfo", |field| match field.name() {
                    "hasNextPage" => Some(PageInfo::HasNext),
                    "hasPreviousPage" => Some(PageInfo::HasPrevious),
                    "startCursor" => Some(PageInfo::Start),
                    "endCursor" => Some(PageInfo::End),
                    _ => None,
                });
                page_info.map(List::PageInfo)
            }
            _ => None,
        })?;
        Some(Self { template, member })
    }

    /// The shape of a member, if members are asked for.
    pub const fn member(&self) -> Option<&S> {
        self.member.as_ref()
    }

    /// Writes a page to `out`. `cursor` gives the cursor of a member, `write_member` writes it.
    pub fn write(
        &self,
        page: &Page<Part>,
        cursor: impl Fn(&Part) -> Result<String, DbErr>,
        mut write_member: impl FnMut(&S, &Part, &mut Writer) -> Result<(), DbErr>,
        mut out: Writer,
    ) -> Result<Writer, DbErr> {
        let mut write_node = |row: &Part, out: &mut Writer| match &self.member {
            Some(shape) => write_member(shape, row, out),
            None => Ok(()),
        };
        let write_cursor = |row: Option<&Part>, out: &mut Writer| {
            match row {
                Some(row) => out.plain(&cursor(row)?),
                None => out.json("null"),
            }
            Ok(())
        };
        self.template.write(&mut out, |hole, out| match hole {
            List::Nodes => out.list(&page.rows, &mut write_node),
            List::Edges(edge) => out.list(&page.rows, |row, out| {
                edge.write(out, |hole, out| match hole {
                    Edge::Cursor => write_cursor(Some(row), out),
                    Edge::Node => write_node(row, out),
                })
            }),
            List::PageInfo(page_info) => page_info.write(out, |hole, out| {
                match hole {
                    PageInfo::HasNext => out.value(&page.has_next),
                    PageInfo::HasPrevious => out.value(&page.has_previous),
                    PageInfo::Start => write_cursor(page.rows.first(), out)?,
                    PageInfo::End => write_cursor(page.rows.last(), out)?,
                }
                Ok(())
            }),
        })?;
        Ok(out)
    }
}
