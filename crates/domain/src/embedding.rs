//! A text as a point in space, and the model that put it there.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode};

/// Which model made a vector. Vectors of different models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
///
/// Written and read again, its numbers are the same bit by bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Embedding {
    model: Arc<EmbeddingModel>,
    values: Arc<[f32]>,
}

/// An [`Embedding`] as it is written. It may be anything.
#[derive(Deserialize)]
struct Written {
    model: EmbeddingModel,
    values: Vec<f32>,
}

impl TryFrom<Written> for Embedding {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self, Error> {
        let values: Arc<[f32]> = written.values.as_slice().into();
        let embedding = Self::new(Arc::new(written.model), written.values)?;
        // Scaled already, unless it is no vector of ours; scaling it again would change its last bits.
        let scaled = values.iter().zip(&*embedding.values).all(|(a, b)| (a - b).abs() < 1e-5);
        if !scaled {
            return Err(Error::internal("a vector whose length is not 1"));
        }
        Ok(Self { values, ..embedding })
    }
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
    use serde_json::json;

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
    fn a_written_vector_is_read_bit_by_bit_or_refused() {
        let embedding = Embedding::new(model(3), vec![0.1, -0.7, 0.3]).unwrap();
        let written = serde_json::to_value(&embedding).unwrap();
        let read: Embedding = serde_json::from_value(written.clone()).unwrap();
        let bits = |embedding: &Embedding| {
            embedding.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&read), bits(&embedding));

        for (place, value) in [("/values/0", json!(9.0)), ("/model/dimensions", json!(2))] {
            let mut wrong = written.clone();
            *wrong.pointer_mut(place).unwrap() = value;
            assert!(serde_json::from_value::<Embedding>(wrong).is_err(), "{place}");
        }
    }

    #[test]
    fn vectors_of_two_models_do_not_compare() {
        let one = Embedding::new(model(1), vec![1.0]).unwrap();
        let other = Embedding::new(model(2), vec![1.0, 0.0]).unwrap();
        assert_eq!(one.cosine(&other).unwrap_err().code(), ErrorCode::EmbeddingsNotReady);
        assert!((one.cosine(&one).unwrap() - 1.0).abs() < 1e-6);
    }
}
