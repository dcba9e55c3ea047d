"""Types whose resources are made for real, in the emulator of a lab, through boto3.

Imported only where endpoints are given. A module a service: what it sends are the arguments that
matter to the lab, and what it tells are the attributes that only the service knows. A read tells
whether a resource is there, and what the service changes by itself, such as a cluster's role; an
argument that somebody else changed in the emulator goes unnoticed. Identifiers are those of the
real provider.
"""
