metadata description = 'One public address for two regions. It reaches them by private link, and goes on with one when the other is not ready.'

param name string
param tags object

@description('Origins, the preferred one first: name, host, environmentId, location.')
param origins array
param workspaceId string

@description('A name of your own. Empty: the name that Azure gives. Azure shows the TXT and CNAME records that it needs.')
param customDomain string = ''

resource profile 'Microsoft.Cdn/profiles@2025-04-15' = {
  name: name
  location: 'global'
  tags: tags
  sku: {
    // The one that knows private link.
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    // Longer than server.request_timeout.
    originResponseTimeoutSeconds: 90
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-04-15' = {
  parent: profile
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabledState: 'Enabled'
  }
}

resource originGroup 'Microsoft.Cdn/profiles/originGroups@2025-04-15' = {
  parent: profile
  name: 'servers'
  properties: {
    healthProbeSettings: {
      probePath: '/ready'
      probeProtocol: 'Https'
      probeRequestType: 'GET'
      probeIntervalInSeconds: 30
    }
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 50
    }
    sessionAffinityState: 'Disabled'
  }
}

// The second region writes to the first one's database, so it answers only when the first does not.
@batchSize(1)
resource regions 'Microsoft.Cdn/profiles/originGroups/origins@2025-04-15' = [for (origin, i) in origins: {
  parent: originGroup
  name: origin.name
  properties: {
    hostName: origin.host
    originHostHeader: origin.host
    httpsPort: 443
    priority: i + 1
    weight: 1000
    enforceCertificateNameCheck: true
    sharedPrivateLinkResource: {
      privateLink: {
        id: origin.environmentId
      }
      groupId: 'managedEnvironments'
      privateLinkLocation: origin.location
      requestMessage: 'retail-mcp'
    }
  }
}]

resource domain 'Microsoft.Cdn/profiles/customDomains@2025-04-15' = if (!empty(customDomain)) {
  parent: profile
  name: 'own-name'
  properties: {
    hostName: empty(customDomain) ? 'none.example.com' : customDomain
    tlsSettings: {
      certificateType: 'ManagedCertificate'
      minimumTlsVersion: 'TLS12'
    }
  }
}

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-04-15' = {
  parent: endpoint
  name: 'all'
  properties: {
    originGroup: {
      id: originGroup.id
    }
    customDomains: empty(customDomain) ? [] : [
      {
        id: domain.id
      }
    ]
    patternsToMatch: ['/*']
    supportedProtocols: ['Https']
    forwardingProtocol: 'HttpsOnly'
    httpsRedirect: 'Disabled'
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
  }
  // A route needs origins.
  dependsOn: [regions]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: profile
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'FrontDoorAccessLog', enabled: true }
      { category: 'FrontDoorHealthProbeLog', enabled: true }
    ]
  }
}
