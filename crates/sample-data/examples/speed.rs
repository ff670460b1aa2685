//! Prints how fast each table is made: `cargo run --release --example speed -- 1x`.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::time::Instant;

use chrono::NaiveDate;
use retail_sample_data::{Dataset, Scale, Spec, Table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scale: Scale = std::env::args().nth(1).as_deref().unwrap_or("full").parse()?;
    let until = NaiveDate::from_ymd_opt(2026, 11, 22).ok_or("no such date")?;
    let start = Instant::now();
    let dataset = Dataset::new(Spec { seed: 42, scale, until })?;
    println!("scale {scale}, set up in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    for table in Table::ALL {
        let start = Instant::now();
        let mut chunks = dataset.copy_chunks(table);
        let bytes: usize = chunks.by_ref().map(|chunk| chunk.len()).sum();
        let (rows, seconds) = (chunks.rows_written(), start.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let rows_per_second = rows as f64 / seconds;
        println!(
            "{:22} {rows:>9} rows {bytes:>11} bytes {seconds:>8.3} s {rows_per_second:>12.0} rows/s",
            table.name()
        );
    }
    Ok(())
}
