metadata description = 'A read replica in the second region: it answers callers there, and can be promoted when the first region is lost.'

param name string
param location string
param tags object
param skuName string
param skuTier string
param storageSizeGB int
param sourceServerId string
param subnetId string
param zoneId string
param workspaceId string

resource replica 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: name
  location: location
  tags: tags
  // Not smaller than the primary: it has to replay all that the primary writes.
  sku: {
    name: skuName
    tier: skuTier
  }
  properties: {
    createMode: 'Replica'
    sourceServerResourceId: sourceServerId
    storage: {
      storageSizeGB: storageSizeGB
      autoGrow: 'Enabled'
      type: 'Premium_LRS'
    }
    network: {
      publicNetworkAccess: 'Disabled'
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zoneId
    }
    maintenanceWindow: {
      customWindow: 'Enabled'
      dayOfWeek: 1
      startHour: 2
      startMinute: 0
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: replica
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'PostgreSQLLogs', enabled: true }
    ]
  }
}

output id string = replica.id
