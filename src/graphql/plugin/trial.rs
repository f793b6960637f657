//! Tries a plugin out.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::id::{OrderId, PluginId};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
        id,
        scalar::Json,
    },
    run::{Verdict, VerdictReason},
};
use crate::{
    domain::{
        plugin::{Answer, Reason},
        problem::{Found, Path},
    },
    fault::Fault,
    plugins::{self, Trial},
    usecase::Error,
};

/// Which plugin to ask about which order.
#[derive(InputObject)]
pub struct PluginTestInput {
    /// The plugin; it may be disabled.
    plugin_id: ID,
    /// The order.
    order_id: ID,
}

/// What a plugin was sent, and what it said.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct PluginTestPayload {
    /// What was sent: method, url, query, headers, body; for an expression, it and its document. Header values that the
    /// plugin was saved with are blotted out.
    request: Option<Json>,
    /// HTTP status of the answer, if one came.
    status_code: Option<i32>,
    /// The answer: JSON, or text where it is none; the value of an expression.
    response: Option<Json>,
    /// What it means; null where it is no verdict.
    verdict: Option<Verdict>,
    /// Why.
    reasons: Vec<VerdictReason>,
    /// What it would change.
    patch: Option<Json>,
    /// Why there is no verdict.
    error: Option<String>,
    /// Why the plugin was not asked; empty if it was.
    user_errors: Vec<UserError>,
}

/// The dry run.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginTrialMutation;

#[Object]
impl PluginTrialMutation {
    /// Asks a plugin about an order, as a workflow would when the order comes in. The plugin is called; nothing is kept, and
    /// nothing happens to the order.
    async fn plugin_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which plugin, and about which order.")] input: PluginTestInput,
    ) -> Result<PluginTestPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_ids() {
            Ok((plugin, order)) => plugins::try_out(ctx.app()?, granted, plugin, order).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(trial) => Ok(trial.into()),
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(PluginTestPayload { user_errors, ..PluginTestPayload::default() })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}

impl PluginTestInput {
    fn into_ids(self) -> Result<(PluginId, OrderId), Error> {
        let Self { plugin_id, order_id } = self;
        let mut found = Found::new();
        let root = Path::root();
        let plugin = id::input::<PluginId>(&plugin_id, &root.field("pluginId"), &mut found);
        let order = id::input::<OrderId>(&order_id, &root.field("orderId"), &mut found);
        found.or(())?;
        plugin.zip(order).ok_or_else(|| Fault::broken("an id got lost").into())
    }
}

impl From<Trial> for PluginTestPayload {
    fn from(trial: Trial) -> Self {
        let mut payload = Self {
            request: trial.request.map(Json::from),
            status_code: trial.status_code.map(i32::from),
            response: trial.response.map(Json::from),
            ..Self::default()
        };
        let said = |reasons: Vec<Reason>| reasons.into_iter().map(VerdictReason::from).collect();
        match trial.answer {
            Answer::Pass { reasons } => {
                payload.verdict = Some(Verdict::Pass);
                payload.reasons = said(reasons);
            }
            Answer::Reject { reasons } => {
                payload.verdict = Some(Verdict::Reject);
                payload.reasons = said(reasons);
            }
            Answer::Enrich { patch, reasons } => {
                payload.verdict = Some(Verdict::Enrich);
                payload.reasons = said(reasons);
                payload.patch = Some(Json::from(serde_json::Value::Object(patch)));
            }
            Answer::Defer => payload.verdict = Some(Verdict::Defer),
            Answer::Retry { error, .. } | Answer::Fail { error } => payload.error = Some(error.into()),
        }
        payload
    }
}
