//! A text as a point in space, and the model that put it there.

use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorCode};

/// Which model made a vector. Vectors of different models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmbeddingModel {
    /// Name of the model, not of a deployment, for example `all-MiniLM-L6-v2`.
    pub name: String,
    /// Numbers in each vector.
    pub dimensions: u32,
}

impl fmt::Display for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} dimensions)", self.name, self.dimensions)
    }
}

/// The vector of one text, of length 1, and the model that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    model: Arc<EmbeddingModel>,
    values: Arc<[f32]>,
}

impl Embedding {
    /// Takes a model's vector and scales it to length 1.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when it has another number of dimensions than its model, a number that
    /// is not finite, or no length: the model did not do its work.
    pub fn new(model: Arc<EmbeddingModel>, mut values: Vec<f32>) -> Result<Self, Error> {
        let refuse = |cause: String| Err(Error::unavailable("the embedding model", cause));
        if values.len() != model.dimensions as usize {
            return refuse(format!("{} values from {model}", values.len()));
        }
        let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length < 1e-9 {
            return refuse(format!("a vector of length {length} from {model}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "vectors are single precision")]
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Ok(Self { model, values: values.into() })
    }

    /// The model that it came from.
    pub fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    /// The numbers, as many as the model has dimensions.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The cosine of the angle to another vector of the same model, -1 to 1.
    ///
    /// # Errors
    /// [`ErrorCode::EmbeddingsNotReady`] for a vector of another model.
    pub fn cosine(&self, other: &Self) -> Result<f32, Error> {
        if self.model != other.model {
            let message = format!("a vector of {} and one of {}", self.model, other.model);
            return Err(Error::new(ErrorCode::EmbeddingsNotReady, message));
        }
        Ok(self.values.iter().zip(other.values.iter()).map(|(a, b)| a * b).sum())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn model(dimensions: u32) -> Arc<EmbeddingModel> {
        Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions })
    }

    #[test]
    fn a_vector_is_scaled_to_length_one() {
        let embedding = Embedding::new(model(2), vec![3.0, 4.0]).unwrap();
        assert_eq!(embedding.values(), [0.6, 0.8]);
    }

    #[rstest]
    #[case(vec![1.0])]
    #[case(vec![0.0, 0.0])]
    #[case(vec![f32::NAN, 1.0])]
    #[case(vec![f32::INFINITY, 1.0])]
    fn a_vector_that_is_none_is_refused(#[case] values: Vec<f32>) {
        assert!(Embedding::new(model(2), values).is_err());
    }

    #[test]
    fn vectors_of_two_models_do_not_compare() {
        let one = Embedding::new(model(1), vec![1.0]).unwrap();
        let other = Embedding::new(model(2), vec![1.0, 0.0]).unwrap();
        assert_eq!(one.cosine(&other).unwrap_err().code(), ErrorCode::EmbeddingsNotReady);
        assert!((one.cosine(&one).unwrap() - 1.0).abs() < 1e-6);
    }
}
