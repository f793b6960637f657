//! Who to turn to. All of it is personal: no message may repeat it.

use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path, Problem},
    text::{NAME_MAX_CHARS, check_text},
};

const EMAIL_MAX_CHARS: usize = 254;
const COUNTRY_CODE_DIGITS: std::ops::RangeInclusive<usize> = 1..=3;
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 4..=14;
const PHONE_MAX_DIGITS: usize = 15;

/// A person or a desk that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Their name.
    pub name: String,
    /// Their phone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
    /// Their email address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
}

/// A phone number in two parts, as E.164 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phone {
    /// 1 to 3 digits, with or without a plus sign before them.
    pub country_code: String,
    /// 4 to 14 digits; both parts together have at most 15.
    pub number: String,
    /// Whether it takes text messages, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub is_mobile: Option<bool>,
}

/// What stands in the place of personal data.
const MASK: &str = "***";

impl Contact {
    /// The same for somebody who may not know who it is: what is there shows as stars, what is not there does not.
    #[must_use]
    pub fn masked(self) -> Self {
        let stars = || MASK.to_owned();
        Self {
            name: stars(),
            phone: self.phone.map(|phone| Phone { country_code: stars(), number: stars(), ..phone }),
            email: self.email.map(|_| stars()),
        }
    }

    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_text(&self.name, NAME_MAX_CHARS, at, "name", found);
        if let Some(phone) = &self.phone {
            phone.check(&at.field("phone"), found);
        }
        if self.email.as_deref().is_some_and(|email| !is_plausible_email(email)) {
            found.push(Problem::invalid(
                &at.field("email"),
                format!(
                    "email must be an address such as name@example.com, of up to {EMAIL_MAX_CHARS} characters"
                ),
            ));
        }
    }
}

impl Phone {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        let country_code = self.country_code.strip_prefix('+').unwrap_or(&self.country_code);
        let code_is_sound = is_digits(country_code, COUNTRY_CODE_DIGITS) && !country_code.starts_with('0');
        if !code_is_sound {
            found.push(Problem::invalid(
                &at.field("countryCode"),
                "countryCode must be 1 to 3 digits that do not begin with 0, with or without a plus sign, such as \
                 +49",
            ));
        }
        if !is_digits(&self.number, NUMBER_DIGITS) {
            found.push(Problem::invalid(
                &at.field("number"),
                "number must be 4 to 14 digits without spaces or other signs, such as 3012345678",
            ));
        } else if code_is_sound && country_code.len() + self.number.len() > PHONE_MAX_DIGITS {
            found.push(Problem::invalid(
                &at.field("number"),
                format!("countryCode and number together must have at most {PHONE_MAX_DIGITS} digits"),
            ));
        }
    }
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether mail to it might arrive: only its server can tell for certain.
fn is_plausible_email(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    email.chars().count() <= EMAIL_MAX_CHARS
        && !email.chars().any(|character| character.is_whitespace() || character.is_control())
        && !local.is_empty()
        && !domain.contains('@')
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::fixtures::{contact, paths, report};

    #[test]
    fn a_phone_is_two_parts_of_digits() {
        for (country_code, number, expected) in [
            ("+49", "3012345678", ""),
            ("49", "3012345678", ""),
            ("+1", "12345678901234", ""),
            ("+493", "123456789012", ""),
            ("+49", "12345678901234", "number"),
            ("+", "3012345678", "countryCode"),
            ("++4", "3012345678", "countryCode"),
            ("", "3012345678", "countryCode"),
            ("+4912", "3012345678", "countryCode"),
            ("+049", "3012345678", "countryCode"),
            ("+49", "123", "number"),
            ("+49", "030 12345", "number"),
            ("+49", "٣٣٣٣٣", "number"),
            ("x", "", "countryCode number"),
        ] {
            let phone = Phone { country_code: country_code.into(), number: number.into(), is_mobile: None };
            assert_eq!(paths(|found| phone.check(&Path::root(), found)), expected, "{country_code} {number}");
        }
    }

    #[test]
    fn an_email_has_one_at_sign_and_no_spaces() {
        let long = format!("{}@example.com", "a".repeat(243));
        for (email, is_sound) in [
            ("a@b", true),
            ("jörg+tag@example.co.uk", true),
            ("", false),
            ("a", false),
            ("@b", false),
            ("a@", false),
            ("a@b@c", false),
            ("a b@c", false),
            ("a@b\0", false),
            ("a@b..c", false),
            ("a@.b", false),
            (long.as_str(), false),
        ] {
            let contact = Contact { email: Some(email.into()), ..contact() };
            let expected = if is_sound { "" } else { "consignee.email" };
            assert_eq!(
                paths(|found| contact.check(&Path::root().field("consignee"), found)),
                expected,
                "{email}"
            );
        }
    }

    #[test]
    fn a_masked_contact_tells_only_what_there_is() {
        let whole = Contact { email: Some("ada@example.com".into()), ..contact() };
        let masked = serde_json::to_string(&whole.masked()).unwrap();
        let phone = r#"{"countryCode":"***","number":"***","isMobile":true}"#;
        assert_eq!(masked, format!(r#"{{"name":"***","phone":{phone},"email":"***"}}"#));
        let bare = Contact { name: "Ada".into(), phone: None, email: None };
        assert_eq!(serde_json::to_string(&bare.masked()).unwrap(), r#"{"name":"***"}"#);
    }

    #[test]
    fn no_message_repeats_personal_data() {
        let contact = Contact {
            name: "Ada\0Lovelace".into(),
            phone: Some(Phone {
                country_code: "+44x".into(),
                number: "555-ADA".into(),
                is_mobile: Some(true),
            }),
            email: Some("ada at example".into()),
        };
        let report = report(|found| contact.check(&Path::root(), found));
        assert_eq!(report.lines().count(), 4);
        for personal in ["Ada", "44x", "555", "ada at"] {
            assert!(!report.contains(personal), "{report}");
        }
    }

    #[test]
    fn its_json_leaves_out_what_is_absent() {
        let json = serde_json::to_string(&contact()).unwrap();
        assert_eq!(
            json,
            r#"{"name":"Ada","phone":{"countryCode":"+44","number":"2079460000","isMobile":true}}"#
        );
        assert_eq!(serde_json::from_str::<Contact>(&json).unwrap(), contact());
    }
}
