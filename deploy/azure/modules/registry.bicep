metadata description = 'The registry of images. Nobody logs in with a password; the two identities may pull.'

param name string
param location string
param tags object
param zoneRedundant bool
param secondaryLocation string = ''

@description('Addresses and networks (CIDR) from which images are pushed. All others are refused.')
param operatorAddresses array
param subnetId string
param zoneId string
param workspaceId string

@description('Principals that pull: the server\'s and the migration\'s identity.')
param pullPrincipalIds array

var acrPull = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    // The smallest that knows private endpoints, address rules and zones.
    name: 'Premium'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: empty(operatorAddresses) ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
    networkRuleSet: {
      defaultAction: 'Deny'
      ipRules: [for address in operatorAddresses: {
        action: 'Allow'
        value: address
      }]
    }
    policies: {
      // Untagged images only: what a tag or a running revision names stays.
      retentionPolicy: {
        status: 'enabled'
        days: 30
      }
    }
    zoneRedundancy: zoneRedundant ? 'Enabled' : 'Disabled'
  }
}

resource replication 'Microsoft.ContainerRegistry/registries/replications@2025-04-01' = if (!empty(secondaryLocation)) {
  parent: registry
  name: empty(secondaryLocation) ? 'secondary' : secondaryLocation
  location: secondaryLocation
  tags: tags
  properties: {
    regionEndpointEnabled: true
    zoneRedundancy: zoneRedundant ? 'Enabled' : 'Disabled'
  }
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principalId in pullPrincipalIds: {
  name: guid(registry.id, principalId, acrPull)
  scope: registry
  properties: {
    roleDefinitionId: acrPull
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

module endpoint 'private-endpoint.bicep' = {
  name: '${name}-endpoint'
  params: {
    name: '${name}-endpoint'
    location: location
    tags: tags
    subnetId: subnetId
    serviceId: registry.id
    groupId: 'registry'
    zoneId: zoneId
  }
  // The endpoint gets an address for each replica of the registry.
  dependsOn: [replication]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: registry
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerRegistryLoginEvents', enabled: true }
      { category: 'ContainerRegistryRepositoryEvents', enabled: true }
    ]
  }
}

output loginServer string = registry.properties.loginServer
