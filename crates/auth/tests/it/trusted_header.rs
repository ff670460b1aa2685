//! The trusted header and who may send it.

use std::sync::Arc;

use retail_auth::{PeerNetwork, TrustedHeaderResolver, TrustedPeers};
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Error, ErrorCode, Principal, Scope, Visibility};
use rstest::rstest;
use uuid::Uuid;

use crate::support::{NoDirectory, OneStore, SEATTLE, SetClock, causes, seattle};

const HEAD_OFFICE: Uuid = Uuid::from_u128(0xabcd_ef01_0000_4000_8000_0000_0000_0001);

fn resolver(head_office_ids: &[Uuid]) -> TrustedHeaderResolver {
    let ids = head_office_ids.iter().copied();
    TrustedHeaderResolver::new(ids, SetClock::new(), Arc::new(OneStore))
}

async fn resolve(resolver: &TrustedHeaderResolver, header: &str) -> Result<Principal, Error> {
    resolver.resolve(&Credential::trusted_header(header)).await
}

fn peers(networks: &[&str]) -> TrustedPeers {
    TrustedPeers::new(networks.iter().map(|network| network.parse().unwrap()).collect())
}

#[tokio::test]
async fn costs_are_head_offices_unless_the_operator_shows_them_to_stores() {
    for (stores_see_costs, header, sees) in
        [(false, SEATTLE, false), (true, SEATTLE, true), (false, HEAD_OFFICE, true)]
    {
        let resolver = resolver(&[HEAD_OFFICE]).with_costs_for_stores(stores_see_costs);
        let principal = resolve(&resolver, &header.to_string()).await.unwrap();
        assert_eq!(principal.has_scope(Scope::Costs), sees, "{stores_see_costs} {header}");
        assert!(principal.has_scope(Scope::Sql));
    }
}

#[tokio::test]
async fn a_stores_identity_is_that_store() {
    let principal = resolve(&resolver(&[]), &SEATTLE.to_string()).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::Store(seattle()));
    assert_eq!(principal.subject(), "trusted-header:store-1");
}

#[tokio::test]
async fn only_a_listed_identity_is_head_office() {
    let principal = resolve(&resolver(&[HEAD_OFFICE]), &HEAD_OFFICE.to_string()).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::AllStores);
    assert_eq!(principal.subject(), "trusted-header:head-office-abcdef01");
    let error = resolve(&resolver(&[]), &HEAD_OFFICE.to_string()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn the_zero_uuid_is_nobody_unless_it_is_listed() {
    let zero = Uuid::nil().to_string();
    let error = resolve(&resolver(&[HEAD_OFFICE]), &zero).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    assert!(causes(&error).contains("head_office_ids"));
    let principal = resolve(&resolver(&[Uuid::nil()]), &zero).await.unwrap();
    assert_eq!(principal.visibility(), &Visibility::AllStores);
}

#[rstest]
#[case("")]
#[case("seattle")]
#[case("' or 1=1 --")]
#[case("f47ac10b-58cc-4372-a567-0e02b2c3d47")]
#[case("f47ac10b-58cc-4372-a567-0e02b2c3d479, 00000000-0000-0000-0000-000000000000")]
#[tokio::test]
async fn what_is_no_uuid_is_refused(#[case] header: &str) {
    let error = resolve(&resolver(&[]), header).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    assert_eq!(error.public_message(), "x-rls-user-id is not valid");
    assert!(causes(&error).contains("no UUID"));
}

#[tokio::test]
async fn an_unknown_identity_looks_to_the_caller_like_a_malformed_one() {
    let error = resolve(&resolver(&[]), &Uuid::from_u128(9).to_string()).await.unwrap_err();
    assert_eq!(error.public_message(), "x-rls-user-id is not valid");
}

#[tokio::test]
async fn a_token_is_no_header() {
    let credential = Credential::bearer_token(SEATTLE.to_string());
    let error = resolver(&[]).resolve(&credential).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_database_that_is_down_is_not_an_unknown_identity() {
    let resolver = TrustedHeaderResolver::new([], SetClock::new(), Arc::new(NoDirectory));
    let error = resolve(&resolver, &SEATTLE.to_string()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[rstest]
#[case::loopback(&[], "127.0.0.1", true)]
#[case::loopback_network(&[], "127.8.8.8", true)]
#[case::loopback_v6(&[], "::1", true)]
#[case::loopback_mapped(&[], "::ffff:127.0.0.1", true)]
#[case::nobody_listed(&[], "10.0.0.1", false)]
#[case::unspecified(&[], "0.0.0.0", false)]
#[case::address(&["10.0.0.1"], "10.0.0.1", true)]
#[case::neighbour(&["10.0.0.1"], "10.0.0.2", false)]
#[case::address_mapped(&["10.0.0.1"], "::ffff:10.0.0.1", true)]
#[case::listed_mapped(&["::ffff:10.0.0.1"], "10.0.0.1", true)]
#[case::network(&["10.1.0.0/16"], "10.1.255.255", true)]
#[case::past_network(&["10.1.0.0/16"], "10.2.0.0", false)]
#[case::network_by_a_host(&["10.1.2.3/16"], "10.1.9.9", true)]
#[case::second_of_two(&["10.1.0.0/16", "fd00::/8"], "fd12::1", true)]
#[case::other_v6(&["fd00::/8"], "fe80::1", false)]
fn peers_are_loopback_and_those_listed(
    #[case] networks: &[&str],
    #[case] peer: &str,
    #[case] allowed: bool,
) {
    assert_eq!(peers(networks).allows(peer.parse().unwrap()), allowed);
}

#[test]
fn another_peer_gets_no_credential_and_the_log_says_what_to_do() {
    let peers = peers(&["10.0.0.1"]);
    let header = SEATTLE.to_string();
    let credential = peers.credential("10.0.0.1".parse().unwrap(), &header).unwrap();
    assert_eq!(credential, Credential::trusted_header(header.clone()));

    let error = peers.credential("192.0.2.7".parse().unwrap(), &header).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    assert!(!error.public_message().contains("192.0.2.7"));
    let causes = causes(&error);
    assert!(causes.contains("192.0.2.7") && causes.contains("auth.trusted_header.proxies"));
}

#[rstest]
#[case("")]
#[case("proxy.example")]
#[case("10.0.0.1:80")]
#[case("10.0.0.0/33")]
#[case("0.0.0.0/0")]
#[case("::/0")]
fn a_network_that_makes_no_sense_is_refused(#[case] text: &str) {
    assert!(text.parse::<PeerNetwork>().is_err());
}
