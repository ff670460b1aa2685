metadata description = 'The Container Apps environment of one region, inside the virtual network.'

param name string
param location string
param tags object
param subnetId string
param zoneRedundant bool
param workspaceId string

@description('False behind Front Door: then nobody comes past it.')
param publicIngress bool = true

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // By diagnostic settings below, so no shared key of the workspace is needed.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    infrastructureResourceGroup: '${resourceGroup().name}-${name}'
    publicNetworkAccess: publicIngress ? 'Enabled' : 'Disabled'
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: false
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    zoneRedundant: zoneRedundant
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: environment
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

output id string = environment.id
output defaultDomain string = environment.properties.defaultDomain
