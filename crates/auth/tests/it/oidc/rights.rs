//! From claims to stores and scopes.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use retail_auth::{DelegationRule, OidcResolver, OidcSettings, RuleGrant};
use retail_domain::ports::{ClaimValue, IdentityGrant, IdentityGrants};
use retail_domain::{Error, ErrorCode, Principal, Scope, Visibility};
use retail_testkit::KeyKind;
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    ThreeStores, World, assert_code, assert_seattle, resolve, resolve_acting, rule, store, stores,
    trusting,
};
use crate::support::SetClock;

fn scopes(principal: &Principal) -> Vec<&'static str> {
    principal.scopes().iter().map(|scope| scope.as_str()).collect()
}

#[rstest]
#[case::words(json!({ "scope": "retail.read retail.sql openid" }), &["retail.read", "retail.sql"])]
#[case::scp(json!({ "scp": "retail.read" }), &["retail.read"])]
#[case::list(json!({ "scp": ["retail.read", "retail.search"] }), &["retail.read", "retail.search"])]
#[case::prefix(json!({ "scp": "api://retail/retail.sql" }), &["retail.sql"])]
#[case::other_prefix(json!({ "scp": "api://other/retail.sql" }), &[])]
#[case::glued_prefix(json!({ "scp": "api://retailretail.sql" }), &[])]
#[case::no_scope(json!({}), &[])]
#[case::more_than_the_rule(json!({ "scope": "retail.admin retail.costs retail.read" }), &["retail.read"])]
#[case::roles_of_a_user(json!({ "scp": "retail.read", "roles": ["retail.sql"] }), &["retail.read"])]
#[case::roles_of_a_user_by_name(json!({ "idtyp": "user", "roles": ["retail.sql"] }), &[])]
#[case::app(json!({ "idtyp": "app", "roles": ["retail.sql"] }), &["retail.sql"])]
#[case::app_without_idtyp(json!({ "oid": "alice", "roles": ["retail.sql", "other"] }), &["retail.sql"])]
#[case::user_without_scopes(json!({ "roles": ["retail.sql"] }), &[])]
#[case::scope_of_an_app(json!({ "idtyp": "app", "scp": "retail.sql", "roles": [] }), &[])]
#[case::case_counts(json!({ "scope": "RETAIL.SQL" }), &[])]
#[tokio::test]
async fn scopes_are_those_of_token_and_rule(#[case] more: Value, #[case] expected: &[&str]) {
    let world = World::with(|settings| {
        settings.issuers[0].scope_prefix = Some("api://retail/".to_owned());
    })
    .await;
    let mut claims = world.claims_with("scope", Value::Null);
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let principal = world.resolve_claims(&claims).await.unwrap();
    assert_seattle(&principal);
    assert_eq!(scopes(&principal), expected);
    // What the rule allows besides can be had with another token.
    for scope in Scope::ALL {
        let is_allowed = [Scope::Read, Scope::Search, Scope::Sql].contains(&scope);
        // An application would get the same token again.
        let is_app = claims["idtyp"] == "app" || claims["oid"] == claims["sub"];
        let expected = is_allowed && !is_app && !principal.has_scope(scope);
        assert_eq!(principal.may_step_up_to(scope), expected, "{scope}");
    }
}

#[rstest]
#[case("oid", json!("7f3a"))]
#[case("groups", json!(["other", "7f3a"]))]
#[case("roles", json!(["7f3a"]))]
#[case("preferred_username", json!("7f3a"))]
#[case("realm_access", json!({ "roles": ["7f3a"] }))]
#[tokio::test]
async fn a_rule_may_be_about_any_claim(#[case] claim: &str, #[case] value: Value) {
    let path = if claim == "realm_access" { "realm_access.roles" } else { claim };
    let world = World::with(|settings| {
        settings.rules = vec![rule(path, "7f3a", stores(&["2"]))];
    })
    .await;
    let principal = world.resolve_claims(&world.claims_with(claim, value)).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::Store(store(2)));
    assert_eq!(principal.subject(), if claim == "oid" { "7f3a" } else { "alice" });
}

#[tokio::test]
async fn without_a_rule_there_is_nothing_and_the_log_says_what_was_looked_at() {
    let world = World::with(|settings| {
        settings.rules = vec![
            rule("sub", "bob", stores(&["1"])),
            rule("groups", "g1", RuleGrant::AllStores),
            rule("realm_access.roles", "r1", RuleGrant::AllStores),
        ];
    })
    .await;
    let error = assert_code(
        world.resolve_claims(&world.claims()).await,
        ErrorCode::Forbidden,
        "claims with other values: sub; claims that it does not have: groups, realm_access.roles",
    );
    let shown = format!("{error} {:?}", error.hint());
    for inside in ["claim", "groups", "sub", "rule", "alice"] {
        assert!(!shown.contains(inside), "{shown}");
    }
}

#[rstest]
#[case(json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": {} }))]
#[case(json!({ "hasgroups": true }))]
#[tokio::test]
async fn too_many_groups_are_named_in_the_log(#[case] more: Value) {
    let world = World::with(|settings| {
        settings.rules = vec![rule("groups", "g1", stores(&["1"]))];
    })
    .await;
    let mut claims = world.claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_code(world.resolve_claims(&claims).await, ErrorCode::Forbidden, "groups overage");
}

#[tokio::test]
async fn a_rule_for_a_store_that_is_not_there_gives_nothing() {
    let world = World::with(|settings| {
        settings.rules = vec![rule("sub", "alice", stores(&["Zava Retail Nowhere"]))];
    })
    .await;
    let result = world.resolve_claims(&world.claims()).await;
    assert_code(result, ErrorCode::Forbidden, "Zava Retail Nowhere");
}

/// Two stores by one rule, and a third by another that allows less.
async fn three_stores() -> World {
    World::with(|settings| {
        let mut reading = rule("roles", "helper", stores(&["Zava Retail Tacoma"]));
        reading.scopes = [Scope::Read].into();
        settings.rules = vec![rule("sub", "alice", stores(&["1", "2"])), reading];
    })
    .await
}

#[tokio::test]
async fn who_has_several_stores_must_name_one_of_them() {
    let world = three_stores().await;
    let token = world.issuer.sign(KeyKind::Ec, &world.claims());
    let error = resolve(&world.resolver, &token).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let hint = error.hint().unwrap();
    assert!(hint.contains("Zava Retail Seattle, Zava Retail Bellevue"), "{hint}");
    assert!(!hint.contains("Tacoma"), "{hint}");

    for (name, id) in [("Zava Retail Bellevue", 2), ("2", 2), ("1", 1)] {
        let principal = resolve_acting(&world.resolver, &token, name, None).await.unwrap();
        assert_eq!(principal.visibility(), &Visibility::Store(store(id)));
        assert_eq!(principal.view_as_reason(), None);
    }
    let mut answers = BTreeSet::new();
    for name in ["Zava Retail Tacoma", "3", "Zava Retail Nowhere", ""] {
        let error = resolve_acting(&world.resolver, &token, name, Some("why")).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Forbidden);
        answers.insert(format!("{error:?}"));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_rule_lends_its_scopes_to_no_other_store() {
    let world = three_stores().await;
    let claims = world.claims_with("roles", json!(["helper"]));
    let token = world.issuer.sign(KeyKind::Ec, &claims);
    let seattle = resolve_acting(&world.resolver, &token, "1", None).await.unwrap();
    assert_eq!(scopes(&seattle), ["retail.read", "retail.sql"]);
    let tacoma = resolve_acting(&world.resolver, &token, "3", None).await.unwrap();
    assert_eq!(scopes(&tacoma), ["retail.read"]);
    assert!(!tacoma.may_step_up_to(Scope::Sql));
}

#[tokio::test]
async fn all_stores_is_what_a_rule_says() {
    let world = World::with(|settings| {
        let mut head_office = rule("roles", "head-office", RuleGrant::AllStores);
        head_office.scopes = Scope::ALL.into();
        settings.rules.push(head_office);
    })
    .await;
    let mut claims = world.claims_with("roles", json!(["head-office"]));
    claims["scope"] = "retail.read retail.admin".into();
    let token = world.issuer.sign(KeyKind::Ec, &claims);
    let principal = world.resolve(&token).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::AllStores);
    assert_eq!(scopes(&principal), ["retail.read", "retail.costs", "retail.admin"]);
    assert_eq!(principal.view_as_reason(), None);

    let acting = resolve_acting(&world.resolver, &token, "2", Some("ticket 12")).await.unwrap();
    assert_eq!(acting.visibility(), &Visibility::Store(store(2)));
    assert_eq!(scopes(&acting), ["retail.read"]);
    assert!(!acting.may_step_up_to(Scope::Admin) && !acting.may_step_up_to(Scope::Costs));
    assert_eq!(acting.view_as_reason(), Some("ticket 12"));
    let error = resolve_acting(&world.resolver, &token, "2", None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

async fn with_agent() -> World {
    World::with(|settings| {
        settings.delegations.push(DelegationRule {
            issuer: None,
            actor: "agent-1".to_owned(),
            scopes: [Scope::Read, Scope::Admin].into(),
        });
    })
    .await
}

#[rstest]
#[case::by_sub(json!({ "sub": "agent-1" }))]
#[case::by_client_id(json!({ "client_id": "agent-1" }))]
#[case::outermost(json!({ "sub": "agent-1", "act": { "sub": "unknown" } }))]
#[tokio::test]
async fn an_actor_narrows_what_the_user_may(#[case] act: Value) {
    let world = with_agent().await;
    let principal = world.resolve_claims(&world.claims_with("act", act)).await.unwrap();
    assert_eq!(principal.subject(), "alice");
    assert_eq!(principal.actor(), Some("agent-1"));
    assert_eq!(scopes(&principal), ["retail.read"]);
    assert!(!principal.may_step_up_to(Scope::Search), "the agent may not");
    assert!(!principal.may_step_up_to(Scope::Admin), "the user may not");
}

#[rstest]
#[case::unknown(json!({ "sub": "agent-2" }), "agent-2")]
#[case::known_within_unknown(json!({ "sub": "agent-2", "act": { "sub": "agent-1" } }), "agent-2")]
#[case::known_client_of_unknown(json!({ "sub": "agent-2", "client_id": "agent-1" }), "agent-2")]
#[case::of_another_issuer(json!({ "sub": "agent-1", "iss": "https://other.example" }), "names no actor")]
#[case::nobody(json!({}), "names no actor")]
#[case::text(json!("agent-1"), "names no actor")]
#[case::list(json!([{ "sub": "agent-1" }]), "names no actor")]
#[case::null(json!({ "sub": null }), "names no actor")]
#[case::odd(json!({ "sub": "a\nb" }), "names no actor")]
#[tokio::test]
async fn an_unknown_actor_may_nothing(#[case] act: Value, #[case] cause: &str) {
    let world = with_agent().await;
    let result = world.resolve_claims(&world.claims_with("act", act)).await;
    let error = assert_code(result, ErrorCode::Forbidden, cause);
    assert_eq!(error.public_message(), "this agent may not act for others here");
    let who = format!("alice of {}: ", world.issuer.url());
    assert!(std::error::Error::source(&error).unwrap().to_string().starts_with(&who), "{error:?}");
}

#[tokio::test]
async fn an_actor_of_null_is_not_the_user_alone() {
    let world = with_agent().await;
    let mut claims = world.claims();
    claims["act"] = Value::Null;
    assert_code(world.resolve_claims(&claims).await, ErrorCode::Forbidden, "names no actor");
}

/// A table with one entry for the group `g7`.
struct Table;

#[async_trait]
impl IdentityGrants for Table {
    async fn grants(
        &self,
        issuer: &str,
        claims: &[ClaimValue],
    ) -> Result<Vec<IdentityGrant>, Error> {
        assert!(issuer.starts_with("http://127.0.0.1"));
        let claim = ClaimValue { claim: "groups".to_owned(), value: "g7".to_owned() };
        let grant = IdentityGrant {
            claim: claim.clone(),
            visibility: Visibility::Store(store(3)),
            scopes: [Scope::Read].into(),
        };
        Ok(claims.contains(&claim).then_some(grant).into_iter().collect())
    }
}

/// A table whose database is down.
struct NoTable;

#[async_trait]
impl IdentityGrants for NoTable {
    async fn grants(&self, _: &str, _: &[ClaimValue]) -> Result<Vec<IdentityGrant>, Error> {
        Err(Error::unavailable("the database", "connection refused"))
    }
}

async fn resolve_by(
    table: Arc<dyn IdentityGrants>,
    change: (&str, Value),
) -> Result<Principal, Error> {
    let world = World::new().await;
    let settings =
        OidcSettings { issuers: vec![trusting(&world.issuer)], ..OidcSettings::default() };
    let resolver =
        OidcResolver::new(&settings, SetClock::new(), Arc::new(ThreeStores), Some(table)).unwrap();
    let claims = world.claims_with(change.0, change.1);
    resolve(&resolver, &world.issuer.sign(KeyKind::Ec, &claims)).await
}

#[tokio::test]
async fn the_table_gives_rights_as_rules_do() {
    let groups = ("groups", json!(["g1", "g7"]));
    let principal = resolve_by(Arc::new(Table), groups.clone()).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::Store(store(3)));
    assert_eq!(scopes(&principal), ["retail.read"]);

    let result = resolve_by(Arc::new(Table), ("groups", json!(["g1"]))).await;
    assert_code(result, ErrorCode::Forbidden, "no entry of retail_mcp.identity");
    let result = resolve_by(Arc::new(NoTable), groups).await;
    assert_code(result, ErrorCode::Unavailable, "connection refused");
}
