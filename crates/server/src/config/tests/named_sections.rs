//! Sections that may be there several times, and what `auth.mode = "oidc"` needs.

use std::time::Duration;

use rstest::rstest;
use secrecy::ExposeSecret;

use super::{effective, environment, faults, load_file};
use crate::config::{Config, Purpose, Sources};

const FILE: &str = r#"
[auth]
mode = "oidc"
resource = "https://mcp.zava.example/mcp"

[auth.issuers.entra]
issuer = "https://login.microsoftonline.com/8a6e/v2.0"
audiences = ["api://retail", "11111111-2222-3333-4444-555555555555"]
clock_skew = "10s"

[auth.issuers.keycloak]
issuer = "https://id.zava.example/realms/zava"
audiences = ["retail"]
require_nbf = false

[auth.rules.managers]
issuer = "entra"
claim = "groups"
value = "g1"
stores = ["Zava Retail Seattle"]

[auth.rules.head_office]
issuer = "keycloak"
claim = "realm_access.roles"
value = "head-office"
all_stores = true
scopes = ["retail.read", "retail.costs"]

[auth.delegations.agent]
issuer = "entra"
actor = "agent-1"

[database]
host = "localhost"
"#;

#[test]
fn a_file_may_have_several_sections_of_a_kind() {
    let config = load_file(FILE).unwrap();
    let (entra, keycloak) = (&config.auth.issuers["entra"], &config.auth.issuers["keycloak"]);
    assert_eq!(entra.audiences.len(), 2);
    assert_eq!(entra.clock_skew, Duration::from_secs(10));
    assert_eq!(keycloak.clock_skew, Duration::from_mins(1), "each has its own default");
    assert!(entra.require_nbf && !keycloak.require_nbf);
    assert!(config.auth.rules["head_office"].all_stores);
    assert_eq!(config.auth.rules["managers"].scopes.len(), 3);
    assert_eq!(config.auth.delegations["agent"].actor.as_deref(), Some("agent-1"));
    config.validate(Purpose::Serve).unwrap();
    // All of them are printed, with their origin, in the order of the table.
    assert_eq!(effective(&config, "auth.issuers.keycloak.clock_skew").origin, "default");
    assert!(effective(&config, "auth.issuers.entra.clock_skew").origin.starts_with("file "));
    let place = |key: &str| config.effective().iter().position(|value| value.key == key).unwrap();
    assert!(place("auth.issuers.entra.scope_prefix") < place("auth.issuers.keycloak.issuer"));
    assert!(config.effective().iter().all(|value| !value.key.contains('<')));
}

#[test]
fn a_variable_adds_to_a_section_and_makes_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("retail-mcp.toml"), FILE).unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let sources = Sources::default().with_folder(folder.path()).with_environment([
        ("RETAIL_MCP__AUTH__ISSUERS__ENTRA__AUDIENCES", "a,b,c"),
        ("RETAIL_MCP__AUTH__ISSUERS__ENTRA__CLOCK_SKEW", ""),
        ("RETAIL_MCP__AUTH__ISSUERS__OKTA__ISSUER", "https://zava.okta.example"),
        (
            "RETAIL_MCP__AUTH__ISSUERS__OKTA__INTROSPECTION_CLIENT_SECRET_FILE",
            secret.to_str().unwrap(),
        ),
        ("RETAIL_MCP__AUTH__ISSUERS__ENTRA__INTROSPECTION_CLIENT_SECRET", "hunter2"),
    ]);
    let config = Config::load(&sources).unwrap();
    let issuers = &config.auth.issuers;
    assert_eq!(issuers["entra"].audiences, ["a", "b", "c"]);
    assert_eq!(issuers["entra"].clock_skew, Duration::from_secs(10));
    assert_eq!(issuers["okta"].algorithms, ["RS256", "ES256"]);
    let of_okta = issuers["okta"].introspection_client_secret.as_ref().unwrap();
    assert_eq!(of_okta.expose_secret(), "s3cret");
    let shown = format!("{config:?} {sources:?} {:?}", config.effective());
    assert!(!shown.contains("s3cret") && !shown.contains("hunter2"), "{shown}");
    let value = effective(&config, "auth.issuers.entra.introspection_client_secret");
    assert_eq!(value.value.as_deref(), Some("***"));
}

#[test]
fn without_a_section_there_are_no_keys_of_it() {
    let config = Config::load(&Sources::default()).unwrap();
    assert!(config.auth.issuers.is_empty());
    assert!(config.effective().iter().all(|value| !value.key.starts_with("auth.issuers")));
}

#[rstest]
#[case(
    "[auth.issuers.entra]\naudience = [\"a\"]",
    "auth.issuers.entra.audience",
    "auth.issuers.entra.audiences?"
)]
#[case(
    "[auth.issuers.Entra]\nissuer = \"https://a.example\"",
    "auth.issuers.Entra",
    "lower-case letters"
)]
#[case("[auth.issuers]\nissuer = \"https://a.example\"", "auth.issuers.issuer", "is a section")]
#[case("[auth.issuers.entra]\nalgorithms = [\"HS256\"]", "auth.issuers.entra.algorithms", "RS256")]
#[case("[auth.issuers.entra]\nalgorithms = [\"none\"]", "auth.issuers.entra.algorithms", "RS256")]
#[case(
    "[auth.issuers.entra]\nissuer = \"http://a.example\"",
    "auth.issuers.entra.issuer",
    "https://"
)]
#[case("[auth.issuers.entra]\nclock_skew = \"6m\"", "auth.issuers.entra.clock_skew", "to 5m")]
#[case("[auth.rules.a]\nscopes = [\"sql\"]", "auth.rules.a.scopes", "retail.sql")]
fn a_bad_key_or_value_is_refused_by_its_name(
    #[case] file: &str,
    #[case] key: &str,
    #[case] reason: &str,
) {
    let faults = faults(load_file(file));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].key, key);
    assert!(faults[0].reason.contains(reason), "{}", faults[0].reason);
}

#[test]
fn a_misspelt_variable_is_an_error_too() {
    let variables = [("RETAIL_MCP__AUTH__ISSUERS__ENTRA__AUDIENCE", "a")];
    let faults = faults(Config::load(&environment(&variables)));
    let right = "RETAIL_MCP__AUTH__ISSUERS__ENTRA__AUDIENCES";
    assert!(faults[0].reason.contains(right), "{}", faults[0].reason);
}

#[rstest]
#[case("resource = \"https://mcp.zava.example/mcp\"", "", "auth.resource")]
#[case("audiences = [\"retail\"]", "", "auth.issuers.keycloak.audiences")]
#[case("issuer = \"https://id.zava.example/realms/zava\"", "", "auth.issuers.keycloak.issuer")]
#[case("claim = \"groups\"", "", "auth.rules.managers.claim")]
#[case("value = \"g1\"", "", "auth.rules.managers.value")]
#[case("stores = [\"Zava Retail Seattle\"]", "", "auth.rules.managers.stores")]
#[case("all_stores = true", "all_stores = true\nstores = [\"a\"]", "auth.rules.head_office.stores")]
#[case("issuer = \"keycloak\"", "", "auth.rules.head_office.issuer")]
#[case("issuer = \"keycloak\"", "issuer = \"okta\"", "auth.rules.head_office.issuer")]
#[case("actor = \"agent-1\"", "", "auth.delegations.agent.actor")]
#[case("clock_skew = \"10s\"", "outage_grace = \"10m\"", "auth.issuers.entra.outage_grace")]
#[case(
    "clock_skew = \"10s\"",
    "introspection_client_id = \"a\"\nintrospection_client_secret = \"b\"",
    "auth.issuers.entra.introspection_endpoint"
)]
fn what_is_missing_is_named(#[case] from: &str, #[case] to: &str, #[case] key: &str) {
    let config = load_file(&FILE.replacen(from, to, 1)).unwrap();
    let faults = faults(config.validate(Purpose::Serve));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].key, key);
}

#[test]
fn oidc_needs_an_issuer_a_resource_and_a_rule() {
    let variables = [("RETAIL_MCP__AUTH__MODE", "oidc"), ("RETAIL_MCP__DATABASE__HOST", "db")];
    let config = Config::load(&environment(&variables)).unwrap();
    let keys: Vec<String> =
        faults(config.validate(Purpose::Serve)).into_iter().map(|fault| fault.key).collect();
    assert_eq!(keys, ["auth.resource", "auth.issuers", "auth.rules"]);
}
