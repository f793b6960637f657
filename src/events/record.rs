//! An event on its way to subscribers.

use std::sync::{Arc, Mutex, PoisonError};

use entity::event::Model;
use tokio::sync::OnceCell;

use super::about::Subject;
use crate::{fault::Fault, store::Reader};

/// So many texts of one event are kept; whoever wants yet another one writes it for itself.
const MOST_TEXTS: usize = 16;

/// An event of the log, with the texts that subscribers made of it: those who ask for the same share one.
#[derive(Debug)]
pub struct Record {
    /// The event.
    pub row: Arc<Model>,
    texts: Mutex<Vec<(u64, Arc<str>)>>,
    /// What it is about, as it was when a subscriber first wanted to know.
    subject: OnceCell<Subject>,
}

impl From<Model> for Record {
    fn from(row: Model) -> Self {
        Self { row: Arc::new(row), texts: Mutex::default(), subject: OnceCell::new() }
    }
}

impl Record {
    /// What it is about; whoever asks first reads it for all.
    pub(super) async fn subject(&self, reader: &Reader) -> Result<&Subject, Fault> {
        self.subject.get_or_try_init(|| async { Subject::load(&reader.db(), self.row.order_id).await }).await
    }

    /// Takes what it is about from whoever read it already.
    pub(super) fn leave_subject(&self, subject: Subject) {
        // What is known already is as good.
        let _ = self.subject.set(subject);
    }

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
