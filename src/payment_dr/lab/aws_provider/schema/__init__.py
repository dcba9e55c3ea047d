"""What resources, data sources and ephemeral resources of the aws provider look like."""
