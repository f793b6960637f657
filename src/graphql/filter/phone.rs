//! The filter of a phone number, which the store does not have in a readable form.

use std::ops::Bound;

use async_graphql::InputObject;

use super::Reading;
use crate::{
    domain::{attribute::Type, problem::Path},
    store::list::{Attribute, Cell, Filter, Listed, Test},
    usecase::order::{PHONE_FIELD, PHONE_MAX_DIGITS, PHONE_MIN_DIGITS, phone_beginnings},
};

/// More bytes than any entry has, each as great as a byte can be.
const END: [u8; 64] = [0xff; 64];

/// By a phone number.
#[derive(Clone, Debug, InputObject)]
pub struct PhoneFilter {
    /// Its last digits, without spaces: 4 to 10 of them.
    ends_with: String,
}

impl PhoneFilter {
    /// The test that it stands for; none if something is wrong with it.
    pub fn read<E: Listed>(self, at: &Path, reading: &mut Reading) -> Option<Filter<E>> {
        let digits = self.ends_with;
        let at = at.field("endsWith");
        let (keyring, tenant) = reading.phones(&at)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !(PHONE_MIN_DIGITS..=PHONE_MAX_DIGITS).contains(&digits.len()) {
            let message = format!("must be {PHONE_MIN_DIGITS} to {PHONE_MAX_DIGITS} digits without spaces");
            reading.refuse(&at, message);
            return None;
        }
        let beginnings = phone_beginnings(&keyring, &tenant, &digits).into_iter();
        let tests = beginnings.map(|beginning| {
            let end = [beginning.as_slice(), &END].concat();
            let test =
                Test::Between(Bound::Included(Cell::Bytes(beginning)), Bound::Excluded(Cell::Bytes(end)));
            let field = Attribute { field: PHONE_FIELD, key: String::new(), kind: Type::String };
            Filter::Attribute(field, test)
        });
        Some(Filter::Any(tests.collect()))
    }
}
