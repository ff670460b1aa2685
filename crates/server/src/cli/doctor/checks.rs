//! What a running server would find of the parts that it joins.

use retail_domain::EmbeddingModel;
use retail_storage::{EmbeddingModelRecord, Finding};

use crate::app::App;
use crate::config::CacheMode;

/// Whether products can be searched for by the meaning that the configured model gives. A server serves
/// without, by words alone.
pub(super) fn vectors(models: &[EmbeddingModelRecord], configured: &EmbeddingModel) -> Finding {
    let record = models.iter().find(|record| record.model == *configured);
    let problem = match record {
        Some(record) if record.is_ready && record.missing + record.stale == 0 => None,
        Some(record) if record.is_ready => Some(format!(
            "{} products are new and {} changed since: run `retail-mcp embed`",
            record.missing, record.stale
        )),
        _ => Some("there are no complete vectors of it: run `retail-mcp embed`".to_owned()),
    };
    Finding::new("embeddings", configured.to_string(), problem, false)
}

/// What `/ready` answers, a line each.
pub(super) async fn readiness(app: &App) -> Vec<Finding> {
    let report = app.health.check().await;
    report
        .parts
        .into_iter()
        .map(|part| Finding::new("readiness", part.part, part.problem, true))
        .collect()
}

/// Whether servers can share answers, where they are to. One serves without.
pub(super) async fn redis(app: &App) -> Option<Finding> {
    if app.kept_answers.mode() != CacheMode::Redis {
        return None;
    }
    let problem = app.kept_answers.redis_outlook().await;
    Some(Finding::new("cache", "Redis", problem.map(str::to_owned), false))
}

/// Whether tokens can be checked. A server serves without, and refuses those who sign in.
pub(super) async fn identity_providers(app: &App) -> Vec<Finding> {
    let providers = match &app.oidc {
        Some(oidc) => oidc.providers().await,
        None => Vec::new(),
    };
    providers
        .into_iter()
        .map(|(subject, keys)| {
            let (detail, problem) = match keys {
                Ok(count) => (format!("{count} keys"), None),
                Err(problem) => (problem.clone(), Some(problem)),
            };
            let mut finding = Finding::new("identity provider", subject, problem, false);
            finding.detail = detail;
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use retail_storage::FindingState;

    use super::*;

    #[test]
    fn vectors_that_are_missing_or_stale_are_advice() {
        let model = EmbeddingModel { name: "m".to_owned(), dimensions: 3 };
        let record = |is_ready, missing, stale| {
            let mut record = EmbeddingModelRecord::new(1, model.clone(), "r/1");
            (record.is_ready, record.missing, record.stale) = (is_ready, missing, stale);
            record
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
