"""The Pulumi provider plugin `trivet`: maps check, diff, create, read, update and delete to drivers."""
