//! The request to a service, and what its answer must be.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};
use retail_domain::{Embedding, EmbeddingModel};
use serde::{Deserialize, Serialize};

use super::client::{Clients, parse_url, read_body};
use super::failure::{Failure, Kind, code_in};
use super::pause;
use super::settings::{RemoteError, Service, is_other_model, is_shortened};
use super::timer::Timer;

const WHOM: &str = "the embedding service";
/// No error answer says more in so many bytes than its code.
const LARGEST_REFUSAL: usize = 16 * 1024;
/// A number as text, with the indentation that some services send: at most about 40.
const BYTES_A_NUMBER: usize = 64;
const BYTES_A_VECTOR: usize = 1024;

/// One service, with its address made.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Url,
    model: Arc<EmbeddingModel>,
    /// What the service calls the model, where the address does not say it.
    model_parameter: Option<String>,
    send_dimensions: bool,
    is_azure: bool,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    input: &'a [&'a str],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Datum>,
    #[serde(default)]
    model: Option<String>,
}

#[derive(Deserialize)]
struct Datum {
    index: usize,
    embedding: Vec<f32>,
}

impl Endpoint {
    pub(super) fn new(
        service: &Service,
        model: Arc<EmbeddingModel>,
        carries_secret: bool,
    ) -> Result<Self, RemoteError> {
        let shortened = is_shortened(&model);
        match service {
            Service::Azure { endpoint, deployment, api_version } => {
                let mut url = parse_url("Azure OpenAI endpoint", endpoint, carries_secret)?;
                check_name("deployment", deployment)?;
                check_name("API version", api_version)?;
                let is_v1 = matches!(api_version.as_str(), "v1" | "preview");
                // The portal shows the address with and without the path of the interface.
                let base = url.path().trim_end_matches('/');
                let base = base.strip_suffix("/v1").unwrap_or(base);
                let base = base.strip_suffix("/openai").unwrap_or(base).to_owned();
                if is_v1 {
                    url.set_path(&format!("{base}/openai/v1/embeddings"));
                } else {
                    url.set_path(&format!("{base}/openai/deployments/{deployment}/embeddings"));
                }
                if api_version != "v1" {
                    url.query_pairs_mut().append_pair("api-version", api_version);
                }
                let model_parameter = is_v1.then(|| deployment.clone());
                let send_dimensions = shortened;
                Ok(Self { url, model, model_parameter, send_dimensions, is_azure: true })
            }
            Service::OpenAiCompatible { base_url, send_dimensions } => {
                let mut url = parse_url("base URL", base_url, carries_secret)?;
                url.set_path(&format!("{}/embeddings", url.path().trim_end_matches('/')));
                let model_parameter = Some(model.name.clone());
                let send_dimensions = *send_dimensions || shortened;
                Ok(Self { url, model, model_parameter, send_dimensions, is_azure: false })
            }
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn is_azure(&self) -> bool {
        self.is_azure
    }

    /// The request for the vectors of `texts`, without a credential.
    pub(super) fn request(
        &self,
        clients: &Clients,
        texts: &[&str],
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let request = Request {
            model: self.model_parameter.as_deref(),
            input: texts,
            encoding_format: "float",
            dimensions: self.send_dimensions.then_some(self.model.dimensions),
        };
        let body = serde_json::to_vec(&request).map_err(|error| {
            Failure::new(Kind::Misconfigured, format!("the request has no JSON form: {error}"))
        })?;
        Ok(clients
            .to(&self.url)
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body))
    }

    /// The vectors in the answer to a request for `count` of them.
    pub(super) async fn read(
        &self,
        mut response: Response,
        count: usize,
        timer: &dyn Timer,
    ) -> Result<Vec<Embedding>, Failure> {
        let status = response.status();
        if !status.is_success() {
            let asked_pause = pause::asked_by(response.headers(), timer.utc());
            // A refusal whose body is cut off or too long is still a refusal.
            let body = read_body(WHOM, &mut response, LARGEST_REFUSAL).await.unwrap_or_default();
            return Err(self.refusal(status, &body).retry_after(asked_pause));
        }
        let vector = BYTES_A_NUMBER * self.model.dimensions as usize + BYTES_A_VECTOR;
        let limit = vector.saturating_mul(count).saturating_add(LARGEST_REFUSAL);
        let body = read_body(WHOM, &mut response, limit).await?;
        self.parse(&body, count)
    }

    fn parse(&self, body: &[u8], count: usize) -> Result<Vec<Embedding>, Failure> {
        let broken = |what: String| Failure::new(Kind::Broken, format!("{WHOM} sent {what}"));
        // The error of the parser can hold a piece of the body. Its place says enough.
        let answer: Answer = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            broken(format!("what is no list of vectors (line {line}, column {column})"))
        })?;
        if let Some(answered) = &answer.model
            && is_other_model(&self.model.name, answered)
        {
            let text = format!(
                "{WHOM} embeds with another model of OpenAI than {}: name the model that is behind the \
                 deployment, or the right deployment",
                self.model.name
            );
            return Err(Failure::new(Kind::Misconfigured, text));
        }
        if answer.data.len() != count {
            return Err(broken(format!("{} vectors for {count} texts", answer.data.len())));
        }
        let mut places: Vec<Option<Embedding>> = vec![None; count];
        for Datum { index, embedding } in answer.data {
            let found = embedding.len();
            if found != self.model.dimensions as usize {
                let text = format!(
                    "{WHOM} sent a vector of {found} numbers, but {} was configured: correct the model \
                     or its dimensions",
                    self.model
                );
                return Err(Failure::new(Kind::Misconfigured, text));
            }
            let embedding = Embedding::new(Arc::clone(&self.model), embedding)
                .map_err(|_error| broken("a vector that is none".to_owned()))?;
            match places.get_mut(index) {
                Some(place @ None) => *place = Some(embedding),
                Some(Some(_)) => return Err(broken("two vectors for one text".to_owned())),
                None => return Err(broken("a vector for a text that was not sent".to_owned())),
            }
        }
        places
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| broken("no vector for a text".to_owned()))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let code = code_in(body);
        let shown = code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
        let with = |kind, rest: &str| {
            Failure::new(kind, format!("{WHOM} answered {}{shown}{rest}", status.as_u16()))
        };
        match status.as_u16() {
            // OpenAI's code for an account without money: no pause cures it.
            429 if code.as_deref() == Some("insufficient_quota") => {
                with(Kind::Misconfigured, ": the account has no credit left")
            }
            429 => with(Kind::Busy, ""),
            408 | 500..=599 => with(Kind::Broken, ""),
            401 => with(Kind::Unauthorized, ": check the key, or the identity and its role"),
            403 => with(
                Kind::Misconfigured,
                ": the identity needs the role Cognitive Services OpenAI User, and this network \
                 must be allowed",
            ),
            404 if self.is_azure => with(
                Kind::Misconfigured,
                ": check the endpoint, the deployment's name and the API version; a new deployment \
                 takes some minutes",
            ),
            404 => with(Kind::Misconfigured, ": check the base URL and the model's name"),
            300..=399 => with(
                Kind::Misconfigured,
                ": it has moved; redirects are not followed, so configure its new address",
            ),
            _ => with(Kind::Misconfigured, ": check the model, its dimensions and the API version"),
        }
    }
}

/// The name of a deployment or version becomes a part of an address.
fn check_name(what: &'static str, name: &str) -> Result<(), RemoteError> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 128 || !name.chars().all(is_good) || name.contains("..") {
        let reason = "must be letters, digits, dots, hyphens and underscores";
        return Err(RemoteError::Value { what, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DATED: &str = "/openai/deployments/search/embeddings?api-version=2024-10-21";

    #[rstest]
    #[case("https://zava.openai.azure.com", "v1", "/openai/v1/embeddings")]
    #[case("https://zava.openai.azure.com/", "v1", "/openai/v1/embeddings")]
    #[case("https://zava.openai.azure.com/openai/v1/", "v1", "/openai/v1/embeddings")]
    #[case("https://zava.openai.azure.com/openai", "2024-10-21", DATED)]
    #[case("https://zava.openai.azure.com", "2024-10-21", DATED)]
    #[case("https://zava.openai.azure.com", "preview", "/openai/v1/embeddings?api-version=preview")]
    #[case("https://gateway.example.com/team", "v1", "/team/openai/v1/embeddings")]
    fn azure_has_two_forms_of_address(
        #[case] endpoint: &str,
        #[case] api_version: &str,
        #[case] expected: &str,
    ) {
        let (deployment, api_version) = ("search".to_owned(), api_version.to_owned());
        let service = Service::Azure { endpoint: endpoint.to_owned(), deployment, api_version };
        let endpoint = Endpoint::new(&service, model(), true).unwrap();
        let url = endpoint.url.as_str();
        assert!(url.ends_with(&format!(".com{expected}")), "{url}");
    }

    #[rstest]
    #[case("", "v1")]
    #[case("../admin", "v1")]
    #[case("a/b", "v1")]
    #[case("search", "2024-10-21&x=y")]
    fn a_name_cannot_change_the_address(#[case] deployment: &str, #[case] api_version: &str) {
        let service = Service::Azure {
            endpoint: "https://zava.openai.azure.com".to_owned(),
            deployment: deployment.to_owned(),
            api_version: api_version.to_owned(),
        };
        assert!(Endpoint::new(&service, model(), true).is_err());
    }

    #[rstest]
    #[case("https://api.openai.com/v1")]
    #[case("https://api.openai.com/v1/")]
    fn a_compatible_service_is_asked_below_its_base(#[case] base_url: &str) {
        let service =
            Service::OpenAiCompatible { base_url: base_url.to_owned(), send_dimensions: false };
        let endpoint = Endpoint::new(&service, model(), true).unwrap();
        assert_eq!(endpoint.url.as_str(), "https://api.openai.com/v1/embeddings");
    }

    fn model() -> Arc<EmbeddingModel> {
        Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 2 })
    }
}
