//! Erasing a consignee's data from an order: the order stays, who it was for does not.

use crate::domain::value::Contact;

/// What stands where something was erased.
pub const ERASED: &str = "[erased]";

/// Fewer characters than these may stand in any text by chance.
const TELLING_CHARS: usize = 3;

/// A consignee whose data is erased.
#[derive(Clone, Copy, Debug)]
pub struct Erased<'a>(pub &'a Contact);

impl Erased<'_> {
    /// Whom the order is for from then on.
    pub fn nobody() -> Contact {
        Contact { name: ERASED.to_owned(), phone: None, email: None }
    }

    /// Whether another contact of the order is the same person: one with the name, the number or the email address.
    pub fn is(self, other: &Contact) -> bool {
        let number = |contact: &Contact| contact.phone.as_ref().map(|phone| phone.number.clone());
        let email = |contact: &Contact| contact.email.as_ref().map(|email| email.to_lowercase());
        self.0.name.to_lowercase() == other.name.to_lowercase()
            || number(self.0).is_some_and(|it| number(other).as_ref() == Some(&it))
            || email(self.0).is_some_and(|it| email(other).as_ref() == Some(&it))
    }

    /// Whether a text repeats the name, the number or the email address.
    pub fn is_named_in(self, text: &str) -> bool {
        let text = text.to_lowercase();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let has = |part: &str| part.chars().count() >= TELLING_CHARS && text.contains(&part.to_lowercase());
        has(&self.0.name)
            || self.0.email.as_deref().is_some_and(has)
            || self.0.phone.as_ref().is_some_and(|phone| digits.contains(&phone.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::Phone;

    fn contact(name: &str, number: &str, email: &str) -> Contact {
        let phone = Phone { country_code: "+44".into(), number: number.into(), is_mobile: None };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Contact { name: name.into(), phone: some(number).map(|_| phone), email: some(email) }
    }

    #[test]
    fn the_same_person_has_one_thing_in_common() {
        let ada = contact("Ada Lovelace", "2079460000", "ada@example.com");
        for (other, expected) in [
            (contact("ADA LOVELACE", "", ""), true),
            (contact("Desk 7", "2079460000", ""), true),
            (contact("A. L.", "", "Ada@Example.com"), true),
            (contact("Charles", "2079460001", "charles@example.com"), false),
            (contact("Ada", "", ""), false),
        ] {
            assert_eq!(Erased(&ada).is(&other), expected, "{other:?}");
        }
        assert!(!Erased(&contact("Ada", "", "")).is(&contact("Bob", "", "")));
    }

    #[test]
    fn a_text_that_repeats_something_is_found() {
        let ada = contact("Ada Lovelace", "2079460000", "ada@example.com");
        for (text, expected) in [
            ("Called ada lovelace twice", true),
            ("no answer on +44 20 7946 0000", true),
            ("wrote to ADA@example.com", true),
            ("nobody at home", false),
            ("", false),
        ] {
            assert_eq!(Erased(&ada).is_named_in(text), expected, "{text}");
        }
        assert!(!Erased(&contact("Al", "", "")).is_named_in("also"));
    }
}
