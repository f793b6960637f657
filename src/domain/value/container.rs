//! The goods, what to check of them, and what the client says of the whole.

use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path},
    Document, Money, Weight,
    text::{
        DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, check_count, check_not_negative, check_optional_text,
        check_text,
    },
};

/// The most containers of a work order.
pub const MAX_CONTAINERS: usize = 500;

/// The most quality checks of a work order.
pub const MAX_QUALITY_CHECKS: usize = 100;

/// A parcel, a pallet or whatever else is moved as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// The client's own id of it.
    pub container_id: String,
    /// The tenant's own kind of container.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// What it is, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// How heavy it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weight: Option<Weight>,
    /// Anything else; no definition binds it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attributes: Option<Document>,
}

/// Something to check before goods are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityCheck {
    /// The tenant's own code of it.
    pub code: String,
    /// What to do, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Whether goods that do not pass it stay.
    pub required: bool,
}

/// What the client says of an order as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The client's invoice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice_number: Option<String>,
    /// What it is about, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// How many pieces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_items: Option<i32>,
    /// How heavy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_weight: Option<Weight>,
    /// How dear.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_cost: Option<Money>,
}

impl Container {
    /// Finds what is wrong with it. Its attributes were checked when the [`Document`] was made.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_text(&self.container_id, NAME_MAX_CHARS, at, "containerId", found);
        check_optional_text(self.kind.as_deref(), NAME_MAX_CHARS, at, "type", found);
        check_optional_text(self.description.as_deref(), DESCRIPTION_MAX_CHARS, at, "description", found);
        if let Some(weight) = &self.weight {
            weight.check(&at.field("weight"), found);
        }
    }

    /// Finds what is wrong with the containers of a work order, which stands at `at`.
    pub fn check_all(containers: &[Self], at: &Path, found: &mut Found) {
        check_count(containers.len(), MAX_CONTAINERS, at, "containers", found);
        let list = at.field("containers");
        for (index, container) in containers.iter().take(MAX_CONTAINERS).enumerate() {
            container.check(&list.index(index), found);
        }
    }
}

impl QualityCheck {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_text(&self.code, NAME_MAX_CHARS, at, "code", found);
        check_optional_text(self.description.as_deref(), DESCRIPTION_MAX_CHARS, at, "description", found);
    }

    /// Finds what is wrong with the quality checks of a work order, which stands at `at`.
    pub fn check_all(checks: &[Self], at: &Path, found: &mut Found) {
        check_count(checks.len(), MAX_QUALITY_CHECKS, at, "pickupQualityChecks", found);
        let list = at.field("pickupQualityChecks");
        for (index, check) in checks.iter().take(MAX_QUALITY_CHECKS).enumerate() {
            check.check(&list.index(index), found);
        }
    }
}

impl Summary {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_optional_text(self.invoice_number.as_deref(), NAME_MAX_CHARS, at, "invoiceNumber", found);
        check_optional_text(self.description.as_deref(), DESCRIPTION_MAX_CHARS, at, "description", found);
        check_not_negative(self.total_items.is_some_and(i32::is_negative), at, "totalItems", found);
        if let Some(weight) = &self.total_weight {
            weight.check(&at.field("totalWeight"), found);
        }
        if let Some(cost) = &self.total_cost {
            cost.check(&at.field("totalCost"), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{
        WeightUnit,
        fixtures::{container, paths, report},
    };

    #[test]
    fn every_problem_of_a_container_is_named() {
        let bad = Container {
            container_id: String::new(),
            kind: Some("x".repeat(256)),
            description: Some("x".repeat(2_001)),
            weight: Some(Weight { value: (-1).into(), unit: WeightUnit::Gram }),
            attributes: None,
        };
        assert_eq!(
            paths(|found| Container::check_all(&[container("c1"), bad], &Path::root(), found)),
            "containers.1.containerId containers.1.type containers.1.description containers.1.weight.value"
        );
    }

    #[test]
    fn lists_have_an_end() {
        let containers = vec![container("c1"); MAX_CONTAINERS];
        assert_eq!(report(|found| Container::check_all(&containers, &Path::root(), found)), "");
        // Those beyond the limit are not looked at: one problem, not one for each.
        let containers = vec![container("c1"); MAX_CONTAINERS].into_iter().chain(vec![container(""); 9]);
        assert_eq!(
            report(|found| Container::check_all(&containers.collect::<Vec<_>>(), &Path::root(), found)),
            "LIMIT_EXCEEDED containers: containers may have up to 500 members, but this has 509"
        );
        let check = QualityCheck { code: "SEAL".into(), description: None, required: true };
        assert_eq!(
            report(|found| QualityCheck::check_all(&vec![check; 101], &Path::root(), found)),
            "LIMIT_EXCEEDED pickupQualityChecks: pickupQualityChecks may have up to 100 members, but this has 101"
        );
    }

    #[test]
    fn every_problem_of_a_summary_is_named() {
        let summary = Summary {
            invoice_number: Some("\0".into()),
            description: None,
            total_items: Some(-1),
            total_weight: Some(Weight { value: (-1).into(), unit: WeightUnit::Gram }),
            total_cost: Some(Money { amount: 1.into(), currency: "€".into() }),
        };
        assert_eq!(
            paths(|found| summary.check(&Path::root().field("summary"), found)),
            "summary.invoiceNumber summary.totalItems summary.totalWeight.value summary.totalCost.currency"
        );
    }

    #[test]
    fn its_json_is_in_camel_case() {
        let json = r#"{"containerId":"c1","type":"BOX","weight":{"value":"1.50","unit":"KILOGRAM"},"attributes":{"a":[1,null]}}"#;
        let container: Container = serde_json::from_str(json).unwrap();
        assert_eq!(container.kind.as_deref(), Some("BOX"));
        assert_eq!(serde_json::to_string(&container).unwrap(), json);
    }
}
