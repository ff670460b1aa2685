metadata description = 'A private DNS zone, seen from the networks of all regions.'

param zoneName string
param tags object

@description('Networks: name and id.')
param networks array

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zoneName
  location: 'global'
  tags: tags
}

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for network in networks: {
  parent: zone
  name: network.name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

output id string = zone.id
