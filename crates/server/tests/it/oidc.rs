//! Sign-in by an identity provider: statuses, challenges, bodies, and the way to a token.

mod outage;

use retail_domain::ports::{Clock as _, SystemClock};
use retail_testkit::{KeyKind, TestDatabase, TestIssuer, hmac_token, joined_token, store};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, PATIENCE, Reply, TestServer, access_to, run_on, scratch};

const RESOURCE: &str = "https://mcp.zava.example/mcp";
const METADATA: &str = "https://mcp.zava.example/.well-known/oauth-protected-resource/mcp";
const ORDERS: &str = "SELECT count(*) FROM retail.orders";

struct World {
    issuer: TestIssuer,
    server: TestServer,
    database: TestDatabase,
}

impl World {
    /// `alice` is Seattle's manager, and the group `hq` is head office.
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(more: &[(&str, &str)]) -> Self {
        Self::at(TestIssuer::start().await, more).await
    }

    async fn at(issuer: TestIssuer, more: &[(&str, &str)]) -> Self {
        let database = TestDatabase::seeded().await;
        let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
        let variables = [
            ("AUTH__MODE", "oidc"),
            ("AUTH__RESOURCE", RESOURCE),
            ("AUTH__ISSUERS__TEST__ISSUER", issuer.url()),
            ("AUTH__ISSUERS__TEST__AUDIENCES", RESOURCE),
            ("AUTH__ISSUERS__TEST__ALGORITHMS", "RS256,ES256,EdDSA"),
            ("AUTH__RULES__ALICE__CLAIM", "sub"),
            ("AUTH__RULES__ALICE__VALUE", "alice"),
            ("AUTH__RULES__ALICE__STORES", &seattle),
            ("AUTH__RULES__HQ__CLAIM", "groups"),
            ("AUTH__RULES__HQ__VALUE", "hq"),
            ("AUTH__RULES__HQ__ALL_STORES", "true"),
            ("AUTH__DELEGATIONS__AGENT__ACTOR", "agent-1"),
        ];
        let variables: Vec<_> = variables.into_iter().chain(more.iter().copied()).collect();
        let server = TestServer::with(access_to(&database), &variables);
        Self { issuer, server, database }
    }

    fn claims(&self) -> Value {
        self.issuer.claims(RESOURCE, SystemClock.now().timestamp())
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.issuer.sign(KeyKind::Ec, &claims)
    }

    /// A token with one thing wrong.
    fn forged(&self, what: &str) -> String {
        let with = |name: &str, value: Value| self.token(|claims| claims[name] = value);
        match what {
            "expired" => with("exp", json!(1)),
            "not yet valid" => with("nbf", json!(i64::MAX)),
            "wrong audience" => with("aud", json!("other")),
            "wrong issuer" => with("iss", json!("https://other.example")),
            "missing claim" => self.token(|claims| {
                claims.as_object_mut().unwrap().remove("nbf");
            }),
            "alg none" => joined_token(&json!({ "alg": "none" }), &self.claims(), |_| Vec::new()),
            "hmac with the public key" => {
                let key = self.issuer.key(KeyKind::Rsa);
                let header = json!({ "alg": "HS256", "kid": key.id() });
                hmac_token(&key.public_bytes(), &header, &self.claims())
            }
            "unknown kid" => {
                let key = self.issuer.key(KeyKind::Ec);
                let mut header = key.header();
                header["kid"] = "other".into();
                key.sign_with_header(&header, &self.claims())
            }
            "tampered" => {
                let token = self.token(|_| {});
                format!("{}AAAA", &token[..token.len() - 4])
            }
            _ => what.to_owned(),
        }
    }

    async fn query(&self, token: &str) -> Reply {
        self.server.query(token, ORDERS).await
    }

    /// The calls in the audit log: subject, agent, store, reason, tool, outcome.
    async fn audited(&self) -> Vec<String> {
        self.server.audit.flush(PATIENCE).await.unwrap();
        let entries = self.database.psql(
            "SELECT concat(subject, ',', actor, ',', store_id, ',', view_as_reason, ',', tool, ',', outcome)
             FROM retail_mcp.audit_log ORDER BY seq",
        );
        entries.lines().map(ToOwned::to_owned).collect()
    }
}

fn challenge(reply: &Reply) -> &str {
    reply.headers["www-authenticate"].to_str().unwrap()
}

#[track_caller]
fn assert_body(reply: &Reply, code: &str) {
    let body = reply.body.as_object().unwrap();
    let keys: Vec<&str> = body.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "message", "hint", "retryable"]);
    assert_eq!(body["code"], code, "{reply:?}");
}

#[tokio::test]
async fn an_operator_is_known_by_the_scope() {
    let world = World::with(&[
        ("TELEMETRY__OPERATORS", "192.0.2.1"),
        ("AUTH__RULES__ALICE__SCOPES", "retail.read,retail.sql,retail.admin"),
    ])
    .await;
    let metrics = async |token: &str| {
        let request = http::Request::get("/metrics").header("host", "localhost");
        world.server.request(request.header("authorization", format!("Bearer {token}"))).await
    };
    let scoped = |scope: &str| world.token(|claims| claims["scope"] = scope.into());
    let reply = metrics(&scoped("retail.read retail.admin")).await;
    assert_eq!(reply.status, 200);
    assert!(reply.plain_text().contains("process_uptime_seconds"));
    let reply = metrics(&scoped("retail.read retail.sql")).await;
    assert_eq!(reply.status, 403);
    assert_body(&reply, "forbidden");
    assert_eq!(metrics(&world.forged("tampered")).await.status, 401);
    assert_eq!(world.server.get("/metrics").await.status, 401, "this machine is not on the list");
    assert_eq!(world.server.get("/ready").await.body, json!({ "status": "ready" }));
}

#[tokio::test]
async fn the_metadata_are_at_both_addresses() {
    let world = World::with(&[("AUTH__DOCUMENTATION_URL", "https://zava.example/help")]).await;
    let root = "/.well-known/oauth-protected-resource";
    for path in [root.to_owned(), format!("{root}/mcp")] {
        let reply = world.server.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(
            reply.body,
            json!({
                "resource": RESOURCE,
                "authorization_servers": [world.issuer.url()],
                "scopes_supported": ["retail.read", "retail.search", "retail.sql"],
                "bearer_methods_supported": ["header"],
                "resource_name": "retail-mcp",
                "resource_documentation": "https://zava.example/help",
            })
        );
    }
    assert_eq!(world.server.get(&format!("{root}/other")).await.status, 404);
}

#[tokio::test]
async fn other_modes_have_no_metadata() {
    let server = TestServer::new(&TestDatabase::seeded().await);
    assert_eq!(server.get("/.well-known/oauth-protected-resource").await.status, 404);
}

#[tokio::test]
async fn without_a_token_a_client_is_told_where_to_sign_in() {
    let world = World::new().await;
    for call in [Call::query(ORDERS), Call::new("tools/list", json!({}))] {
        let reply = world.server.send(call).await;
        assert_eq!(reply.status, 401);
        assert_body(&reply, "unauthenticated");
        assert_eq!(
            challenge(&reply),
            format!(
                r#"Bearer realm="retail-mcp", scope="retail.read retail.search", resource_metadata="{METADATA}""#
            )
        );
    }
}

#[tokio::test]
async fn what_to_ask_for_at_first_is_the_operators_choice() {
    let world = World::with(&[("AUTH__SIGN_IN_SCOPES", "retail.sql,retail.read")]).await;
    let reply = world.server.send(Call::query(ORDERS)).await;
    assert!(challenge(&reply).contains(r#"scope="retail.read retail.sql""#), "{reply:?}");
}

#[rstest]
#[case("expired", "the token has expired")]
#[case("not yet valid", "the token is not valid")]
#[case("wrong audience", "the token is not valid")]
#[case("wrong issuer", "the token is not valid")]
#[case("missing claim", "the token is not valid")]
#[case("alg none", "the token is not valid")]
#[case("hmac with the public key", "the token is not valid")]
#[case("unknown kid", "the token is not valid")]
#[case("tampered", "the token is not valid")]
#[case("opaque", "the token is not valid")]
#[tokio::test]
async fn a_bad_token_is_a_401_that_tells_nothing(#[case] what: &str, #[case] message: &str) {
    let world = World::new().await;
    let reply = world.query(&world.forged(what)).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_body(&reply, "unauthenticated");
    assert_eq!(reply.body["message"], message);
    assert_eq!(
        challenge(&reply),
        format!(
            r#"Bearer realm="retail-mcp", error="invalid_token", error_description="{message}", scope="retail.read retail.search", resource_metadata="{METADATA}""#
        )
    );
}

#[tokio::test]
async fn a_good_token_is_its_store() {
    let world = World::new().await;
    for kind in KeyKind::ALL {
        let reply = world.query(&world.issuer.sign(kind, &world.claims())).await;
        assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    }
    world.issuer.rotate();
    let reply = world.query(&world.token(|_| {})).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    let app = world.token(|claims| {
        claims["idtyp"] = "app".into();
        claims["roles"] = json!(["retail.sql"]);
        claims["groups"] = json!(["hq"]);
    });
    let reply = world.query(&app).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "all stores");
}

#[tokio::test]
async fn who_has_no_rights_is_not_sent_to_sign_in_again() {
    let world = World::new().await;
    for token in [
        world.token(|claims| claims["sub"] = "mallory".into()),
        world.token(|claims| claims["act"] = json!({ "sub": "agent-2" })),
    ] {
        let reply = world.query(&token).await;
        assert_eq!(reply.status, 403);
        assert_body(&reply, "forbidden");
        assert!(!reply.headers.contains_key("www-authenticate"));
    }
}

/// `sub` is one person's for each issuer.
#[tokio::test]
async fn two_issuers_name_different_people() {
    let other = TestIssuer::start().await;
    let world = World::with(&[
        ("AUTH__ISSUERS__OTHER__ISSUER", other.url()),
        ("AUTH__ISSUERS__OTHER__AUDIENCES", RESOURCE),
        ("AUTH__ISSUERS__OTHER__ALGORITHMS", "ES256"),
        ("AUTH__RULES__ALICE__ISSUER", "test"),
        ("AUTH__RULES__HQ__ISSUER", "test"),
        ("AUTH__DELEGATIONS__AGENT__ISSUER", "test"),
        ("AUTH__RULES__THEIRS__ISSUER", "other"),
        ("AUTH__RULES__THEIRS__CLAIM", "sub"),
        ("AUTH__RULES__THEIRS__VALUE", "alice"),
        ("AUTH__RULES__THEIRS__STORES", "Zava Retail Tacoma"),
    ])
    .await;
    let theirs = other.claims(RESOURCE, SystemClock.now().timestamp());
    let reply = world.query(&other.sign(KeyKind::Ec, &theirs)).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Tacoma");
    let reply = world.query(&world.token(|_| {})).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    for (signer, claims) in [(&other, world.claims()), (&world.issuer, theirs)] {
        let reply = world.query(&signer.sign(KeyKind::Ec, &claims)).await;
        assert_eq!(reply.status, 401, "{reply:?}");
    }
}

/// What an operator grants in the database counts at once, and no longer than it is there.
#[tokio::test]
async fn the_table_of_identities_opens_a_store() {
    let world = World::with(&[("AUTH__IDENTITY_TABLE", "true")]).await;
    let token = world.token(|claims| {
        claims["sub"] = "bob".into();
        claims["oid"] = "5f7c".into();
    });
    assert_eq!(world.query(&token).await.status, 403);

    let scratch = scratch();
    let run = |arguments: &[&str]| run_on(&world.database, scratch.path(), arguments, &[]);
    let issuer = format!("--issuer={}", world.issuer.url());
    let added = run(&["identity", "add", &issuer, "--claim=oid", "--value=5f7c", "--store=tacoma"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let reply = world.query(&token).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Tacoma");

    assert_eq!(run(&["identity", "remove", "1"]).code, Some(0));
    assert_eq!(world.query(&token).await.status, 403);
}

#[tokio::test]
async fn a_call_that_needs_more_is_asked_to_step_up() {
    let world = World::new().await;
    let reading = world.token(|claims| claims["scope"] = "retail.read".into());
    let reply = world.query(&reading).await;
    assert_eq!(reply.status, 403);
    assert_body(&reply, "forbidden");
    assert_eq!(
        challenge(&reply),
        format!(
            r#"Bearer realm="retail-mcp", error="insufficient_scope", scope="retail.read retail.sql", resource_metadata="{METADATA}""#
        )
    );
    // What the token is good for goes on, with the body as it came.
    let date = Call::tool("get_current_utc_date", &json!({})).bearer(&reading);
    assert_eq!(world.server.send(date).await.status, 200);
    let list = world.server.send(Call::new("tools/list", json!({})).bearer(&reading)).await;
    let tools = list.body["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["get_multiple_table_schemas", "get_current_utc_date"]);
    let unknown = Call::tool("no_such_tool", &json!({})).bearer(&reading);
    assert!(!world.server.send(unknown).await.headers.contains_key("www-authenticate"));
}

/// An agent may not have SQL, so that signing in again would not help: the tool says so.
#[tokio::test]
async fn who_could_not_have_more_is_not_asked_to() {
    let world = World::new().await;
    let delegated = world.token(|claims| claims["act"] = json!({ "sub": "agent-1" }));
    let reply = world.query(&delegated).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.to_string().contains("may not call execute_sales_query"), "{reply:?}");
}

#[tokio::test]
async fn a_prefix_stands_before_scopes_that_clients_ask_for() {
    let world = World::with(&[("AUTH__ISSUERS__TEST__SCOPE_PREFIX", "api://retail/")]).await;
    let reply = world.server.send(Call::query(ORDERS)).await;
    let scope = r#"scope="api://retail/retail.read api://retail/retail.search""#;
    assert!(challenge(&reply).contains(scope), "{}", challenge(&reply));
    let metadata = world.server.get("/.well-known/oauth-protected-resource").await;
    assert_eq!(metadata.body["scopes_supported"][2], "api://retail/retail.sql");
}

#[rstest]
#[case::its_own(&[("x-retail-store", "Zava Retail Seattle")], 200, "")]
#[case::by_key(&[("x-retail-store", "1")], 200, "")]
#[case::another(&[("x-retail-store", "Zava Retail Tacoma")], 403, "forbidden")]
#[case::nowhere(&[("x-retail-store", "Nowhere")], 403, "forbidden")]
#[case::empty(&[("x-retail-store", "")], 403, "forbidden")]
#[case::twice(&[("x-retail-store", "1"), ("x-retail-store", "1")], 400, "invalid_argument")]
#[case::reason_alone(&[("x-retail-view-reason", "why")], 400, "invalid_argument")]
#[case::two_reasons(
    &[("x-retail-store", "1"), ("x-retail-view-reason", "a"), ("x-retail-view-reason", "b")],
    400,
    "invalid_argument"
)]
#[tokio::test]
async fn a_store_may_be_named_in_a_header(
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = World::new().await;
    let mut call = Call::query(ORDERS).bearer(&world.token(|_| {}));
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let reply = world.server.send(call).await;
    assert_eq!(reply.status, status, "{reply:?}");
    if status == 200 {
        assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    } else {
        assert_body(&reply, code);
    }
}

#[tokio::test]
async fn head_office_must_say_why_it_looks_at_one_store() {
    let world = World::new().await;
    let token = world.token(|claims| claims["groups"] = json!(["hq"]));
    let sql = "SELECT DISTINCT store_id FROM retail.orders";
    let call = Call::query(sql).bearer(&token).header("x-retail-store", "Zava Retail Tacoma");
    let reply = world.server.send(call.clone()).await;
    assert_eq!(reply.status, 400);
    assert_body(&reply, "invalid_argument");

    let reply = world.server.send(call.header("x-retail-view-reason", "ticket 7")).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Tacoma");
    let tacoma = store("Zava Retail Tacoma").id.0;
    assert_eq!(reply.rows(), [[json!(tacoma)]]);
    assert_eq!(world.audited().await, [format!("alice,,{tacoma},ticket 7,execute_sales_query,ok")]);
}

#[tokio::test]
async fn agents_and_calls_that_are_refused_are_recorded() {
    let world = World::new().await;
    let reading = world.token(|claims| claims["scope"] = "retail.read".into());
    assert_eq!(world.query(&reading).await.status, 403);
    let delegated = world.token(|claims| claims["act"] = json!({ "sub": "agent-1" }));
    assert_eq!(world.query(&delegated).await.status, 200);
    assert_eq!(
        world.audited().await,
        [
            "alice,,1,,execute_sales_query,forbidden",
            "alice,agent-1,1,,execute_sales_query,forbidden"
        ]
    );
}
