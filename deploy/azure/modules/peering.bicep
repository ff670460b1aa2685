metadata description = 'One direction of the way between the networks of two regions.'

param localName string
param remoteId string

resource local 'Microsoft.Network/virtualNetworks@2025-05-01' existing = {
  name: localName
}

resource peering 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2025-05-01' = {
  parent: local
  name: 'other-region'
  properties: {
    allowVirtualNetworkAccess: true
    allowForwardedTraffic: false
    allowGatewayTransit: false
    useRemoteGateways: false
    remoteVirtualNetwork: {
      id: remoteId
    }
  }
}
