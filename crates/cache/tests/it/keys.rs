//! Keys tell apart all that decides an answer.

use std::collections::BTreeSet;

use retail_cache::{Key, KeySpace, Surroundings};
use retail_domain::{Principal, Scope, VerifiedIdentity};
use rstest::rstest;

use crate::support::{Note, Poster, manager, manager_identity, nine, resolved, space, space_of};

fn note(space: &KeySpace, caller: &Principal, request: &str) -> String {
    format!("{:?}", Key::<Note>::for_identity(space, caller, &request).unwrap())
}

#[tokio::test]
async fn callers_who_differ_in_one_thing_have_different_keys() {
    let space = space();
    let keys: BTreeSet<_> = nine().await.iter().map(|caller| note(&space, caller, "r")).collect();
    assert_eq!(keys.len(), 9);
}

#[tokio::test]
async fn the_same_call_has_the_same_key_on_another_server() {
    assert_eq!(note(&space(), &manager().await, "r"), note(&space(), &manager().await, "r"));
}

#[rstest]
#[case::reason(|caller: &mut VerifiedIdentity| caller.view_as_reason = Some("audit".to_owned()))]
#[case::step_up(|caller: &mut VerifiedIdentity| { caller.step_up.insert(Scope::Costs); })]
#[case::fewer_scopes(|caller: &mut VerifiedIdentity| { caller.scopes.remove(&Scope::Sql); })]
// Texts that are the same when they are joined.
#[case::text_moved(|caller: &mut VerifiedIdentity| {
    caller.subject = "annhttps://".to_owned();
    caller.issuer = Some("issuer".to_owned());
})]
#[case::actor_for_issuer(|caller: &mut VerifiedIdentity| caller.actor = caller.issuer.take())]
#[tokio::test]
async fn nothing_of_an_identity_is_left_out(#[case] change: fn(&mut VerifiedIdentity)) {
    let mut other = manager_identity();
    change(&mut other);
    let space = space();
    assert_ne!(note(&space, &manager().await, "r"), note(&space, &resolved(other).await, "r"));
}

#[tokio::test]
async fn surroundings_secret_request_and_kind_make_another_key() {
    let caller = manager().await;
    let surroundings = |schema: &str, policy: &str, locale: &str| Surroundings {
        schema_version: schema.to_owned(),
        policy_version: policy.to_owned(),
        locale: locale.to_owned(),
    };
    let spaces = [
        surroundings("1", "2", "3"),
        surroundings("1x", "2", "3"),
        surroundings("1", "2x", "3"),
        surroundings("1", "2", "3x"),
        surroundings("12", "", "3"),
        surroundings("", "12", "3"),
    ];
    let mut keys: Vec<String> =
        spaces.iter().map(|each| note(&space_of(7, each), &caller, "r")).collect();
    keys.push(note(&space_of(8, &spaces[0]), &caller, "r"));
    let space = space_of(7, &spaces[0]);
    keys.push(note(&space, &caller, "R"));
    keys.push(format!("{:?}", Key::<Poster>::for_everyone(&space, &"r").unwrap()));
    let different: BTreeSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
}

#[tokio::test]
async fn neither_keys_nor_key_spaces_show_what_they_are_made_of() {
    let space = space_of(0x5a, &Surroundings::default());
    let key = note(&space, &manager().await, "hunter2");
    assert!(!key.contains("hunter2") && !key.contains("ann"), "{key}");
    assert_eq!(format!("{space:?}"), "KeySpace { .. }");
}
