//! Exporters of metrics.

use opentelemetry_otlp::{
    MetricExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::metrics::MeterProviderBuilder;

use super::{
    Client, Destination, ExportError, OtlpProtocol, SEND_WITHIN, application_insights, exposed,
    metadata, path, tls_of,
};

impl Destination {
    /// Has `builder` send metrics here, once a minute.
    pub(crate) fn with_metrics(
        &self,
        builder: MeterProviderBuilder,
    ) -> Result<MeterProviderBuilder, ExportError> {
        Ok(match self {
            Self::Otlp { endpoint, protocol: OtlpProtocol::Grpc, headers } => {
                let exporter = MetricExporter::builder()
                    .with_tonic()
                    .with_endpoint(endpoint)
                    .with_timeout(SEND_WITHIN)
                    .with_tls_config(tls_of(endpoint))
                    .with_metadata(metadata(headers)?);
                builder.with_periodic_exporter(exporter.build()?)
            }
            Self::Otlp { endpoint, protocol: OtlpProtocol::HttpProtobuf, headers } => {
                let exporter = MetricExporter::builder()
                    .with_http()
                    .with_endpoint(path(endpoint, "metrics"))
                    .with_timeout(SEND_WITHIN)
                    .with_http_client(Client::new(endpoint)?)
                    .with_headers(exposed(headers));
                builder.with_periodic_exporter(exporter.build()?)
            }
            Self::ApplicationInsights { connection_string } => {
                builder.with_periodic_exporter(application_insights(connection_string)?)
            }
        })
    }
}
