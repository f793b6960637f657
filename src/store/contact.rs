//! Contacts at rest: sealed where they are written, opened where they are read, and nowhere else.
//!
//! A row keeps a sealed text in the place of a contact: of an order's consignee the whole column, of a stop the member
//! `contact` of its document. A row that was written before contacts were sealed has the contact itself there; it is read
//! as it is, and sealed when it is written next.

use std::sync::Arc;

use entity::id::OrderId;
use serde_json::Value;

use crate::{
    domain::value::{Contact, Stop},
    fault::Fault,
    seam::Ids,
    secret::{Keyring, NONCE_LENGTH},
};

/// The member of a stop that is sealed.
const CONTACT: &str = "contact";

/// Seals and opens contacts; cheap to clone.
///
/// A sealed contact opens in its own order only. Not in its own row or column only, because a RETURN takes the stop of
/// another work order as it is.
#[derive(Clone, Debug)]
pub struct Contacts {
    keyring: Arc<Keyring>,
    ids: Ids,
}

impl Contacts {
    /// Seals with the first of those keys, opens with any.
    pub const fn new(keyring: Arc<Keyring>, ids: Ids) -> Self {
        Self { keyring, ids }
    }

    /// What the row of an order keeps of its consignee.
    pub fn seal(&self, order: OrderId, contact: &Contact) -> Result<String, Fault> {
        let mut nonce = [0; NONCE_LENGTH];
        self.ids.fill(&mut nonce);
        Ok(self.keyring.seal(&serde_json::to_vec(contact)?, &context(order), nonce))
    }

    /// The consignee that the row of an order keeps.
    pub fn open(&self, order: OrderId, kept: &str) -> Result<Contact, Fault> {
        if kept.starts_with('{') {
            return Ok(serde_json::from_str(kept)?);
        }
        let opened = self.keyring.open(kept, &context(order)).map_err(|error| {
            Fault::broken(format!("a contact does not open; is the data key file the right one? {error}"))
        })?;
        Ok(serde_json::from_slice(&opened)?)
    }

    /// What the row of a work order keeps of a stop.
    pub fn seal_stop(&self, order: OrderId, stop: &Stop) -> Result<String, Fault> {
        let mut document = serde_json::to_value(stop)?;
        if let (Some(contact), Some(member)) = (&stop.contact, document.get_mut(CONTACT)) {
            *member = Value::String(self.seal(order, contact)?);
        }
        Ok(serde_json::to_string(&document)?)
    }

    /// The stop that the row of a work order keeps.
    pub fn open_stop(&self, order: OrderId, kept: &str) -> Result<Stop, Fault> {
        let mut document: Value = serde_json::from_str(kept)?;
        if let Some(member) = document.get_mut(CONTACT)
            && let Value::String(kept) = member
        {
            *member = serde_json::to_value(self.open(order, kept)?)?;
        }
        Ok(serde_json::from_value(document)?)
    }

    /// What is to be kept of a consignee instead, if what is kept was not sealed with the first key.
    pub fn renew(&self, order: OrderId, kept: &str) -> Result<Option<String>, Fault> {
        if self.keyring.is_current(kept) {
            Ok(None)
        } else {
            self.seal(order, &self.open(order, kept)?).map(Some)
        }
    }

    /// The same for a stop.
    pub fn renew_stop(&self, order: OrderId, kept: &str) -> Result<Option<String>, Fault> {
        let document: Value = serde_json::from_str(kept)?;
        let is_current = match document.get(CONTACT) {
            None => true,
            Some(Value::String(kept)) => self.keyring.is_current(kept),
            Some(_) => false,
        };
        if is_current { Ok(None) } else { self.seal_stop(order, &self.open_stop(order, kept)?).map(Some) }
    }
}

fn context(order: OrderId) -> String {
    format!("{order}/contact")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n";

    fn contacts(keys: &str) -> Contacts {
        Contacts::new(Arc::new(Keyring::parse(keys).unwrap()), Ids::counted())
    }

    fn order(number: u128) -> OrderId {
        OrderId(Uuid::from_u128(number))
    }

    fn ada() -> Contact {
        Contact { name: "Ada Lovelace".into(), phone: None, email: Some("ada@example.com".into()) }
    }

    fn stop(contact: Option<Contact>) -> Stop {
        let location = r#"{"facilityId": "WH-7", "geo": {"latitude": 1.5, "longitude": 2}}"#;
        Stop {
            contact,
            location: serde_json::from_str(location).unwrap(),
            slot: None,
            service_time_seconds: Some(60),
            instruction: Some("Ring".into()),
        }
    }

    #[test]
    fn what_was_sealed_opens_for_its_order_alone() {
        let contacts = contacts(OLD);
        let kept = contacts.seal(order(1), &ada()).unwrap();
        assert!(kept.starts_with("v1.") && !kept.contains("Ada"), "{kept}");
        assert_eq!(contacts.open(order(1), &kept).unwrap(), ada());
        let message = contacts.open(order(2), &kept).unwrap_err().to_string();
        assert!(message.contains("is the data key file the right one?"), "{message}");
        assert_ne!(contacts.seal(order(1), &ada()).unwrap(), kept);
    }

    #[test]
    fn of_a_stop_only_the_contact_is_sealed() {
        let contacts = contacts(OLD);
        let kept = contacts.seal_stop(order(1), &stop(Some(ada()))).unwrap();
        assert!(kept.contains(r#""contact":"v1."#) && kept.contains("WH-7"), "{kept}");
        assert!(!kept.contains("Ada") && !kept.contains("example.com"), "{kept}");
        assert_eq!(contacts.open_stop(order(1), &kept).unwrap(), stop(Some(ada())));
        assert!(contacts.open_stop(order(2), &kept).is_err());

        let bare = contacts.seal_stop(order(1), &stop(None)).unwrap();
        assert!(!bare.contains("contact"), "{bare}");
        assert_eq!(contacts.open_stop(order(2), &bare).unwrap(), stop(None));
    }

    #[test]
    fn what_was_written_before_contacts_were_sealed_is_read_as_it_is() {
        let contacts = contacts(OLD);
        let kept = serde_json::to_string(&ada()).unwrap();
        assert_eq!(contacts.open(order(1), &kept).unwrap(), ada());
        let kept = serde_json::to_string(&stop(Some(ada()))).unwrap();
        assert_eq!(contacts.open_stop(order(1), &kept).unwrap(), stop(Some(ada())));
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let kept = contacts(OLD).seal(order(1), &ada()).unwrap();
        assert_eq!(contacts(&format!("{NEW}{OLD}")).open(order(1), &kept).unwrap(), ada());
        let both = contacts(&format!("{NEW}{OLD}"));
        let renewed = both.renew(order(1), &kept).unwrap().unwrap();
        assert_eq!(contacts(NEW).open(order(1), &renewed).unwrap(), ada());
        assert_eq!(both.renew(order(1), &renewed).unwrap(), None);
        let kept_stop = contacts(OLD).seal_stop(order(1), &stop(Some(ada()))).unwrap();
        let renewed = both.renew_stop(order(1), &kept_stop).unwrap().unwrap();
        assert_eq!(contacts(NEW).open_stop(order(1), &renewed).unwrap(), stop(Some(ada())));
        assert_eq!(both.renew_stop(order(1), &renewed).unwrap(), None);
        assert_eq!(both.renew_stop(order(1), r#"{"location": {"facilityId": "F"}}"#).unwrap(), None);
        let message = contacts(NEW).open(order(1), &kept).unwrap_err().to_string();
        assert!(message.contains("is not in the key file") && !message.contains(&kept), "{message}");
    }
}
