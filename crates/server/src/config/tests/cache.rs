//! Section `cache`.

use std::time::Duration;

use rstest::rstest;

use super::super::{CacheMode, Config, Purpose, Sources};
use super::{environment, faults};

#[test]
fn answers_are_kept_in_memory_and_as_long_as_the_reference_does() {
    let cache = Config::load(&Sources::default()).unwrap().cache;
    assert_eq!(cache.mode, CacheMode::Memory);
    assert_eq!(cache.queries_ttl, Duration::from_mins(5));
    assert_eq!(cache.search_ttl, Duration::from_hours(1));
    assert_eq!(cache.recommendations_ttl, Duration::from_hours(4));
    assert_eq!(cache.embeddings_ttl, Duration::from_hours(7 * 24));
    assert_eq!(cache.max_stale, Duration::ZERO);
    assert_eq!(cache.version_poll_ms, 500);
}

#[rstest]
#[case(&[("RETAIL_MCP__CACHE__MODE", "redis")], "cache.redis_url")]
#[case(&[("RETAIL_MCP__CACHE__KEY", "hunter2")], "cache.key")]
#[case(
    &[("RETAIL_MCP__CACHE__KEY", "zz00000000000000000000000000000000000000000000000000000000000000")],
    "cache.key"
)]
fn what_does_not_fit_is_a_fault(#[case] variables: &[(&str, &str)], #[case] key: &str) {
    let config = Config::load(&environment(variables)).unwrap();
    let faults = faults(config.validate(Purpose::Demo).map(|()| config.clone()));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].key, key);
    assert!(!format!("{faults:?}").contains("hunter2"));
}

#[test]
fn redis_by_the_variables_of_the_reference_is_enough() {
    let config = Config::load(&environment(&[
        ("RETAIL_MCP__CACHE__MODE", "redis"),
        ("REDIS_URL", "redis://:hunter1@redis:6379"),
        ("REDIS_PASSWORD", "hunter2"),
    ]))
    .unwrap();
    config.validate(Purpose::Demo).unwrap();
    assert!(!format!("{config:?} {:?}", config.effective()).contains("hunter"));
}
