using './main.bicep'

// What is not the same everywhere comes from the environment: README.md has the variables.
param environmentName = 'staging'
param entraClientId = readEnvironmentVariable('ENTRA_CLIENT_ID')
param operatorAddresses = empty(readEnvironmentVariable('OPERATOR_ADDRESSES', '')) ? [] : split(readEnvironmentVariable('OPERATOR_ADDRESSES', ''), ',')
param operatorObjectId = readEnvironmentVariable('OPERATOR_OBJECT_ID', '')
param operatorType = readEnvironmentVariable('OPERATOR_TYPE', 'User')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param databaseAdministrator = empty(readEnvironmentVariable('DATABASE_ADMIN_GROUP_ID', '')) ? {} : {
  objectId: readEnvironmentVariable('DATABASE_ADMIN_GROUP_ID', '')
  name: readEnvironmentVariable('DATABASE_ADMIN_GROUP_NAME', '')
  type: 'Group'
}
