//! Development tokens, good and bad.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto, encode};
use retail_auth::{
    DevTokenClaims, DevTokenKey, DevTokenResolver, DevTokens, Leeway, MAX_TTL, MintError,
    StoreGrant,
};
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Error, ErrorCode, Principal, RlsUserId, Scope, Visibility};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{NOW_S, NoDirectory, OneStore, SEATTLE, SetClock, causes, seattle};

const KEY: [u8; 32] = [7; 32];
const OTHER_KEY: [u8; 32] = [8; 32];

/// `{"alg":"none","typ":"JWT"}` and `{"alg":"RS256","typ":"JWT"}` in Base64.
const HEADER_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
const HEADER_RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";

fn resolver(clock: &Arc<SetClock>) -> DevTokenResolver {
    DevTokenResolver::new(&DevTokenKey::from_bytes(KEY), clock.clone(), Arc::new(OneStore))
}

fn claims(grant: StoreGrant, ttl_s: u64) -> DevTokenClaims {
    DevTokenClaims {
        subject: "alice".to_owned(),
        grant,
        with_costs: false,
        operator: false,
        ttl: Duration::from_secs(ttl_s),
    }
}

fn mint(claims: &DevTokenClaims) -> Result<String, MintError> {
    let tokens = DevTokens::new(&DevTokenKey::from_bytes(KEY), SetClock::new());
    tokens.mint(claims).map(|token| token.expose_secret().to_owned())
}

async fn resolve(resolver: &DevTokenResolver, token: &str) -> Result<Principal, Error> {
    resolver.resolve(&Credential::bearer_token(token)).await
}

/// The claims of a good token for Seattle. Tests spoil one thing each.
fn good_payload() -> Value {
    json!({
        "iss": "retail-mcp-dev", "aud": "retail-mcp", "sub": "alice",
        "iat": NOW_S, "exp": NOW_S + 60, "store": SEATTLE,
    })
}

fn without(mut payload: Value, claim: &str) -> Value {
    payload.as_object_mut().unwrap().remove(claim).unwrap();
    payload
}

fn with(mut payload: Value, claim: &str, value: Value) -> Value {
    payload.as_object_mut().unwrap().insert(claim.to_owned(), value);
    payload
}

fn sign(payload: &Value, key: [u8; 32], algorithm: Algorithm) -> String {
    encode(&Header::new(algorithm), payload, &EncodingKey::from_secret(&key)).unwrap()
}

fn signed(payload: &Value) -> String {
    sign(payload, KEY, Algorithm::HS256)
}

/// `part` 0 is the header, 1 the payload, 2 the signature.
fn part(token: &str, part: usize) -> &str {
    token.split('.').nth(part).unwrap()
}

#[track_caller]
fn assert_refused(result: Result<Principal, Error>, message: &str, cause: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    assert_eq!(error.public_message(), message);
    assert_eq!(error.hint(), None);
    let causes = causes(&error);
    assert!(causes.contains(cause), "the log should say {cause:?} and says {causes:?}");
}

#[tokio::test]
async fn a_minted_token_is_its_store() {
    let token = mint(&claims(StoreGrant::Store(RlsUserId(SEATTLE)), 60)).unwrap();
    let principal = resolve(&resolver(&SetClock::new()), &token).await.unwrap();
    assert_eq!(principal.subject(), "alice");
    assert_eq!(principal.visibility(), &Visibility::Store(seattle()));
    assert!(principal.has_scope(Scope::Read) && principal.has_scope(Scope::Sql));
    assert_eq!(principal.actor(), None);
}

#[rstest]
#[case::a_store_does_not(StoreGrant::Store(RlsUserId(SEATTLE)), false, false, false)]
#[case::unless_its_token_says_so(StoreGrant::Store(RlsUserId(SEATTLE)), true, false, true)]
#[case::or_the_operator(StoreGrant::Store(RlsUserId(SEATTLE)), false, true, true)]
#[case::head_office_does(StoreGrant::AllStores, false, false, true)]
#[tokio::test]
async fn who_sees_costs(
    #[case] grant: StoreGrant,
    #[case] with_costs: bool,
    #[case] stores_see_costs: bool,
    #[case] sees: bool,
) {
    let token = mint(&DevTokenClaims { with_costs, ..claims(grant, 60) }).unwrap();
    let resolver = resolver(&SetClock::new()).with_costs_for_stores(stores_see_costs);
    let principal = resolve(&resolver, &token).await.unwrap();
    assert_eq!(principal.has_scope(Scope::Costs), sees);
}

#[tokio::test]
async fn a_minted_token_for_all_stores_needs_no_directory() {
    let token = mint(&claims(StoreGrant::AllStores, 60)).unwrap();
    let key = DevTokenKey::from_bytes(KEY);
    let resolver = DevTokenResolver::new(&key, SetClock::new(), Arc::new(NoDirectory));
    let principal = resolve(&resolver, &token).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::AllStores);
}

/// Without this, the tests below could pass because `good_payload` is not good.
#[tokio::test]
async fn the_payload_that_the_tests_spoil_is_good() {
    let resolver = resolver(&SetClock::new());
    resolve(&resolver, &signed(&good_payload())).await.unwrap();
    let all = with(without(good_payload(), "store"), "all_stores", json!(true));
    resolve(&resolver, &signed(&all)).await.unwrap();
}

#[rstest]
#[case::other_issuer(with(good_payload(), "iss", json!("evil")), "InvalidIssuer")]
#[case::no_issuer(without(good_payload(), "iss"), "claim: iss")]
#[case::other_audience(with(good_payload(), "aud", json!("other")), "InvalidAudience")]
#[case::no_audience(without(good_payload(), "aud"), "claim: aud")]
#[case::no_subject(without(good_payload(), "sub"), "`sub`")]
#[case::empty_subject(with(good_payload(), "sub", json!("")), "subject")]
#[case::subject_with_line_break(with(good_payload(), "sub", json!("a\nb")), "subject")]
#[case::no_exp(without(good_payload(), "exp"), "`exp`")]
#[case::exp_as_text(with(good_payload(), "exp", json!("4000000060")), "does not decode")]
#[case::exp_in_a_century(with(good_payload(), "exp", json!(NOW_S + 3_000_000_000)), "longer than any")]
#[case::exp_at_the_end_of_time(with(good_payload(), "exp", json!(i64::MAX)), "longer than any")]
#[case::not_yet(with(good_payload(), "nbf", json!(NOW_S + 10)), "good only in 10 s")]
#[case::neither_grant(without(good_payload(), "store"), "exactly one")]
#[case::both_grants(with(good_payload(), "all_stores", json!(true)), "exactly one")]
#[case::store_and_not_all(with(good_payload(), "all_stores", json!(false)), "exactly one")]
#[case::not_all_alone(
    with(without(good_payload(), "store"), "all_stores", json!(false)),
    "exactly one"
)]
#[case::all_as_text(
    with(without(good_payload(), "store"), "all_stores", json!("true")),
    "does not decode"
)]
#[case::unknown_store(with(good_payload(), "store", json!(Uuid::from_u128(5))), "no store")]
#[case::nil_store(with(good_payload(), "store", json!(Uuid::nil())), "no store")]
#[case::store_by_name(with(good_payload(), "store", json!("Seattle")), "does not decode")]
#[tokio::test]
async fn a_spoilt_payload_is_refused(#[case] payload: Value, #[case] cause: &str) {
    let result = resolve(&resolver(&SetClock::new()), &signed(&payload)).await;
    assert_refused(result, "the token is not valid", cause);
}

#[tokio::test]
async fn a_token_ends_at_its_second() {
    let clock = SetClock::new();
    let resolver = resolver(&clock);
    let token = mint(&claims(StoreGrant::AllStores, 60)).unwrap();
    clock.set(NOW_S + 59);
    resolve(&resolver, &token).await.unwrap();
    clock.set(NOW_S + 60);
    assert_refused(resolve(&resolver, &token).await, "the token has expired", "0 s ago");
    clock.set(NOW_S + 90);
    assert_refused(resolve(&resolver, &token).await, "the token has expired", "30 s ago");
}

/// In 1970 by our clock. By the system's this token has long expired.
#[tokio::test]
async fn only_our_clock_counts() {
    let clock = SetClock::new();
    clock.set(1_000);
    let tokens = DevTokens::new(&DevTokenKey::from_bytes(KEY), clock.clone());
    let token = tokens.mint(&claims(StoreGrant::AllStores, 60)).unwrap();
    resolve(&resolver(&clock), token.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn an_exp_before_1970_is_refused() {
    let payload = with(good_payload(), "exp", json!(i64::MIN));
    let result = resolve(&resolver(&SetClock::new()), &signed(&payload)).await;
    // The library knows no negative times and refuses them as missing.
    assert_refused(result, "the token is not valid", "claim: exp");
}

#[tokio::test]
async fn leeway_moves_both_ends() {
    let clock = SetClock::new();
    let leeway = Leeway::try_from(Duration::from_secs(30)).unwrap();
    let resolver = resolver(&clock).with_leeway(leeway);
    let token = signed(&with(good_payload(), "nbf", json!(NOW_S)));
    for good in [NOW_S - 30, NOW_S + 89] {
        clock.set(good);
        resolve(&resolver, &token).await.unwrap();
    }
    clock.set(NOW_S - 31);
    assert_refused(resolve(&resolver, &token).await, "the token is not valid", "in 31 s");
    clock.set(NOW_S + 90);
    assert_refused(resolve(&resolver, &token).await, "the token has expired", "30 s ago");
    assert!(Leeway::try_from(Duration::from_secs(31)).is_err());
}

#[tokio::test]
async fn another_key_does_not_sign() {
    let token = sign(&good_payload(), OTHER_KEY, Algorithm::HS256);
    let result = resolve(&resolver(&SetClock::new()), &token).await;
    assert_refused(result, "the token is not valid", "InvalidSignature");
}

/// With the right key, and yet with another algorithm than ours.
#[rstest]
#[case(Algorithm::HS384)]
#[case(Algorithm::HS512)]
#[tokio::test]
async fn the_token_does_not_choose_the_algorithm(#[case] algorithm: Algorithm) {
    let token = sign(&good_payload(), KEY, algorithm);
    let result = resolve(&resolver(&SetClock::new()), &token).await;
    assert_refused(result, "the token is not valid", "InvalidAlgorithm");
}

#[tokio::test]
async fn alg_none_is_refused() {
    let good = signed(&good_payload());
    for signature in ["", part(&good, 2)] {
        let token = format!("{HEADER_NONE}.{}.{signature}", part(&good, 1));
        let result = resolve(&resolver(&SetClock::new()), &token).await;
        assert_refused(result, "the token is not valid", "does not decode");
    }
}

#[tokio::test]
async fn an_rs256_label_over_our_own_signature_is_refused() {
    let message = format!("{HEADER_RS256}.{}", part(&signed(&good_payload()), 1));
    let key = EncodingKey::from_secret(&KEY);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    let token = format!("{message}.{signature}");
    let result = resolve(&resolver(&SetClock::new()), &token).await;
    assert_refused(result, "the token is not valid", "InvalidAlgorithm");
}

#[tokio::test]
async fn a_payload_under_the_signature_of_another_is_refused() {
    let seattle = signed(&good_payload());
    let all = with(without(good_payload(), "store"), "all_stores", json!(true));
    let forged_payload = part(&sign(&all, OTHER_KEY, Algorithm::HS256), 1).to_owned();
    let token = format!("{}.{forged_payload}.{}", part(&seattle, 0), part(&seattle, 2));
    let result = resolve(&resolver(&SetClock::new()), &token).await;
    assert_refused(result, "the token is not valid", "InvalidSignature");
}

#[rstest]
#[case::empty("")]
#[case::one_part("abc")]
#[case::two_parts("abc.def")]
#[case::no_base64("!.!.!")]
#[tokio::test]
async fn what_is_no_token_is_refused(#[case] token: &str) {
    let result = resolve(&resolver(&SetClock::new()), token).await;
    assert_refused(result, "the token is not valid", "does not decode");
}

#[tokio::test]
async fn a_giant_token_is_not_decoded() {
    let payload = with(good_payload(), "sub", json!("a".repeat(5_000)));
    let result = resolve(&resolver(&SetClock::new()), &signed(&payload)).await;
    assert_refused(result, "the token is not valid", "longer than 4096 bytes");
}

#[tokio::test]
async fn a_database_that_is_down_is_not_a_bad_token() {
    let key = DevTokenKey::from_bytes(KEY);
    let resolver = DevTokenResolver::new(&key, SetClock::new(), Arc::new(NoDirectory));
    let error = resolve(&resolver, &signed(&good_payload())).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_header_is_no_token() {
    let credential = Credential::trusted_header(SEATTLE.to_string());
    let result = resolver(&SetClock::new()).resolve(&credential).await;
    assert_refused(result, "a bearer token is needed", "");
}

#[rstest]
#[case(Duration::ZERO, false)]
#[case(Duration::from_millis(999), false)]
#[case(Duration::from_secs(1), true)]
#[case(MAX_TTL, true)]
#[case(MAX_TTL + Duration::from_millis(1), false)]
#[case(Duration::MAX, false)]
#[tokio::test]
async fn a_life_has_bounds(#[case] ttl: Duration, #[case] good: bool) {
    let claims = DevTokenClaims { ttl, ..claims(StoreGrant::AllStores, 60) };
    match mint(&claims) {
        Ok(token) => {
            assert!(good);
            resolve(&resolver(&SetClock::new()), &token).await.unwrap();
        }
        Err(error) => assert!(!good && matches!(error, MintError::TtlOutOfRange)),
    }
}

#[rstest]
#[case("")]
#[case("a\nb")]
#[case(&"a".repeat(201))]
fn a_subject_has_bounds(#[case] subject: &str) {
    let claims =
        DevTokenClaims { subject: subject.to_owned(), ..claims(StoreGrant::AllStores, 60) };
    assert!(matches!(mint(&claims), Err(MintError::BadSubject)));
}

#[test]
fn debug_shows_no_key() {
    let key = DevTokenKey::from_bytes(KEY);
    let tokens = DevTokens::new(&key, SetClock::new());
    let shown = format!("{key:?} {tokens:?} {:?}", resolver(&SetClock::new()));
    assert!(!shown.contains('7'), "{shown}");
    assert!(shown.contains("DevTokenKey(***)"), "{shown}");
}

/// It opens what operators read, and no tool: tools ask for other scopes.
#[tokio::test]
async fn an_operators_token_has_the_operators_scope_alone() {
    let operator = DevTokenClaims { operator: true, ..claims(StoreGrant::AllStores, 60) };
    let token = mint(&operator).unwrap();
    let principal = resolve(&resolver(&SetClock::new()), &token).await.unwrap();
    assert_eq!(principal.scopes().iter().copied().collect::<Vec<_>>(), [Scope::Admin]);
    // A server from before there were operators would have taken it for head office's, had it a grant.
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert!(payload["store"].is_null() && payload["all_stores"].is_null(), "{payload}");
    for grant in [json!({"all_stores": true}), json!({"store": SEATTLE})] {
        let mut both = without(good_payload(), "store");
        both["operator"] = true.into();
        both.as_object_mut().unwrap().extend(grant.as_object().unwrap().clone());
        let token = signed(&both);
        let error = resolve(&resolver(&SetClock::new()), &token).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthenticated);
    }
}
