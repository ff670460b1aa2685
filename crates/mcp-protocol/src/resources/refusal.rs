//! From a domain error to the JSON-RPC error of what is no call of a tool.
//!
//! A failed call gives a result that the model reads (`src/error.rs`). Reads, prompts and completions have no such
//! result: what the caller can do about the failure stands in the error's `data`.

use retail_domain::{Error, ErrorCode};
use rmcp::model::ErrorData;
use serde_json::json;

/// The JSON-RPC error of a failure, with `code`, `hint` and `retryable` in its data.
pub(crate) fn to_error_data(error: &Error, request_id: Option<&str>) -> ErrorData {
    let mut data = json!({ "code": error.code(), "retryable": error.is_retryable() });
    let of_defect = request_id.filter(|_| error.code() == ErrorCode::Internal);
    if let Some(data) = data.as_object_mut() {
        let further = [("hint", error.hint()), ("request_id", of_defect)];
        for (name, text) in further {
            data.extend(text.map(|text| (name.to_owned(), text.into())));
        }
    }
    let (message, data) = (error.public_message().to_owned(), Some(data));
    match error.code() {
        // From 2026-07-28 rmcp sends it as invalid parameters.
        ErrorCode::NotFound => ErrorData::resource_not_found(message, data),
        ErrorCode::InvalidArgument => ErrorData::invalid_params(message, data),
        ErrorCode::Forbidden | ErrorCode::Unauthenticated => {
            ErrorData::invalid_request(message, data)
        }
        _ => ErrorData::internal_error(message, data),
    }
}

/// A request whose parameters are not those of its method. Without this rmcp says that there is no such method.
pub(crate) fn unreadable(method: &'static str) -> ErrorData {
    let needs = match method {
        "prompts/get" => "a 'name' and 'arguments' that are an object",
        "completion/complete" => "a 'ref' to a prompt or a resource, and an 'argument'",
        _ => "a 'uri'",
    };
    ErrorData::invalid_params(format!("{method} needs {needs}"), None)
}

#[cfg(test)]
mod tests {
    use rmcp::model::ErrorCode as RpcCode;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ErrorCode::NotFound, RpcCode::RESOURCE_NOT_FOUND, false)]
    #[case(ErrorCode::InvalidArgument, RpcCode::INVALID_PARAMS, false)]
    #[case(ErrorCode::Forbidden, RpcCode::INVALID_REQUEST, false)]
    #[case(ErrorCode::Unavailable, RpcCode::INTERNAL_ERROR, true)]
    #[case(ErrorCode::Internal, RpcCode::INTERNAL_ERROR, false)]
    fn each_code_maps_to_one_answer(
        #[case] code: ErrorCode,
        #[case] expected: RpcCode,
        #[case] retryable: bool,
    ) {
        let error =
            Error::new(code, "what happened").with_hint("what to do").with_cause("a secret cause");
        let answer = to_error_data(&error, Some("req-1"));
        assert_eq!((answer.code, answer.message.as_ref()), (expected, "what happened"));
        let data = answer.data.unwrap();
        assert_eq!(data["code"], code.as_str());
        assert_eq!((&data["hint"], &data["retryable"]), (&json!("what to do"), &json!(retryable)));
        assert_eq!(data.get("request_id").is_some(), code == ErrorCode::Internal);
        assert!(!data.to_string().contains("secret"));
    }
}
