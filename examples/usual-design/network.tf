module "network_primary" {
  source = "./modules/network"

  cidr   = "10.0.0.0/16"
  region = var.primary_region
  nat    = true
}

module "network_secondary" {
  source = "./modules/network"

  cidr   = "10.1.0.0/16"
  region = var.secondary_region
  nat    = false # saves money until it is needed

  providers = {
    aws = aws.secondary
  }
}

resource "aws_vpc_peering_connection" "this" {
  vpc_id      = module.network_primary.vpc_id
  peer_vpc_id = module.network_secondary.vpc_id
  peer_region = var.secondary_region
}

resource "aws_vpc_peering_connection_accepter" "this" {
  provider = aws.secondary

  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true
}
