//! Acting for one store.

use std::sync::Arc;
use std::time::Duration;

use retail_auth::{
    DevTokenClaims, DevTokenKey, DevTokenResolver, DevTokens, StoreGrant, TrustedHeaderResolver,
    act_for,
};
use retail_domain::ports::{ActingStore, Credential, IdentityResolver};
use retail_domain::{Error, ErrorCode, Scope, VerifiedIdentity, Visibility};
use rstest::rstest;

use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::support::{OneStore, SetClock, causes, seattle};

/// 201 characters.
const TOO_LONG: &str = match str::from_utf8(&[b'x'; 201]) {
    Ok(text) => text,
    Err(_) => "",
};

fn acting(store: &str, reason: Option<&str>) -> ActingStore {
    ActingStore { store: store.to_owned(), reason: reason.map(ToOwned::to_owned) }
}

async fn act(
    visibility: Visibility,
    store: &str,
    reason: Option<&str>,
) -> Result<VerifiedIdentity, Error> {
    let mut identity = VerifiedIdentity::new("ann", visibility, Scope::ALL);
    identity.step_up = [Scope::Admin].into();
    act_for(identity, Some(&acting(store, reason)), &OneStore).await
}

#[tokio::test]
async fn without_a_store_nothing_changes() {
    let identity = VerifiedIdentity::new("ann", Visibility::AllStores, Scope::ALL);
    assert_eq!(act_for(identity.clone(), None, &OneStore).await.unwrap(), identity);
}

#[rstest]
#[case("Zava Retail Seattle")]
#[case("1")]
#[tokio::test]
async fn head_office_sees_what_the_manager_sees(#[case] store: &str) {
    let identity = act(Visibility::AllStores, store, Some(" ticket 12 ")).await.unwrap();
    assert_eq!(identity.visibility, Visibility::Store(seattle()));
    assert_eq!(identity.scopes, [Scope::Read, Scope::Search, Scope::Sql].into());
    assert!(identity.step_up.is_empty());
    assert_eq!(identity.view_as_reason.as_deref(), Some("ticket 12"));
}

#[rstest]
#[case::no_reason("1", None)]
#[case::empty_reason("1", Some("  "))]
#[case::long_reason("1", Some(TOO_LONG))]
#[case::control_characters("1", Some("a\nb"))]
#[case::unknown_store("Zava Retail Nowhere", Some("why"))]
#[case::empty_store("", Some("why"))]
#[tokio::test]
async fn head_office_is_told_what_is_wrong(#[case] store: &str, #[case] reason: Option<&str>) {
    let error = act(Visibility::AllStores, store, reason).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_store_may_name_itself() {
    for name in ["Zava Retail Seattle", "1"] {
        let identity = act(Visibility::Store(seattle()), name, None).await.unwrap();
        assert_eq!(identity.scopes.len(), Scope::ALL.len());
        assert_eq!(identity.view_as_reason, None);
    }
}

#[tokio::test]
async fn a_store_does_not_find_out_which_others_there_are() {
    let mut other = seattle();
    other.name = "Zava Retail Bellevue".to_owned();
    other.id.0 = 2;
    // The directory knows Seattle and not Nowhere. Both answers are the same, to the caller and in the log.
    let answers: Vec<(ErrorCode, String, String)> = [
        act(Visibility::Store(other.clone()), "Zava Retail Seattle", Some("why")).await,
        act(Visibility::Store(other), "Zava Retail Nowhere", Some("why")).await,
    ]
    .into_iter()
    .map(|result| {
        let error = result.unwrap_err();
        (error.code(), format!("{error} {:?}", error.hint()), causes(&error))
    })
    .collect();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, ErrorCode::Forbidden);
}

/// Head office by a development token, and by a header.
#[tokio::test]
async fn the_other_resolvers_do_it_too() {
    let clock = SetClock::new();
    let key = DevTokenKey::from_bytes([7; 32]);
    let claims = DevTokenClaims {
        subject: "ann".to_owned(),
        grant: StoreGrant::AllStores,
        with_costs: true,
        operator: false,
        ttl: Duration::from_hours(1),
    };
    let token = DevTokens::new(&key, clock.clone()).mint(&claims).unwrap();
    let by_token = DevTokenResolver::new(&key, clock.clone(), Arc::new(OneStore));
    let by_header = TrustedHeaderResolver::new([Uuid::nil()], clock, Arc::new(OneStore));
    let cases: [(&dyn IdentityResolver, Credential); 2] = [
        (&by_token, Credential::bearer_token(token.expose_secret())),
        (&by_header, Credential::trusted_header(Uuid::nil().to_string())),
    ];
    for (resolver, credential) in cases {
        let all = resolver.resolve(&credential).await.unwrap();
        assert_eq!(all.visibility(), &Visibility::AllStores);
        let acting = |reason| credential.clone().acting_for(Some(acting("1", reason)));
        let one = resolver.resolve(&acting(Some("why"))).await.unwrap();
        assert_eq!(one.visibility(), &Visibility::Store(seattle()));
        assert!(!one.has_scope(Scope::Costs));
        assert_eq!(one.view_as_reason(), Some("why"));
        let error = resolver.resolve(&acting(None)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}
