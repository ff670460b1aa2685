//! `chart`: draws what another analytics tool answers.

mod drawing;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use retail_charts::{Theme, render_png, render_svg};
use retail_domain::{Error, ErrorCode, Principal, Scope};
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::analysis::AnalysisAnswer;
use super::{Answered, Picture, RetailTool, ToolSet};

/// The page that hosts of MCP Apps show beside the answer.
pub(crate) const APP_URI: &str = "ui://retail-mcp/chart";

/// Draws with the tools of an inner set, so that each chart is of an answer that could be had without it.
pub(crate) struct Chart {
    tools: Arc<ToolSet>,
}

impl Chart {
    /// Draws what `tools` answer: the analytics tools.
    pub(crate) fn new(tools: Arc<ToolSet>) -> Self {
        Self { tools }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Kind {
    #[default]
    Auto,
    Line,
    Bar,
    Stacked,
    HeatMap,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Shade {
    #[default]
    Light,
    Dark,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Format {
    #[default]
    Png,
    Svg,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "they are the tool's arguments, under that name")]
pub(crate) struct Arguments {
    /// The tool whose answer is drawn
    tool: Charted,
    /// Its arguments
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    arguments: JsonObject,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    theme: Shade,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Charted {
    AnalyzeSales,
    GenerateBusinessInsights,
    ExplainChange,
    InventoryStatus,
    ForecastSales,
    CompareWithPeers,
}

impl Charted {
    fn name(self) -> &'static str {
        match self {
            Self::AnalyzeSales => "analyze_sales",
            Self::GenerateBusinessInsights => "generate_business_insights",
            Self::ExplainChange => "explain_change",
            Self::InventoryStatus => "inventory_status",
            Self::ForecastSales => "forecast_sales",
            Self::CompareWithPeers => "compare_with_peers",
        }
    }
}

/// The structured content: that of the tool, with the chart.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Answer(Value);

impl JsonSchema for Answer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Chart".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = AnalysisAnswer::json_schema(generator);
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            // The same as of the tool that is drawn; what it adds is the chart.
            properties.clear();
            properties.insert("chart".to_owned(), json!({ "type": "object" }));
        }
        schema.insert("required".to_owned(), json!(["chart"]));
        schema
    }
}

#[async_trait]
impl RetailTool for Chart {
    const NAME: &'static str = "chart";
    const TITLE: &'static str = "Draw a chart";
    const SCOPE: Scope = Scope::Sql;
    const APP: Option<&'static str> = Some(APP_URI);
    type Arguments = Arguments;
    type Answer = Answer;

    fn description(&self) -> String {
        "A picture of what another analytics tool answers, with its figures. auto: lines for time, bars for \
         names. Two names in `metrics` give two series where their units are the same."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<Answer>, Error> {
        let Arguments { tool, arguments, kind, theme, format } = arguments;
        let entry = self
            .tools
            .find(tool.name())
            .filter(|entry| principal.has_scope(entry.scope()))
            .ok_or_else(|| Error::new(ErrorCode::NotFound, "there is no such tool to draw"))?;
        // The title names a store that was asked for.
        let shows_store = arguments.get("store").is_none_or(Value::is_null);
        let outcome = entry.call(principal, arguments).await?;
        let mut structured: Value =
            serde_json::from_str(outcome.structured.get()).map_err(Error::internal)?;
        let spec = drawing::spec(tool.name(), &structured, kind, shows_store)?;
        let theme = match theme {
            Shade::Light => Theme::Light,
            Shade::Dark => Theme::Dark,
        };
        let unusable = |error: retail_charts::ChartError| {
            Error::new(ErrorCode::InvalidArgument, format!("it cannot be drawn: {error}"))
                .with_hint("ask for fewer rows, or for another 'kind'")
        };
        let picture = match format {
            Format::Png => Picture {
                mime_type: "image/png",
                base64: STANDARD.encode(render_png(&spec, theme).map_err(unusable)?),
            },
            Format::Svg => Picture {
                mime_type: "image/svg+xml",
                base64: STANDARD.encode(render_svg(&spec, theme).map_err(unusable)?),
            },
        };
        if let Value::Object(structured) = &mut structured {
            structured.insert("chart".to_owned(), json!(spec));
        }
        let mut answered = Answered::new(outcome.text, Answer(structured)).with_picture(picture);
        answered.rows = outcome.rows;
        answered.statement = outcome.statement;
        Ok(answered)
    }
}
