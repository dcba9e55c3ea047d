variable "primary_region" {
  default = "us-east-1"
}

variable "secondary_region" {
  default = "us-west-2"
}

variable "domain" {
  default = "payments.example"
}

variable "db_password" {
  default   = "change-me-please"
  sensitive = true
}
