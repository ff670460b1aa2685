//! Which rights a claim of a token gives, and which store a name means.

use std::collections::BTreeSet;
use std::sync::Arc;

use retail_domain::ports::{ClaimValue, IdentityGrants, StoreDirectory};
use retail_domain::{ErrorCode, Scope, StoreId, Visibility};
use retail_storage::{
    FindingState, Login, NewIdentityGrant, PgIdentityGrants, PgStoreDirectory, ServiceDatabase,
    StorageError,
};
use retail_testkit::{CuttingProxy, TestDatabase, store};
use rstest::rstest;

const ISSUER: &str = "https://login.example.com/zava/v2.0";

fn claim(name: &str, value: &str) -> ClaimValue {
    ClaimValue { claim: name.to_owned(), value: value.to_owned() }
}

fn grant(claim: ClaimValue, store: Option<i32>) -> NewIdentityGrant {
    NewIdentityGrant {
        issuer: ISSUER.to_owned(),
        claim,
        store: store.map(StoreId),
        scopes: BTreeSet::from([Scope::Read, Scope::Sql]),
        note: Some("ticket 12".to_owned()),
    }
}

#[tokio::test]
async fn claims_give_what_was_granted_to_them_and_no_more() {
    let database = TestDatabase::seeded().await;
    let mut admin = database.admin().await;
    let managers = claim("groups", "seattle-managers");
    let analysts = claim("roles", "Analyst");
    let nowhere = claim("oid", "nowhere");
    for (claim, store) in
        [(&managers, Some(1)), (&managers, Some(2)), (&analysts, None), (&nowhere, Some(4711))]
    {
        admin.add_identity_grant(&grant(claim.clone(), store)).await.unwrap();
    }
    let grants = PgIdentityGrants::new(Arc::new(database.service_database()));
    let of =
        async |issuer: &str, claims: &[ClaimValue]| grants.grants(issuer, claims).await.unwrap();

    let found = of(ISSUER, &[managers.clone(), analysts.clone(), managers.clone()]).await;
    let seen: Vec<_> = found.iter().map(|grant| grant.visibility.label()).collect();
    assert_eq!(seen, ["Zava Retail Seattle", "Zava Retail Bellevue", "all stores"]);
    assert_eq!(found[0].visibility, Visibility::Store(store("Zava Retail Seattle")));
    assert_eq!(found[0].claim, managers);
    assert_eq!(found[0].scopes, BTreeSet::from([Scope::Read, Scope::Sql]));

    for (issuer, claims) in [
        ("https://login.example.com/other", vec![managers.clone(), analysts.clone()]),
        (ISSUER, vec![claim("groups", "Analyst"), claim("roles", "seattle-managers")]),
        (ISSUER, vec![claim("groups", "Seattle-Managers"), claim("groups", "seattle-managers ")]),
        (
            ISSUER,
            vec![claim("groups", "seattle-managers\0"), claim("groups\0", "seattle-managers")],
        ),
        (ISSUER, vec![claim("groups", "' OR true --"), claim("groups", "%")]),
        ("", vec![managers.clone()]),
        ("\0", vec![managers.clone()]),
        (ISSUER, vec![]),
        // To a store that is not there.
        (ISSUER, vec![nowhere]),
    ] {
        assert_eq!(of(issuer, &claims).await, [], "{issuer} {claims:?}");
    }
    // A scope that there is not gives nothing, and does not hide the others.
    database
        .psql("UPDATE retail_mcp.identity SET scopes = '{openid,retail.read}' WHERE all_stores");
    assert_eq!(
        of(ISSUER, std::slice::from_ref(&analysts)).await[0].scopes,
        BTreeSet::from([Scope::Read])
    );

    let list = admin.identity_grants().await.unwrap();
    assert_eq!(list.len(), 4);
    assert_eq!(list[0].store_name.as_deref(), Some("Zava Retail Seattle"));
    assert_eq!((list[3].store_id, &list[3].store_name), (Some(4711), &None));
    let again = admin.add_identity_grant(&grant(analysts.clone(), None)).await.unwrap_err();
    let id = list[2].identity_id;
    assert!(matches!(again, StorageError::GrantExists { identity_id } if identity_id == id));
    assert!(admin.remove_identity_grant(id).await.unwrap());
    assert!(!admin.remove_identity_grant(id).await.unwrap());
    assert_eq!(of(ISSUER, &[analysts]).await, []);
}

#[rstest]
#[case("('i', 'sub', 'v', 1, true, '{}')", "identity_one_store_or_all")]
#[case("('i', 'sub', 'v', NULL, false, '{}')", "identity_one_store_or_all")]
#[case("('', 'sub', 'v', 1, false, '{}')", "identity_issuer_check")]
#[tokio::test]
async fn a_grant_is_to_one_store_or_to_all(#[case] values: &str, #[case] constraint: &str) {
    let database = TestDatabase::seeded().await;
    let client = crate::isolation::connect(&database, &database.superuser()).await;
    let error = client
        .simple_query(&format!(
            "INSERT INTO retail_mcp.identity (issuer, claim, value, store_id, all_stores, scopes) VALUES {values}"
        ))
        .await
        .unwrap_err();
    assert_eq!(error.as_db_error().unwrap().constraint(), Some(constraint));
}

#[rstest]
#[case("Zava Retail Seattle", Some(1))]
#[case("2", Some(2))]
#[case("zava retail seattle", None)]
#[case("Seattle", None)]
#[case("", None)]
#[case("02", None)]
#[case("1\0", None)]
#[case("' OR true --", None)]
#[tokio::test]
async fn a_store_is_named_by_its_name_or_key(#[case] name: &str, #[case] expected: Option<i32>) {
    let database = TestDatabase::seeded().await;
    let directory = PgStoreDirectory::new(Arc::new(database.service_database()));
    let found = directory.store_named(name).await.unwrap();
    assert_eq!(found.map(|store| store.id.0), expected);
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_then_answers_again() {
    let database = TestDatabase::seeded().await;
    let proxy = CuttingProxy::start(&database).await;
    let service = ServiceDatabase::new(&proxy.settings(), &database.service_login()).unwrap();
    let directory = PgStoreDirectory::new(Arc::new(service));
    assert!(directory.store_named("1").await.unwrap().is_some());
    proxy.cut();
    let error = directory.store_named("1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    proxy.mend();
    assert!(directory.store_named("1").await.unwrap().is_some());
}

/// The server's own needs are done by the server's own role, and by no other.
#[tokio::test]
async fn another_login_is_not_fit_for_the_service() {
    let database = TestDatabase::seeded().await;
    let good = database.service_database().posture().await.unwrap();
    assert!(good.iter().all(|finding| finding.state == FindingState::Good), "{good:?}");
    assert!(good.iter().any(|finding| finding.check == "probes"), "{good:?}");
    let logins = database.query_logins();
    for login in [database.superuser(), logins.stores, logins.head_office] {
        let service = Arc::new(ServiceDatabase::new(&database.settings(), &login).unwrap());
        let findings = service.posture().await.unwrap();
        assert!(findings.iter().any(retail_storage::Finding::must_refuse), "{login:?}");
        let error = PgStoreDirectory::new(service).store_named("1").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{login:?}");
    }
    let wrong = Login::new("retail_service", "wrong");
    let service = ServiceDatabase::new(&database.settings(), &wrong).unwrap();
    assert!(service.posture().await.unwrap_err().is_refusal());
}
