metadata description = 'retail-mcp on Azure: all of it, in one resource group.'
// Needs the secrets that scripts/prepare.sh puts into the vault. Without an image it makes everything but servers and jobs.

targetScope = 'resourceGroup'

@allowed(['staging', 'production'])
param environmentName string
param location string = resourceGroup().location

@description('A second region: servers, cache, a read replica, and Front Door before both. Empty: one region.')
param secondaryLocation string = ''

@description('The image in the registry: its digest (`sha256:…`), or a tag that is never given anew. Both empty: no server yet.')
param imageDigest string = ''
param imageTag string = ''

@description('Names the revision: lower-case letters, digits and single hyphens. Empty: Azure makes a name.')
param revisionSuffix string = ''

@description('Which revision gets which share of the requests. To deploy without moving any: the split that is there.')
param traffic array = [
  {
    latestRevision: true
    weight: 100
  }
]

@description('False: only the jobs, so that the database can be migrated before the servers come.')
param deployServer bool = true

@description('Directory whose people sign in, and the application (client) id of docs/security.md.')
param entraTenantId string = tenant().tenantId
param entraClientId string

@description('A name of your own. Empty: the name that Azure gives. Without a second region it needs a certificate of the environment.')
param customDomain string = ''
param customDomainCertificateId string = ''

@description('Another database than the one that is made here, such as a promoted replica.')
param databaseHost string = ''

@description('A user or group of Entra that may administer the database: objectId, name, type (User, Group or ServicePrincipal). Empty: nobody.')
param databaseAdministrator object = {}

@description('Rules of access besides `retail-mcp identity add`: name, claim, value, and stores (array) or allStores, and scopes (array) if not the usual.')
param accessRules array = []

@description('Addresses and networks (CIDR) of those who push images and set secrets: build agents, an office. Others are refused.')
param operatorAddresses array = []

@description('Who sets secrets: object id of a user, group or service principal.')
param operatorObjectId string = ''

@description('What that is: User, Group or ServicePrincipal.')
param operatorType string = 'User'

@description('Address that alerts are sent to. Empty: alerts are only seen in the portal.')
param alertEmail string = ''

@description('Whether servers reach nothing on the internet but what the platform, Entra and Azure Monitor need.')
param restrictEgress bool = true

@description('What differs from sizes.json.')
param sizeOverrides object = {}

var allSizes = loadJsonContent('sizes.json')
var sizes = union(allSizes[environmentName], sizeOverrides)
var name = 'retail-mcp-${environmentName}'
var unique = uniqueString(resourceGroup().id, environmentName)
var vaultName = 'rmcp-${take(environmentName, 4)}-${unique}'
var tags = {
  application: 'retail-mcp'
  environment: environmentName
  'azd-env-name': environmentName
}
var multiRegion = !empty(secondaryLocation)
var hasImage = !empty(imageDigest) || !empty(imageTag)
var reference = empty(imageDigest) ? ':${imageTag}' : '@${imageDigest}'

module foundation 'foundation.bicep' = {
  name: 'foundation'
  params: {
    environmentName: environmentName
    location: location
    secondaryLocation: secondaryLocation
    operatorAddresses: operatorAddresses
    operatorObjectId: operatorObjectId
    operatorType: operatorType
    alertEmail: alertEmail
    restrictEgress: restrictEgress
    sizeOverrides: sizeOverrides
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// Early, so that the roles are known everywhere when the servers come. prepare.sh has made all of these secrets.
module serverSecrets 'modules/secret-readers.bicep' = {
  name: 'server-secrets'
  params: {
    vaultName: foundation.outputs.vaultName
    principalId: foundation.outputs.serverPrincipalId
    secretNames: [
      'query-password'
      'head-office-password'
      'service-password'
      'identity-key'
      'redis-password'
      'redis-password-secondary'
      'application-insights'
    ]
  }
}

module migrationSecrets 'modules/secret-readers.bicep' = {
  name: 'migration-secrets'
  params: {
    vaultName: foundation.outputs.vaultName
    principalId: foundation.outputs.migrationPrincipalId
    secretNames: [
      'query-password'
      'head-office-password'
      'service-password'
      'identity-key'
      'admin-password'
    ]
  }
}

module postgres 'modules/postgres.bicep' = {
  name: 'postgres'
  params: {
    name: '${name}-db-${unique}'
    location: location
    tags: tags
    skuName: sizes.postgresSku
    skuTier: sizes.postgresTier
    storageSizeGB: sizes.postgresStorageGB
    highAvailability: sizes.postgresHighAvailability
    backupRetentionDays: sizes.postgresBackupDays
    maxConnections: sizes.maxConnections
    subnetId: foundation.outputs.databaseSubnetId
    zoneId: foundation.outputs.postgresZoneId
    workspaceId: foundation.outputs.workspaceId
    administratorLogin: 'zava_admin'
    administratorPassword: vault.getSecret('admin-password')
    entraAdministrator: databaseAdministrator
  }
}

module postgresReplica 'modules/postgres-replica.bicep' = if (multiRegion) {
  name: 'postgres-replica'
  params: {
    name: '${name}-replica-${unique}'
    location: secondaryLocation
    tags: tags
    skuName: sizes.postgresSku
    skuTier: sizes.postgresTier
    storageSizeGB: sizes.postgresStorageGB
    sourceServerId: postgres.outputs.id
    subnetId: foundation.outputs.secondDatabaseSubnetId
    zoneId: foundation.outputs.postgresZoneId
    workspaceId: foundation.outputs.workspaceId
  }
}

module redis 'modules/redis.bicep' = {
  name: 'redis'
  params: {
    name: '${name}-cache-${unique}'
    location: location
    tags: tags
    skuName: sizes.redisSku
    highAvailability: sizes.redisHighAvailability
    subnetId: foundation.outputs.endpointsSubnetId
    zoneId: foundation.outputs.redisZoneId
    vaultName: foundation.outputs.vaultName
    passwordSecretName: 'redis-password'
  }
}

// A region keeps its own answers: what is kept for a lookup of a millisecond must not be an ocean away.
module secondRedis 'modules/redis.bicep' = if (multiRegion) {
  name: 'redis-secondary'
  params: {
    name: '${name}-cache2-${unique}'
    location: secondaryLocation
    tags: tags
    skuName: sizes.redisSku
    highAvailability: sizes.redisHighAvailability
    subnetId: foundation.outputs.secondEndpointsSubnetId
    zoneId: foundation.outputs.redisZoneId
    vaultName: foundation.outputs.vaultName
    passwordSecretName: 'redis-password-secondary'
  }
}

module openAi 'modules/openai.bicep' = {
  name: 'openai'
  params: {
    name: '${name}-openai-${unique}'
    location: location
    tags: tags
    capacity: sizes.embeddingCapacity
    subnetId: foundation.outputs.endpointsSubnetId
    zoneId: foundation.outputs.openAiZoneId
    userPrincipalIds: [foundation.outputs.serverPrincipalId, foundation.outputs.migrationPrincipalId]
  }
}

module appsEnvironment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    name: '${name}-env'
    location: location
    tags: tags
    subnetId: foundation.outputs.appsSubnetId
    zoneRedundant: sizes.zoneRedundant
    workspaceId: foundation.outputs.workspaceId
    publicIngress: !multiRegion
  }
}

module secondEnvironment 'modules/environment.bicep' = if (multiRegion) {
  name: 'environment-secondary'
  params: {
    name: '${name}-env-secondary'
    location: secondaryLocation
    tags: tags
    subnetId: foundation.outputs.secondAppsSubnetId
    zoneRedundant: sizes.zoneRedundant
    workspaceId: foundation.outputs.workspaceId
    publicIngress: false
  }
}

module frontDoor 'modules/front-door.bicep' = if (multiRegion) {
  name: 'front-door'
  params: {
    name: '${name}-front-door'
    tags: tags
    origins: [
      {
        name: 'primary'
        host: '${name}.${appsEnvironment.outputs.defaultDomain}'
        environmentId: appsEnvironment.outputs.id
        location: location
      }
      {
        name: 'secondary'
        host: multiRegion ? '${name}-secondary.${secondEnvironment!.outputs.defaultDomain}' : ''
        environmentId: multiRegion ? secondEnvironment!.outputs.id : ''
        location: secondaryLocation
      }
    ]
    customDomain: customDomain
    workspaceId: foundation.outputs.workspaceId
  }
}

module app 'app.bicep' = if (hasImage) {
  name: 'app'
  params: {
    environmentName: environmentName
    location: location
    secondaryLocation: secondaryLocation
    image: '${foundation.outputs.registryLoginServer}/retail-mcp${reference}'
    revisionSuffix: revisionSuffix
    traffic: traffic
    deployServer: deployServer
    entraTenantId: entraTenantId
    entraClientId: entraClientId
    customDomain: customDomain
    customDomainCertificateId: customDomainCertificateId
    databaseHost: databaseHost
    accessRules: accessRules
    sizeOverrides: sizeOverrides
  }
  // It looks these up by name.
  dependsOn: [
    serverSecrets
    migrationSecrets
    postgres
    postgresReplica
    redis
    secondRedis
    openAi
    appsEnvironment
    secondEnvironment
    frontDoor
  ]
}

// Not before there are servers: they would say that there are none.
module alerts 'modules/alerts.bicep' = if (hasImage && deployServer) {
  name: 'alerts'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: foundation.outputs.workspaceId
    actionGroupId: foundation.outputs.actionGroupId
    databaseId: postgres.outputs.id
    replicaId: multiRegion ? postgresReplica!.outputs.id : ''
    maxConnections: sizes.maxConnections
    minReplicas: sizes.minReplicas
  }
  dependsOn: [app]
}

// azd and the scripts read these. None is a secret, and none may become one: outputs stay in the deployment's history.
output AZURE_RESOURCE_GROUP string = resourceGroup().name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = foundation.outputs.registryLoginServer
output registryLoginServer string = foundation.outputs.registryLoginServer
output vaultName string = foundation.outputs.vaultName
output workspaceCustomerId string = foundation.outputs.workspaceCustomerId
output postgresServerName string = '${name}-db-${unique}'
output serverName string = name
output migrationJobName string = '${name}-migrate'
output serverFqdn string = '${name}.${appsEnvironment.outputs.defaultDomain}'
output publicUrl string = hasImage ? app!.outputs.publicUrl : ''
