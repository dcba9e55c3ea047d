"""Rules of disaster recovery over Terraform and OpenTofu plans; pure: plans and files are given."""
