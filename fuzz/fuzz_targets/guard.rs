//! Any text: no panic, no endless work, and a fitting refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    retail_fuzz::check(sql);
});
