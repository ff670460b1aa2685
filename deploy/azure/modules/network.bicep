metadata description = 'The virtual network of one region: subnets for Container Apps, PostgreSQL and private endpoints, each behind its own rules.'

param name string
param location string
param tags object

@description('Address space of the network, and its three parts. Container Apps with workload profiles needs /27 or larger.')
param addressPrefix string
param appsPrefix string
param databasePrefix string
param endpointsPrefix string

@description('Subnets of the other region that may come in: its servers, and its database for replication.')
param peerAppsPrefixes array = []
param peerDatabasePrefixes array = []

@description('Whether clients come from the internet. False behind Front Door, which comes by private link.')
param publicIngress bool = true

@description('Whether servers may reach nothing on the internet but what Container Apps, Entra and Azure Monitor need.')
param restrictEgress bool = true

// Microsoft's list for environments with workload profiles ("Securing a virtual network with network security groups").
var publicRules = publicIngress ? [
  { name: 'clients', priority: 100, direction: 'Inbound', access: 'Allow', protocol: 'Tcp', from: ['Internet'], to: [appsPrefix], ports: ['443', '31443'] }
] : []
var appsInbound = [
  { name: 'load-balancer', priority: 110, direction: 'Inbound', access: 'Allow', protocol: 'Tcp', from: ['AzureLoadBalancer'], to: [appsPrefix], ports: ['30000-32767'] }
  { name: 'environment', priority: 120, direction: 'Inbound', access: 'Allow', protocol: '*', from: [appsPrefix], to: [appsPrefix], ports: ['*'] }
  { name: 'nobody-else', priority: 4000, direction: 'Inbound', access: 'Deny', protocol: '*', from: ['*'], to: ['*'], ports: ['*'] }
]
var appsOutbound = restrictEgress ? [
  { name: 'network', priority: 100, direction: 'Outbound', access: 'Allow', protocol: '*', from: ['*'], to: ['VirtualNetwork'], ports: ['*'] }
  { name: 'platform-images', priority: 110, direction: 'Outbound', access: 'Allow', protocol: 'Tcp', from: ['*'], to: ['MicrosoftContainerRegistry'], ports: ['443'] }
  { name: 'platform-image-layers', priority: 120, direction: 'Outbound', access: 'Allow', protocol: 'Tcp', from: ['*'], to: ['AzureFrontDoor.FirstParty'], ports: ['443'] }
  // Tokens of the managed identity, and the keys that callers' tokens are checked with.
  { name: 'entra', priority: 130, direction: 'Outbound', access: 'Allow', protocol: 'Tcp', from: ['*'], to: ['AzureActiveDirectory'], ports: ['443'] }
  { name: 'telemetry', priority: 140, direction: 'Outbound', access: 'Allow', protocol: 'Tcp', from: ['*'], to: ['AzureMonitor'], ports: ['443'] }
  { name: 'names', priority: 150, direction: 'Outbound', access: 'Allow', protocol: '*', from: ['*'], to: ['168.63.129.16/32'], ports: ['53'] }
  { name: 'nothing-else', priority: 4000, direction: 'Outbound', access: 'Deny', protocol: '*', from: ['*'], to: ['Internet'], ports: ['*'] }
] : []
var databaseRules = [
  { name: 'servers', priority: 100, direction: 'Inbound', access: 'Allow', protocol: 'Tcp', from: concat([appsPrefix], peerAppsPrefixes), to: [databasePrefix], ports: ['5432'] }
  // The standby of the other zone, and the replica of the other region.
  { name: 'replication', priority: 110, direction: 'Inbound', access: 'Allow', protocol: '*', from: concat([databasePrefix], peerDatabasePrefixes), to: [databasePrefix], ports: ['*'] }
  { name: 'nobody-else', priority: 4000, direction: 'Inbound', access: 'Deny', protocol: '*', from: ['*'], to: ['*'], ports: ['*'] }
]
var endpointRules = [
  // 10000 is Azure Managed Redis.
  { name: 'servers', priority: 100, direction: 'Inbound', access: 'Allow', protocol: 'Tcp', from: concat([appsPrefix], peerAppsPrefixes), to: [endpointsPrefix], ports: ['443', '10000'] }
  { name: 'nobody-else', priority: 4000, direction: 'Inbound', access: 'Deny', protocol: '*', from: ['*'], to: ['*'], ports: ['*'] }
]
var groups = [
  { name: 'apps', rules: concat(publicRules, appsInbound, appsOutbound) }
  { name: 'database', rules: databaseRules }
  { name: 'endpoints', rules: endpointRules }
]

module securityGroups 'security-group.bicep' = [for group in groups: {
  name: '${name}-${group.name}-rules'
  params: {
    name: '${name}-${group.name}'
    location: location
    tags: tags
    rules: group.rules
  }
}]

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: appsPrefix
          networkSecurityGroup: {
            id: securityGroups[0].outputs.id
          }
          delegations: [
            {
              name: 'container-apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: databasePrefix
          networkSecurityGroup: {
            id: securityGroups[1].outputs.id
          }
          delegations: [
            {
              name: 'postgresql'
              properties: {
                serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointsPrefix
          networkSecurityGroup: {
            id: securityGroups[2].outputs.id
          }
          // Without this the rules would not hold for private endpoints.
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
        }
      }
    ]
  }
}

output id string = network.id
output name string = network.name
output appsSubnetId string = '${network.id}/subnets/apps'
output databaseSubnetId string = '${network.id}/subnets/database'
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
