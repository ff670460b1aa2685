metadata description = 'The alerts of alerts.yaml, and those that only Azure can tell: the database\'s own metrics.'

param name string
param location string
param tags object
param workspaceId string
param actionGroupId string
param databaseId string
param maxConnections int
param minReplicas int

@description('The replica of the second region. Empty: there is none.')
param replicaId string = ''

var alerts = loadYamlContent('../alerts.yaml')

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in alerts: {
  name: '${name}-${alert.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: alert.name
    description: '${alert.summary}. See docs/operations/alerts.md.'
    severity: alert.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: alert.window
    criteria: {
      allOf: [
        {
          query: replace(alert.query, '{minReplicas}', string(minReplicas))
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: alert.perServer ? [
            {
              name: 'AppRoleInstance'
              operator: 'Include'
              values: ['*']
            }
          ] : []
          failingPeriods: {
            numberOfEvaluationPeriods: alert.periods
            minFailingPeriodsToAlert: alert.periods
          }
        }
      ]
    }
    autoMitigate: true
    // A table that no server has written to yet is no mistake.
    skipQueryValidation: true
    actions: {
      actionGroups: [actionGroupId]
    }
  }
}]

var databaseAlerts = [
  { name: 'database-away', severity: 0, metric: 'is_db_alive', aggregation: 'Maximum', operator: 'LessThan', threshold: 1 }
  { name: 'database-busy', severity: 2, metric: 'cpu_percent', aggregation: 'Average', operator: 'GreaterThan', threshold: 85 }
  { name: 'database-memory', severity: 2, metric: 'memory_percent', aggregation: 'Average', operator: 'GreaterThan', threshold: 90 }
  { name: 'database-full', severity: 1, metric: 'storage_percent', aggregation: 'Average', operator: 'GreaterThan', threshold: 85 }
  { name: 'database-connections', severity: 1, metric: 'active_connections', aggregation: 'Maximum', operator: 'GreaterThan', threshold: maxConnections * 85 / 100 }
]

resource databaseRules 'Microsoft.Insights/metricAlerts@2026-01-01' = [for alert in databaseAlerts: {
  name: '${name}-${alert.name}'
  location: 'global'
  tags: tags
  properties: {
    description: 'PostgreSQL: ${alert.metric}.'
    severity: alert.severity
    enabled: true
    scopes: [databaseId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: alert.name
          criterionType: 'StaticThresholdCriterion'
          metricName: alert.metric
          timeAggregation: alert.aggregation
          operator: alert.operator
          threshold: alert.threshold
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}]

resource replicationRule 'Microsoft.Insights/metricAlerts@2026-01-01' = if (!empty(replicaId)) {
  name: '${name}-replica-behind'
  location: 'global'
  tags: tags
  properties: {
    description: 'PostgreSQL: the replica of the second region is more than five minutes behind.'
    severity: 2
    enabled: true
    scopes: [replicaId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'replica-behind'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'physical_replication_delay_in_seconds'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 300
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
