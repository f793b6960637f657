//! Definitions of custom attributes, and who set values.

use std::{collections::HashMap, sync::Arc};

use entity::{
    attribute_definition::{ActiveModel, Column, Entity, Model},
    attribute_origin,
    id::AttributeDefinitionId,
    stored::{AttributeOwner, IndexState},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    TenantDb,
    dialect::{one_of, violates},
};
use crate::{
    domain::attribute::{Definition, Owner, Pattern, Range, Rules},
    fault::Fault,
};

/// The most definitions of a tenant, archived ones too.
pub const MAX_ROWS: u64 = 2_000;

/// A definition, and the rule that it makes.
#[derive(Clone, Debug)]
pub struct Known {
    /// The row.
    pub row: Model,
    /// The rule.
    pub rule: Arc<Definition>,
}

impl Known {
    /// Whether the values of this attribute are written to the lists' index.
    pub fn is_written(&self) -> bool {
        matches!(self.row.index_state, IndexState::Building | IndexState::Ready)
    }

    /// Whether lists can be filtered and sorted by it now.
    pub fn is_ready(&self) -> bool {
        self.row.indexed && self.row.index_state == IndexState::Ready
    }
}

impl TryFrom<Model> for Known {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self { rule: Arc::new(rule(&row)?), row })
    }
}

/// The rule that a definition makes.
pub fn rule(row: &Model) -> Result<Definition, Fault> {
    let decimal = |text: &Option<String>| {
        let number = text.as_deref().map(str::parse).transpose();
        number.map_err(|_| Fault::broken("the range of an attribute is no number"))
    };
    Ok(Definition {
        key: row.key.clone(),
        description: row.description.clone(),
        kind: row.kind.into(),
        indexed: row.indexed,
        required: row.required,
        default: row.default_value.as_deref().map(serde_json::from_str).transpose()?,
        range: Range { min: decimal(&row.range_min)?, max: decimal(&row.range_max)? },
        pattern: row.regex.clone().map(Pattern::new),
        one_of: row.one_of.as_deref().map(serde_json::from_str).transpose()?,
    })
}

/// Writes a rule into the row of its definition.
pub fn set_rule(row: &mut Model, rule: &Definition) {
    let text = |value: &Value| value.to_string();
    row.key.clone_from(&rule.key);
    row.description.clone_from(&rule.description);
    row.kind = rule.kind.into();
    row.indexed = rule.indexed;
    row.required = rule.required;
    row.default_value = rule.default.as_ref().map(text);
    row.range_min = rule.range.min.map(|min| min.to_string());
    row.range_max = rule.range.max.map(|max| max.to_string());
    row.regex = rule.pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
    row.one_of = rule.one_of.as_ref().map(|choices| Value::from(choices.clone()).to_string());
}

/// All definitions of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    order: OfOwner,
    work_order: OfOwner,
}

/// The definitions for one kind of owner.
#[derive(Clone, Debug, Default)]
pub struct OfOwner {
    rules: Rules,
    living: HashMap<String, Known>,
    /// Those of each key, the one that was archived last first.
    archived: HashMap<String, Vec<Known>>,
    /// Those whose values are written to the lists' index, by key.
    written: Vec<Known>,
}

impl Definitions {
    /// Reads them.
    pub async fn load(db: &TenantDb<'_>) -> Result<Self, Fault> {
        let (mut orders, mut work_orders) = (Vec::new(), Vec::new());
        for row in all(db).await? {
            match row.owner {
                AttributeOwner::Order => orders.push(Known::try_from(row)?),
                AttributeOwner::WorkOrder => work_orders.push(Known::try_from(row)?),
            }
        }
        Ok(Self { order: OfOwner::new(orders), work_order: OfOwner::new(work_orders) })
    }

    /// The patterns that values are held against.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        [&self.order, &self.work_order].into_iter().flat_map(|of_owner| of_owner.rules.patterns())
    }

    /// Those for one kind of owner.
    pub const fn of(&self, owner: Owner) -> &OfOwner {
        match owner {
            Owner::Order => &self.order,
            Owner::WorkOrder => &self.work_order,
        }
    }
}

impl OfOwner {
    fn new(definitions: Vec<Known>) -> Self {
        let mut of_owner = Self::default();
        for known in definitions {
            let key = known.row.key.clone();
            if known.row.archived_at.is_none() {
                of_owner.living.insert(key, known);
            } else {
                of_owner.archived.entry(key).or_default().push(known);
            }
        }
        for archived in of_owner.archived.values_mut() {
            archived.sort_by_key(|known| std::cmp::Reverse((known.row.archived_at, known.row.id)));
        }
        let living = of_owner.living.values();
        of_owner.written = living.clone().filter(|known| known.is_written()).cloned().collect();
        of_owner.written.sort_by(|a, b| a.row.key.cmp(&b.row.key));
        of_owner.rules =
            Rules::new(living.map(|known| Arc::clone(&known.rule)), of_owner.archived.keys().cloned());
        of_owner
    }

    /// What binds the values.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The definition in force for a key.
    pub fn get(&self, key: &str) -> Option<&Known> {
        self.living.get(key)
    }

    /// The definition that a stored value belongs to: the one in force for its key, or, where that is of another type,
    /// the newest archived one of its type. None for what was stored before it was defined.
    pub fn of_value(&self, key: &str, value: &Value) -> Option<&Known> {
        let archived = self.archived.get(key).into_iter().flatten();
        self.living.get(key).into_iter().chain(archived).find(|known| known.rule.kind.read(value).is_some())
    }

    /// Those whose values are written to the lists' index.
    pub fn written(&self) -> &[Known] {
        &self.written
    }
}

/// All definitions of the tenant, archived ones too, in the order in which they were made.
pub async fn all(db: &TenantDb<'_>) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().order_by_asc(Column::Id).limit(MAX_ROWS)).await
}

/// The same, held until the transaction ends, so that limits hold for all of them together.
pub async fn lock_all(db: &TenantDb<'_>) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().order_by_asc(Column::Id).limit(MAX_ROWS).lock_exclusive()).await
}

/// The definition of that id, held until the transaction ends.
pub async fn lock(db: &TenantDb<'_>, id: AttributeDefinitionId) -> Result<Option<Model>, DbErr> {
    Ok(db.rows(db.find::<Entity>().filter(Column::Id.eq(id)).lock_exclusive()).await?.pop())
}

/// The definitions of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[AttributeDefinitionId]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of(db, Column::Id, ids))).await
}

/// What became of writing a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// The key is defined already.
    KeyTaken,
}

/// Writes a new definition.
pub async fn insert(db: &TenantDb<'_>, definition: Model) -> Result<Written, DbErr> {
    let columns = ["tenant_id", "owner", "key"];
    match definition.into_active_model().insert(db.conn()).await {
        Ok(_) => Ok(Written::Done),
        Err(error) if violates(&error, "ux_attribute_definition_key", "attribute_definition", &columns) => {
            Ok(Written::KeyTaken)
        }
        Err(error) => Err(error),
    }
}

/// Writes all fields of a definition that was locked.
pub async fn save(db: &TenantDb<'_>, definition: &Model) -> Result<(), DbErr> {
    let row: ActiveModel = definition.clone().into_active_model().reset_all();
    db.update::<Entity>().set(row).filter(Column::Id.eq(definition.id)).exec(db.conn()).await?;
    Ok(())
}

/// Notes who set values.
pub async fn put_origins(db: &TenantDb<'_>, origins: Vec<attribute_origin::Model>) -> Result<(), DbErr> {
    use attribute_origin::{Column, Entity};
    if origins.is_empty() {
        return Ok(());
    }
    let newest = OnConflict::columns([Column::TenantId, Column::EntityId, Column::Key])
        .update_columns([Column::SetBy, Column::SetAt])
        .to_owned();
    let rows = origins.into_iter().map(IntoActiveModel::into_active_model);
    Entity::insert_many::<attribute_origin::ActiveModel, _>(rows)
        .on_conflict(newest)
        .exec_without_returning(db.conn())
        .await?;
    Ok(())
}

/// Who set values of some orders or work orders after those were created.
pub async fn origins(db: &TenantDb<'_>, ids: &[Uuid]) -> Result<Vec<attribute_origin::Model>, DbErr> {
    let select = db.find::<attribute_origin::Entity>();
    db.rows(select.filter(one_of(db, attribute_origin::Column::EntityId, ids))).await
}
