//go:build tools

// Package tools pins, with go.sum, the Pulumi CLI that pulumi.sh builds where the official one cannot be downloaded.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
