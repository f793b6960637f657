//! A selection as the text of its answer with holes in it.

use async_graphql::SelectionField;

use super::super::quick::Writer;

/// More fields than this, repeated ones counted, are the executor's: fragments in fragments may make many of few.
const MAX_FIELDS: usize = 1_000;

/// The text of an object, but for the values of its fields.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Template<H> {
    /// Each hole with the text before it.
    holes: Vec<(String, H)>,
    end: String,
}

impl<H> Template<H> {
    /// The template of what `selection` asks of the type called `name`. `hole` says what a field shows; if it cannot
    /// say, there is no template.
    pub fn of<'a>(
        selection: impl Iterator<Item = SelectionField<'a>>,
        name: &str,
        mut hole: impl FnMut(&SelectionField<'a>) -> Option<H>,
    ) -> Option<Self> {
        let mut holes = Vec::new();
        let mut keys = Vec::new();
        let mut text = "{".to_owned();
        for (count, field) in selection.enumerate() {
            let key = field.alias().unwrap_or(field.name());
            if count == MAX_FIELDS {
                return None;
            }
            if keys.contains(&key) {
                // The same once more, by way of another fragment. What is below it would have to be merged.
                if field.selection_set().next().is_some() {
                    return None;
                }
                continue;
            }
            let separator = if keys.is_empty() { "\"" } else { ",\"" };
            keys.push(key);
            text.extend([separator, key, "\":"]);
            if field.name() == "__typename" {
                text.extend(["\"", name, "\""]);
            } else {
                holes.push((std::mem::take(&mut text), hole(&field)?));
            }
        }
        text.push('}');
        Some(Self { holes, end: text })
    }

    /// Writes an object; `fill` writes the values.
    pub fn write<E>(
        &self,
        out: &mut Writer,
        mut fill: impl FnMut(&H, &mut Writer) -> Result<(), E>,
    ) -> Result<(), E> {
        for (text, hole) in &self.holes {
            out.json(text);
            fill(hole, out)?;
        }
        out.json(&self.end);
        out.spend(self.holes.len());
        Ok(())
    }
}
