using './main.bicep'

// For azd, whose environment must be called `staging` or `production`. It brings its own variables; no image yet, since
// `azd deploy` builds it and deploys app.bicep.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME') == 'production' ? 'production' : 'staging'
param location = readEnvironmentVariable('AZURE_LOCATION')
param secondaryLocation = readEnvironmentVariable('SECONDARY_LOCATION', '')
param entraClientId = readEnvironmentVariable('ENTRA_CLIENT_ID')
param customDomain = readEnvironmentVariable('CUSTOM_DOMAIN', '')
param customDomainCertificateId = readEnvironmentVariable('CUSTOM_DOMAIN_CERTIFICATE_ID', '')
param operatorAddresses = empty(readEnvironmentVariable('OPERATOR_ADDRESSES', '')) ? [] : split(readEnvironmentVariable('OPERATOR_ADDRESSES', ''), ',')
param operatorObjectId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorType = readEnvironmentVariable('OPERATOR_TYPE', 'User')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param databaseHost = readEnvironmentVariable('DATABASE_HOST', '')
param databaseAdministrator = empty(readEnvironmentVariable('DATABASE_ADMIN_GROUP_ID', '')) ? {} : {
  objectId: readEnvironmentVariable('DATABASE_ADMIN_GROUP_ID', '')
  name: readEnvironmentVariable('DATABASE_ADMIN_GROUP_NAME', '')
  type: 'Group'
}
