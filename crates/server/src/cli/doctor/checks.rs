//! What a running server would find of the parts that it joins.

use retail_domain::EmbeddingModel;
use retail_storage::{EmbeddingModelRecord, Finding, FindingState};

use crate::app::App;
use crate::config::CacheMode;

/// Whether products can be searched for by the meaning that the configured model gives. A server serves
/// without, by words alone.
pub(super) fn vectors(models: &[EmbeddingModelRecord], configured: &EmbeddingModel) -> Finding {
    let record = models.iter().find(|record| record.model == *configured);
    let detail = match record {
        Some(record) if record.is_ready && record.missing + record.stale == 0 => String::new(),
        Some(record) if record.is_ready => format!(
            "{} products are new and {} changed since: run `retail-mcp embed`",
            record.missing, record.stale
        ),
        _ => "there are no complete vectors of it: run `retail-mcp embed`".to_owned(),
    };
    let state = if detail.is_empty() { FindingState::Good } else { FindingState::Unfit };
    let subject = configured.to_string();
    let check = "embeddings".to_owned();
    Finding { check, subject, state, detail, fix_sql: None, mandatory: false }
}

/// What `/ready` answers, a line each.
pub(super) async fn readiness(app: &App) -> Vec<Finding> {
    let report = app.health.check().await;
    report
        .parts
        .into_iter()
        .map(|part| Finding {
            check: "readiness".to_owned(),
            subject: part.part,
            state: if part.ok { FindingState::Good } else { FindingState::Unfit },
            detail: part.problem.unwrap_or_default(),
            fix_sql: None,
            mandatory: true,
        })
        .collect()
}

/// Whether servers can share answers, where they are to. One serves without.
pub(super) async fn redis(app: &App) -> Option<Finding> {
    if app.kept_answers.mode() != CacheMode::Redis {
        return None;
    }
    let problem = app.kept_answers.redis_outlook().await;
    Some(Finding {
        check: "cache".to_owned(),
        subject: "Redis".to_owned(),
        state: if problem.is_none() { FindingState::Good } else { FindingState::Unfit },
        detail: problem.unwrap_or_default().to_owned(),
        fix_sql: None,
        mandatory: false,
    })
}

/// Whether tokens can be checked. A server serves without, and refuses those who sign in.
pub(super) async fn identity_providers(app: &App) -> Vec<Finding> {
    let providers = match &app.oidc {
        Some(oidc) => oidc.providers().await,
        None => Vec::new(),
    };
    providers
        .into_iter()
        .map(|(subject, keys)| Finding {
            check: "identity provider".to_owned(),
            subject,
            state: if keys.is_ok() { FindingState::Good } else { FindingState::Unfit },
            detail: keys.map_or_else(|problem| problem, |count| format!("{count} keys")),
            fix_sql: None,
            mandatory: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_that_are_missing_or_stale_are_advice() {
        let model = EmbeddingModel { name: "m".to_owned(), dimensions: 3 };
        let record = |is_ready, missing, stale| EmbeddingModelRecord {
            model_id: 1,
            model: model.clone(),
            text_recipe: "r/1".to_owned(),
            is_ready,
            is_active: false,
            products: 424,
            stale,
            missing,
        };
        assert_eq!(vectors(&[record(true, 0, 0)], &model).state, FindingState::Good);
        for models in
            [vec![], vec![record(false, 0, 0)], vec![record(true, 0, 2)], vec![record(true, 2, 0)]]
        {
            let finding = vectors(&models, &model);
            assert_eq!(finding.verdict(), "advice");
            assert!(finding.detail.contains("retail-mcp embed"), "{finding}");
        }
    }
}
