//! The neural network: texts to word pieces, word pieces to vectors.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};

use super::files::ModelFiles;
use super::worker::{Engine, Failure};
use super::{LocalModelError, MAX_TOKENS};

/// Characters of a text that are looked at. A text of this length has more word pieces than count, and
/// finding those of an endless one would keep the others waiting.
const MAX_CHARACTERS: usize = 65_536;

/// The loaded model.
pub(super) struct Network {
    model: BertModel,
    tokenizer: Tokenizer,
}

impl Network {
    /// Builds the network from checked files.
    pub(super) fn load(files: ModelFiles) -> Result<Self, LocalModelError> {
        Self::build(files).map_err(|source| LocalModelError::Load { source })
    }

    fn build(files: ModelFiles) -> Result<Self, Failure> {
        let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer)?;
        // The file asks for 128 word pieces and pads to them; the model was trained with 256, and a
        // batch is padded to its longest text.
        let truncation = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation))?.with_padding(None);
        let config: Config = serde_json::from_slice(&files.config)?;
        let weights =
            VarBuilder::from_buffered_safetensors(files.weights, DType::F32, &Device::Cpu)?;
        Ok(Self { model: BertModel::load(weights, &config)?, tokenizer })
    }
}

impl Engine for Network {
    fn tokens(&self, text: &str) -> Result<Vec<u32>, Failure> {
        let end = text.char_indices().nth(MAX_CHARACTERS).map_or(text.len(), |(end, _)| end);
        let text = text.get(..end).unwrap_or(text);
        Ok(self.tokenizer.encode_fast(text, true)?.get_ids().to_vec())
    }

    fn vectors(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, Failure> {
        let longest = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(batch.len() * longest);
        let mut mask = Vec::with_capacity(batch.len() * longest);
        for tokens in batch {
            ids.extend_from_slice(tokens);
            mask.resize(mask.len() + tokens.len(), 1.0_f32);
            ids.resize(mask.len() + longest - tokens.len(), 0);
            mask.resize(ids.len(), 0.0);
        }
        let shape = (batch.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;

        // The mean over the word pieces, without the padding. `Embedding` scales it to length 1.
        let mask = mask.unsqueeze(2)?;
        let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
        Ok(sum.broadcast_div(&mask.sum(1)?)?.to_vec2::<f32>()?)
    }
}
