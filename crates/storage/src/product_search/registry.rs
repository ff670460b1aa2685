//! Which model's vectors the catalogue has.

use retail_domain::{EmbeddingModel, Error, ErrorCode};
use tokio_postgres::Row;

use super::cards::column;

/// Every registered model. There are one or two.
pub(super) const MODELS: &str = "SELECT model_id, model_name, dimensions, is_ready FROM retail_mcp.embedding_models ORDER BY model_id";

/// A model with its key.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    pub(super) model_id: i16,
    pub(super) model: EmbeddingModel,
    is_ready: bool,
}

/// Reads the answer to [`MODELS`].
pub(super) fn registered(rows: &[Row]) -> Result<Vec<Registered>, Error> {
    rows.iter()
        .map(|row| {
            let dimensions: i32 = column(row, 2)?;
            Ok(Registered {
                model_id: column(row, 0)?,
                model: EmbeddingModel {
                    name: column(row, 1)?,
                    dimensions: dimensions.unsigned_abs(),
                },
                is_ready: column(row, 3)?,
            })
        })
        .collect()
}

/// The model that was asked for, if its vectors can be compared now.
///
/// # Errors
/// [`ErrorCode::EmbeddingsNotReady`], naming the model asked for, those that are there, and what to do.
pub(super) fn ready<'a>(
    models: &'a [Registered],
    asked: &EmbeddingModel,
) -> Result<&'a Registered, Error> {
    let is_ready = |known: &&Registered| known.is_ready;
    if let Some(known) = models.iter().filter(is_ready).find(|known| known.model == *asked) {
        return Ok(known);
    }
    let others: Vec<String> =
        models.iter().filter(is_ready).map(|known| known.model.to_string()).collect();
    let message = format!("the catalogue has no complete vectors of {asked}");
    let (message, hint) = if others.is_empty() {
        (message, "an operator has to run `retail-mcp embed`")
    } else {
        (
            format!("{message}; it has those of {}", others.join(" and ")),
            "an operator has to run `retail-mcp embed`, or configure the model that is there",
        )
    };
    Err(Error::new(ErrorCode::EmbeddingsNotReady, message).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, dimensions: u32) -> EmbeddingModel {
        EmbeddingModel { name: name.to_owned(), dimensions }
    }

    fn known(model_id: i16, name: &str, dimensions: u32, is_ready: bool) -> Registered {
        Registered { model_id, model: model(name, dimensions), is_ready }
    }

    #[test]
    fn only_the_very_model_counts_and_only_when_it_is_ready() {
        let models = [known(1, "a", 3, true), known(2, "a", 4, false), known(3, "b", 3, true)];
        assert_eq!(ready(&models, &model("a", 3)).unwrap().model_id, 1);
        assert_eq!(ready(&models, &model("b", 3)).unwrap().model_id, 3);
        for asked in [model("a", 4), model("c", 3), model("b", 4)] {
            let error = ready(&models, &asked).unwrap_err();
            assert_eq!(error.code(), ErrorCode::EmbeddingsNotReady);
            assert!(error.to_string().contains(&asked.to_string()), "{error}");
            assert!(error.to_string().contains("a (3 dimensions) and b (3"), "{error}");
            assert!(error.hint().unwrap().contains("retail-mcp embed"));
        }
        assert!(!ready(&[], &model("a", 3)).unwrap_err().to_string().contains("it has those"));
    }
}
