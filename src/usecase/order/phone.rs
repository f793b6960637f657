//! How orders are found by the last digits of their consignee's phone number, which nobody can read in the store.
//!
//! An order's entry in the lists' index holds, one behind the other, digests of its number's last 4, 5, … 10 digits. Who
//! looks for the last six digits knows the last four and five as well, and so the beginning of the entry. Only who has
//! the data key can make such digests, of which there are few enough to try them all otherwise; and those of one tenant
//! say nothing of another's.

use entity::{id::OrderId, list_entry};
use uuid::Uuid;

use crate::{domain::value::Contact, secret::Keyring, store::Tenant};

/// The field of phone numbers in the lists' index. Ids of definitions are of version 7, and never this.
pub const PHONE_FIELD: Uuid = Uuid::from_u128(0x7761_7962_696c_8000_8000_7068_6f6e_6500);

/// How many digits have to be known.
pub const PHONE_MIN_DIGITS: usize = 4;
/// How many are looked at.
pub const PHONE_MAX_DIGITS: usize = 10;

/// Of the first digest; one in 10,000 orders has the same four digits in any case.
const FIRST_BYTES: usize = 8;
/// Of each further digest.
const NEXT_BYTES: usize = 4;

/// The entry of an order; empty where there is no number.
pub fn phone_entry(
    keyring: &Keyring,
    tenant: &Tenant,
    id: OrderId,
    consignee: &Contact,
) -> list_entry::Model {
    let number = consignee.phone.as_ref().map_or("", |phone| phone.number.as_str());
    let value = digests(keyring, tenant, number).next().unwrap_or_default();
    list_entry::Model { tenant_id: tenant.to_string(), entity_id: id.0, field: PHONE_FIELD, value }
}

/// What the entries begin with of numbers that end with those digits, of which there are from [`PHONE_MIN_DIGITS`] to
/// [`PHONE_MAX_DIGITS`]: one beginning for each data key.
pub fn phone_beginnings(keyring: &Keyring, tenant: &Tenant, digits: &str) -> Vec<Vec<u8>> {
    digests(keyring, tenant, digits).collect()
}

/// The digests of a number's last digits, by each data key.
fn digests(keyring: &Keyring, tenant: &Tenant, number: &str) -> impl Iterator<Item = Vec<u8>> {
    let ends = (PHONE_MIN_DIGITS..=PHONE_MAX_DIGITS).filter_map(|length| {
        let begin = number.len().checked_sub(length)?;
        number.get(begin..).map(|digits| keyring.digests(format!("phone {tenant} {digits}").as_bytes()))
    });
    let mut entries: Vec<Vec<u8>> = vec![Vec::new(); keyring.key_ids().len()];
    for end in ends {
        for (entry, digest) in entries.iter_mut().zip(end) {
            let length = if entry.is_empty() { FIRST_BYTES } else { NEXT_BYTES };
            entry.extend(digest.into_iter().take(length));
        }
    }
    entries.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] =
        ["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWprbG1ub3A="];

    fn one(keyring: &Keyring, number: &str) -> Vec<u8> {
        digests(keyring, &Tenant::new("default"), number).next().unwrap()
    }

    #[test]
    fn an_entry_begins_as_those_of_its_last_digits_and_of_no_others() {
        let keyring = Keyring::parse(KEYS[0]).unwrap();
        let entry = one(&keyring, "9876543210");
        assert_eq!(entry.len(), 8 + 6 * 4);
        for digits in ["3210", "43210", "543210", "9876543210"] {
            assert!(entry.starts_with(&one(&keyring, digits)), "{digits}");
        }
        for digits in ["3211", "53210", "0876543210", "9876"] {
            assert!(!entry.starts_with(&one(&keyring, digits)), "{digits}");
        }
        assert_eq!(one(&keyring, "499876543210"), entry);
        assert_eq!(one(&keyring, ""), Vec::<u8>::new());
    }

    #[test]
    fn another_key_or_tenant_has_other_entries_and_old_keys_still_find() {
        let old = Keyring::parse(KEYS[0]).unwrap();
        let both = Keyring::parse(&format!("{}\n{}", KEYS[1], KEYS[0])).unwrap();
        let tenant = Tenant::new("default");
        let found = phone_beginnings(&both, &tenant, "3210");
        assert_eq!(found.len(), 2);
        assert_ne!(found[0], found[1]);
        assert_eq!(found[1], one(&old, "3210"));
        assert_ne!(phone_beginnings(&old, &Tenant::new("other"), "3210"), [one(&old, "3210")]);
    }
}
