//! The tools: what each must provide, and the set of them.
//!
//! A tool is one file in `tools/` that implements [`RetailTool`], and one line in
//! [`RetailMcpBuilder::build`](crate::RetailMcpBuilder::build).

mod analysis;
mod analyze_sales;
mod chart;
mod compare_with_peers;
mod execute_sales_query;
mod explain_change;
mod forecast_sales;
mod generate_business_insights;
mod get_current_utc_date;
mod get_multiple_table_schemas;
mod get_product_recommendations;
mod hybrid_product_search;
mod inventory_status;
mod products;
mod query_vector;
mod receipt;
mod semantic_search_products;

use std::sync::Arc;

use async_trait::async_trait;
use retail_domain::{Error, Principal, Scope, StatementSummary};
use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use analysis::Desk;
pub use analysis::{AnswerReceipt, Drift};
pub(crate) use analyze_sales::AnalyzeSales;
pub(crate) use chart::{APP_URI, Chart};
pub(crate) use compare_with_peers::CompareWithPeers;
pub(crate) use execute_sales_query::ExecuteSalesQuery;
pub(crate) use explain_change::ExplainChange;
pub(crate) use forecast_sales::ForecastSales;
pub(crate) use generate_business_insights::GenerateBusinessInsights;
pub(crate) use get_current_utc_date::GetCurrentUtcDate;
pub(crate) use get_multiple_table_schemas::GetMultipleTableSchemas;
pub(crate) use get_product_recommendations::GetProductRecommendations;
pub(crate) use hybrid_product_search::HybridProductSearch;
pub(crate) use inventory_status::InventoryStatus;
pub(crate) use semantic_search_products::SemanticSearchProducts;

use crate::{BuildError, arguments};

/// A tool that reads. Its schemas and its checks of arguments follow from its two types.
#[async_trait]
pub(crate) trait RetailTool: Send + Sync + 'static {
    /// The name in calls.
    const NAME: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// What a caller must be allowed to do.
    const SCOPE: Scope;
    /// Full names of the tables that its own statements read, for the audit log. Empty for a tool that runs
    /// the caller's statement, or none.
    const TABLES: &'static [&'static str] = &[];
    /// The page that shows its answers in hosts of MCP Apps: a `ui://` resource.
    const APP: Option<&'static str> = None;
    /// The arguments: a struct with `deny_unknown_fields` and a doc comment on each field.
    type Arguments: DeserializeOwned + JsonSchema + Send + 'static;
    /// The structured content of a good answer: a struct with a doc comment on each field.
    type Answer: Serialize + JsonSchema + 'static;

    /// What the model reads to decide when and how to call.
    fn description(&self) -> String;

    /// Does the work. Called only for a principal who holds [`Self::SCOPE`]. The future may be
    /// dropped at any await.
    async fn call(
        &self,
        principal: &Principal,
        arguments: Self::Arguments,
    ) -> Result<Answered<Self::Answer>, Error>;
}

/// A good answer, in the two forms that MCP sends.
pub(crate) struct Answered<A> {
    /// For the model.
    pub(crate) text: String,
    /// For programs.
    pub(crate) structured: A,
    /// Rows in it, where it has rows.
    pub(crate) rows: Option<usize>,
    /// The caller's statement, where it was one.
    pub(crate) statement: Option<StatementSummary>,
    /// A picture beside the text.
    pub(crate) picture: Option<Picture>,
}

/// A picture as MCP sends it.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) mime_type: &'static str,
    pub(crate) base64: String,
}

impl<A> Answered<A> {
    /// An answer without rows.
    pub(crate) fn new(text: String, structured: A) -> Self {
        Self { text, structured, rows: None, statement: None, picture: None }
    }

    /// With its number of rows.
    pub(crate) fn with_rows(mut self, rows: usize) -> Self {
        self.rows = Some(rows);
        self
    }

    /// With a picture.
    pub(crate) fn with_picture(mut self, picture: Picture) -> Self {
        self.picture = Some(picture);
        self
    }

    /// With the caller's statement.
    pub(crate) fn with_statement(mut self, statement: StatementSummary) -> Self {
        self.statement = Some(statement);
        self
    }
}

/// What a call gave, for the client and for the audit log.
pub(crate) struct CallOutcome {
    pub(crate) text: String,
    pub(crate) structured: Box<RawValue>,
    pub(crate) rows: Option<usize>,
    pub(crate) statement: Option<StatementSummary>,
    pub(crate) picture: Option<Picture>,
}

/// A tool whose types are hidden behind JSON.
#[async_trait]
trait JsonTool: Send + Sync {
    async fn call(
        &self,
        principal: &Principal,
        arguments: JsonObject,
    ) -> Result<CallOutcome, Error>;
}

struct Checked<T> {
    tool: T,
    input_schema: Arc<JsonObject>,
}

#[async_trait]
impl<T: RetailTool> JsonTool for Checked<T> {
    async fn call(
        &self,
        principal: &Principal,
        arguments: JsonObject,
    ) -> Result<CallOutcome, Error> {
        let arguments = arguments::parse(&self.input_schema, arguments)?;
        let answer = self.tool.call(principal, arguments).await?;
        let Answered { text, structured, rows, statement, picture } = answer;
        // As text at once: over HTTP it goes out as it is.
        let structured = serde_json::value::to_raw_value(&structured).map_err(Error::internal)?;
        Ok(CallOutcome { text, structured, rows, statement, picture })
    }
}

impl CallOutcome {
    /// The answer as rmcp knows it.
    pub(crate) fn into_result(self) -> Result<CallToolResult, Error> {
        let mut content = vec![ContentBlock::text(self.text)];
        content.extend(
            self.picture.map(|picture| ContentBlock::image(picture.base64, picture.mime_type)),
        );
        let mut result = CallToolResult::success(content);
        let structured = serde_json::from_str(self.structured.get()).map_err(Error::internal)?;
        result.structured_content = Some(structured);
        Ok(result)
    }
}

/// A tool as it is listed and called.
pub(crate) struct ToolEntry {
    name: &'static str,
    definition: Tool,
    scope: Scope,
    tables: &'static [&'static str],
    tool: Box<dyn JsonTool>,
}

impl ToolEntry {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// The statement that the tool runs whatever it is asked, if it has one of its own.
    pub(crate) fn own_statement(&self) -> Option<StatementSummary> {
        let tables: Vec<String> = self.tables.iter().map(|&table| table.to_owned()).collect();
        let fingerprint = self.name().to_owned();
        (!tables.is_empty()).then_some(StatementSummary { fingerprint, tables })
    }

    pub(crate) fn definition(&self) -> &Tool {
        &self.definition
    }

    pub(crate) async fn call(
        &self,
        principal: &Principal,
        arguments: JsonObject,
    ) -> Result<CallOutcome, Error> {
        self.tool.call(principal, arguments).await
    }
}

/// All tools, in the order in which they are listed.
#[derive(Default)]
pub(crate) struct ToolSet {
    entries: Vec<ToolEntry>,
}

impl ToolSet {
    pub(crate) fn add<T: RetailTool>(&mut self, tool: T) -> Result<(), BuildError> {
        let input_schema = schema_for_input::<T::Arguments>()
            .map_err(|reason| BuildError::InputSchema { tool: T::NAME, reason })?;
        let input_schema = Arc::new(published(&input_schema));
        let output_schema = Arc::new(slim(published(&schema_for_output::<T::Answer>())));
        let annotations = ToolAnnotations::with_title(T::TITLE)
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        let mut definition = Tool::new(T::NAME, tool.description(), Arc::clone(&input_schema))
            .with_title(T::TITLE)
            .with_annotations(annotations)
            .with_raw_output_schema(output_schema);
        if let Some(app) = T::APP {
            let mut meta = JsonObject::new();
            meta.insert("ui".to_owned(), serde_json::json!({ "resourceUri": app }));
            definition.meta = Some(MetaObject(meta));
        }
        let tool = Box::new(Checked { tool, input_schema });
        self.entries.push(ToolEntry {
            name: T::NAME,
            definition,
            scope: T::SCOPE,
            tables: T::TABLES,
            tool,
        });
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&ToolEntry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// The tools that `principal` may call.
    pub(crate) fn visible_to(&self, principal: &Principal) -> Vec<Tool> {
        self.entries
            .iter()
            .filter(|entry| principal.has_scope(entry.scope))
            .map(|entry| entry.definition.clone())
            .collect()
    }
}

/// A schema as clients take it best.
///
/// Some refuse an object without `properties`, and validators warn about formats that are no
/// standard ones, such as `uint32`. Line breaks of doc comments go.
fn published(schema: &JsonObject) -> JsonObject {
    let mut schema = schema.clone();
    schema.entry("properties").or_insert_with(|| JsonObject::new().into());
    schema.values_mut().for_each(tidy);
    schema
}

/// An output schema as a list of tools has room for: each model reads the whole list before its first word, and none of
/// them needs to know what a receipt is made of before it has one. What is left says what there is and of which type;
/// the README of the crate says the rest.
fn slim(mut schema: JsonObject) -> JsonObject {
    let definitions = match schema.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => JsonObject::new(),
    };
    schema.remove("$schema");
    schema.remove("title");
    schema.remove("description");
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(|property| shallow(property, &definitions));
    }
    schema
}

/// Types of what is named elsewhere instead of what it is made of, and no descriptions.
fn shallow(schema: &mut Value, definitions: &JsonObject) {
    match schema {
        Value::Object(object) => {
            let named = object.get("$ref").and_then(Value::as_str);
            let named = named.and_then(|path| path.strip_prefix("#/$defs/"));
            if let Some(named) = named {
                let json_type = definitions.get(named).and_then(|definition| {
                    // Choices of words that have a description each.
                    definition.get("type").or_else(|| definition.get("oneOf")?.get(0)?.get("type"))
                });
                let json_type = json_type.cloned();
                object.clear();
                object.extend(json_type.map(|json_type| ("type".to_owned(), json_type)));
                return;
            }
            object.remove("description");
            object.values_mut().for_each(|part| shallow(part, definitions));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shallow(item, definitions)),
        _ => {}
    }
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_number = |json_type: &Value| json_type == "integer" || json_type == "number";
            if object.get("type").is_some_and(|json_type| match json_type {
                Value::Array(types) => types.iter().any(is_number),
                one => is_number(one),
            }) {
                object.remove("format");
            }
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
