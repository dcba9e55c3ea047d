"""The network between the sites: links that can be severed, the name server, its health checks."""
