metadata description = 'Servers and jobs of one image, on what main.bicep has made. main.bicep deploys it, and so does `azd deploy`.'

@allowed(['staging', 'production'])
param environmentName string
param location string = resourceGroup().location

@description('The second region. Empty: there is none.')
param secondaryLocation string = ''

@description('The image: REGISTRY/retail-mcp@sha256:DIGEST, or with a tag that is never given anew.')
param image string

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

@description('Another database than the one that was made here, such as a promoted replica.')
param databaseHost string = ''

@description('Rules of access besides `retail-mcp identity add`: name, claim, value, and stores (array) or allStores, and scopes (array) if not the usual.')
param accessRules array = []

@description('What differs from sizes.json.')
param sizeOverrides object = {}

var allSizes = loadJsonContent('sizes.json')
var sizes = union(allSizes[environmentName], sizeOverrides)
var name = 'retail-mcp-${environmentName}'
var unique = uniqueString(resourceGroup().id, environmentName)
var vaultName = 'rmcp-${take(environmentName, 4)}-${unique}'
var registryName = 'retailmcp${environmentName}${unique}'
var tags = {
  application: 'retail-mcp'
  environment: environmentName
  'azd-env-name': environmentName
}
var multiRegion = !empty(secondaryLocation)

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource serverIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-server'
}

resource migrationIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-migrate'
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' existing = {
  name: '${name}-db-${unique}'
}

resource replica 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' existing = if (multiRegion) {
  name: '${name}-replica-${unique}'
}

resource cache 'Microsoft.Cache/redisEnterprise@2025-04-01' existing = {
  name: '${name}-cache-${unique}'
}

resource secondCache 'Microsoft.Cache/redisEnterprise@2025-04-01' existing = if (multiRegion) {
  name: '${name}-cache2-${unique}'
}

resource openAi 'Microsoft.CognitiveServices/accounts@2026-03-01' existing = {
  name: '${name}-openai-${unique}'
}

resource appsEnvironment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: '${name}-env'
}

resource secondEnvironment 'Microsoft.App/managedEnvironments@2025-07-01' existing = if (multiRegion) {
  name: '${name}-env-secondary'
}

resource frontDoor 'Microsoft.Cdn/profiles@2025-04-15' existing = if (multiRegion) {
  name: '${name}-front-door'
}

resource frontDoorEndpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-04-15' existing = if (multiRegion) {
  parent: frontDoor
  name: '${name}-front-door'
}

var domain = appsEnvironment.properties.defaultDomain
var secondDomain = multiRegion ? secondEnvironment!.properties.defaultDomain : ''
var ownHost = '${name}.${domain}'
var azureHost = multiRegion ? frontDoorEndpoint!.properties.hostName : ownHost
var publicHost = empty(customDomain) ? azureHost : customDomain
var publicAddress = 'https://${publicHost}/mcp'

// All that autoscaling may start in all regions, twice: while traffic moves to a new revision, both may grow.
var servers = (multiRegion ? 2 : 1) * 2 * sizes.maxReplicas
// The ingress of an environment with workload profiles connects from the ranges that Container Apps keeps for itself, and
// not from the subnet. They are no part of telemetry.operators, so what the ingress passes on needs a token there.
var ingressRanges = '100.100.0.0/17,100.100.128.0/19,100.100.160.0/19,100.100.192.0/19'
// Front Door comes by private link, from an address that Azure chooses and that stands in X-Forwarded-For behind the
// client's. The internet does not reach the environment then, so a private address there is never a client's.
var privateRanges = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7'

var databaseVariables = [
  { name: 'RETAIL_MCP__DATA_DIR', value: '/tmp/retail-mcp' }
  { name: 'RETAIL_MCP__LOG__FORMAT', value: 'json' }
  { name: 'RETAIL_MCP__DATABASE__HOST', value: empty(databaseHost) ? database.properties.fullyQualifiedDomainName : databaseHost }
  { name: 'RETAIL_MCP__DATABASE__PORT', value: '5432' }
  { name: 'RETAIL_MCP__DATABASE__NAME', value: 'zava' }
  { name: 'RETAIL_MCP__DATABASE__SSL_MODE', value: 'verify-full' }
  { name: 'RETAIL_MCP__DATABASE__POOL_MAX_CONNECTIONS', value: string(sizes.poolMaxConnections) }
  { name: 'RETAIL_MCP__DATABASE__SERVERS', value: string(servers) }
  { name: 'RETAIL_MCP__EMBEDDINGS__PROVIDER', value: 'azure-openai' }
  { name: 'RETAIL_MCP__EMBEDDINGS__MODEL', value: 'text-embedding-3-small' }
  { name: 'RETAIL_MCP__EMBEDDINGS__AZURE__ENDPOINT', value: openAi.properties.endpoint }
  { name: 'RETAIL_MCP__EMBEDDINGS__AZURE__DEPLOYMENT', value: 'text-embedding-3-small' }
  { name: 'RETAIL_MCP__EMBEDDINGS__AZURE__AUTH', value: 'managed-identity' }
]
var jobVariables = concat(databaseVariables, [
  { name: 'RETAIL_MCP__EMBEDDINGS__AZURE__CLIENT_ID', value: migrationIdentity.properties.clientId }
  { name: 'RETAIL_MCP__DATABASE__ADMIN_USER', value: 'zava_admin' }
  { name: 'RETAIL_MCP__CACHE__MODE', value: 'off' }
])
var ruleClaims = [for rule in accessRules: {
  name: 'RETAIL_MCP__AUTH__RULES__${toUpper(rule.name)}__CLAIM'
  value: rule.claim
}]
var ruleValues = [for rule in accessRules: {
  name: 'RETAIL_MCP__AUTH__RULES__${toUpper(rule.name)}__VALUE'
  value: rule.value
}]
// An empty variable counts as not set.
var ruleStores = [for rule in accessRules: {
  name: 'RETAIL_MCP__AUTH__RULES__${toUpper(rule.name)}__STORES'
  value: contains(rule, 'stores') ? join(rule.stores, ',') : ''
}]
var ruleAllStores = [for rule in accessRules: {
  name: 'RETAIL_MCP__AUTH__RULES__${toUpper(rule.name)}__ALL_STORES'
  value: contains(rule, 'allStores') ? toLower(string(rule.allStores)) : ''
}]
var ruleScopes = [for rule in accessRules: {
  name: 'RETAIL_MCP__AUTH__RULES__${toUpper(rule.name)}__SCOPES'
  value: contains(rule, 'scopes') ? join(rule.scopes, ',') : ''
}]
var serverVariables = concat(databaseVariables, [
  { name: 'RETAIL_MCP__EMBEDDINGS__AZURE__CLIENT_ID', value: serverIdentity.properties.clientId }
  { name: 'RETAIL_MCP__SERVER__LISTEN', value: '0.0.0.0:8000' }
  { name: 'RETAIL_MCP__SERVER__SHUTDOWN_GRACE', value: '20s' }
  // Longer than the four minutes of the ingress, so that the ingress closes first.
  { name: 'RETAIL_MCP__SERVER__IDLE_TIMEOUT', value: '5m' }
  { name: 'RETAIL_MCP__SERVER__PROXIES', value: multiRegion ? '${ingressRanges},${privateRanges}' : ingressRanges }
  { name: 'RETAIL_MCP__AUTH__MODE', value: 'oidc' }
  { name: 'RETAIL_MCP__AUTH__RESOURCE', value: publicAddress }
  { name: 'RETAIL_MCP__AUTH__IDENTITY_TABLE', value: 'true' }
  { name: 'RETAIL_MCP__AUTH__ISSUERS__ENTRA__ISSUER', value: '${environment().authentication.loginEndpoint}${entraTenantId}/v2.0' }
  { name: 'RETAIL_MCP__AUTH__ISSUERS__ENTRA__AUDIENCES', value: '${entraClientId},api://${entraClientId},${publicAddress}' }
  { name: 'RETAIL_MCP__AUTH__ISSUERS__ENTRA__SCOPE_PREFIX', value: 'api://${entraClientId}' }
  { name: 'RETAIL_MCP__CACHE__MODE', value: 'redis' }
], ruleClaims, ruleValues, ruleStores, ruleAllStores, ruleScopes)
// What a request names as its host: the server's name, and those of the two labels of a deployment.
var firstVariables = [
  { name: 'RETAIL_MCP__SERVER__ALLOWED_HOSTS', value: '${ownHost},${name}---blue.${domain},${name}---green.${domain},${publicHost}' }
  { name: 'RETAIL_MCP__CACHE__REDIS_URL', value: 'rediss://${cache.properties.hostName}:10000' }
]
var secondName = '${name}-secondary'
var secondVariables = [
  { name: 'RETAIL_MCP__SERVER__ALLOWED_HOSTS', value: '${secondName}.${secondDomain},${secondName}---blue.${secondDomain},${secondName}---green.${secondDomain},${publicHost}' }
  { name: 'RETAIL_MCP__CACHE__REDIS_URL', value: multiRegion ? 'rediss://${secondCache!.properties.hostName}:10000' : '' }
  // Callers there read from the replica beside them, while it is near enough.
  { name: 'RETAIL_MCP__DATABASE__REPLICAS', value: multiRegion && empty(databaseHost) ? replica!.properties.fullyQualifiedDomainName : '' }
]

var loginSecrets = [
  { name: 'query-password', variable: 'RETAIL_MCP__DATABASE__QUERY_PASSWORD' }
  { name: 'head-office-password', variable: 'RETAIL_MCP__DATABASE__HEAD_OFFICE_PASSWORD' }
  { name: 'service-password', variable: 'RETAIL_MCP__DATABASE__SERVICE_PASSWORD' }
  { name: 'identity-key', variable: 'RETAIL_MCP__DATABASE__IDENTITY_KEY' }
]
var telemetrySecret = [
  { name: 'application-insights', variable: 'RETAIL_MCP__TELEMETRY__APPLICATION_INSIGHTS__CONNECTION_STRING' }
]
var jobSecrets = concat(loginSecrets, [
  { name: 'admin-password', variable: 'RETAIL_MCP__DATABASE__ADMIN_PASSWORD' }
])

module migration 'modules/job.bicep' = {
  name: 'migration-job'
  params: {
    name: '${name}-migrate'
    location: location
    tags: tags
    environmentId: appsEnvironment.id
    identityId: migrationIdentity.id
    registryLoginServer: registry.properties.loginServer
    image: image
    arguments: ['migrate']
    variables: jobVariables
    secrets: jobSecrets
    vaultUri: vault.properties.vaultUri
  }
}

module embedding 'modules/job.bicep' = {
  name: 'embedding-job'
  params: {
    name: '${name}-embed'
    location: location
    tags: tags
    environmentId: appsEnvironment.id
    identityId: migrationIdentity.id
    registryLoginServer: registry.properties.loginServer
    image: image
    arguments: ['embed']
    // Until then new products are found by words alone.
    schedule: '17 3 * * *'
    variables: jobVariables
    secrets: jobSecrets
    vaultUri: vault.properties.vaultUri
  }
}

module server 'modules/server.bicep' = if (deployServer) {
  name: 'server'
  params: {
    name: name
    location: location
    // azd finds the service by this tag.
    tags: union(tags, { 'azd-service-name': 'retail-mcp' })
    environmentId: appsEnvironment.id
    identityId: serverIdentity.id
    registryLoginServer: registry.properties.loginServer
    image: image
    revisionSuffix: revisionSuffix
    traffic: traffic
    variables: concat(serverVariables, firstVariables)
    secrets: concat(loginSecrets, telemetrySecret, [
      { name: 'redis-password', variable: 'RETAIL_MCP__CACHE__REDIS_PASSWORD' }
    ])
    vaultUri: vault.properties.vaultUri
    cpu: sizes.serverCpu
    memory: sizes.serverMemory
    minReplicas: sizes.minReplicas
    maxReplicas: sizes.maxReplicas
    // With two regions the name belongs to Front Door.
    customDomain: multiRegion ? '' : customDomain
    customDomainCertificateId: customDomainCertificateId
  }
}

// The same split, of its own revisions.
var secondTraffic = [for share in traffic: contains(share, 'revisionName') ? union(share, {
  revisionName: replace(share.revisionName, '${name}--', '${secondName}--')
}) : share]

module secondServer 'modules/server.bicep' = if (deployServer && multiRegion) {
  name: 'server-secondary'
  params: {
    name: secondName
    location: secondaryLocation
    tags: tags
    environmentId: multiRegion ? secondEnvironment.id : ''
    identityId: serverIdentity.id
    registryLoginServer: registry.properties.loginServer
    image: image
    revisionSuffix: revisionSuffix
    traffic: secondTraffic
    variables: concat(serverVariables, secondVariables)
    secrets: concat(loginSecrets, telemetrySecret, [
      { name: 'redis-password-secondary', variable: 'RETAIL_MCP__CACHE__REDIS_PASSWORD' }
    ])
    vaultUri: vault.properties.vaultUri
    cpu: sizes.serverCpu
    memory: sizes.serverMemory
    minReplicas: sizes.minReplicas
    maxReplicas: sizes.maxReplicas
    customDomain: ''
    customDomainCertificateId: ''
  }
}

output serverName string = name
output serverFqdn string = ownHost
output publicUrl string = publicAddress
output migrationJobName string = migration.outputs.name
