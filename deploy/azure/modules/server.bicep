metadata description = 'The servers of one region: a container app whose revisions stand beside each other, so that a new one is tried before it is used.'

param name string
param location string
param tags object
param environmentId string
param identityId string
param registryLoginServer string
param image string

@description('Names the revision. Empty: Azure makes a name.')
param revisionSuffix string

@description('Which revision gets which share of the requests.')
param traffic array

@description('Variables that are no secrets: name, value.')
param variables array

@description('Secrets of the vault: name, variable.')
param secrets array
param vaultUri string
param cpu string
param memory string
param minReplicas int
param maxReplicas int

@description('A name of your own, and the id of its certificate in the environment. Empty: the name that Azure gives.')
param customDomain string
param customDomainCertificateId string

var secretVariables = [for secret in secrets: {
  name: secret.variable
  secretRef: secret.name
}]

resource server 'Microsoft.App/containerApps@2025-07-01' = {
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
    configuration: {
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 10
      ingress: {
        external: true
        targetPort: 8000
        transport: 'http'
        allowInsecure: false
        traffic: traffic
        customDomains: empty(customDomain) ? [] : [
          {
            name: customDomain
            bindingType: 'SniEnabled'
            certificateId: customDomainCertificateId
          }
        ]
      }
      registries: [
        {
          server: registryLoginServer
          identity: identityId
        }
      ]
      // Without a version, so a new value is taken up by itself.
      secrets: [for secret in secrets: {
        name: secret.name
        keyVaultUrl: '${vaultUri}secrets/${secret.name}'
        identity: identityId
      }]
    }
    template: {
      revisionSuffix: revisionSuffix
      // server.shutdown_grace, and what is sent at the end.
      terminationGracePeriodSeconds: 45
      containers: [
        {
          name: 'retail-mcp'
          image: image
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          env: concat(variables, secretVariables)
          probes: [
            // Ready once; a database that fails later restarts nothing.
            {
              type: 'Startup'
              httpGet: {
                path: '/startup'
                port: 8000
                scheme: 'HTTP'
              }
              initialDelaySeconds: 1
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/health'
                port: 8000
                scheme: 'HTTP'
              }
              initialDelaySeconds: 60
              periodSeconds: 30
              timeoutSeconds: 10
              failureThreshold: 3
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/ready'
                port: 8000
                scheme: 'HTTP'
              }
              initialDelaySeconds: 30
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'http-scaling'
            http: {
              metadata: {
                concurrentRequests: '10'
              }
            }
          }
          {
            name: 'cpu-scaling'
            custom: {
              type: 'cpu'
              metadata: {
                type: 'Utilization'
                value: '70'
              }
            }
          }
        ]
      }
    }
  }
}
