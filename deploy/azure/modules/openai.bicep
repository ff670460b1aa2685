metadata description = 'Azure OpenAI with the embedding model. No keys: the two identities ask with their tokens.'

param name string
param location string
param tags object

@description('Thousands of tokens a minute.')
param capacity int
param subnetId string
param zoneId string

@description('Principals that ask: the server\'s and the migration\'s identity.')
param userPrincipalIds array

var openAiUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd')

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'OpenAI'
  sku: {
    name: 'S0'
  }
  properties: {
    // Tokens of Entra are taken at a name of one's own only.
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      defaultAction: 'Deny'
    }
  }
}

resource embeddings 'Microsoft.CognitiveServices/accounts/deployments@2026-03-01' = {
  parent: account
  name: 'text-embedding-3-small'
  sku: {
    name: 'GlobalStandard'
    capacity: capacity
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: 'text-embedding-3-small'
      version: '1'
    }
    // Vectors of two versions do not compare; a new one is a decision (`retail-mcp embed --model`).
    versionUpgradeOption: 'NoAutoUpgrade'
  }
}

resource users 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principalId in userPrincipalIds: {
  name: guid(account.id, principalId, openAiUser)
  scope: account
  properties: {
    roleDefinitionId: openAiUser
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
    serviceId: account.id
    groupId: 'account'
    zoneId: zoneId
  }
  // The service refuses an endpoint while a model is being deployed.
  dependsOn: [embeddings]
}
