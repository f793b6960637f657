//! Makes a key.

use chrono::{DateTime, Utc};
use entity::{api_key, id::ApiKeyId};

use crate::{
    access::{Granted, NewApiKey, Scope, right::Admin},
    app::App,
    domain::{
        problem::{Code, Found, Path, Problem},
        value::{NAME_MAX_CHARS, check_text},
    },
    secret::Secret,
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Keys of a tenant that are not revoked.
const MAX_KEYS: u64 = 100;
/// Keys of a tenant that were revoked, and are still listed.
const REVOKED_KEPT: usize = 100;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is called in the history.
    pub name: String,
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// When it ceases to be good; never, if none.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was made; its text is shown only now.
#[derive(Debug)]
pub struct Created {
    /// Its id.
    pub id: ApiKeyId,
    /// Its text.
    pub text: Secret<String>,
}

/// Makes a key.
pub async fn create(app: &App, caller: Granted<'_, Admin>, new: NewKey) -> Result<Created, Error> {
    let mut found = Found::new();
    new.check(app.clock.now(), &mut found);
    found.or(())?;
    let key = NewApiKey::generate(&app.ids);
    let id = ApiKeyId(app.ids.uuid());
    let work = UnitOfWork::begin(app, &caller).await?;
    if store::api_key::count_standing(&work.db(), MAX_KEYS).await? >= MAX_KEYS {
        let message = format!("a tenant has at most {MAX_KEYS} API keys; revoke one first");
        return Err(Problem::new(Code::LimitExceeded, &Path::root(), message).into());
    }
    store::api_key::forget_revoked(&work.db(), REVOKED_KEPT).await?;
    let row = api_key::Model {
        tenant_id: caller.tenant.to_string(),
        id,
        name: new.name,
        scopes: serde_json::to_string(&new.scopes)?,
        hash: key.hash.to_vec(),
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: work.now,
        created_by: caller.subject.to_string(),
    };
    store::api_key::insert(&work.db(), row).await?;
    work.commit().await?;
    Ok(Created { id, text: key.text })
}

impl NewKey {
    /// Finds what is wrong with it.
    fn check(&self, now: DateTime<Utc>, found: &mut Found) {
        let root = Path::root();
        check_text(&self.name, NAME_MAX_CHARS, &root, "name", found);
        if self.name.chars().any(char::is_control) {
            found.push(Problem::invalid(
                &root.field("name"),
                "name must be one line without control characters",
            ));
        }
        let at = root.field("scopes");
        if self.scopes.is_empty() {
            found.push(Problem::required(&at, "a key without a scope is good for nothing; give it one"));
        }
        for (index, name) in self.scopes.iter().enumerate() {
            if Scope::from_name(name).is_none() {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                found.push(Problem::invalid(
                    &at.index(index),
                    format!("there is no such scope; there are {known}"),
                ));
            }
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            found.push(Problem::invalid(&root.field("expiresAt"), "expiresAt must lie ahead"));
        }
    }
}
