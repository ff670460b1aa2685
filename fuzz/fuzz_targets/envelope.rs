//! Accepted text stays one subquery where storage puts it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    if let Some(query) = retail_fuzz::check(sql) {
        retail_fuzz::check_envelope(&query);
    }
});
