//! What a superuser does to the log, and how it is found.

use retail_storage::{AuditAnchor, AuditBreak, AuditFault};
use retail_testkit::{TestDatabase, head_office};
use rstest::rstest;

use super::{PATIENCE, assert_good, record, verify, writer};

const ENTRIES: usize = 12;

async fn logged() -> TestDatabase {
    let database = TestDatabase::seeded().await;
    let writer = writer(&database);
    record(&writer, &head_office().await, 1..=ENTRIES).await;
    writer.flush(PATIENCE).await.unwrap();
    database
}

/// Does what nobody but a superuser, or the owner, can: without the triggers.
fn tamper(database: &TestDatabase, sql: &str) {
    database.psql(&format!(
        "ALTER TABLE retail_mcp.audit_log DISABLE TRIGGER ALL;
         ALTER TABLE retail_mcp.audit_head DISABLE TRIGGER ALL; {sql}"
    ));
}

/// Writes the chain anew from an entry on.
const REWRITE: &str = "
    DO $$
    DECLARE
        r retail_mcp.audit_log;
        v_hash bytea := coalesce((SELECT a.hash FROM retail_mcp.audit_log a WHERE a.seq = {from} - 1),
                                 decode(repeat('00', 32), 'hex'));
    BEGIN
        FOR r IN SELECT * FROM retail_mcp.audit_log a WHERE a.seq >= {from} ORDER BY a.seq LOOP
            r.prev_hash := v_hash;
            v_hash := sha256(v_hash || convert_to('v2,' || ROW(
                r.seq, r.entry_id, (extract(epoch FROM r.called_at) * 1000000)::bigint,
                (extract(epoch FROM r.recorded_at) * 1000000)::bigint, r.request_id, r.subject, r.issuer,
                r.actor, r.store_id, r.view_as_reason, r.tool, r.fingerprint, r.tables, r.row_count,
                r.byte_count, r.outcome, r.duration_us)::text, 'UTF8'));
            UPDATE retail_mcp.audit_log a SET prev_hash = r.prev_hash, hash = v_hash WHERE a.seq = r.seq;
            UPDATE retail_mcp.audit_head SET last_seq = r.seq, last_hash = v_hash;
        END LOOP;
    END $$";

/// Makes the first entries such as they were before version 2 of what is hashed, and the chain behind them anew.
const OF_VERSION_1: &str = "
    DO $$
    DECLARE
        r retail_mcp.audit_log;
        v_hash bytea := decode(repeat('00', 32), 'hex');
    BEGIN
        FOR r IN SELECT * FROM retail_mcp.audit_log a WHERE a.seq <= 4 ORDER BY a.seq LOOP
            r.prev_hash := v_hash;
            v_hash := sha256(v_hash || convert_to('v1,' || (
                SELECT string_agg(coalesce(octet_length(f.text) || ':' || f.text || ',', '-,'), '' ORDER BY f.place)
                FROM unnest(ARRAY[
                    r.seq::text, r.entry_id::text, (extract(epoch FROM r.called_at) * 1000000)::bigint::text,
                    (extract(epoch FROM r.recorded_at) * 1000000)::bigint::text, r.request_id, r.subject,
                    r.issuer, r.actor, r.store_id::text, r.view_as_reason, r.tool, r.fingerprint,
                    r.row_count::text, r.byte_count::text, r.outcome, r.duration_us::text,
                    cardinality(r.tables)::text] || r.tables) WITH ORDINALITY AS f (text, place)), 'UTF8'));
            UPDATE retail_mcp.audit_log a SET prev_hash = r.prev_hash, hash = v_hash, hash_version = 1
            WHERE a.seq = r.seq;
        END LOOP;
    END $$";

#[tokio::test]
async fn entries_of_version_1_are_as_good_as_they_were() {
    let database = logged().await;
    tamper(&database, OF_VERSION_1);
    tamper(&database, &REWRITE.replace("{from}", "5"));
    assert_good(&verify(&database, None).await, ENTRIES as u64);
    tamper(&database, "UPDATE retail_mcp.audit_log SET subject = 'x' WHERE seq = 3");
    let found = verify(&database, None).await.first_break;
    assert_eq!(found, Some(AuditBreak { seq: 3, fault: AuditFault::Altered }));
}

/// Nothing of such an entry would be hashed, so that all of it could be changed later.
#[tokio::test]
async fn a_version_that_is_not_known_is_no_good_whatever_its_hash() {
    let database = logged().await;
    tamper(
        &database,
        "UPDATE retail_mcp.audit_log SET hash_version = 3, hash = sha256(prev_hash || 'v1,') WHERE seq = 12;
         UPDATE retail_mcp.audit_head SET last_hash = (SELECT hash FROM retail_mcp.audit_log WHERE seq = 12)",
    );
    let found = verify(&database, None).await.first_break;
    assert_eq!(found, Some(AuditBreak { seq: 12, fault: AuditFault::Altered }));
}

#[rstest]
#[case::subject("SET subject = 'somebody else' WHERE seq = 5", 5)]
#[case::time("SET called_at = called_at + interval '1 microsecond' WHERE seq = 1", 1)]
#[case::no_time("SET recorded_at = 'infinity' WHERE seq = 12", 12)]
#[case::rows("SET row_count = 4 WHERE seq = 7", 7)]
#[case::forgotten_rows("SET row_count = NULL WHERE seq = 7", 7)]
#[case::version("SET hash_version = 1 WHERE seq = 6", 6)]
#[case::unknown_version("SET hash_version = 3 WHERE seq = 6", 6)]
#[case::outcome("SET outcome = 'ok' WHERE seq = 3", 3)]
#[case::store("SET store_id = 1 WHERE seq = 2", 2)]
#[case::tables("SET tables = ARRAY['retail.orders'] WHERE seq = 4", 4)]
#[case::joined_tables("SET tables = ARRAY['retail.orders,retail.stores'] WHERE seq = 4", 4)]
#[case::deep_tables(
    "SET tables = ARRAY[ARRAY['retail.orders'], ARRAY['retail.customers']] WHERE seq = 4",
    4
)]
#[case::one_deep_list("SET tables = ARRAY[tables] WHERE seq = 4", 4)]
#[case::a_list_that_begins_at_five(
    "SET tables = '[5:6]={retail.orders,retail.stores}' WHERE seq = 4",
    4
)]
#[case::shifted_fields("SET issuer = actor, actor = 'x', view_as_reason = issuer WHERE seq = 6", 6)]
#[case::its_hash("SET hash = sha256('') WHERE seq = 8", 8)]
#[case::the_hash_before("SET prev_hash = sha256('') WHERE seq = 8", 8)]
#[case::several("SET tool = 'get_current_utc_date' WHERE seq IN (11, 9)", 9)]
#[tokio::test]
async fn an_altered_entry_is_found(#[case] change: &str, #[case] seq: i64) {
    let database = logged().await;
    assert_good(&verify(&database, None).await, ENTRIES as u64);
    tamper(&database, &format!("UPDATE retail_mcp.audit_log {change}"));
    let report = verify(&database, None).await;
    assert_eq!(report.first_break, Some(AuditBreak { seq, fault: AuditFault::Altered }));
    assert_eq!(report.entries, seq.unsigned_abs() - 1, "those before it are good");
}

#[rstest]
#[case::first("DELETE FROM retail_mcp.audit_log WHERE seq = 1", 1, AuditFault::Missing)]
#[case::middle("DELETE FROM retail_mcp.audit_log WHERE seq = 6", 6, AuditFault::Missing)]
#[case::tail("DELETE FROM retail_mcp.audit_log WHERE seq > 10", 11, AuditFault::Missing)]
#[case::all("TRUNCATE retail_mcp.audit_log", 1, AuditFault::Missing)]
#[case::moved_up(
    "DELETE FROM retail_mcp.audit_log WHERE seq = 6;
     UPDATE retail_mcp.audit_log SET seq = seq - 1000 WHERE seq > 6;
     UPDATE retail_mcp.audit_log SET seq = seq + 999 WHERE seq < 0",
    6,
    AuditFault::Altered
)]
#[case::swapped(
    "UPDATE retail_mcp.audit_log SET seq = -3 WHERE seq = 3;
     UPDATE retail_mcp.audit_log SET seq = 3 WHERE seq = 4;
     UPDATE retail_mcp.audit_log SET seq = 4 WHERE seq = -3",
    3,
    AuditFault::Altered
)]
#[case::put_in_front(
    "INSERT INTO retail_mcp.audit_log SELECT (jsonb_populate_record(a, jsonb_build_object(
         'seq', 0, 'entry_id', gen_random_uuid()))).* FROM retail_mcp.audit_log a WHERE seq = 1",
    0,
    AuditFault::Added
)]
#[case::a_copy_behind(
    "INSERT INTO retail_mcp.audit_log SELECT (jsonb_populate_record(a, jsonb_build_object(
         'seq', 13, 'entry_id', gen_random_uuid()))).* FROM retail_mcp.audit_log a WHERE seq = 12",
    13,
    AuditFault::Altered
)]
#[case::twice(
    "ALTER TABLE retail_mcp.audit_log DROP CONSTRAINT audit_log_pkey;
     ALTER TABLE retail_mcp.audit_log DROP CONSTRAINT audit_log_entry_id_key;
     INSERT INTO retail_mcp.audit_log SELECT * FROM retail_mcp.audit_log WHERE seq = 7",
    7,
    AuditFault::Added
)]
#[case::the_end_moved_back(
    "UPDATE retail_mcp.audit_head SET last_seq = 9, last_hash =
         (SELECT hash FROM retail_mcp.audit_log WHERE seq = 9)",
    10,
    AuditFault::Added
)]
#[case::another_end(
    "UPDATE retail_mcp.audit_head SET last_hash = sha256('')",
    12,
    AuditFault::OtherEnd
)]
#[case::a_false_beginning(
    "DELETE FROM retail_mcp.audit_log WHERE seq <= 4;
     UPDATE retail_mcp.audit_head SET pruned_seq = 4",
    5,
    AuditFault::Altered
)]
#[tokio::test]
async fn a_removed_added_or_moved_entry_is_found(
    #[case] sql: &str,
    #[case] seq: i64,
    #[case] fault: AuditFault,
) {
    let database = logged().await;
    tamper(&database, sql);
    assert_eq!(verify(&database, None).await.first_break, Some(AuditBreak { seq, fault }));
}

/// Who may do everything can make a chain that fits. What the log told before does not fit it.
#[rstest]
#[case::tail_and_end(
    "DELETE FROM retail_mcp.audit_log WHERE seq > 10;
     UPDATE retail_mcp.audit_head SET last_seq = 10, last_hash =
         (SELECT hash FROM retail_mcp.audit_log WHERE seq = 10)",
    AuditBreak { seq: 11, fault: AuditFault::Missing }
)]
#[case::written_anew(
    "UPDATE retail_mcp.audit_log SET subject = 'somebody else' WHERE seq = 5; {rewrite from 5}",
    AuditBreak { seq: 12, fault: AuditFault::NotTheAnchor }
)]
#[case::an_entry_taken_out(
    "DELETE FROM retail_mcp.audit_log WHERE seq = 5;
     UPDATE retail_mcp.audit_log SET seq = seq - 1000 WHERE seq > 5;
     UPDATE retail_mcp.audit_log SET seq = seq + 999 WHERE seq < 0; {rewrite from 5}",
    AuditBreak { seq: 12, fault: AuditFault::Missing }
)]
#[tokio::test]
async fn an_anchor_finds_what_a_chain_made_anew_hides(
    #[case] sql: &str,
    #[case] expected: AuditBreak,
) {
    let database = logged().await;
    let anchor = verify(&database, None).await.end;
    assert_good(&verify(&database, Some(anchor)).await, ENTRIES as u64);
    tamper(&database, &sql.replace("{rewrite from 5}", &REWRITE.replace("{from}", "5")));
    let unnoticed = verify(&database, None).await;
    assert_eq!(unnoticed.first_break, None, "without an anchor it looks good");
    assert_eq!(verify(&database, Some(anchor)).await.first_break, Some(expected));
}

/// Old entries are copied elsewhere and removed behind a checkpoint; the rest is still one chain.
#[rstest]
#[case::no_hash("UPDATE retail_mcp.audit_head SET pruned_hash = '\\x00', last_hash = '\\x00'")]
#[case::no_row("DELETE FROM retail_mcp.audit_head")]
#[case::two_rows(
    "ALTER TABLE retail_mcp.audit_head DROP CONSTRAINT audit_head_pkey,
         DROP CONSTRAINT audit_head_only_row_check;
     INSERT INTO retail_mcp.audit_head SELECT * FROM retail_mcp.audit_head"
)]
#[tokio::test]
async fn a_record_of_the_ends_that_is_none_is_found(#[case] sql: &str) {
    let database = logged().await;
    tamper(&database, sql);
    let report = verify(&database, None).await;
    assert_eq!(report.first_break, Some(AuditBreak { seq: 0, fault: AuditFault::BadEnds }));
}

#[tokio::test]
async fn an_archived_beginning_leaves_a_chain_that_is_good() {
    let database = logged().await;
    let whole = verify(&database, None).await;
    let removed = database.psql("SET ROLE retail_owner; SELECT retail_mcp.prune_audit(5)");
    assert_eq!(removed.lines().last(), Some("5"));
    let rest = verify(&database, Some(whole.end)).await;
    assert_good(&rest, ENTRIES as u64 - 5);
    assert_eq!((rest.start.seq, rest.end), (5, whole.end));
    let archived = AuditAnchor { seq: 3, hash: [1; 32] };
    let fault = AuditFault::AnchorArchived;
    assert_eq!(
        verify(&database, Some(archived)).await.first_break,
        Some(AuditBreak { seq: 3, fault })
    );
    let another = AuditAnchor { seq: 5, hash: [1; 32] };
    let fault = AuditFault::NotTheAnchor;
    assert_eq!(
        verify(&database, Some(another)).await.first_break,
        Some(AuditBreak { seq: 5, fault })
    );
    // It goes on from there, and its beginning is watched as before.
    let writer = writer(&database);
    record(&writer, &head_office().await, 20..25).await;
    writer.flush(PATIENCE).await.unwrap();
    assert_good(&verify(&database, Some(whole.end)).await, ENTRIES as u64);
    tamper(&database, "DELETE FROM retail_mcp.audit_log WHERE seq = 6");
    let fault = AuditFault::Missing;
    assert_eq!(verify(&database, None).await.first_break, Some(AuditBreak { seq: 6, fault }));
}
