metadata description = 'A network security group from a short list of rules.'

param name string
param location string
param tags object

@description('Rules: name, priority, direction, access, protocol, from, to, ports.')
param rules array

// A service tag must stand alone, so one entry goes into the singular property.
resource group 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    securityRules: [for rule in rules: {
      name: rule.name
      properties: {
        priority: rule.priority
        direction: rule.direction
        access: rule.access
        protocol: rule.protocol
        sourcePortRange: '*'
        sourceAddressPrefix: length(rule.from) == 1 ? rule.from[0] : ''
        sourceAddressPrefixes: length(rule.from) == 1 ? [] : rule.from
        destinationAddressPrefix: length(rule.to) == 1 ? rule.to[0] : ''
        destinationAddressPrefixes: length(rule.to) == 1 ? [] : rule.to
        destinationPortRange: length(rule.ports) == 1 ? rule.ports[0] : ''
        destinationPortRanges: length(rule.ports) == 1 ? [] : rule.ports
      }
    }]
  }
}

output id string = group.id
