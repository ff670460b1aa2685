//! `x-rls-user-id` from a proxy that has authenticated the user.

use std::net::SocketAddr;

use retail_testkit::{TestDatabase, store};
use rstest::rstest;

use crate::identity::assert_refused;
use crate::support::{Call, TestServer, access_to};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const UNKNOWN: &str = "12345678-1234-4234-8234-123456789abc";

fn server(database: &TestDatabase, variables: &[(&str, &str)]) -> TestServer {
    let mode = [("AUTH__MODE", "trusted-header")];
    let variables: Vec<_> = mode.iter().chain(variables).copied().collect();
    TestServer::with(access_to(database), &variables)
}

fn as_user(id: &str) -> Call {
    Call::query(ORDERS).header("x-rls-user-id", id)
}

#[tokio::test]
async fn a_peer_on_this_machine_may_name_a_store() {
    let database = TestDatabase::seeded().await;
    let server = server(&database, &[]);
    let seattle = store("Zava Retail Seattle");
    let reply = server.send(as_user(&seattle.rls_user_id.to_string())).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    let expected = database.psql("SELECT count(*) FROM retail.orders WHERE store_id = 1");
    assert_eq!(reply.rows()[0][0].to_string(), expected.trim());
}

#[rstest]
#[case::zero(ZERO)]
#[case::unknown(UNKNOWN)]
#[case::name("Zava Retail Seattle")]
#[case::keyword("all-stores")]
#[case::empty("")]
#[tokio::test]
async fn an_identity_that_nobody_granted_is_refused(#[case] id: &str) {
    let database = TestDatabase::seeded().await;
    assert_refused(&server(&database, &[]).send(as_user(id)).await);
}

#[tokio::test]
async fn a_missing_or_repeated_header_is_refused() {
    let database = TestDatabase::seeded().await;
    let server = server(&database, &[("AUTH__TRUSTED_HEADER__HEAD_OFFICE_IDS", ZERO)]);
    assert_refused(&server.send(Call::query(ORDERS)).await);
    let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
    let twice = as_user(&seattle).header("x-rls-user-id", ZERO);
    assert_refused(&server.send(twice).await);
    // Nor does a token of the other mode help.
    let token = server.head_office();
    assert_refused(&server.send(Call::query(ORDERS).bearer(&token)).await);
}

#[tokio::test]
async fn head_office_is_whom_the_operator_lists() {
    let database = TestDatabase::seeded().await;
    let server = server(&database, &[("AUTH__TRUSTED_HEADER__HEAD_OFFICE_IDS", ZERO)]);
    let reply = server.send(as_user(ZERO)).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "all stores");
    assert_eq!(reply.rows()[0][0].to_string(), database.psql(ORDERS).trim());
    assert_refused(&server.send(as_user(UNKNOWN)).await);
}

#[rstest]
#[case::listed_address("10.1.2.3:50000", true)]
#[case::in_a_listed_network("192.168.7.200:50000", true)]
#[case::mapped_to_ipv6("[::ffff:10.1.2.3]:50000", true)]
#[case::loopback("[::1]:50000", true)]
#[case::neighbour("10.1.2.4:50000", false)]
#[case::other_network("192.168.8.1:50000", false)]
#[case::stranger("203.0.113.9:50000", false)]
#[tokio::test]
async fn the_header_is_believed_from_listed_proxies_alone(
    #[case] peer: SocketAddr,
    #[case] believed: bool,
) {
    let database = TestDatabase::seeded().await;
    let server = server(&database, &[("AUTH__TRUSTED_HEADER__PROXIES", "10.1.2.3,192.168.7.0/24")]);
    let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
    // What a header says of the peer counts for nothing.
    let call = as_user(&seattle)
        .header("x-forwarded-for", "127.0.0.1")
        .header("forwarded", "for=127.0.0.1");
    let reply = server.send_from(peer, call).await;
    if believed {
        assert_eq!(reply.answer()["receipt"]["acting_store"], "Zava Retail Seattle");
    } else {
        assert_refused(&reply);
    }
}
