metadata description = 'PostgreSQL Flexible Server inside the virtual network, with pgvector allowed and pgaudit loaded.'

param name string
param location string
param tags object
param skuName string
param skuTier string
param storageSizeGB int
param highAvailability string
param backupRetentionDays int

@description('The database refuses more connections; rules over sizes.json keep all servers below it.')
param maxConnections int
param subnetId string
param zoneId string
param workspaceId string

@description('Login of the administrator. The migration job alone uses it.')
param administratorLogin string

@secure()
param administratorPassword string

@description('A user or group of Entra that may administer the database: objectId, name, type (User, Group or ServicePrincipal). Empty: nobody.')
param entraAdministrator object = {}

// One after the other: the service refuses a change while another one is made.
var configurations = [
  // Without this, CREATE EXTENSION vector is refused. `vector` needs no preloading.
  { name: 'azure.extensions', value: 'vector,pgaudit,pg_stat_statements' }
  { name: 'shared_preload_libraries', value: 'pg_stat_statements,pgaudit' }
  // Statements of callers are in the server's own audit log; these are the administrators'.
  { name: 'pgaudit.log', value: 'ddl,role' }
  { name: 'max_connections', value: string(maxConnections) }
  { name: 'require_secure_transport', value: 'on' }
]

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: skuName
    tier: skuTier
  }
  properties: {
    version: '16'
    administratorLogin: administratorLogin
    administratorLoginPassword: administratorPassword
    // Passwords are for the logins that `retail-mcp migrate` makes; people come by Entra.
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Enabled'
      tenantId: tenant().tenantId
    }
    storage: {
      storageSizeGB: storageSizeGB
      autoGrow: 'Enabled'
      type: 'Premium_LRS'
    }
    backup: {
      backupRetentionDays: backupRetentionDays
      geoRedundantBackup: 'Enabled'
    }
    highAvailability: {
      mode: highAvailability
    }
    network: {
      publicNetworkAccess: 'Disabled'
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zoneId
    }
    // Sunday at two. Without `Enabled` the rest would not count.
    maintenanceWindow: {
      customWindow: 'Enabled'
      dayOfWeek: 0
      startHour: 2
      startMinute: 0
    }
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: server
  name: 'zava'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
}

@batchSize(1)
resource settings 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2024-08-01' = [for configuration in configurations: {
  parent: server
  name: configuration.name
  properties: {
    value: configuration.value
    source: 'user-override'
  }
  dependsOn: [database]
}]

resource administrator 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01' = if (!empty(entraAdministrator)) {
  parent: server
  name: empty(entraAdministrator) ? 'none' : entraAdministrator.objectId
  properties: {
    principalName: entraAdministrator.name
    principalType: entraAdministrator.type
    tenantId: tenant().tenantId
  }
  dependsOn: [settings]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: server
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'PostgreSQLLogs', enabled: true }
    ]
  }
}

output id string = server.id
