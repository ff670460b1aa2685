metadata description = 'What must be there before secrets and images: identities, networks, names, registry, vault, monitoring.'
// scripts/prepare.sh deploys it alone, fills the vault, and main.bicep then deploys it once more with all the rest.

@allowed(['staging', 'production'])
param environmentName string
param location string = resourceGroup().location

@description('A second region. Empty: one region.')
param secondaryLocation string = ''

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
var registryName = 'retailmcp${environmentName}${unique}'
var tags = {
  application: 'retail-mcp'
  environment: environmentName
  'azd-env-name': environmentName
}
var multiRegion = !empty(secondaryLocation)
// The ranges that Container Apps keeps for itself (100.100.0.0/16 and others) must not overlap these.
var primaryNetwork = { space: '10.40.0.0/16', apps: '10.40.0.0/23', database: '10.40.2.0/26', endpoints: '10.40.3.0/26' }
var secondaryNetwork = { space: '10.41.0.0/16', apps: '10.41.0.0/23', database: '10.41.2.0/26', endpoints: '10.41.3.0/26' }

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: name
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    name: name
    location: location
    tags: tags
    retentionDays: sizes.logRetentionDays
    alertEmail: alertEmail
  }
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    name: '${name}-network'
    location: location
    tags: tags
    addressPrefix: primaryNetwork.space
    appsPrefix: primaryNetwork.apps
    databasePrefix: primaryNetwork.database
    endpointsPrefix: primaryNetwork.endpoints
    peerAppsPrefixes: multiRegion ? [secondaryNetwork.apps] : []
    peerDatabasePrefixes: multiRegion ? [secondaryNetwork.database] : []
    publicIngress: !multiRegion
    restrictEgress: restrictEgress
  }
}

module secondNetwork 'modules/network.bicep' = if (multiRegion) {
  name: 'network-secondary'
  params: {
    name: '${name}-network-secondary'
    location: secondaryLocation
    tags: tags
    addressPrefix: secondaryNetwork.space
    appsPrefix: secondaryNetwork.apps
    databasePrefix: secondaryNetwork.database
    endpointsPrefix: secondaryNetwork.endpoints
    peerAppsPrefixes: [primaryNetwork.apps]
    peerDatabasePrefixes: [primaryNetwork.database]
    publicIngress: false
    restrictEgress: restrictEgress
  }
}

module peeringThere 'modules/peering.bicep' = if (multiRegion) {
  name: 'peering-there'
  params: {
    localName: network.outputs.name
    remoteId: secondNetwork!.outputs.id
  }
}

module peeringBack 'modules/peering.bicep' = if (multiRegion) {
  name: 'peering-back'
  params: {
    localName: secondNetwork!.outputs.name
    remoteId: network.outputs.id
  }
  // Each changes both networks, and a network takes one change at a time.
  dependsOn: [peeringThere]
}

var firstLink = [
  { name: 'primary', id: network.outputs.id }
]
var secondLink = multiRegion ? [
  { name: 'secondary', id: secondNetwork!.outputs.id }
] : []
var zones = [
  { key: 'postgres', zone: '${name}.private.postgres.database.azure.com' }
  { key: 'vault', zone: 'privatelink.vaultcore.azure.net' }
  { key: 'registry', zone: 'privatelink.azurecr.io' }
  { key: 'openai', zone: 'privatelink.openai.azure.com' }
  { key: 'redis', zone: 'privatelink.redis.azure.net' }
]

module privateDns 'modules/private-dns.bicep' = [for zone in zones: {
  name: 'private-dns-${zone.key}'
  params: {
    zoneName: zone.zone
    tags: tags
    networks: concat(firstLink, secondLink)
  }
}]

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    name: registryName
    location: location
    tags: tags
    zoneRedundant: sizes.zoneRedundant
    secondaryLocation: secondaryLocation
    operatorAddresses: operatorAddresses
    subnetId: network.outputs.endpointsSubnetId
    zoneId: privateDns[2].outputs.id
    workspaceId: monitoring.outputs.workspaceId
    pullPrincipalIds: [identity.outputs.serverPrincipalId, identity.outputs.migrationPrincipalId]
  }
}

module vault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    operatorAddresses: operatorAddresses
    subnetId: network.outputs.endpointsSubnetId
    zoneId: privateDns[1].outputs.id
    workspaceId: monitoring.outputs.workspaceId
    insightsName: monitoring.outputs.insightsName
    operatorObjectId: operatorObjectId
    operatorType: operatorType
  }
}

output vaultName string = vault.outputs.name
output registryLoginServer string = registry.outputs.loginServer
output workspaceId string = monitoring.outputs.workspaceId
output workspaceCustomerId string = monitoring.outputs.workspaceCustomerId
output actionGroupId string = monitoring.outputs.actionGroupId
output serverPrincipalId string = identity.outputs.serverPrincipalId
output migrationPrincipalId string = identity.outputs.migrationPrincipalId
output appsSubnetId string = network.outputs.appsSubnetId
output databaseSubnetId string = network.outputs.databaseSubnetId
output endpointsSubnetId string = network.outputs.endpointsSubnetId
output secondAppsSubnetId string = multiRegion ? secondNetwork!.outputs.appsSubnetId : ''
output secondDatabaseSubnetId string = multiRegion ? secondNetwork!.outputs.databaseSubnetId : ''
output secondEndpointsSubnetId string = multiRegion ? secondNetwork!.outputs.endpointsSubnetId : ''
output postgresZoneId string = privateDns[0].outputs.id
output openAiZoneId string = privateDns[3].outputs.id
output redisZoneId string = privateDns[4].outputs.id
