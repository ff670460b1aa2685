//! What it costs to have rows from PostgreSQL as JSON, under the signed identity and with all limits, beside the same
//! statement as it is.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use retail_domain::ports::QueryRunner;
use retail_domain::{QueryLimits, SqlText};
use retail_storage::PgQueryRunner;
use retail_testkit::{TestDatabase, head_office};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let database = runtime.block_on(TestDatabase::seeded());
    let runner = PgQueryRunner::new(Arc::new(database.query_database(4)));
    let caller = runtime.block_on(head_office());
    let (settings, superuser) = (database.settings(), database.superuser());
    let password = superuser.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
    let plain = runtime.block_on(async {
        let (client, connection) = tokio_postgres::Config::new()
            .host(&settings.host)
            .port(settings.port)
            .dbname(&settings.database)
            .user(&superuser.user)
            .password(password.unwrap_or_default())
            .connect(NoTls)
            .await?;
        tokio::spawn(connection);
        Ok::<_, tokio_postgres::Error>(client)
    })?;
    let limits = QueryLimits::default();
    let mut group = criterion.benchmark_group("rows");
    for rows in [1_u64, 100, 1_000] {
        let text = format!(
            "SELECT order_item_id, product_id, quantity, unit_price, total_amount FROM retail.order_items \
             ORDER BY order_item_id LIMIT {rows}"
        );
        let sql = SqlText::new(&text)?;
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::new("guarded_json", rows), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let answer = runner.run(&caller, &sql, &limits).await;
                assert_eq!(black_box(answer).map_or(0, |answer| answer.rows.len()) as u64, rows);
            });
        });
        let statement = runtime.block_on(plain.prepare(&text))?;
        group.bench_function(BenchmarkId::new("plain", rows), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let answer = plain.query(&statement, &[]).await;
                assert_eq!(black_box(answer).map_or(0, |answer| answer.len()) as u64, rows);
            });
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
