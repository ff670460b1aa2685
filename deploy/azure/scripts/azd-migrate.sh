#!/usr/bin/env bash
# Between push and deployment of `azd deploy`: gives the migration job the new image, and runs it. azd sets the variables.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
az deployment group create --resource-group "rg-retail-mcp-$AZURE_ENV_NAME" --name migration-job-alone \
  --template-file "$here/app.bicep" \
  --parameters environmentName="$AZURE_ENV_NAME" location="$AZURE_LOCATION" secondaryLocation="${SECONDARY_LOCATION:-}" \
  image="$SERVICE_RETAIL_MCP_IMAGE_NAME" entraClientId="$ENTRA_CLIENT_ID" customDomain="${CUSTOM_DOMAIN:-}" \
  databaseHost="${DATABASE_HOST:-}" deployServer=false --output none
"$here/../scripts/migrate.sh" "$AZURE_ENV_NAME"
