//! `retail-search-eval`: measures product search.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a report")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use retail_search_eval::baseline::Verdict;
use retail_search_eval::cli::{Cli, RecallArgs, SweepArgs, Task};
use retail_search_eval::labels::labelled_queries;
use retail_search_eval::quality::{self, Chain};
use retail_search_eval::report::listing;
use retail_search_eval::systems::{QueryVectors, System, ask, hit};
use retail_search_eval::{docs, recall, sweep};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.task {
        Some(Task::Recall(args)) => measure_recall(args).await,
        Some(Task::Sweep(args)) => try_settings(args).await,
        None => evaluate(&cli).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the labelled queries. False when hybrid search got worse.
async fn evaluate(cli: &Cli) -> Result<bool> {
    if let Some(text) = &cli.query {
        show(text).await?;
        return Ok(true);
    }
    let begun = Instant::now();
    let runs = quality::measure().await?;
    if cli.verbose {
        for run in &runs {
            println!("{}", listing(run));
        }
    }
    let tables = quality::tables(&runs);
    println!("{tables}");
    println!("measured in {:.1} s", begun.elapsed().as_secs_f64());
    if cli.write_docs {
        docs::write("search-eval", &tables)?;
    }
    if cli.accept {
        println!("accepted: {}", quality::accept(&runs)?.display());
        return Ok(true);
    }
    match quality::judge(&runs)? {
        Verdict::Good(words) => {
            println!("{words}");
            Ok(true)
        }
        Verdict::Dropped(words) => {
            eprintln!("{words}");
            Ok(false)
        }
    }
}

/// Prints what each way to search answers to a text.
async fn show(text: &str) -> Result<()> {
    let chain = Chain::embedded().await?;
    let vectors = QueryVectors::of_texts(&*chain.embedder, &[text]).await?;
    for system in System::ALL {
        let answer = ask(system, &chain.search, &chain.manager, &vectors, text).await?;
        println!("\n{}: {} in {:?}", system.name(), answer.matches.len(), answer.elapsed);
        for (found, rank) in answer.matches.iter().zip(1..) {
            let hit = hit(found, None);
            println!("{rank:3}. {} {} ({})", hit.sku, hit.name, hit.why);
        }
    }
    Ok(())
}

/// Prints how hybrid search does with other settings.
async fn try_settings(args: &SweepArgs) -> Result<bool> {
    let queries = labelled_queries()?;
    let chain = Chain::embedded().await?;
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    let vectors = QueryVectors::of_texts(&*chain.embedder, &texts).await?;
    let table = sweep::table(&args.sets, &chain.world, &chain.manager, &vectors, &queries).await?;
    println!("{table}");
    Ok(true)
}

/// Measures recall under row level security. False when it is below the target.
async fn measure_recall(args: &RecallArgs) -> Result<bool> {
    let measured = recall::run(args.products, args.real_vectors).await?;
    let table = measured.table();
    println!("{table}");
    if args.write_docs {
        docs::write("search-recall", &table)?;
    }
    let good = measured.with_index.iter().all(|measure| measure.recall >= recall::TARGET);
    if !good {
        eprintln!("recall@20 is below {}", recall::TARGET);
    }
    Ok(good)
}
