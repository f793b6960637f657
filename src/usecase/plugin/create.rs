//! Saves a plugin.

use entity::{id::PluginId, plugin, stored::PluginKind};

use super::{StoredHeader, StoredHttp, plugin_secret_context, sealed_header_context};
use crate::{
    access::Caller,
    app::App,
    domain::{
        plugin::NewPlugin,
        problem::{Code, Found, Path, Problem, Problems},
    },
    outbound::{self, SECRET_LENGTH, SigningSecret},
    secret::{NONCE_LENGTH, Secret},
    store::{self, plugin::Written},
    usecase::{Error, work::UnitOfWork},
};

/// A plugin that was saved, and the secret that its calls are signed with, which is shown only now.
#[derive(Clone, Debug)]
pub struct CreatedPlugin {
    /// The plugin.
    pub plugin: plugin::Model,
    /// Its signing secret.
    pub secret: Secret<String>,
}

/// Saves a plugin. Header values and the signing secret are sealed before they are written.
pub async fn create(app: &App, caller: &Caller, new: NewPlugin) -> Result<CreatedPlugin, Error> {
    check(app, &new)?;
    let id = PluginId(app.ids.uuid());
    let mut random = [0; SECRET_LENGTH];
    app.ids.fill(&mut random);
    let secret = SigningSecret::generate(random).to_text();
    let headers = new.http.headers.into_iter().map(|(name, value)| StoredHeader {
        value: seal(app, &value, &sealed_header_context(id, &name)),
        name,
    });
    let http = StoredHttp {
        url: new.http.url,
        method: new.http.method,
        headers: headers.collect(),
        request_timeout_ms: new.http.request_timeout_ms,
        callback_timeout_ms: new.http.callback_timeout_ms,
        max_attempts: new.http.max_attempts,
    };
    let work = UnitOfWork::begin(app, caller).await?;
    let plugin = plugin::Model {
        tenant_id: caller.tenant.to_string(),
        id,
        name: new.name,
        description: new.description,
        kind: PluginKind::Http,
        http: Some(serde_json::to_string(&http)?),
        expression: None,
        secret: seal(app, secret.expose(), &plugin_secret_context(id)),
        previous_secret: None,
        previous_until: None,
        enabled: new.enabled,
        deleted_at: None,
        version: 1,
        created_at: work.now,
        created_by: caller.subject.to_string(),
        updated_at: work.now,
        updated_by: caller.subject.to_string(),
    };
    if store::plugin::insert(&work.db(), plugin.clone()).await? == Written::NameTaken {
        let path = Path::root().field("name");
        let message = "the tenant has a plugin of that name; choose another name";
        return Err(Problem::new(Code::AlreadyExists, &path, message).into());
    }
    work.commit().await?;
    Ok(CreatedPlugin { plugin, secret })
}

fn check(app: &App, new: &NewPlugin) -> Result<(), Problems> {
    let root = Path::root();
    let mut found = Found::new();
    new.check(&root, &mut found);
    if let Err(message) = outbound::check_url(&new.http.url, app.outbound.rules()) {
        found.push(Problem::invalid(&root.field("http").field("url"), message));
    }
    found.or(())
}

fn seal(app: &App, text: &str, context: &str) -> String {
    let mut nonce = [0; NONCE_LENGTH];
    app.ids.fill(&mut nonce);
    app.keyring.seal(text.as_bytes(), context, nonce)
}
