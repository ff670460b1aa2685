//! The two collections of statements: attacks, and what analysts write.

use std::collections::BTreeMap;

use retail_sql_guard::{Guard, PolicyBuilder, RejectionCode};

use crate::support::{attacks, benign, check, guard};

#[test]
fn attacks_that_must_be_refused_are() {
    let mut accepted = Vec::new();
    // Per class: refused and accepted of those that must be, then of the others.
    let mut table: BTreeMap<String, [u32; 4]> = BTreeMap::new();
    for attack in attacks() {
        let refused = check(&attack.sql).is_err();
        let must = attack.must == "reject";
        let counts = table.entry(attack.class.clone()).or_default();
        counts[usize::from(!must) * 2 + usize::from(!refused)] += 1;
        if must && !refused {
            accepted.push(attack);
        }
    }
    println!("{:<22}{:>9}{:>9}{:>9}{:>9}", "class", "refused", "missed", "(refused)", "(runs)");
    for (class, [refused, missed, others_refused, others_run]) in &table {
        println!("{class:<22}{refused:>9}{missed:>9}{others_refused:>9}{others_run:>9}");
    }
    assert!(accepted.is_empty(), "accepted: {accepted:#?}");
    assert!(table.values().map(|counts| counts[0]).sum::<u32>() > 150, "the corpus is there");
}

#[test]
fn what_else_runs_is_shown() {
    for attack in attacks().iter().filter(|attack| attack.must != "reject") {
        let answer = match check(&attack.sql) {
            Ok(_) => "runs".to_owned(),
            Err(rejection) => format!("{}: {rejection}", rejection.code().as_str()),
        };
        let sql: String = attack.sql.chars().take(90).collect();
        println!("{} {:<8} {answer}\n     {sql}", attack.id, attack.must);
    }
}

#[test]
fn benign_statements_are_accepted() {
    // Two of them name a column that this schema does not have.
    const OTHER_SCHEMA: [&str; 2] = ["b014", "b057"];
    let mut wrong = Vec::new();
    for entry in benign() {
        match check(&entry.sql) {
            Ok(_) => assert!(!OTHER_SCHEMA.contains(&entry.id.as_str()), "{}", entry.id),
            Err(rejection) if OTHER_SCHEMA.contains(&entry.id.as_str()) => {
                assert_eq!(rejection.code(), RejectionCode::UnknownColumn);
                assert!(rejection.message().contains("discontinued"), "{rejection}");
            }
            Err(rejection) => wrong.push((entry, rejection)),
        }
    }
    assert!(wrong.is_empty(), "refused: {wrong:#?}");
}

#[test]
fn benign_statements_of_a_schema_with_that_column_are_accepted() {
    let policy = guard().policy();
    let columns: Vec<String> = policy
        .columns("retail", "products")
        .map(str::to_owned)
        .chain(["discontinued".to_owned()])
        .collect();
    let policy = PolicyBuilder::from(policy.clone()).relation("retail.products", columns);
    let guard = Guard::new(policy.build().expect("a policy"));
    for entry in benign() {
        if let Err(rejection) = guard.check(&entry.sql) {
            panic!("{entry:?}: {rejection:?}");
        }
    }
}
