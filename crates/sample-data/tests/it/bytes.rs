//! The COPY text: the same bytes for the same specification, everywhere and for ever.

use retail_sample_data::{Dataset, Scale, Table};

use crate::support::{dataset, date, tiny};

/// FNV-1a, 64 bits: enough to notice any change.
fn hash(dataset: &Dataset, table: Table) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for chunk in dataset.copy_chunks(table) {
        for byte in chunk {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn text(dataset: &Dataset, table: Table) -> String {
    let bytes: Vec<u8> = dataset.copy_chunks(table).flatten().collect();
    String::from_utf8(bytes).unwrap_or_default()
}

/// A change of the catalogue or of the rules changes these, and with them every demo database:
/// update them on purpose, never to make the test pass.
#[test]
fn each_table_is_pinned() {
    let tiny = tiny();
    let hashes: Vec<(&str, u64)> =
        Table::ALL.into_iter().map(|table| (table.name(), hash(&tiny, table))).collect();
    let pinned = [
        ("retail.stores", 0x0c98_5578_9ebf_006c),
        ("retail.categories", 0xddf2_6c45_1afd_c858),
        ("retail.product_types", 0x8a5a_ba72_2da7_72fc),
        ("retail.products", 0x35ef_04e7_7f54_1f72),
        ("retail.customers", 0xa37c_7b1d_5a7d_e237),
        ("retail.inventory", 0xeb95_5d6d_5316_71cc),
        ("retail.orders", 0x199d_bc91_8c21_29f7),
        ("retail.order_items", 0xc22e_5dec_67eb_6dcc),
    ];
    assert_eq!(hashes, pinned, "{hashes:#x?}");
}

#[test]
fn seed_scale_and_date_each_matter() {
    let until = date(2026, 11, 22);
    let base = hash(&tiny(), Table::OrderItems);
    assert_eq!(base, hash(&dataset(42, Scale::Tiny, until), Table::OrderItems));
    assert_ne!(base, hash(&dataset(43, Scale::Tiny, until), Table::OrderItems));
    assert_ne!(base, hash(&dataset(42, Scale::Factor(0.02), until), Table::OrderItems));
    assert_ne!(base, hash(&dataset(42, Scale::Tiny, date(2026, 11, 23)), Table::OrderItems));
}

#[test]
fn chunks_are_of_even_size_and_end_with_a_row() {
    let dataset = dataset(42, Scale::Factor(0.05), date(2026, 11, 22));
    let mut chunks = dataset.copy_chunks(Table::OrderItems);
    let sizes: Vec<usize> = chunks
        .by_ref()
        .map(|chunk| {
            assert_eq!(chunk.last(), Some(&b'\n'));
            chunk.len()
        })
        .collect();
    assert!(sizes.len() > 5);
    let (_, full) = sizes.split_last().unwrap();
    assert!(full.iter().all(|size| (65_536..66_000).contains(size)), "{sizes:?}");
    assert_eq!(chunks.rows_written(), dataset.order_items().count() as u64);
}

#[test]
fn rows_have_one_field_for_each_column_and_the_promised_number() {
    let tiny = tiny();
    for table in Table::ALL {
        let text = text(&tiny, table);
        for line in text.lines() {
            assert_eq!(line.split('\t').count(), table.columns().len(), "{table}: {line}");
        }
        let (rows, count) = (text.lines().count() as u64, tiny.row_count(table));
        if count.is_exact() {
            assert_eq!(rows, count.value(), "{table}");
        } else {
            assert!(rows.abs_diff(count.value()) * 20 < rows, "{table}: {rows} {count:?}");
        }
    }
}

#[test]
fn names_keep_their_apostrophes_and_accents() {
    let text = text(&dataset(42, Scale::Factor(0.1), date(2026, 11, 22)), Table::Customers);
    assert!(text.contains("\tO'Brien\t") && text.contains("\tMuñoz\t"));
    assert!(!text.contains("''") && !text.contains('\\'));
}

#[test]
fn chunks_can_move_to_another_thread() {
    let tiny = tiny();
    let chunks = tiny.copy_chunks(Table::Orders);
    let count = std::thread::scope(|scope| scope.spawn(move || chunks.count()).join().unwrap());
    assert!(count > 0);
}
