metadata description = 'Who the programs are. The server and the migration are two, so that a server never reads the administrator\'s password.'

param name string
param location string
param tags object

resource server 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-server'
  location: location
  tags: tags
}

resource migration 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-migrate'
  location: location
  tags: tags
}

output serverPrincipalId string = server.properties.principalId
output migrationPrincipalId string = migration.properties.principalId
