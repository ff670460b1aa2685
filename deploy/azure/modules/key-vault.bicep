metadata description = 'The vault of all secrets. Rights by roles; scripts/prepare.sh makes the secrets, so none passes through a template.'

param name string
param location string
param tags object

@description('Addresses and networks (CIDR) from which operators set secrets. All others are refused.')
param operatorAddresses array
param subnetId string
param zoneId string
param workspaceId string

@description('Application Insights, whose connection string is kept here.')
param insightsName string

@description('Who sets the secrets (object id), and what it is: User, Group or ServicePrincipal. Empty: nobody gets that right here.')
param operatorObjectId string
param operatorType string

var secretsOfficer = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    // main.bicep hands the administrator's password to PostgreSQL by reference.
    enabledForTemplateDeployment: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      defaultAction: 'Deny'
      // Azure Resource Manager, for that reference.
      bypass: 'AzureServices'
      ipRules: [for address in operatorAddresses: {
        value: address
      }]
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// From resource to vault, without an output or a parameter in between.
resource connectionString 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'application-insights'
  tags: tags
  properties: {
    value: insights.properties.ConnectionString
    contentType: 'text/plain'
  }
}

resource operator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorObjectId)) {
  name: guid(vault.id, operatorObjectId, secretsOfficer)
  scope: vault
  properties: {
    roleDefinitionId: secretsOfficer
    principalId: operatorObjectId
    principalType: operatorType
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: '${name}-endpoint'
  params: {
    name: '${name}-endpoint'
    location: location
    tags: tags
    subnetId: subnetId
    serviceId: vault.id
    groupId: 'vault'
    zoneId: zoneId
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'AuditEvent', enabled: true }
    ]
  }
}

output name string = vault.name
