//! Tries every door with every field: who asks in which order, and what the answer must be.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use serde_json::{Value, json};
use tokio::time::timeout;
use waybill::{
    access::{Scope, Scopes},
    config::Config,
};

use super::{
    door::{Ask, Door, Transport, hash},
    expected::{Expected, Naming},
    fingerprint::difference,
    shape::{Document, HARMLESS_NAME, Shape, document},
    target::{self, Target},
    values::Values,
    world::{OTHER, TENANT, Who, World, all, config},
};
use crate::harness::{TestApp, wait::until};

/// Fields of which a failure is shown; one fault has many.
const MOST_SHOWN: usize = 25;
/// How long a refusal may take, after which a subscription is taken for one that was begun and has nothing to tell.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);
/// How much of an answer is shown.
const MOST_CHARS: usize = 200;

/// A field to be asked for by one transport.
struct Case<'a> {
    target: &'a Target,
    shape: Shape,
    /// Whoever may not ask does so first.
    closed_first: Document,
    /// Whoever may asks first.
    open_first: Document,
    /// Where the names begin.
    turn: usize,
    /// Those who may not ask, the one without any scope first.
    closed_to: Vec<Who>,
    /// Who may ask, and nothing more.
    open_to: Who,
}

/// The shapes in which a field is asked for by a transport, each with a number by which the order of names turns. Over
/// all transports a field has every shape, and begins with every name.
pub(super) fn shapes(root: &str, number: usize, transport: Transport) -> Vec<(usize, Shape)> {
    let carriers: Vec<_> = Transport::ALL.into_iter().filter(|it| it.carries(root)).collect();
    let Some(place) = carriers.iter().position(|it| *it == transport) else { return Vec::new() };
    let shapes = Shape::ALL.into_iter().enumerate();
    let shapes = shapes.filter(|(index, _)| (index + number) % carriers.len() == place);
    shapes.map(|(_, shape)| (number + place, shape)).collect()
}

/// What a caller needs to be answered.
fn needs(target: &Target, shape: Shape, world: &World) -> Vec<Scope> {
    // What nobody executes is not found either.
    let is_found = target.steps.len() > 1 || !shape.skips();
    let found = target.found_by_id(&world.schema).filter(|_| is_found);
    target.scopes().chain(found.map(|of| world.finding(of))).collect()
}

/// Those to whom a field is closed: who has no scope, who has one of them, who has all but one of those that it takes.
fn closed_to(needs: &[Scope]) -> Vec<Who> {
    let nobody = Who::new([]);
    let single = Scope::ALL.into_iter().map(|scope| Who::new([scope]));
    let all_but = needs.iter().map(|lacking| {
        Who::new(Scope::ALL.into_iter().filter(|scope| scope != lacking && *scope != Scope::Admin))
    });
    let stranger = Who { tenant: OTHER, scopes: Scopes::default() };
    let mut met = HashSet::new();
    let all = [nobody, stranger].into_iter().chain(single).chain(all_but);
    all.filter(|who| needs.iter().any(|scope| !who.scopes.allow(*scope)) && met.insert(*who)).collect()
}

fn cases<'a>(world: &World, targets: &'a [Target], transport: Transport) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        for (turn, shape) in shapes(target.root, number, transport) {
            let write = |copy: usize| {
                let values = Values {
                    schema: &world.schema,
                    ids: &world.ids,
                    cursor: &world.cursor,
                    url: &world.server.url,
                    number: (number * Shape::ALL.len() + shape as usize) * 2 + copy,
                };
                document(target, shape, &values, (turn + shape as usize).is_multiple_of(2))
            };
            let needs = needs(target, shape, world);
            cases.push(Case {
                target,
                shape,
                closed_first: write(0),
                open_first: write(1),
                turn,
                closed_to: closed_to(&needs),
                open_to: Who { tenant: TENANT, scopes: needs.into_iter().collect() },
            });
        }
    }
    cases
}

/// What came of trying all doors of a transport.
struct Visit<'a> {
    world: &'a World,
    door: Door<'a>,
    transport: Transport,
    /// What was asked for, and what is wrong with the answer.
    failures: Vec<(String, String)>,
    /// Mutations that were executed, and those that changed something.
    mutations: HashSet<String>,
    effective: HashSet<String>,
}

/// Asks for every field of the schema by a transport, and fails if any answer is not as it must be.
pub(super) async fn try_every_field(transport: Transport) {
    let mut world = World::start().await;
    let targets = target::all(&world.schema);
    let all_cases = cases(&world, &targets, transport);
    if transport == Transport::Batch {
        let callers = all_cases.iter().flat_map(|case| case.closed_to.iter().chain([&case.open_to]));
        world.make_keys(callers.copied()).await;
    }
    let trusted = all_cases.iter().flat_map(|case| [&case.closed_first.text, &case.open_first.text]);
    let trusted = trusted.map(|text| (hash(text), text.clone())).collect();
    let trusting = if transport == Transport::Trusted {
        let config = Config { trusted_documents: Some(Arc::new(trusted)), ..config() };
        Some(TestApp::configured_beside(&world.app, config).await)
    } else {
        None
    };
    let app = trusting.as_ref().unwrap_or(&world.app);
    let mut visit = Visit {
        world: &world,
        door: Door::new(app, transport).await,
        transport,
        failures: Vec::new(),
        mutations: HashSet::new(),
        effective: HashSet::new(),
    };
    let (changing, reading): (Vec<_>, Vec<_>) =
        all_cases.into_iter().partition(|case| case.target.root == "Mutation");
    for group in [reading, changing] {
        visit.closed(&group).await;
        visit.opened(&group).await;
        visit.open_first(&group).await;
    }
    visit.conclude();
}

impl Visit<'_> {
    /// Nobody asks who may: nothing is answered, and nothing done.
    async fn closed(&mut self, cases: &[Case<'_>]) {
        let mut before = self.world.state().await;
        for (index, case) in cases.iter().enumerate() {
            self.refuse_all(case, &case.closed_first).await;
            if case.target.root == "Mutation" || index + 1 == cases.len() {
                before = self.expect_unchanged(before, case).await;
            }
        }
    }

    /// Then somebody asks who may; and nobody else may for that.
    async fn opened(&mut self, cases: &[Case<'_>]) {
        for case in cases {
            let is_mutation = case.target.root == "Mutation";
            let before = if is_mutation { self.world.state().await } else { Vec::new() };
            self.ask(case, &case.closed_first, case.open_to, Naming::Right).await;
            if is_mutation {
                let after = self.world.state().await;
                if !case.shape.skips() && case.target.steps.len() == 1 {
                    self.mutations.insert(case.target.key());
                    if after != before {
                        self.effective.insert(case.target.key());
                    }
                }
                self.refuse_some(case, &case.closed_first).await;
                self.expect_unchanged(after, case).await;
            } else {
                self.refuse_some(case, &case.closed_first).await;
            }
            self.ask(case, &case.closed_first, all(TENANT), Self::name(case, 1)).await;
            self.refuse_some(case, &case.closed_first).await;
        }
    }

    /// A document that the server knows from somebody who may send it.
    async fn open_first(&mut self, cases: &[Case<'_>]) {
        for case in cases {
            for turn in 0..Naming::ALL.len() {
                self.ask(case, &case.open_first, case.open_to, Self::name(case, turn)).await;
            }
            self.refuse_some(case, &case.open_first).await;
            self.ask(case, &case.open_first, all(TENANT), Naming::Right).await;
            self.refuse_all(case, &case.open_first).await;
        }
    }

    /// Whoever may not ask does, first the one without any scope, by every name; and what stands beside the field is open
    /// to anybody.
    async fn refuse_all(&mut self, case: &Case<'_>, document: &Document) {
        for (index, who) in case.closed_to.iter().enumerate() {
            let has_scopes = who.scopes.iter().next().is_some();
            let turns = if has_scopes { index..index + 1 } else { 0..Naming::ALL.len() };
            for turn in turns {
                self.ask(case, document, *who, Self::name(case, turn)).await;
            }
            if document.has_several && !has_scopes {
                let answer = self.send(document, *who, Some(HARMLESS_NAME)).await;
                if answer["data"]["viewer"]["subject"] != json!("carl") {
                    self.fail(case, &format!("the harmless operation for {}", who.names()), &answer);
                }
            }
        }
    }

    async fn refuse_some(&mut self, case: &Case<'_>, document: &Document) {
        for turn in 0..2 {
            let who = case.closed_to.iter().cycle().nth(case.turn * turn);
            if let Some(who) = who {
                self.ask(case, document, *who, Self::name(case, turn + 2)).await;
            }
        }
    }

    fn name(case: &Case<'_>, turn: usize) -> Naming {
        Naming::ALL[(case.turn + turn) % Naming::ALL.len()]
    }

    async fn ask(&mut self, case: &Case<'_>, document: &Document, who: Who, naming: Naming) {
        let may = case.open_to.scopes.iter().all(|scope| who.scopes.allow(scope)) && who.tenant == TENANT;
        let expected = Expected::of(naming, document.has_several, may);
        let name = naming.said(document.name);
        let is_streamed = case.target.root == "Subscription" && self.transport.streams();
        let answer = if is_streamed && expected == Expected::Admitted {
            self.hear(document, who, name).await
        } else if is_streamed {
            let Ok(answer) = timeout(REFUSED_WITHIN, self.send(document, who, name)).await else {
                let what = format!("{expected:?} for {}, name {naming:?}", who.names());
                self.fail(case, &what, &json!("a subscription that goes on"));
                // Others would do the same, for as long each.
                return self.conclude();
            };
            answer
        } else {
            self.send(document, who, name).await
        };
        // Where nothing is streamed, the executor says of a subscription that it is none of its business.
        let is_out_of_place = case.target.root == "Subscription" && !self.transport.streams();
        let is_expected = if is_out_of_place && expected == Expected::Admitted {
            !answer["errors"].to_string().contains("FORBIDDEN")
        } else {
            expected.is(&answer)
        };
        if !is_expected {
            let what = format!("{expected:?} for {}, name {naming:?}", who.names());
            self.fail(case, &what, &answer);
        }
    }

    /// The first answer of a subscription; something happens until it comes.
    async fn hear(&mut self, document: &Document, who: Who, name: Option<&str>) -> Value {
        let world = self.world;
        let stirring = async || {
            world.stir().await;
            None::<()>
        };
        let asked = pin!(self.send(document, who, name));
        match select(asked, pin!(until("something that the subscription tells", stirring))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => unreachable!("nothing ends the stirring"),
        }
    }

    async fn send(&mut self, document: &Document, who: Who, operation_name: Option<&str>) -> Value {
        let credentials = self.world.credentials(who);
        let Document { text, variables, .. } = document;
        self.door.ask(Ask { credentials: &credentials, text, variables, operation_name }).await
    }

    /// Fails if anything was done, and gives what there is now.
    async fn expect_unchanged(&mut self, before: Vec<String>, case: &Case<'_>) -> Vec<String> {
        let after = self.world.state().await;
        if after != before {
            let found = difference(&before, &after);
            self.fail(case, "nothing to be done by who was refused", &json!(found));
        }
        after
    }

    fn fail(&mut self, case: &Case<'_>, expected: &str, found: &Value) {
        let found: String = found.to_string().chars().take(MOST_CHARS).collect();
        let (way, shape, transport) = (case.target.way(), case.shape, self.transport);
        let what = format!("({shape:?}, {transport:?}): {expected} was expected, and found: {found}");
        self.failures.push((way, what));
    }

    fn conclude(&self) {
        let Self { failures, mutations, effective, .. } = self;
        let mut ways = HashSet::new();
        let shown = failures.iter().filter(|(way, _)| ways.insert(way)).take(MOST_SHOWN);
        let shown = shown.map(|(way, what)| format!("{way} {what}")).collect::<Vec<_>>().join("\n");
        assert!(failures.is_empty(), "{} answers are wrong, such as:\n{shown}", failures.len());
        // Otherwise it would be no wonder that nothing is done by those who are refused.
        let idle: Vec<_> = mutations.difference(effective).collect();
        assert!(
            mutations.is_empty() || effective.len() > idle.len(),
            "too many mutations do nothing for anybody: {idle:?}"
        );
    }
}
