//! The interactive page, as far as it can be seen without a browser. `cargo xtask chart-app` has one.

use retail_charts::{APP_MIME_TYPE, app_page};

#[test]
fn page_is_small_and_asks_the_network_for_nothing() {
    let page = app_page();
    assert!(page.len() < 40_000, "{} bytes", page.len());
    assert!(page.to_lowercase().starts_with("<!doctype html>"));
    for forbidden in ["src=", "@import", "fetch(", "XMLHttpRequest", "import(", "eval("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Patterns of the page itself, and nothing else.
    assert_eq!(page.matches("url(").count(), page.matches("url(#hatch").count());
    let addresses = page.match_indices("http").map(|(at, _)| &page[at..(at + 30).min(page.len())]);
    for address in addresses {
        let is_name =
            address.starts_with("http://www.w3.org/2000/svg") || address.starts_with("http-equiv");
        assert!(is_name, "{address}");
    }
}

/// Figures and names come from a database: they must not become HTML.
#[test]
fn page_never_makes_html_of_texts() {
    for forbidden in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "srcdoc"]
    {
        assert!(!app_page().contains(forbidden), "{forbidden}");
    }
}

#[test]
fn page_speaks_mcp_apps() {
    for method in [
        "ui/initialize",
        "ui/notifications/initialized",
        "ui/notifications/tool-input",
        "ui/notifications/tool-result",
        "ui/notifications/tool-cancelled",
        "ui/notifications/host-context-changed",
        "ui/notifications/size-changed",
        "ui/resource-teardown",
        "2026-01-26",
    ] {
        assert!(app_page().contains(method), "{method}");
    }
    assert_eq!(APP_MIME_TYPE, "text/html;profile=mcp-app");
}
