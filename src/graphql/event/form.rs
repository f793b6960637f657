//! Live events as text: what subscribers who ask for the same hear is written once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::Context;
use entity::event::Model;

use super::{
    super::{flat::Template, quick::Writer},
    column::Column,
};
use crate::{access::Scopes, fault::Fault};

/// Forms that nobody uses are looked for when there are so many.
const TIDY_FROM: usize = 64;

/// What a subscription that asks for columns of events makes of one. Two that are equal write the same text.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// What the caller may see. Callers with other rights share nothing, whether or not it makes a difference here.
    scopes: Scopes,
    /// The name of the subscription's field in the answer.
    key: String,
    template: Template<Column>,
}

impl Form {
    /// The form that the field of `ctx` asks for; none if it asks for more than columns.
    pub fn of(ctx: &Context<'_>, scopes: Scopes) -> Option<Self> {
        let field = ctx.field();
        let template = Template::of(field.selection_set(), "OrderEvent", |field| Column::of(field.name()))?;
        Some(Self { scopes, key: field.alias().unwrap_or(field.name()).to_owned(), template })
    }

    /// The name of the subscription's field in the answer.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// An answer with an event.
    pub fn write(&self, event: &Model) -> Result<Arc<str>, Fault> {
        let mut out = Writer::default();
        out.json("{\"data\":{");
        out.plain(&self.key);
        out.json(":");
        self.template.write(&mut out, |column, out| {
            column.write(event, out);
            Ok::<_, Fault>(())
        })?;
        out.json("}}");
        let text = out.finish().ok_or_else(|| Fault::broken("an answer cannot be written"))?;
        Ok(text.into())
    }
}

/// The forms that subscriptions use, each with its number.
#[derive(Debug, Default)]
pub struct Forms(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<Arc<Form>, u64>,
    last: u64,
    /// So many forms are taken for a reason to look for some that nobody uses.
    many: usize,
}

impl Forms {
    /// The form as others use it already, and its number: equal forms in use have the same.
    pub fn share(&self, form: Form) -> (Arc<Form>, u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((form, number)) = known.numbers.get_key_value(&form) {
            return (Arc::clone(form), *number);
        }
        if known.numbers.len() >= known.many {
            known.numbers.retain(|form, _| Arc::strong_count(form) > 1);
            known.many = TIDY_FROM.max(2 * known.numbers.len());
        }
        known.last += 1;
        let (form, number) = (Arc::new(form), known.last);
        known.numbers.insert(Arc::clone(&form), number);
        (form, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    fn form(key: &str, scopes: &[Scope]) -> Form {
        let nothing = Template::of(std::iter::empty(), "OrderEvent", |_| None);
        Form { scopes: scopes.iter().copied().collect(), key: key.to_owned(), template: nothing.unwrap() }
    }

    #[test]
    fn equal_forms_share_a_number_and_others_do_not() {
        let forms = Forms::default();
        let all = [Scope::OrdersRead, Scope::PiiRead];
        let (first, number) = forms.share(form("a", &all));
        let (same, same_number) = forms.share(form("a", &all));
        assert!(Arc::ptr_eq(&first, &same));
        assert_eq!(same_number, number);
        assert_ne!(forms.share(form("b", &all)).1, number);
        assert_ne!(forms.share(form("a", &[Scope::OrdersRead])).1, number);
    }

    #[test]
    fn forms_that_nobody_uses_are_forgotten_and_their_numbers_never_given_again() {
        let forms = Forms::default();
        let (kept, number) = forms.share(form("kept", &[]));
        let mut last = number;
        for index in 0..1_000 {
            let (_, number) = forms.share(form(&format!("f{index}"), &[]));
            assert!(number > last);
            last = number;
        }
        assert!(forms.0.lock().unwrap().numbers.len() <= TIDY_FROM);
        assert_eq!(forms.share(form("kept", &[])).1, number);
        drop(kept);
    }
}
