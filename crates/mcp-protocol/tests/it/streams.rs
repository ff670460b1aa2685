//! A real client on a pair of streams, as on standard input and output.

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::support::{NEWEST, meta, principal, seattle, server};

fn newest() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

#[rstest]
#[case(ClientLifecycleMode::Initialize)]
#[case(newest())]
#[tokio::test]
async fn a_client_lists_and_calls_the_tools(#[case] lifecycle: ClientLifecycleMode) {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let serving = tokio::spawn(server().serve_streams(seattle().await, input, output));

    let mut client = ().serve_with_lifecycle(client_end, lifecycle).await.unwrap();
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "get_multiple_table_schemas",
            "analyze_sales",
            "explain_change",
            "generate_business_insights",
            "inventory_status",
            "forecast_sales",
            "compare_with_peers",
            "chart",
            "execute_sales_query",
            "get_current_utc_date"
        ]
    );

    let arguments = json!({ "postgresql_query": "SELECT 1" }).as_object().unwrap().clone();
    let result = client
        .call_tool(CallToolRequestParams::new("execute_sales_query").with_arguments(arguments))
        .await
        .unwrap();
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["receipt"]["acting_store"], "Zava Retail Seattle");

    let result =
        client.call_tool(CallToolRequestParams::new("get_multiple_table_schemas")).await.unwrap();
    assert_eq!(result.is_error, Some(true));

    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_connections_principal_limits_the_tools() {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let reader = principal("seattle:retail.read").await;
    let serving = tokio::spawn(server().serve_streams(reader, input, output));

    let mut client = ().serve_with_lifecycle(client_end, newest()).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 2);
    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_at_once_is_no_failure() {
    let (client_end, server_end) = tokio::io::duplex(1024);
    let (input, output) = tokio::io::split(server_end);
    drop(client_end);
    server().serve_streams(seattle().await, input, output).await.unwrap();
}

/// Some clients start a server only to see which protocol it speaks.
#[tokio::test]
async fn a_client_that_leaves_after_discover_is_no_failure() {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let serving = tokio::spawn(server().serve_streams(seattle().await, input, output));

    let (client_input, mut client_output) = tokio::io::split(client_end);
    let params = json!({ "_meta": meta(NEWEST) });
    let discover =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": params });
    client_output.write_all(format!("{discover}\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::new(client_input).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let reply: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(reply["result"]["supportedVersions"][3], NEWEST);

    client_output.shutdown().await.unwrap();
    serving.await.unwrap().unwrap();
}
