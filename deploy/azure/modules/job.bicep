metadata description = 'A run of the program that ends: the migration, or the vectors of new products. It alone gets the administrator\'s password.'

param name string
param location string
param tags object
param environmentId string
param identityId string
param registryLoginServer string
param image string

@description('What the program is told, such as `migrate`.')
param arguments array

@description('When it runs by itself (cron, UTC). Empty: only when it is started.')
param schedule string = ''

@description('Variables that are no secrets: name, value.')
param variables array

@description('Secrets of the vault: name, variable.')
param secrets array
param vaultUri string

var secretVariables = [for secret in secrets: {
  name: secret.variable
  secretRef: secret.name
}]
var trigger = empty(schedule) ? {
  triggerType: 'Manual'
  manualTriggerConfig: {
    parallelism: 1
    replicaCompletionCount: 1
  }
} : {
  triggerType: 'Schedule'
  scheduleTriggerConfig: {
    cronExpression: schedule
    parallelism: 1
    replicaCompletionCount: 1
  }
}
var vaultSecrets = [for secret in secrets: {
  name: secret.name
  keyVaultUrl: '${vaultUri}secrets/${secret.name}'
  identity: identityId
}]

resource job 'Microsoft.App/jobs@2025-07-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: union(trigger, {
      replicaTimeout: 1800
      // A migration may be run again at any time; vectors go on where they were.
      replicaRetryLimit: 1
      registries: [
        {
          server: registryLoginServer
          identity: identityId
        }
      ]
      secrets: vaultSecrets
    })
    template: {
      containers: [
        {
          name: 'retail-mcp'
          image: image
          args: arguments
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(variables, secretVariables)
        }
      ]
    }
  }
}

output name string = job.name
