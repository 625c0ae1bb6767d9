//go:build tools

// Package tools pins, with go.sum, the Helm that the tests hold the chart against, and what validates what it renders.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
