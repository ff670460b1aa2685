metadata description = 'Azure Managed Redis, where servers of one region share answers. TLS and a password; nothing in it has to last.'

param name string
param location string
param tags object
param skuName string
param highAvailability string
param subnetId string
param zoneId string
param vaultName string

@description('Secret of the vault that gets the password.')
param passwordSecretName string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: skuName
  }
  properties: {
    highAvailability: highAvailability
    minimumTlsVersion: '1.2'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-04-01' = {
  parent: cluster
  name: 'default'
  properties: {
    clientProtocol: 'Encrypted'
    port: 10000
    // One address for all shards: the server's client follows no redirections between nodes.
    clusteringPolicy: 'EnterpriseCluster'
    evictionPolicy: 'AllKeysLRU'
    accessKeysAuthentication: 'Enabled'
    persistence: {
      aofEnabled: false
      rdbEnabled: false
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// From resource to vault, without an output or a parameter in between.
resource password 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: passwordSecretName
  tags: tags
  properties: {
    value: database.listKeys().primaryKey
    contentType: 'text/plain'
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: '${name}-endpoint'
  params: {
    name: '${name}-endpoint'
    location: location
    tags: tags
    subnetId: subnetId
    serviceId: cluster.id
    groupId: 'redisEnterprise'
    zoneId: zoneId
  }
  dependsOn: [database]
}
