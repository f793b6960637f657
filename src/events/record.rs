//! An event on its way to subscribers.

use std::sync::{Arc, Mutex, PoisonError};

use entity::event::Model;

/// So many texts of one event are kept; whoever wants yet another one writes it for itself.
const MOST_TEXTS: usize = 16;

/// An event of the log, with the texts that subscribers made of it: those who ask for the same share one.
#[derive(Debug)]
pub struct Record {
    /// The event.
    pub row: Arc<Model>,
    texts: Mutex<Vec<(u64, Arc<str>)>>,
}

impl From<Model> for Record {
    fn from(row: Model) -> Self {
        Self { row: Arc::new(row), texts: Mutex::default() }
    }
}

impl Record {
    /// The event in the form of that number, which `write` writes unless somebody has done so before.
    pub fn text<E>(
        &self,
        form: u64,
        write: impl FnOnce(&Model) -> Result<Arc<str>, E>,
    ) -> Result<Arc<str>, E> {
        // Held while it is written: who comes meanwhile waits instead of writing the same.
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = texts.iter().find(|(number, _)| *number == form) {
            return Ok(Arc::clone(text));
        }
        let text = write(&self.row)?;
        if texts.len() < MOST_TEXTS {
            texts.push((form, Arc::clone(&text)));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::fixtures::event;

    #[test]
    fn each_form_is_written_once_as_long_as_there_are_few() {
        let record = Record::from(event(7));
        let mut written = 0;
        for _ in 0..3 {
            for form in 0..20 {
                let text = record.text(form, |row| {
                    written += 1;
                    Ok::<_, ()>(format!("{form} of {}", row.position).into())
                });
                assert_eq!(text, Ok(format!("{form} of 7").into()));
            }
        }
        assert_eq!(written, 16 + 3 * 4);
    }
}
