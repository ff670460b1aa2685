metadata description = 'Where logs and metrics go, who is called, and the workbook.'

param name string
param location string
param tags object
param retentionDays int

@description('Address that alerts are sent to. Empty: alerts are only seen in the portal.')
param alertEmail string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      // Whoever may read a resource may read its logs, and no more.
      enableLogAccessUsingOnlyResourcePermissions: true
      // The environment sends by diagnostic settings, so nobody needs the workspace's shared key.
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: workspace.id
    // The server sends by connection string; it has no other way.
    DisableLocalAuth: false
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'retail-mcp'
    enabled: true
    emailReceivers: empty(alertEmail) ? [] : [
      {
        name: 'operators'
        emailAddress: alertEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: '${name}: how the servers do'
    category: 'workbook'
    sourceId: workspace.id
    // The file stands for itself in the portal, too, where it has no workspace yet.
    serializedData: replace(loadTextContent('../../observability/azure/workbook.json'), '"Azure Monitor"', '"${workspace.id}"')
  }
}

output workspaceId string = workspace.id
output workspaceCustomerId string = workspace.properties.customerId
output insightsName string = insights.name
output actionGroupId string = actionGroup.id
