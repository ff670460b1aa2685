metadata description = 'Lets one identity read the named secrets, and no other secret of the vault.'

param vaultName string
param principalId string

@description('Names of secrets. They must be there: a role cannot be given on what is not.')
param secretNames array

var secretsUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = [for secretName in secretNames: {
  parent: vault
  name: secretName
}]

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (secretName, i) in secretNames: {
  name: guid(vault.id, secretName, principalId, secretsUser)
  scope: secrets[i]
  properties: {
    roleDefinitionId: secretsUser
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]
